/**
 * One execution after another, until there are none left, one fails, or the budget is spent.
 */
import { CheckError } from "../errors.ts";
import { KnownThreads, PlainAccess } from "./failure.ts";
import type { Finding, Machine } from "./machine.ts";
import { mayRace, raceFinding } from "./races.ts";
import { realNow } from "./real.ts";
import { scheduleOf, type Schedule } from "./schedule.ts";
import type { Strategy } from "./strategy/strategy.ts";
import type { ModelWorld } from "./world.ts";

export interface Budget {
  readonly executions: number;
  /** In ms. */
  readonly time: number;
}

export interface Outcome {
  readonly executions: number;
  readonly pruned: number;
  readonly steps: number;
  /** Was every execution that the strategy had in mind seen? */
  readonly exhausted: boolean;
  /** Were there deaths that are not gone through? See {@link Choices.leftOut}. */
  readonly leftOut: boolean;
  readonly found?: { readonly finding: Finding; readonly schedule: Schedule };
}

/** So many executions take some time, by any clock that goes. */
const TAKES_TIME = 100_000;

/** Runs the strategy; `each` sees every execution that ran to its end. */
export function search(machine: Machine, world: ModelWorld, strategy: Strategy, budget: Budget, each?: () => void): Outcome {
  const began = realNow();
  const deadline = budget.time === Infinity ? Infinity : began + budget.time;
  let executions = 0;
  let pruned = 0;
  const outcome = (exhausted: boolean): Outcome => ({
    executions,
    pruned,
    steps: machine.taken,
    exhausted,
    leftOut: machine.state.may.leftOut,
  });
  machine.begin();
  for (let choice: number | undefined; ;) {
    const ending = machine.run(choice);
    if (world.isMisjudged) throw new KnownThreads();
    if (strategy.reduces === true && machine.limits.plain !== true && mayRace(machine.state)) throw new PlainAccess();
    if (ending === "pruned") pruned++;
    else {
      executions++;
      world.verify();
      const finding = raceFinding(world, machine.state) ?? machine.finding;
      if (finding !== undefined) {
        return { ...outcome(false), found: { finding, schedule: scheduleOf(machine.state.steps, machine.state.threads.length) } };
      }
      each?.();
    }
    const next = strategy.next(machine);
    if (next === undefined) return outcome(true);
    if (executions >= budget.executions || (deadline !== Infinity && realNow() > deadline)) return outcome(false);
    if (deadline !== Infinity && executions + pruned === TAKES_TIME && realNow() === began)
      throw new CheckError(
        "the clock stands still, so the check would not know when its time is over. Import ferrous/check before fake timers are installed, or give the option executions, and time: Infinity.",
      );
    machine.rewind(next.at);
    choice = next.choice;
  }
}

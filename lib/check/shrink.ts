/**
 * The failure with the fewest preemptions: a search with a bound that grows from 0 to one less than the failure has.
 */
import type { Finding } from "./machine.ts";
import type { Program } from "./scenario.ts";
import { Replay, type Schedule } from "./schedule.ts";
import { search } from "./search.ts";
import type { Limits } from "./limits.ts";
import { Exhaustive, preemptionsOf } from "./strategy/exhaustive.ts";
import { inWorld } from "./world.ts";

/** How much a failure is worth being made simpler, per bound. */
const BUDGET = { executions: 3000, time: 250 };

export interface Found {
  readonly finding: Finding;
  readonly schedule: Schedule;
}

/** The simplest failure of the same kind that is found in short time; the given one if there is no simpler. */
export function shrink(program: Program, limits: Limits, found: Found): Found {
  const chooser = new Replay(found.schedule.choices);
  const preemptions = inWorld(program, limits, chooser, false, (machine) => {
    machine.begin();
    machine.run();
    return preemptionsOf(machine);
  });
  for (let bound = 0; bound < preemptions; bound++) {
    const strategy = new Exhaustive({ reduce: false, preemptions: bound });
    const { found: simpler } = inWorld(program, limits, strategy, false, (machine, world) => search(machine, world, strategy, BUDGET));
    if (simpler !== undefined && simpler.finding.kind === found.finding.kind) return simpler;
  }
  return found;
}

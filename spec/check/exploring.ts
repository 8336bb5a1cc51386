/** What a search goes through, for specs that compare two of them. */
import type { Machine } from "../../lib/check/machine.ts";
import { Deed, Kind, dependent, deedOf, type Step } from "../../lib/check/operation.ts";
import { limitsOf, programOf, type CheckOptions, type Scenario } from "../../lib/check/scenario.ts";
import { Exhaustive } from "../../lib/check/strategy/exhaustive.ts";
import { inWorld } from "../../lib/check/world.ts";

/** All that a search saw. */
export interface Explored {
  readonly executions: number;
  /** Everything that an execution can end in: memory, results, who sleeps, who is dead. */
  readonly ends: ReadonlySet<string>;
  /** One canonical form per equivalence class, with how many executions had it. */
  readonly traces: ReadonlyMap<string, number>;
  /** Did an execution get stuck? */
  readonly stuck: boolean;
}

/** The execution as its dependence graph: steps named by thread and position, each with the dependent steps before it. */
function canonical(steps: readonly Step[]): string {
  const counts: number[] = [];
  const names = steps.map(({ choice, thread }) => `${String(choice)}.${String((counts[thread] = (counts[thread] ?? 0) + 1))}`);
  const lines = steps.map((step, at) => {
    const before = steps.flatMap((other, earlier) => (earlier < at && dependent(other, step) ? [names[earlier]] : []));
    return `${names[at] ?? ""}<${before.sort().join(",")}`;
  });
  return lines.sort().join(";");
}

/** Did a thread die after its last step, and nobody could have told that from its end? The reduced search leaves such executions out. */
const isEnd = ({ state }: Machine): boolean =>
  state.steps.some(({ choice, op, thread, woke }, at) => {
    if (op.kind !== Kind.END || deedOf(choice) !== Deed.DIE || woke.length > 0) return false;
    return !state.steps.some((step, later) => later > at && state.may.mindsDeathOf(thread, step));
  });

/** Goes through a scenario's executions as check() does, and on after one that fails. */
export function explore<S>(
  scenario: Scenario<S>,
  memoryOf: (state: S) => unknown,
  reduce: boolean,
  options: CheckOptions,
  everyDeath = false,
  known = true,
  onlyPassed = false,
): Explored {
  const strategy = new Exhaustive({ reduce, preemptions: Infinity });
  const ends = new Set<string>();
  const traces = new Map<string, number>();
  let executions = 0;
  let stuck = false;
  const note = (machine: Machine, shared: S): void => {
    if (isEnd(machine)) return;
    executions++;
    stuck ||= machine.finding !== undefined;
    if (onlyPassed && machine.finding !== undefined) return;
    const threadEnds = machine.state.threads.map(({ state }) => [state.status, state.result]);
    ends.add(JSON.stringify([memoryOf(shared), threadEnds]));
    const trace = canonical(machine.state.steps);
    traces.set(trace, (traces.get(trace) ?? 0) + 1);
  };
  inWorld(programOf(scenario), { ...limitsOf(options), everyDeath, known }, strategy, false, (machine, world) => {
    machine.begin();
    for (let choice: number | undefined; ;) {
      if (machine.run(choice) !== "pruned") note(machine, world.shared as S);
      const next = strategy.next(machine);
      if (next === undefined) return;
      machine.rewind(next.at);
      choice = next.choice;
    }
  });
  return { executions, ends, traces, stuck };
}

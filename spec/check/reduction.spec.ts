import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Machine } from "../../lib/check/machine.ts";
import { dependent, type Step } from "../../lib/check/operation.ts";
import { limitsOf, programOf, type CheckOptions } from "../../lib/check/scenario.ts";
import { Exhaustive } from "../../lib/check/strategy/exhaustive.ts";
import { inWorld } from "../../lib/check/world.ts";
import { program, run, words, type Program } from "./programs.ts";

interface Explored {
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

function explore(threads: Program, reduce: boolean, options: CheckOptions): Explored {
  const strategy = new Exhaustive({ reduce, preemptions: Infinity });
  const ends = new Set<string>();
  const traces = new Map<string, number>();
  let executions = 0;
  let stuck = false;
  const note = (machine: Machine, cells: Int32Array): void => {
    executions++;
    stuck ||= machine.finding !== undefined;
    const threadEnds = machine.state.threads.map(({ state }) => [state.status, state.result]);
    ends.add(JSON.stringify([Array.from(cells), threadEnds]));
    const trace = canonical(machine.state.steps);
    traces.set(trace, (traces.get(trace) ?? 0) + 1);
  };
  const scenario = programOf({ setup: words, threads: threads.map(run) });
  inWorld(scenario, limitsOf(options), strategy, false, (machine, world) => {
    machine.begin();
    for (let choice: number | undefined; ;) {
      if (machine.run(choice) !== "pruned") note(machine, world.shared as Int32Array);
      const next = strategy.next(machine);
      if (next === undefined) return;
      machine.rewind(next.at);
      choice = next.choice;
    }
  });
  return { executions, ends, traces, stuck };
}

describe.each<[number, string, CheckOptions]>([
  [1000, "as they are", {}],
  [300, "with a death", { deaths: 1 }],
  [300, "with timeouts", { timeouts: true }],
  [300, "with wake-ups without cause, and a death", { spurious: true, deaths: 1 }],
])("the reduced search of %i programs, %s", (numRuns, _, options) => {
  it("ends in everything that the naive search ends in, and sees no two equivalent executions", () => {
    fc.assert(
      fc.property(program, (threads) => {
        const naive = explore(threads, false, options);
        const reduced = explore(threads, true, options);
        expect(reduced.executions).toBeLessThanOrEqual(naive.executions);
        expect(reduced.stuck).toBe(naive.stuck);
        expect(Math.max(...reduced.traces.values())).toBe(1);
        // Who is stuck is not killed, since that is a failure already: then deaths elsewhere may not be gone through.
        if (naive.stuck && options.deaths !== undefined) return;
        expect([...reduced.ends].sort()).toEqual([...naive.ends].sort());
        expect([...reduced.traces.keys()].sort()).toEqual([...naive.traces.keys()].sort());
      }),
      { numRuns, seed: 7 },
    );
  });
});

/**
 * The executions of a check one after another, for tools that draw them.
 */
import { CheckError } from "../errors.ts";
import { strategyOf } from "./check.ts";
import { Machine } from "./machine.ts";
import { raceFinding } from "./races.ts";
import type { FailureKind } from "./report.ts";
import { limitsOf, programOf, type CheckOptions, type Scenario } from "./scenario.ts";
import { encode, scheduleOf } from "./schedule.ts";
import type { Limits } from "./limits.ts";
import { traceOf, type Row } from "./trace.ts";
import { ModelWorld, within } from "./world.ts";

/** One execution. */
export interface Execution {
  /** `"pruned"`: cut short, because it would only have repeated another in a different order. */
  readonly ending: "complete" | "failed" | "pruned";
  readonly failure?: { readonly kind: FailureKind; readonly message: string; readonly error?: unknown };
  /** The names of the columns. */
  readonly threads: readonly string[];
  readonly rows: readonly Row[];
  /** Runs exactly this execution, as the option `replay` of check. */
  readonly replay: string;
}

/**
 * Goes through the executions that {@link check} would go through, and on after one that fails. Between two of them the globals are
 * as they always are, so the loop that takes them may do anything. Source lines are not recorded.
 *
 * @param scenario  as for check
 * @param options   as for check, but without `time`, `replay` and `schedule`; `executions` ends the iteration
 * @returns         one execution after another, in the order of the search
 * @throws {CheckError} as check
 * @example for (const { ending, rows } of explore(scenario)) console.log(ending, rows.map(({ text }) => text));
 */
export function* explore<S>(
  scenario: Scenario<S>,
  options: Omit<CheckOptions, "time" | "replay" | "schedule"> = {},
): Generator<Execution, void> {
  const program = programOf(scenario);
  if ("time" in options) throw new CheckError("explore() takes no time: whoever takes its executions one by one says when it is enough.");
  if ("replay" in options || "schedule" in options)
    throw new CheckError("explore() goes through executions; to see the one of a replay string or of a schedule, give it to check().");
  // Nobody can take back what was shown, once a thread accesses memory plainly, or turns out to be one of ferrous, which hears of deaths and ends.
  const limits: Limits = { ...limitsOf(options, program.names.length), plain: true, known: true };
  const { executions = options.strategy === undefined || options.strategy === "exhaustive" ? Infinity : 1000 } = options;
  const strategy = strategyOf(options);
  const world = new ModelWorld(program, false, limits);
  const machine = new Machine(world, limits, strategy);
  let next: { readonly at: number; readonly choice?: number } | undefined = { at: -1 };
  for (let seen = 0; next !== undefined && seen < executions;) {
    const from: { readonly at: number; readonly choice?: number } = next;
    const execution = within(world, machine, () => one(machine, world, from));
    if (execution.ending !== "pruned") seen++;
    next = strategy.next(machine);
    yield execution;
  }
}

/** Runs one execution from where it departs from an earlier one; the very first from -1. */
function one(machine: Machine, world: ModelWorld, from: { readonly at: number; readonly choice?: number }): Execution {
  if (from.at < 0) machine.begin();
  else machine.rewind(from.at);
  const ending = machine.run(from.choice);
  const { state } = machine;
  if (ending !== "pruned") world.verify();
  const finding = ending === "pruned" ? undefined : (raceFinding(world, state) ?? machine.finding);
  const { threads, rows } = traceOf(state, world, () => undefined);
  const replay = encode(scheduleOf(state.steps, threads.length));
  const failure = finding && { kind: finding.kind, message: finding.message, ...("error" in finding ? { error: finding.error } : {}) };
  return {
    ending: failure === undefined ? (ending === "pruned" ? "pruned" : "complete") : "failed",
    ...(failure && { failure }),
    threads,
    rows,
    replay,
  };
}

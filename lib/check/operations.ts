/**
 * Random programs of an object's operations, each explored in every interleaving, each history explained by a sequential model.
 */
import { CheckError } from "../errors.ts";
import { explored } from "./check.ts";
import { ownCopy } from "./copy.ts";
import { NotLinearizable } from "./failure.ts";
import { draw, programText, smaller, type ArbitraryLike, type Instruction, type OperationsProgram, type Program } from "./generate.ts";
import { History, type Call } from "./history.ts";
import { linearize, type Model } from "./linearize.ts";
import { realNow } from "./real.ts";
import type { Report } from "./report.ts";
import { MAX_THREADS, limitsOf, programOf, type CheckOptions } from "./scenario.ts";
import { describe, isPromise, textOf } from "./text.ts";

/** One operation of the object under test. */
export interface Operation<S, A> {
  /** Draws its arguments: a fast-check arbitrary of tuples, such as `fc.tuple(fc.nat())`. Without it the operation takes none. */
  readonly args?: ArbitraryLike<A>;
  /** Calls the real thing, synchronously, with what `args` drew. What it throws counts as its result. */
  readonly run: (state: S, ...args: ArgumentsOf<NoInfer<A>>) => unknown;
}
/** What `args` draws: a tuple, or nothing. Conditional, so that the types come from `args` alone and `run` need not tell them. */
export type ArgumentsOf<A> = A extends readonly unknown[] ? A : [];

/** An object, its operations, and what they should do. `A` has the type of each operation's arguments. */
export interface OperationsScenario<S, A> {
  /** Builds the object, as in {@link Scenario}. */
  readonly setup: () => S;
  /** Which ends of channels go to which thread, as in {@link Scenario}; those of threads that a program has not stay with setup. */
  readonly moves?: (state: S) => readonly (readonly object[])[];
  /** A plain object with a method for each operation, which does what the operation should do when nobody else is there. */
  readonly model: () => Model;
  readonly operations: { readonly [Name in keyof A]: Operation<S, A[Name]> };
}

/** The same with the types of arguments forgotten. */
type AnyScenario = OperationsScenario<unknown, Record<string, readonly unknown[]>>;
type AnyRun = (state: unknown, ...args: readonly unknown[]) => unknown;

export interface OperationsOptions extends CheckOptions {
  /** Threads of a program, 1 to 8. Default 2. */
  readonly threads?: number;
  /** Calls of a thread, at most. Default 3. */
  readonly length?: number;
  /** Programs to draw. Default 50. */
  readonly programs?: number;
  /** Draw none: explore this one only, such as `programs(fc, operations)` draws, or a failure's, which its `replay` needs. */
  readonly program?: OperationsProgram;
}

const OWN_OPTIONS = ["threads", "length", "programs", "program"];
const PROGRAM_TIME = 10_000;
const SHRINK_TIME = 5_000;

/**
 * Draws programs with fast-check's arbitraries, explores each with {@link check}, and asks of every execution: is there a
 * sequential order of the calls that explains their results? A failing program is made smaller first, then its schedule.
 *
 * @param scenario.setup       builds the object under test
 * @param scenario.model       builds the sequential object that it should look like
 * @param scenario.operations  what threads may call; `args` are fast-check arbitraries of tuples
 * @param options              as for check, and `threads`, `length`, `programs`, `program`; `time` is for all programs together
 * @returns                    one report for all; `failure.message` has the history, `failure.program` what `failure.replay` is of
 * @throws {CheckError} as check; an operation that the model lacks
 * @example
 * const report = checkOperations({
 *   setup: () => new Int32Array(new SharedArrayBuffer(4)),
 *   model: () => { let n = 0; return { add: () => n++, get: () => n }; },
 *   operations: { add: { run: (cells) => Atomics.add(cells, 0, 1) }, get: { run: (cells) => Atomics.load(cells, 0) } },
 * });
 * expectPassed(report);
 */
export function checkOperations<S, A>(typed: OperationsScenario<S, A>, options: OperationsOptions = {}): Report {
  const scenario = typed as unknown as AnyScenario;
  if (options.program !== undefined) return checkProgram(scenario, options.program, options);
  if (options.replay !== undefined)
    throw new CheckError("a replay string is of one program: give both, as { program: failure.program, replay: failure.replay }.");
  const { threads = 2, length = 3, programs: count = 50, seed = 1, time = PROGRAM_TIME } = options;
  checkOptions(scenario, threads);
  for (const [name, value] of Object.entries({ length, programs: count })) {
    if (!(Number.isInteger(value) && value >= 1))
      throw new CheckError(`the option ${name} is a whole number from 1; it was given ${String(value)}.`);
  }
  const args = Object.fromEntries(Object.entries(scenario.operations).map(([name, operation]) => [name, operation.args]));
  const deadline = realNow() + time;
  const explore = (program: Program, until: number): Report =>
    exploreProgram(scenario, program, { ...options, time: Math.max(1, until - realNow()) });
  const total = { executions: 0, pruned: 0, steps: 0, complete: true };
  const drawn = draw(args, threads, length, seed);
  for (let run = 0; run < count; run++) {
    const program = drawn.next().value;
    const report = explore(program, deadline);
    total.executions += report.executions;
    total.pruned += report.pruned;
    total.steps += report.steps;
    total.complete &&= report.complete;
    if (report.verdict === "failed") return { ...simplest(program, report), ...total, complete: false };
    if (report.verdict === "gave up")
      return { ...total, verdict: "gave up", complete: false, notes: [`gave up in program ${String(run + 1)}: ${programText(program)}`] };
  }
  return {
    ...total,
    verdict: "passed",
    complete: false,
    notes: [`${String(count)} programs were drawn, each explored ${total.complete ? "completely" : "within its bound"}`],
  };

  /** The smallest program that still fails in the same way. */
  function simplest(program: Program, report: Report): Report {
    const until = realNow() + SHRINK_TIME;
    for (const candidate of smaller(program, args)) {
      if (candidate.length === 0 || realNow() > until) continue;
      const smallerReport = explore(candidate, until);
      if (smallerReport.failure?.kind === report.failure?.kind) return simplest(candidate, smallerReport);
    }
    return report;
  }
}

/** Explores the one program that was given. */
function checkProgram(scenario: AnyScenario, given: OperationsProgram, options: OperationsOptions): Report {
  const isList = (list: unknown): list is readonly unknown[] => Array.isArray(list);
  const isProgram =
    isList(given) && given.every((calls) => isList(calls) && calls.every((call) => isList((call as Instruction | undefined)?.args)));
  if (!isProgram)
    throw new CheckError(
      'the option program is a list of calls for each thread: [[{ name: "add", args: [1] }], [{ name: "get", args: [] }]].',
    );
  checkOptions(scenario, given.length);
  for (const { name } of given.flat())
    if (!Object.hasOwn(scenario.operations, name)) throw new CheckError(`the program calls "${name}", and there is no such operation.`);
  const program = given.map((calls) => calls.map(({ name, args }) => ({ name, args, context: undefined })));
  return exploreProgram(scenario, program, options);
}

function exploreProgram({ setup, moves, model, operations }: AnyScenario, program: Program, options: CheckOptions): Report {
  const history = new History();
  const body =
    (calls: readonly Instruction[], thread: number) =>
    (state: unknown): void => {
      history.restart(thread);
      for (const { name, args } of calls) {
        const { run } = operations[name] as { readonly run: AnyRun };
        history.call(thread, name, args, () => ownCopy(run(state, ...args.map(ownCopy))));
      }
    };
  const after = (): void => {
    for (const calls of history.tellings()) if (linearize(calls, model) === undefined) throw new NotLinearizable(storyOf(program, calls));
  };
  const owned = (state: unknown): readonly (readonly object[])[] => {
    const all = moves?.(state) ?? [];
    // What is no list is told by whoever is given it.
    return Array.isArray(all) ? (all as typeof all).slice(0, program.length) : all;
  };
  const runnable = { ...programOf({ setup, moves: owned, threads: program.map(body), after }), history };
  const report = explored(runnable, limitsOf(options, MAX_THREADS, OWN_OPTIONS), options);
  if (report.failure === undefined) return report;
  return { ...report, failure: { ...report.failure, program: program.map((calls) => calls.map(({ name, args }) => ({ name, args }))) } };
}

function storyOf(program: Program, calls: readonly Call[]): string {
  const results = [...calls]
    .sort((a, b) => a.began - b.began)
    .map(({ thread, name, args, result }) => {
      const outcome = result === undefined ? "died in it" : "threw" in result ? `threw ${describe(result.threw)}` : textOf(result.returned);
      return `thread ${String(thread + 1)} ${name}(${args.map(textOf).join(", ")}): ${outcome}`;
    });
  return `no sequential order explains [${results.join("; ")}] in the program [${programText(program)}]`;
}

/** Looks at what callers without types may have given, too. */
function checkOptions(scenario: AnyScenario, threads: number): void {
  if (typeof scenario !== "object" || (scenario as unknown) === null)
    throw new CheckError("the scenario is an object: checkOperations({ setup, model, operations }).");
  const { setup, model, operations } = scenario;
  for (const [name, part] of Object.entries({ setup, model }))
    if (typeof (part as unknown) !== "function") throw new CheckError(`the scenario has no function ${name}.`);
  const names = Object.keys((operations as AnyScenario["operations"] | undefined) ?? {});
  if (names.length === 0)
    throw new CheckError(
      "there are no operations, so there is nothing to check. Give at least one: operations: { add: { run: (state) => ... } }.",
    );
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS)) {
    throw new CheckError(`the option threads is a whole number from 1 to ${String(MAX_THREADS)}; it was given ${String(threads)}.`);
  }
  for (const name of names)
    if (typeof (operations[name] as Operation<unknown, unknown> | undefined)?.run !== "function")
      throw new CheckError(`the operation "${name}" has no function run, which calls the real thing.`);
  const object: unknown = model();
  if (typeof object !== "object" || object === null || isPromise(object))
    throw new CheckError(`model is a function that returns an object with a method for each operation; it returned ${textOf(object)}.`);
  for (const name of names)
    if (typeof Reflect.get(object, name) !== "function" || Reflect.get(object, name) === Reflect.get(Object.prototype, name))
      throw new CheckError(`the model has no method "${name}", so nobody knows what that operation should do.`);
}

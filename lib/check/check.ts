/**
 * Every interleaving of ordinary synchronous code.
 */
import { CheckError } from "../errors.ts";
import { KnownThreads, LEFT_OUT, PlainAccess, UNSEEN, UnseenWrite } from "./failure.ts";
import { threadOf } from "./operation.ts";
import { record } from "./record.ts";
import type { Report } from "./report.ts";
import { limitsOf, programOf, type CheckOptions, type Program, type Scenario } from "./scenario.ts";
import { Replay, decode, scheduleOf, type Schedule } from "./schedule.ts";
import { search, type Budget, type Outcome } from "./search.ts";
import { shrink } from "./shrink.ts";
import type { Limits } from "./limits.ts";
import { Exhaustive } from "./strategy/exhaustive.ts";
import { Pct } from "./strategy/pct.ts";
import { Random } from "./strategy/random.ts";
import { Scheduled } from "./strategy/scheduled.ts";
import type { Strategy } from "./strategy/strategy.ts";
import { inWorld } from "./world.ts";

const RANDOM_EXECUTIONS = 1000;
const EXHAUSTIVE_TIME = 10_000;

/**
 * Runs threads over shared memory in every order that makes a difference, and reports the first execution that fails, shrunk to
 * the fewest switches between threads.
 *
 * The code is the code that ships: while `check` runs, `Atomics`, typed arrays over shared memory, `SharedArrayBuffer`, clocks and
 * `Math.random` are the model's, and it runs on this one thread. Code that no thread could tell apart from another execution runs
 * again and again, so bodies share through shared memory only, and their side effects elsewhere (a console.log) are repeated.
 *
 * @param scenario.setup    builds the shared state, afresh for each execution
 * @param scenario.threads  1 to 8 synchronous functions of that state
 * @param scenario.after    assertions, once all threads have ended
 * @param options           how to search: see {@link CheckOptions}
 * @returns                 what was found; {@link expectPassed} makes an exception of it
 * @throws {CheckError} the scenario or an option makes no sense; a body is asynchronous, or does what cannot be modelled (starts a
 *   worker, sets a timer); `check` is running already; the replay string does not fit
 * @example
 * const report = check({
 *   setup: () => new Int32Array(new SharedArrayBuffer(4)),
 *   threads: [(cells) => Atomics.store(cells, 0, Atomics.load(cells, 0) + 1), (cells) => Atomics.add(cells, 0, 1)],
 *   after: (cells) => { if (Atomics.load(cells, 0) !== 2) throw new Error("an increment is lost"); },
 * });
 * // report.verdict === "failed", report.failure.trace shows how
 */
export function check<S>(scenario: Scenario<S>, options: CheckOptions = {}): Report {
  const program = programOf(scenario);
  return explored(program, limitsOf(options, program.names.length), options);
}

/** What {@link check} does, once the scenario and the options are known to make sense. */
export function explored(program: Program, limits: Limits, options: CheckOptions): Report {
  try {
    return searched(program, limits, options);
  } catch (error) {
    if (error instanceof PlainAccess) return explored(program, { ...limits, plain: true }, options);
    if (error instanceof KnownThreads) return explored(program, { ...limits, known: true }, options);
    if (!(error instanceof UnseenWrite)) throw error;
    const report = explored(program, { ...limits, unseen: true }, options);
    return { ...report, notes: [...report.notes, UNSEEN] };
  }
}

function searched(program: Program, limits: Limits, options: CheckOptions): Report {
  if (options.replay !== undefined) return replay(program, limits, decode(options.replay, limits.steps));
  if (options.schedule !== undefined) return scheduled(program, limits, options.schedule);
  const strategy = strategyOf(options);
  const draws = options.strategy === "random" || options.strategy === "pct";
  const executions = options.executions ?? (draws ? RANDOM_EXECUTIONS : Infinity);
  const time = options.time ?? (draws ? Infinity : EXHAUSTIVE_TIME);
  const outcome = inWorld(program, limits, strategy, false, (machine, world) => search(machine, world, strategy, { executions, time }));
  return reportOf(program, limits, outcome, strategy, { executions, time });
}

/** @internal */
export function strategyOf({ strategy = "exhaustive", preemptions = Infinity, seed = 1 }: CheckOptions): Strategy {
  if (strategy === "random") return new Random(seed);
  if (strategy === "pct") return new Pct(seed);
  return new Exhaustive({ reduce: true, preemptions });
}

function reportOf(program: Program, limits: Limits, outcome: Outcome, strategy: Strategy, budget: Budget): Report {
  const { executions, pruned, steps, exhausted, leftOut, found } = outcome;
  const counts = { executions, pruned, steps, notes: leftOut ? [LEFT_OUT] : [] };
  if (found !== undefined) {
    const { finding, schedule } = shrink(program, limits, found);
    return { ...counts, verdict: "failed", complete: false, failure: record(program, limits, finding, schedule) };
  }
  const drawn = !(strategy instanceof Exhaustive) && executions >= budget.executions;
  return { ...counts, verdict: exhausted || drawn ? "passed" : "gave up", complete: exhausted && strategy.complete && !leftOut };
}

/** Runs the one execution that the numbers choose. It is reported as it is: whoever drew them makes them smaller. */
function scheduled(program: Program, limits: Limits, numbers: readonly number[]): Report {
  const strategy = new Scheduled(numbers);
  const outcome = inWorld(program, limits, strategy, false, (machine, world) =>
    search(machine, world, strategy, { executions: 1, time: Infinity }),
  );
  const { executions, pruned, steps, found } = outcome;
  const counts = { executions, pruned, steps, notes: [], complete: false };
  if (found === undefined) return { ...counts, verdict: "passed" };
  return { ...counts, verdict: "failed", failure: record(program, limits, found.finding, found.schedule) };
}

/** Runs the one execution that a replay string names. */
function replay(program: Program, limits: Limits, schedule: Schedule): Report {
  const chooser = new Replay(schedule.choices);
  const strategy: Strategy = Object.assign(chooser, { next: () => undefined, complete: false });
  const again = (): CheckError =>
    new CheckError(
      "this replay string is of another scenario, or the scenario has changed since. Run the check without replay to get a new one.",
    );
  if (schedule.choices.some((choice) => threadOf(choice) >= program.names.length)) throw again();
  const outcome = inWorld(program, limits, chooser, false, (machine, world) => {
    const result = search(machine, world, strategy, { executions: 1, time: Infinity });
    const { steps, threads } = machine.state;
    if (chooser.strayed || scheduleOf(steps, threads.length).fingerprint !== schedule.fingerprint) {
      // It may have strayed before any thread showed what it is, or wrote unseen.
      if (!world.known) throw new KnownThreads();
      if (limits.unseen !== true) throw new UnseenWrite();
      throw again();
    }
    return result;
  });
  const { executions, pruned, steps, found } = outcome;
  const counts = { executions, pruned, steps, notes: [], complete: false };
  if (found === undefined) return { ...counts, verdict: "passed" };
  return { ...counts, verdict: "failed", failure: record(program, limits, found.finding, schedule) };
}

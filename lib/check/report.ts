/**
 * What a check has to say.
 */
import { CheckError } from "../errors.ts";
import type { OperationsProgram } from "./generate.ts";

/**
 * What went wrong.
 *
 * - `assertion`: an AssertionError was thrown anywhere, or anything at all in `after`
 * - `exception`: a thread threw something else
 * - `deadlock`: every thread that has not ended sleeps; or all have ended, and `after` waits for what nobody gives
 * - `lost wake-up`: the same, and a sleeper's word no longer holds the value that it went to sleep on: somebody who changed it
 *   should have notified
 * - `livelock`: every thread that has not ended sleeps or looks at the same values for ever; or one reads the same plainly for ever
 * - `data race`: two threads touch the same bytes, one of them writing, one of them plainly (or both atomically, in different sizes), and
 *   nothing orders the two
 * - `not linearizable`: no sequential order of the calls explains what they returned (checkOperations)
 * - `nondeterminism`: a body, or setup, did something else when it was run again with the same results
 * - `step limit`: an execution took more than `steps` steps, or one thread 2,000,000 plain accesses without a step in between
 */
export type FailureKind =
  "assertion" | "exception" | "deadlock" | "lost wake-up" | "livelock" | "data race" | "not linearizable" | "nondeterminism" | "step limit";

/** One failing execution, the one with the fewest switches between threads that was found. */
export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
  /** What was thrown, if something was. */
  readonly error?: unknown;
  /** One column per thread, one row per step: plain text. */
  readonly trace: string;
  /** The same as a picture. */
  readonly svg: string;
  /** Given as the option `replay`, it runs exactly this execution; of checkOperations together with {@link program}. */
  readonly replay: string;
  /** Of checkOperations: the program that failed, as its option `program` takes it. */
  readonly program?: OperationsProgram;
}

/** The outcome of a check. */
export interface Report {
  /** `"gave up"`: out of time, or of executions under `exhaustive`; never to be read as a pass. */
  readonly verdict: "passed" | "failed" | "gave up";
  /** Executions run to their end. */
  readonly executions: number;
  /** Executions that were cut short because they would only have repeated another in a different order. */
  readonly pruned: number;
  /** Operations that were performed, in all executions together; what several executions share is counted once. */
  readonly steps: number;
  /** Has every inequivalent execution been seen? Never with a preemption bound, nor with a strategy that draws lots. */
  readonly complete: boolean;
  readonly failure?: Failure;
  /** What the verdict does not cover, in words. */
  readonly notes: readonly string[];
}

/**
 * Throws unless the check passed: with the rendered trace if it failed, with what was covered if it gave up. For any test runner.
 *
 * @throws {CheckError} the report is no pass; `cause` is what the checked code threw, if it did
 * @example expectPassed(check({ setup: () => new Int32Array(new SharedArrayBuffer(4)), threads: [(cells) => Atomics.add(cells, 0, 1)] }));
 */
export function expectPassed(report: Report): void {
  if (report.verdict === "passed") return;
  if (report.failure === undefined) {
    throw new CheckError(
      `the check gave up after ${String(report.executions)} executions (${String(report.steps)} steps) and has proved nothing. ` +
        `Give it more time or executions, smaller threads, or a bound that it can finish: preemptions, or strategy "random".`,
    );
  }
  const { kind, message, trace, error } = report.failure;
  throw new CheckError(`${kind}: ${message}\n\n${trace}\n`, error === undefined ? undefined : { cause: error });
}

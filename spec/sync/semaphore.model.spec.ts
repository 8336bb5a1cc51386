import { describe, expect, it } from "@jest/globals";
import { check, checkOperations, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { DisconnectedError, TimeoutError } from "../../lib/errors.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

interface Shared {
  readonly semaphore: Semaphore;
  /** 0: how many permits are in use. */
  readonly used: Int32Array;
  readonly total: number;
}
const setup =
  (total: number, holders = total) =>
  (): Shared => ({ semaphore: new Semaphore(total, { holders, name: "s" }), used: words(1), total });

/** Uses permits: never more than there are. */
const use = ({ used, total }: Shared, count: number): void => {
  expect(Atomics.add(used, 0, count) + count).toBeLessThanOrEqual(total);
  Atomics.sub(used, 0, count);
};
const acquire =
  (count: number) =>
  (shared: Shared): string => {
    const permit = shared.semaphore.acquire(count);
    use(shared, count);
    permit.release();
    return "done";
  };
/** Whatever died: all permits are there again. */
const allReturn = ({ semaphore, total }: Shared): void => {
  expect(semaphore.available).toBe(total);
  semaphore.acquire(total).release();
};

const acquirers = (counts: readonly number[]) => counts.map((count) => acquire(count));

describe("in every interleaving, a Semaphore", () => {
  it.each<[number, number[], CheckOptions]>([
    [1, [1, 1], {}],
    [2, [2, 1], {}],
    [2, [1, 1, 1], { preemptions: 1 }],
    [3, [3, 2, 1], { preemptions: 1 }],
  ])("of %i permits, of which threads want %j, never gives more, and loses no wake-up %j", (total, counts, options) => {
    const report = check({ setup: setup(total), threads: acquirers(counts), after: allReturn }, { time: 50_000, ...options });
    console.log(total, counts, report.executions, report.complete, report.verdict);
    expectPassed(report);
    expect(report.complete).toBe(options.preemptions === undefined);
  });
});
void checkOperations; void DisconnectedError; void TimeoutError; void Mutex;

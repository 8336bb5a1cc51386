import { expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { ReentrantMutex } from "../../lib/sync/reentrant-mutex.ts";

interface Shared {
  readonly mutex: ReentrantMutex<Int32Array>;
  readonly cells: Int32Array;
}

/** 208,014 executions. */
it("in every interleaving, a ReentrantMutex of 3 threads admits one at a time", () => {
  const report = check(
    {
      setup: (): Shared => {
        const cells = new Int32Array(new SharedArrayBuffer(4));
        return { cells, mutex: new ReentrantMutex(cells, { name: "r" }) };
      },
      threads: Array.from({ length: 3 }, () => ({ mutex }: Shared) => {
        const guard = mutex.lock();
        guard.value[0] = (guard.value[0] ?? 0) + 1;
        guard.release();
      }),
      after: ({ cells }) => {
        expect(cells[0]).toBe(3);
      },
    },
    { time: 400_000 },
  );
  expectPassed(report);
  expect(report.complete).toBe(true);
});

import { check, expectPassed } from "../check.js";
import { channel, i32, Mutex } from "../ferrous.js";
import { codeOf, describe, equal, ok } from "../suite.js";

const checks = describe("ferrous/check");
checks.here("counts the interleavings of two increments", () => {
  const add = (/** @type {Int32Array} */ cells) => Atomics.add(cells, 0, 1);
  const report = check({ setup: () => new Int32Array(new SharedArrayBuffer(4)), threads: [add, add] });
  equal([report.verdict, report.complete, report.executions], ["passed", true, 2]);
});
checks.here("finds a lost update", () => {
  const add = (/** @type {Int32Array} */ cells) => Atomics.store(cells, 0, Atomics.load(cells, 0) + 1);
  const report = check({
    setup: () => new Int32Array(new SharedArrayBuffer(4)),
    threads: [add, add],
    after: (cells) => ok(cells[0] === 2, "both were counted"),
  });
  equal([report.verdict, report.failure?.kind], ["failed", "assertion"]);
  ok(String(report.failure?.trace).length > 0, "there is a trace");
});
checks.here("finds a deadlock", () => {
  const report = check({
    setup: () => ({ a: Mutex.of(i32, 0), b: Mutex.of(i32, 0) }),
    threads: [
      ({ a, b }) => {
        const guard = a.lock();
        b.lock().release();
        guard.release();
      },
      ({ a, b }) => {
        const guard = b.lock();
        a.lock().release();
        guard.release();
      },
    ],
  });
  equal([report.verdict, report.failure?.kind], ["failed", "deadlock"]);
});
checks.here("passes a Mutex, with deaths", () => {
  const report = check(
    {
      setup: () => Mutex.of(i32, 0),
      threads: Array.from({ length: 2 }, () => (/** @type {Mutex<number>} */ lock) => {
        try {
          lock.lock().release();
        } catch (error) {
          if (/** @type {any} */ (error).code !== "POISONED") throw error;
        }
      }),
    },
    { deaths: 1 },
  );
  expectPassed(report);
  ok(report.complete, "it was searched whole");
});
checks.here("passes a channel", () => {
  const report = check(
    {
      setup: () => channel({ of: i32, capacity: 1 }),
      moves: ([tx, rx]) => [[tx], [rx]],
      threads: [([tx]) => tx.send(1), ([, rx]) => rx.recv()],
      after: (_, [, got]) => equal(got, 1),
    },
    { preemptions: 2 },
  );
  equal(report.verdict, "passed");
});
checks.here("gives back what it replaced", () => {
  const before = [Atomics.load, globalThis.SharedArrayBuffer, Date, performance.now, Math.random];
  check({ setup: () => new Int32Array(new SharedArrayBuffer(4)), threads: [(cells) => Atomics.load(cells, 0)] });
  ok(
    [Atomics.load, globalThis.SharedArrayBuffer, Date, performance.now, Math.random].every((now, at) => now === before[at]),
    "all is as it was",
  );
});
checks.here("refuses an empty scenario", () => {
  equal(
    codeOf(() => check({ setup: () => 0, threads: [] })),
    "CHECK",
  );
});

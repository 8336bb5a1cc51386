/** As pairs.model.spec.ts, with wider bounds or none. */
import { expect, it } from "@jest/globals";
import { check, type CheckOptions } from "../../lib/check/index.ts";
import { explored } from "../support/executions.ts";
import { scenarioOf, type PairName } from "../support/pairs.ts";

it.each<[PairName, number, CheckOptions]>([
  ["Semaphore + Mutex", 2, {}],
  ["Semaphore + Mutex", 2, { deaths: 1 }],
  ["Semaphore + Mutex", 3, { preemptions: 2 }],
  ["Semaphore + Mutex", 3, { preemptions: 1, deaths: 1 }],
  ["RwLock + Semaphore", 2, {}],
  ["RwLock + Semaphore", 2, { deaths: 1 }],
  ["RwLock + Semaphore", 3, { preemptions: 2 }],
  ["RwLock + Semaphore", 3, { preemptions: 1, deaths: 1 }],
  ["Mutex + Condvar", 3, { preemptions: 2 }],
  ["Mutex + Condvar", 3, { preemptions: 0, deaths: 1, timeouts: true }],
  ["RwLock + Condvar", 2, { deaths: 1, timeouts: true }],
  ["RwLock + Condvar", 3, { preemptions: 2 }],
  ["RwLock + Condvar", 3, { preemptions: 0, deaths: 1, timeouts: true }],
  ["Mutex + Barrier", 2, {}],
  ["Mutex + Barrier", 2, { deaths: 1, timeouts: true }],
  ["Mutex + Barrier", 3, { preemptions: 2 }],
  // All of them, even without preemptions, are more than 340,000, of which each takes 1 ms.
  ["Mutex + Barrier", 3, { strategy: "random", executions: 5_000, deaths: 1, timeouts: true }],
  ["Semaphore + Barrier", 2, { preemptions: 3 }],
  ["Semaphore + Barrier", 3, { preemptions: 1 }],
  ["Mutex + Latch", 3, { preemptions: 2 }],
  ["Mutex + Latch", 3, { preemptions: 0, deaths: 1, timeouts: true }],
  ["Once + Mutex", 3, { preemptions: 2 }],
  ["Once + Mutex", 3, { deaths: 1, preemptions: 1 }],
  ["OnceLock + Mutex", 3, { deaths: 1 }],
])(
  "in every interleaving, %s of %i threads bring to their end whoever lives: %j",
  (name, threads, options) => {
    const limits = options.timeouts === true ? { timeout: 50 } : undefined;
    const report = check(scenarioOf(name, threads, new Set(), limits), { ...options, time: 400_000 });
    explored(`${name}, ${String(threads)} threads`, options, report);
    expect(report.complete).toBe(options.preemptions === undefined && options.strategy === undefined);
  },
  450_000,
);

/** Two primitives that are used together. Without bounds, where those here are too tight: pairs.model.long.ts. */
import { describe, expect, it } from "@jest/globals";
import { check, type CheckOptions } from "../../lib/check/index.ts";
import { explored } from "../support/executions.ts";
import { scenarioOf, type PairName } from "../support/pairs.ts";

describe("in every interleaving,", () => {
  it.each<[PairName, number, CheckOptions]>([
    ["Semaphore + Mutex", 2, { preemptions: 3 }],
    ["Semaphore + Mutex", 3, { preemptions: 1 }],
    ["RwLock + Semaphore", 2, { preemptions: 2 }],
    ["RwLock + Semaphore", 3, { preemptions: 1 }],
    ["Mutex + Condvar", 2, {}],
    ["Mutex + Condvar", 3, { preemptions: 1 }],
    ["RwLock + Condvar", 2, {}],
    ["RwLock + Condvar", 3, { preemptions: 1 }],
    ["Mutex + Barrier", 2, { preemptions: 2 }],
    ["Mutex + Barrier", 3, { preemptions: 1 }],
    ["Mutex + Latch", 2, {}],
    ["Mutex + Latch", 3, { preemptions: 1 }],
    ["Once + Mutex", 2, {}],
    ["Once + Mutex", 3, { preemptions: 1 }],
    ["OnceLock + Mutex", 2, {}],
    ["OnceLock + Mutex", 3, {}],
  ])("%s of %i threads bring all to their end: %j", (name, threads, options) => {
    const ends = new Set<string>();
    const report = check(scenarioOf(name, threads, ends), { ...options, time: 50_000 });
    explored(`${name}, ${String(threads)} threads`, options, report);
    expect(report.complete).toBe(options.preemptions === undefined);
    expect([...ends]).toEqual([Array.from({ length: threads }, () => "done").join()]);
  });

  it.each<[PairName, number, CheckOptions]>([
    ["Semaphore + Mutex", 2, { preemptions: 1 }],
    ["Semaphore + Mutex", 3, { preemptions: 0 }],
    ["RwLock + Semaphore", 2, { preemptions: 1 }],
    ["RwLock + Semaphore", 3, { preemptions: 0 }],
    ["Once + Mutex", 2, {}],
    ["Once + Mutex", 3, { preemptions: 0 }],
    ["OnceLock + Mutex", 2, {}],
    ["OnceLock + Mutex", 3, { preemptions: 0 }],
  ])("%s of %i threads bring the others to their end, whenever one dies: %j", (name, threads, options) => {
    const ends = new Set<string>();
    const report = check(scenarioOf(name, threads, ends), { ...options, deaths: 1, time: 50_000 });
    explored(`${name}, ${String(threads)} threads, a death`, options, report);
    expect([...ends].some((end) => end.includes("poisoned"))).toBe(true);
    expect([...ends].some((end) => end.includes("undefined") && !end.includes("poisoned"))).toBe(true);
  });

  // A thread that dies before it notified, came or counted leaves the others to their limits of time.
  const either = (...ends: string[]): string[] => ends.flatMap((end) => [`undefined,${end}`, `${end},undefined`]);
  it.each<[PairName, number, CheckOptions, string[]]>([
    ["Mutex + Condvar", 2, {}, ["done,done", ...either("done", "poisoned")]],
    ["RwLock + Condvar", 2, { preemptions: 1 }, ["done,done", ...either("done", "poisoned")]],
    ["Mutex + Barrier", 2, { preemptions: 1 }, ["done,done", "late,late", ...either("done", "poisoned", "broken", "late")]],
    ["Mutex + Latch", 2, {}, ["done,done", "done,late", "late,done", ...either("done", "poisoned", "late")]],
  ])("%s of %i threads, whose waits have limits, hang nobody, whenever one dies: %j", (name, threads, options, expected) => {
    const ends = new Set<string>();
    const report = check(scenarioOf(name, threads, ends, { timeout: 50 }), { ...options, deaths: 1, timeouts: true, time: 50_000 });
    explored(`${name}, ${String(threads)} threads, a death, a timeout each`, options, report);
    expect([...ends].sort()).toEqual(expected.sort());
  });
});

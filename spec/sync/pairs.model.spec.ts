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
    ["Semaphore + Barrier", 2, { preemptions: 2 }],
    ["Semaphore + Barrier", 3, { preemptions: 0 }],
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
    ["Semaphore + Barrier", 2, { preemptions: 0 }, ["done,done", "late,late", ...either("done", "broken", "late")]],
    ["Mutex + Latch", 2, {}, ["done,done", "done,late", "late,done", ...either("done", "poisoned", "late")]],
  ])("%s of %i threads, whose waits have limits, hang nobody, whenever one dies: %j", (name, threads, options, expected) => {
    const ends = new Set<string>();
    const report = check(scenarioOf(name, threads, ends, { timeout: 50 }), { ...options, deaths: 1, timeouts: true, time: 50_000 });
    explored(`${name}, ${String(threads)} threads, a death, a timeout each`, options, report);
    expect([...ends].sort()).toEqual(expected.sort());
  });

  // Three threads, a death and limits are too many executions: all of them take minutes, see pairs.model.long.ts.
  it.each<[PairName, number, string[]]>([
    ["Mutex + Condvar", 200, ["done,done,undefined", "done,poisoned,undefined", "poisoned,poisoned,undefined"]],
    ["RwLock + Condvar", 200, ["done,done,undefined", "done,poisoned,undefined", "poisoned,poisoned,undefined"]],
    [
      "Mutex + Barrier",
      300,
      ["broken,broken", "broken,late", "done,done", "late,late", "late,poisoned", "poisoned,poisoned"].map((two) => `${two},undefined`),
    ],
    ["Semaphore + Barrier", 200, ["broken,broken,undefined", "broken,late,undefined", "done,done,undefined", "late,late,undefined"]],
  ])("%s of 3 threads, whose waits have limits, hang nobody, whenever one dies: %i at random", (name, executions, others) => {
    const ends = new Set<string>();
    const options = { strategy: "random", executions, deaths: 1, timeouts: true } as const;
    const report = check(scenarioOf(name, 3, ends, { timeout: 50 }), { ...options, time: 50_000 });
    explored(`${name}, 3 threads, a death, a timeout each`, options, report);
    const met = new Set([...ends].map((end) => end.split(",").sort().join()));
    for (const end of met) expect(["done,done,done", "late,late,late", ...others]).toContain(end);
    expect(met.size).toBeGreaterThan(1);
  });
});

import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { CheckOptions } from "../../lib/check/scenario.ts";
import { PoisonedError } from "../../lib/errors.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { wakeEverybody } from "../../lib/thread/lifeline.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { explore, type Explored } from "./exploring.ts";
import { program, run, words, type Program } from "./programs.ts";

/** Ferrous' own waits are noted: a death is told to all of them. */
const runKnown = (instructions: Program[number]) => run(instructions, noted);
const noted = (cells: Int32Array, at: number, value: number, ms?: number): string => {
  currentThread().sleeps?.(false);
  return Atomics.wait(cells, at, value, ms);
};

const exploreProgram = (threads: Program, known: boolean, reduce: boolean, options: CheckOptions, everyDeath = false): Explored =>
  explore(
    { setup: words, threads: threads.map((each) => (known ? runKnown(each) : run(each))) },
    (cells) => Array.from(cells),
    reduce,
    options,
    everyDeath,
    known,
  );

describe.each<[number, string, CheckOptions, known?: boolean]>([
  [1000, "as they are", {}],
  [300, "with a death", { deaths: 1 }],
  [300, "with a death that is told to all", { deaths: 1 }, true],
  [100, "with two deaths that are told to all", { deaths: 2 }, true],
  [300, "with timeouts", { timeouts: true }],
  [300, "with wake-ups without cause, and a death", { spurious: true, deaths: 1 }],
  [100, "with timeouts, and a death that is told to all", { timeouts: true, deaths: 1 }, true],
])("the reduced search of %i programs, %s", (numRuns, _, options, known = false) => {
  it("ends in everything that the naive search ends in, and sees no two equivalent executions", () => {
    fc.assert(
      fc.property(program, (threads) => {
        const naive = exploreProgram(threads, known, false, options);
        const reduced = exploreProgram(threads, known, true, options);
        expect(reduced.executions).toBeLessThanOrEqual(naive.executions);
        expect(reduced.stuck).toBe(naive.stuck);
        expect(Math.max(...reduced.traces.values())).toBe(1);
        // Who is stuck is not killed, since that is a failure already: then deaths elsewhere may not be gone through.
        if (naive.stuck && options.deaths !== undefined) return;
        expect([...reduced.ends].sort()).toEqual([...naive.ends].sort());
        expect([...reduced.traces.keys()].sort()).toEqual([...naive.traces.keys()].sort());
        if (options.deaths === undefined) return;
        // Deaths of threads that only looked since they could die last end in nothing new.
        const every = exploreProgram(threads, known, false, options, true);
        expect([...reduced.ends].sort()).toEqual([...every.ends].sort());
      }),
      { numRuns, seed: 7 },
    );
  });
});

describe("the reduced search of 1000 programs whose threads throw at what they see", () => {
  /** Each thread throws at the first 1 that an operation returns. */
  const runThrowing = (instructions: Program[number]) => (cells: Int32Array) =>
    instructions.map((instruction) => {
      const [seen] = run([instruction])(cells);
      if (seen === 1) throw new RangeError("1");
      return seen;
    });
  it("goes on after a failure to everything that can end otherwise", () => {
    let several = 0;
    fc.assert(
      fc.property(program, (threads) => {
        const scenario = { setup: words, threads: threads.map(runThrowing) };
        const memoryOf = (cells: Int32Array): unknown => Array.from(cells);
        const [naive, reduced] = [false, true].map((reduce) => explore(scenario, memoryOf, reduce, {}, false, false, true)) as [
          Explored,
          Explored,
        ];
        expect([...reduced.ends].sort()).toEqual([...naive.ends].sort());
        expect([...reduced.traces.keys()].sort()).toEqual([...naive.traces.keys()].sort());
        expect(Math.max(0, ...reduced.traces.values())).toBeLessThanOrEqual(1);
        expect(reduced.stuck).toBe(naive.stuck);
        expect(reduced.executions).toBeLessThanOrEqual(naive.executions);
        if (naive.ends.size > 1 && naive.stuck) several++;
      }),
      { numRuns: 1000, seed: 7 },
    );
    // They did get as far as that.
    expect(several).toBeGreaterThan(40);
  });
});

describe("the reduced search of a Mutex whose holders die", () => {
  it("ends in everything that the naive search ends in", () => {
    const scenario = {
      setup: () => new Int32Array(new SharedArrayBuffer(16)),
      threads: [0, 1].map((me) => (cells: Int32Array) => {
        try {
          const guard = Mutex.at(cells.buffer as SharedArrayBuffer, 0).lock();
          // A plain store: a death after it is another than one before it.
          cells[3] = me + 1;
          guard.release();
          return "done";
        } catch (error) {
          if (error instanceof PoisonedError) return "poisoned";
          throw error;
        }
      }),
    };
    const memoryOf = (cells: Int32Array): unknown => Array.from(cells);
    const [naive, reduced] = [false, true].map((reduce) => explore(scenario, memoryOf, reduce, { deaths: 1 })) as [Explored, Explored];
    expect([...reduced.ends].sort()).toEqual([...naive.ends].sort());
    expect([...reduced.ends].sort()).toEqual([...explore(scenario, memoryOf, false, { deaths: 1 }, true).ends].sort());
    expect([...reduced.traces.keys()].sort()).toEqual([...naive.traces.keys()].sort());
    expect(Math.max(...reduced.traces.values())).toBe(1);
    expect(reduced.executions).toBeLessThan(naive.executions);
    // They did get as far as that.
    expect([...reduced.ends].some((end) => end.includes("poisoned"))).toBe(true);
  });

  it("does so with a canceller that makes every sleeper look again", () => {
    // Words 0 flag, 1 what is slept on. The sleeper's sleep is noted, so a supervisor would know of it.
    const sleeps = (cells: Int32Array): string => {
      for (let looks = 1; ; looks++) {
        if (Atomics.load(cells, 0) === 1) return `off after ${String(looks)}`;
        noted(cells, 1, 0);
      }
    };
    const scenario = {
      setup: words,
      threads: [
        sleeps,
        sleeps,
        (cells: Int32Array) => {
          Atomics.store(cells, 0, 1);
          wakeEverybody();
        },
      ],
    };
    const [naive, reduced] = [false, true].map((reduce) => explore(scenario, (cells) => Array.from(cells), reduce, {})) as [
      Explored,
      Explored,
    ];
    expect([...reduced.ends].sort()).toEqual([...naive.ends].sort());
    expect([...reduced.traces.keys()].sort()).toEqual([...naive.traces.keys()].sort());
    expect(Math.max(...reduced.traces.values())).toBe(1);
    expect(reduced.executions).toBeLessThan(naive.executions);
    expect(reduced.stuck).toBe(false);
  });
});

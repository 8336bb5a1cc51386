import { describe, expect, it } from "@jest/globals";
import { check, explore, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { BrokenBarrierError, TimeoutError } from "../../lib/errors.ts";
import { Barrier } from "../../lib/sync/barrier.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";
import { Blind, Broken, Careless, NamedLate, OneOnly, Roundless, Twin } from "./barrier.broken.ts";

interface Shared {
  readonly barrier: Barrier;
}
type Body = (s: Shared) => unknown;

const meet =
  (rounds: number, timeout?: number): Body =>
  ({ barrier }) => {
    const ends: string[] = [];
    try {
      for (let n = 0; n < rounds; n++) ends.push(barrier.wait(timeout === undefined ? undefined : { timeout }).leader ? "led" : "came");
    } catch (error) {
      if (error instanceof BrokenBarrierError) ends.push("broken");
      else if (error instanceof TimeoutError) ends.push("late");
      else throw error;
    }
    return ends.join("+");
  };

function endsOf(count: number, threads: Body[], options: CheckOptions = {}): string[] {
  const seen = new Set<string>();
  const report = check(
    {
      setup: (): Shared => ({ barrier: new Barrier(count, { name: "b" }) }),
      threads,
      after: (_, results) => seen.add(results.map(String).join()),
    },
    { time: 60_000, ...options },
  );
  expectPassed(report);
  return [...seen].sort();
}
const leadersIn = (end: string, round: number): number => end.split(",").filter((one) => one.split("+")[round] === "led").length;

describe("in every interleaving, a Barrier", () => {
  it.each<[number, number, CheckOptions]>([
    [2, 1, {}],
    [2, 2, { preemptions: 2 }],
    [3, 1, { preemptions: 1 }],
    [3, 2, { preemptions: 0 }],
  ])("of %i, %i times, lets all go on, and one of them leads each time", (count, rounds, options) => {
    const ends = endsOf(
      count,
      Array.from({ length: count }, () => meet(rounds)),
      options,
    );
    expect(ends.length).toBeGreaterThan(1);
    for (const end of ends) {
      expect(end).not.toMatch(/broken|undefined/);
      for (let round = 0; round < rounds; round++) expect(leadersIn(end, round)).toBe(1);
    }
  });

  it("tells the others of a death at every step of a thread that had come; nobody hangs", () => {
    for (const [count, options] of [
      [2, { deaths: 1, mortal: [0] }],
      [3, { deaths: 1, mortal: [0], preemptions: 1 }],
    ] as const) {
      const ends = new Set<string>();
      let names: Int32Array | undefined;
      const scenario = {
        setup: () => {
          const words = new Int32Array(new SharedArrayBuffer(4 * (count + 1)));
          names = words;
          return { barrier: Barrier.at(words.buffer as SharedArrayBuffer, 0, count) };
        },
        threads: Array.from({ length: count }, () => meet(2)),
        after: (_: Shared, results: readonly unknown[]) => ends.add(results.map(String).join()),
      };
      for (const { ending } of explore(scenario, { ...options, executions: 200 })) {
        // Who died before it had its name there was never seen: the others wait for somebody to come, as they must.
        if (ending === "failed") expect([...(names ?? [])].slice(1)).toContain(0);
      }
      expect([...ends].some((end) => end.includes("broken"))).toBe(true);
    }
  });

  it("of two knows by name whoever waits, also if others who met before have not woken yet", () => {
    const ends = new Set<unknown>();
    interface Crowd extends Shared {
      readonly words: Int32Array;
      readonly third: Int32Array;
    }
    const generation = (words: Int32Array): number => Atomics.load(words, 0) >>> 15;
    const arrived = (words: Int32Array): number => (Atomics.load(words, 0) >>> 1) & 16383;
    const report = check(
      {
        setup: (): Crowd => {
          const words = new Int32Array(new SharedArrayBuffer(4 * 3));
          return { words, barrier: Barrier.at(words.buffer as SharedArrayBuffer, 0, 2), third: new Int32Array(new SharedArrayBuffer(4)) };
        },
        threads: {
          again: ({ barrier, words, third }: Crowd): string => {
            barrier.wait();
            const id = Atomics.load(third, 0);
            if (id === 0 || currentThread().registry.isAlive(id) || generation(words) !== 1 || arrived(words) !== 1) return "met";
            return meet(1, 50)({ barrier }) as string;
          },
          once: meet(1),
          third: ({ barrier, words, third }: Crowd): unknown => {
            while (generation(words) === 0);
            Atomics.store(third, 0, currentId());
            return meet(1, 50)({ barrier });
          },
        },
        after: (_, results) => ends.add(results[0]),
      },
      { deaths: 1, mortal: [2], timeouts: true, preemptions: 1, time: 60_000 },
    );
    expectPassed(report);
    // Never "led": with whoever came and died nobody meets any more.
    expect([...ends].sort()).toEqual(["broken", "met"]);
  });

  it("of two needs no slot for who comes last, though one who met eight generations ago has not woken yet", () => {
    const { registry } = currentThread();
    const others = [0, 1].map(() => registry.claim());
    const words = new Int32Array(new SharedArrayBuffer(4 * 3));
    others.forEach((id, n) => {
      registry.begin(id, 0);
      words[1 + n] = (id << 4) | 1;
    });
    // Generation 8: the second one has come, and the first one's name looks as if it had.
    words[0] = (8 << 15) | (1 << 1);
    expect(Barrier.at(words.buffer as SharedArrayBuffer, 0, 2).wait({ timeout: 0 })).toEqual({ leader: true });
    for (const id of others) registry.markDead(id);
  });

  it("counts who gave up as not come, unless all had come", () => {
    const ends = endsOf(2, [meet(1, 50), meet(1, 50), meet(1, 50)], { timeouts: true, preemptions: 0 });
    for (const end of ends) {
      const came = end.split(",").filter((one) => one === "came").length;
      expect(leadersIn(end, 0)).toBe(came);
      expect(came).toBeLessThanOrEqual(1);
    }
    expect(ends).toContain("late,late,late");
    expect(ends.some((end) => end.includes("late"))).toBe(true);
  });
});

describe("the checker catches a barrier that", () => {
  const verdict = (Kind: new (cells: Int32Array, count: number) => Twin, count: number, options: CheckOptions): string => {
    const meetTwice =
      (slot: number) =>
      ({ barrier, cells }: { barrier: Twin; cells: Int32Array }): void => {
        try {
          for (let round = 1; round <= 2; round++) {
            Atomics.store(cells, slot, round);
            barrier.wait(slot);
            // All have come to this round.
            for (let other = 0; other < count; other++) expect(Atomics.load(cells, other)).toBeGreaterThanOrEqual(round);
          }
        } catch (error) {
          if (!(error instanceof Broken)) throw error;
        }
      };
    const words = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * n));
    const report = check(
      {
        setup: () => ({ barrier: new Kind(words(count + 1), count), cells: words(count) }),
        threads: Array.from({ length: count }, (_, slot) => meetTwice(slot)),
      },
      { time: 30_000, ...options },
    );
    return report.failure?.kind ?? report.verdict;
  };

  it.each<[string, new (cells: Int32Array, count: number) => Twin, number, CheckOptions]>([
    ["has no number for the round", Roundless, 2, {}],
    ["counts by load and store", Careless, 2, {}],
    ["wakes only one", OneOnly, 3, { preemptions: 0 }],
  ])("%s", (_, Kind, count, options) => {
    expect(verdict(Kind, count, options)).not.toBe("passed");
    expect(verdict(Twin, count, options)).toBe("passed");
  });

  it("does not look for the dead, or names itself late: it hangs though the dead one had come", () => {
    for (const Kind of [Blind, NamedLate, Twin]) {
      let state: Int32Array | undefined;
      let hangs = 0;
      const scenario = {
        setup: () => {
          state = new Int32Array(new SharedArrayBuffer(4 * 3));
          return { barrier: new Kind(state, 2) };
        },
        threads: [0, 1].map((slot) => ({ barrier }: { barrier: Twin }) => {
          try {
            barrier.wait(slot);
            barrier.wait(slot);
          } catch (error) {
            if (!(error instanceof Broken)) throw error;
          }
        }),
      };
      for (const { ending } of explore(scenario, { strategy: "random", deaths: 1, mortal: [0], executions: 500 })) {
        // It had come, or its name says that it was about to.
        const known = (state?.[1] ?? 0) !== 0 || (state?.[0] ?? 0) > 255;
        if (ending === "failed" && known) hangs++;
      }
      if (Kind === Twin) expect(hangs).toBe(0);
      else expect(hangs).toBeGreaterThan(0);
    }
  });
});

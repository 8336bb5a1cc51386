/** The verdict of the reduced search is that of the naive one, on programs of all shapes: locks around plain data, waits of 32 and 64 bits, short elements. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check, type CheckOptions } from "../../lib/check/index.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { wakeEverybody } from "../../lib/thread/lifeline.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const setup = () => {
  const bytes = new SharedArrayBuffer(64);
  return {
    words: new Int32Array(bytes, 0, 2),
    shorts: new Int16Array(bytes, 16, 1),
    longs: new BigInt64Array(bytes, 32, 1),
    plain: new Int32Array(bytes, 48, 1),
    header: new DataView(bytes, 56, 8),
    mutex: new Mutex(),
  };
};
type Shared = ReturnType<typeof setup>;
/** `seen` is what the instructions before it returned. */
type Act = (shared: Shared, seen: unknown[]) => void;

const bit = fc.constantFrom(0, 1);
const plainly: fc.Arbitrary<Act> = fc.constantFrom<Act[]>(
  ({ plain }) => {
    plain[0] = 1;
  },
  ({ plain }, seen) => seen.push(plain[0]),
  ({ header }) => {
    header.setUint16(0, 0x101);
  },
  ({ header }, seen) => seen.push(header.getUint16(0)),
);
const atomically: fc.Arbitrary<Act> = fc.tuple(bit, bit).chain(([at, value]) =>
  fc.constantFrom<Act[]>(
    ({ words }, seen) => seen.push(Atomics.load(words, at)),
    ({ words }) => Atomics.store(words, at, value),
    ({ words }, seen) => seen.push(Atomics.compareExchange(words, at, value, 1)),
    ({ shorts }, seen) => seen.push(Atomics.add(shorts, 0, value)),
    ({ longs }, seen) => seen.push(Number(Atomics.exchange(longs, 0, 1n))),
    ({ words }, seen) => seen.push(Atomics.notify(words, at, 1)),
    ({ longs }, seen) => seen.push(Atomics.notify(longs, 0)),
  ),
);
const waiting: fc.Arbitrary<Act> = fc.tuple(bit, fc.constantFrom(5, Infinity), fc.boolean()).chain(([at, ms, isNoted]) => {
  const note = (): void => {
    if (isNoted) currentThread().sleeps?.(false);
  };
  return fc.constantFrom<Act[]>(
    ({ words }, seen) => {
      note();
      seen.push(Atomics.wait(words, at, 0, ms));
    },
    ({ longs }, seen) => {
      note();
      seen.push(Atomics.wait(longs, 0, 0n, ms));
    },
    ({ words }) => {
      while (Atomics.load(words, at) === 0) {
        note();
        if (Atomics.wait(words, at, 0, ms) === "timed-out") return;
      }
    },
    ({ words }) => {
      while (Atomics.load(words, at) === 0);
    },
  );
});
const locking: fc.Arbitrary<Act> = fc.tuple(plainly, fc.constantFrom("release", "forget")).map(([inside, end]): Act => (shared, seen) => {
  const guard = shared.mutex.lock({ allowPoisoned: true });
  inside(shared, seen);
  if (end === "release") guard.release();
});
const act: fc.Arbitrary<Act> = fc.oneof(
  { arbitrary: atomically, weight: 4 },
  { arbitrary: waiting, weight: 2 },
  { arbitrary: locking, weight: 2 },
  plainly,
  fc.constant<Act>(() => {
    wakeEverybody();
  }),
  fc.tuple(fc.constantFrom<unknown[]>(0, 1, "ok"), atomically).map(([is, then]): Act => (shared, seen) => {
    if (seen.at(-1) === is) then(shared, seen);
  }),
);
const bodies = fc.array(fc.array(act, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 2 }).map((threads) =>
  threads.map((acts) => (shared: Shared): unknown[] => {
    const seen: unknown[] = [];
    for (const each of acts) each(shared, seen);
    return seen;
  }),
);

/** A bound leaves the reduction out, this one nothing else. */
const NAIVE: CheckOptions = { preemptions: 1000 };

describe.each<[number, CheckOptions]>([
  [40, {}],
  [20, { timeouts: true, spurious: true }],
  [60, { deaths: 1 }],
  [60, { deaths: 1, timeouts: true }],
])("in %i programs with %j", (numRuns, options) => {
  it("finds a failure if the naive search does, and replays it", () => {
    const verdicts = new Map<string, number>();
    fc.assert(
      fc.property(bodies, (threads) => {
        const ends = [new Set<string>(), new Set<string>()] as const;
        const run = (more: CheckOptions, into: Set<string>) =>
          check(
            { setup, threads, after: ({ plain }, results) => void into.add(JSON.stringify([plain[0], results])) },
            { ...options, ...more },
          );
        const [naive, reduced] = [run({ ...NAIVE, executions: 4000 }, ends[0]), run({}, ends[1])];
        fc.pre(naive.verdict !== "gave up");
        expect(reduced.verdict).toBe(naive.verdict);
        verdicts.set(reduced.verdict, (verdicts.get(reduced.verdict) ?? 0) + 1);
        if (reduced.failure === undefined) {
          expect(ends[1]).toEqual(ends[0]);
          expect(reduced.executions).toBeLessThanOrEqual(naive.executions);
          return;
        }
        expect(run({ replay: reduced.failure.replay }, new Set()).failure).toEqual(reduced.failure);
      }),
      { numRuns, seed: 7 },
    );
    // Neither is rare.
    expect(Math.min(verdicts.get("passed") ?? 0, verdicts.get("failed") ?? 0)).toBeGreaterThan(numRuns / 10);
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions, type FailureKind } from "../../lib/check/index.ts";
import { PoisonedError } from "../../lib/errors.ts";
import { ReentrantMutex } from "../../lib/sync/reentrant-mutex.ts";
import { Believing, Heir, Late, Shallow, Stranger, TWIN_WORDS, Twin, Unforgetting } from "./reentrant-mutex.broken.ts";

interface Shared {
  readonly mutex: ReentrantMutex<Int32Array>;
  readonly cells: Int32Array;
}
const setup = (): Shared => {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  return { cells, mutex: new ReentrantMutex(cells, { name: "r" }) };
};

/** Two words change together, each under a hold of its own; the outer hold is released first. */
const together = ({ mutex }: Shared): unknown => {
  try {
    const outer = mutex.lock();
    expect(outer.value[0]).toBe(outer.value[1]);
    outer.value[0] = (outer.value[0] ?? 0) + 1;
    const inner = mutex.lock();
    outer.release();
    inner.value[1] = (inner.value[1] ?? 0) + 1;
    inner.release();
    return "done";
  } catch (error) {
    if (error instanceof PoisonedError) return "poisoned";
    throw error;
  }
};

describe("in every interleaving, a ReentrantMutex", () => {
  it.each<[number, CheckOptions]>([
    [2, {}],
    [3, { preemptions: 2 }],
  ])("of %i threads admits one at a time, however often it locks: %j", (threads, options) => {
    const report = check(
      {
        setup,
        threads: Array.from({ length: threads }, () => together),
        after: ({ cells }, results) => {
          expect(Array.from(cells)).toEqual([threads, threads]);
          expect(results).toEqual(results.map(() => "done"));
        },
      },
      { time: 50_000, ...options },
    );
    expectPassed(report);
    expect(report.complete).toBe(options.preemptions === undefined);
  });

  it.each<[number, CheckOptions]>([
    [2, { deaths: 1 }],
    [2, { deaths: 2, preemptions: 2 }],
    [3, { deaths: 1, preemptions: 1 }],
  ])("of %i threads survives a death at every depth: %j", (threads, options) => {
    const ends = new Set<string>();
    const report = check(
      {
        setup,
        threads: Array.from({ length: threads }, () => together),
        after: ({ mutex, cells }, results) => {
          ends.add(results.map(String).sort().join());
          if (cells[0] !== cells[1]) expect(mutex.poisoned).toBe(true);
          // The depth of the dead is not inherited: released as often as it was locked, it is free.
          const guards = [mutex.lock({ allowPoisoned: true }), mutex.lock({ allowPoisoned: true })];
          for (const guard of guards) guard.release();
          expect(() => {
            mutex.unlock();
          }).toThrow();
        },
      },
      { time: 50_000, ...options },
    );
    expectPassed(report);
    expect([...ends].some((end) => end.includes("poisoned"))).toBe(true);
    expect(ends).toContain(Array.from({ length: threads }, () => "done").join());
  });

  it("keeps tryLock of others out, and lets its owner's in", () => {
    const report = check({
      setup,
      threads: [0, 1].map(() => ({ mutex }: Shared) => {
        const guard = mutex.tryLock();
        if (guard === undefined) return 0;
        expect(mutex.tryLock()).toBeDefined();
        return 1;
      }),
      after: (_, results) => {
        expect(results).toContain(1);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });
});

describe("the checker finds a reentrant mutex that", () => {
  interface Twins {
    readonly words: Int32Array;
    readonly cells: Int32Array;
  }
  const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
  /** Each thread holds it twice, twice over; what one of them may leave undone by dying is not looked at. */
  const run = (Kind: typeof Twin, options: CheckOptions) =>
    check(
      {
        setup: (): Twins => ({ words: words(TWIN_WORDS), cells: words(2) }),
        threads: [0, 1].map(() => ({ words, cells }: Twins) => {
          const lock = new Kind(words);
          for (let round = 0; round < 2; round++) {
            lock.lock();
            cells[0] = (cells[0] ?? 0) + 1;
            lock.lock();
            lock.unlock();
            if (options.deaths === undefined) expect(cells[0]).toBe((cells[1] ?? 0) + 1);
            cells[1] = (cells[1] ?? 0) + 1;
            lock.unlock();
            expect(lock.isMine()).toBe(false);
          }
        }),
      },
      { time: 20_000, preemptions: 2, ...options },
    );
  const lost: readonly FailureKind[] = ["lost wake-up", "deadlock"];
  const wrong: readonly FailureKind[] = ["assertion", "data race"];

  it.each<[string, typeof Twin, CheckOptions, readonly FailureKind[]]>([
    ["believes a word that is another's", Believing, {}, wrong],
    ["counts its first hold only", Shallow, {}, wrong],
    ["inherits the depth of the dead", Heir, { deaths: 1 }, wrong],
    ["does not forget who was inside", Unforgetting, {}, wrong],
    ["forgets it too late", Late, {}, wrong],
    ["does not know itself", Stranger, {}, lost],
  ])("%s", (_, Kind, options, kinds) => {
    expect(kinds).toContain(run(Kind, options).failure?.kind);
    // The same without the mistake.
    expectPassed(run(Twin, options));
  });
});

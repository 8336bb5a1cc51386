import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions, type FailureKind } from "../../lib/check/index.ts";
import { PoisonedError, ReleasedError, TimeoutError } from "../../lib/errors.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import {
  Barging,
  Cleaning,
  Forgetful,
  Hasty,
  OneLook,
  OnlySleeper,
  Patient,
  Poisoned,
  PoisonLost,
  Storing,
  StoringHeir,
  Twin,
} from "./mutex.broken.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const times = <S>(count: number, body: (state: S, me: number) => unknown): ((state: S) => unknown)[] =>
  Array.from({ length: count }, (_, me) => (state: S) => body(state, me));

interface Shared {
  readonly mutex: Mutex<Int32Array>;
  readonly cells: Int32Array;
}
const setup = (): Shared => {
  const cells = words(2);
  return { cells, mutex: new Mutex(cells, { name: "m" }) };
};

/** Two words change together under the lock; a death between the two leaves them different, and the lock poisoned. */
const together = (value: Int32Array): void => {
  value[0] = (value[0] ?? 0) + 1;
  Atomics.load(new Int32Array(new SharedArrayBuffer(4)), 0);
  value[1] = (value[1] ?? 0) + 1;
};
/** As `together`, of whoever may die: "poisoned" for who is told so. */
const carefully = ({ mutex }: Shared): unknown => {
  try {
    const guard = mutex.lock();
    expect(guard.value[0]).toBe(guard.value[1]);
    together(guard.value);
    guard.release();
    return "done";
  } catch (error) {
    if (error instanceof PoisonedError) return "poisoned";
    throw error;
  }
};

describe("in every interleaving, a Mutex", () => {
  it.each([2, 3])("of %i threads admits one at a time, and loses no wake-up", (threads) => {
    const report = check(
      {
        setup,
        threads: times(threads, ({ mutex }: Shared) => {
          mutex.with(together);
        }),
        after: ({ cells }) => {
          expect(Array.from(cells)).toEqual([threads, threads]);
        },
      },
      { time: 50_000 },
    );
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it.each<[number, CheckOptions]>([
    [2, { deaths: 1 }],
    [2, { deaths: 2 }],
    // All of it is in mutex.model.long.ts.
    [3, { deaths: 1, preemptions: 1 }],
  ])("of %i threads survives a death at every step: %j", (threads, options) => {
    const ends = new Set<string>();
    const report = check(
      {
        setup,
        threads: times(threads, carefully),
        after: ({ mutex, cells }, results) => {
          ends.add(results.map(String).sort().join());
          // Half-written data is never seen without the poison, and the lock is never lost.
          if (cells[0] !== cells[1]) expect(mutex.poisoned).toBe(true);
          mutex.lock({ allowPoisoned: true }).release();
        },
      },
      { ...options, time: 50_000 },
    );
    expectPassed(report);
    // Every end was met: nobody died, one died outside of the lock, one died inside and the others were told.
    expect(ends).toContain(Array.from({ length: threads }, () => "done").join());
    expect([...ends].some((end) => end.includes("poisoned"))).toBe(true);
    expect([...ends].some((end) => end.includes("undefined") && !end.includes("poisoned"))).toBe(true);
  });

  it("holds nothing after a timeout at any step, and passes on the wake-up that it may have eaten", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup,
        threads: [
          ({ mutex }: Shared) => {
            mutex.with(together);
          },
          ({ mutex }: Shared) => {
            try {
              mutex.lock({ timeout: 50 }).release();
              return "in";
            } catch (error) {
              if (error instanceof TimeoutError) return "late";
              throw error;
            }
          },
        ],
        after: ({ mutex }, [, end]) => {
          ends.add(end);
          expect(mutex.tryLock()).toBeDefined();
        },
      },
      { timeouts: true },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["in", "late"]));
  });

  it("with a sleeper that gives up, still wakes the other one", () => {
    expectPassed(
      check(
        {
          setup,
          threads: [
            ({ mutex }: Shared) => {
              mutex.lock().release();
            },
            ({ mutex }: Shared) => {
              try {
                mutex.lock({ timeout: 50 }).release();
              } catch (error) {
                if (!(error instanceof TimeoutError)) throw error;
              }
            },
            ({ mutex }: Shared) => {
              mutex.lock().release();
            },
          ],
        },
        { timeouts: true, preemptions: 2, time: 50_000 },
      ),
    );
  });

  it("poisons when a section throws, in whatever order the threads come", () => {
    const ends = new Set<string>();
    const report = check({
      setup,
      threads: [
        ({ mutex }: Shared) => {
          try {
            mutex.with(() => {
              throw new RangeError("on purpose");
            });
          } catch {
            return "threw";
          }
          return "did not throw";
        },
        carefully,
      ],
      after: ({ mutex }, results) => {
        ends.add(results.join());
        expect(mutex.poisoned).toBe(true);
      },
    });
    expectPassed(report);
    expect(ends).toEqual(new Set(["threw,done", "threw,poisoned"]));
  });

  it("is repaired once, by whoever of two comes first", () => {
    const report = check({
      setup: () => {
        const shared = setup();
        const guard = shared.mutex.lock();
        guard.poison();
        guard.release();
        return shared;
      },
      threads: times(2, ({ mutex }: Shared) => mutex.recover((value) => void Atomics.add(value, 0, 1))),
      after: ({ mutex, cells }, results) => {
        expect([...results].sort()).toEqual([false, true]);
        expect(cells[0]).toBe(1);
        expect(mutex.poisoned).toBe(false);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("keeps tryLock from waiting, and lets one in", () => {
    const report = check({
      setup,
      threads: times(3, ({ mutex }: Shared) => {
        const guard = mutex.tryLock();
        if (guard === undefined) return 0;
        together(guard.value);
        return 1;
      }),
      after: (_, results) => {
        expect(results.filter((got) => got === 1)).toHaveLength(1);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });
});

describe("the checker finds a mutex that", () => {
  const twins = (Kind: new (cells: Int32Array) => Twin, threads: number, options: CheckOptions) =>
    check(
      {
        setup: () => words(3),
        threads: times(threads, (cells: Int32Array) => {
          try {
            new Kind(cells).with(() => {
              expect(cells[1]).toBe(cells[2]);
              cells[1] = (cells[1] ?? 0) + 1;
              Atomics.load(cells, 0);
              cells[2] = (cells[2] ?? 0) + 1;
            });
            return "done";
          } catch (error) {
            if (error instanceof Poisoned) return "poisoned";
            throw error;
          }
        }),
      },
      { time: 50_000, ...options },
    );

  it.each<[string, new (cells: Int32Array) => Twin, number, CheckOptions, readonly FailureKind[]]>([
    ["forgets to notify", Forgetful, 2, {}, ["lost wake-up"]],
    ["unlocks by a store", Storing, 2, {}, ["lost wake-up"]],
    ["notifies before it unlocks", Hasty, 2, {}, ["lost wake-up"]],
    ["wakes one sleeper and forgets the other", OnlySleeper, 3, { preemptions: 2 }, ["lost wake-up"]],
    ["loses the poison of the dead", PoisonLost, 2, { deaths: 1 }, ["assertion"]],
    ["lets two inherit from the dead", StoringHeir, 3, { deaths: 1, preemptions: 2 }, ["assertion", "data race", "exception"]],
    ["does not look again after a death", OneLook, 2, { deaths: 1 }, ["deadlock", "lost wake-up"]],
    ["clears the poison when it unlocks", Cleaning, 3, { deaths: 1, preemptions: 1 }, ["assertion"]],
  ])("%s", (_, Kind, threads, options, kinds) => {
    expect(kinds).toContain(twins(Kind, threads, options).failure?.kind);
    // The same without the mistake.
    expectPassed(twins(Twin, threads, options));
  });

  it("forgets the poison when it looks before it sleeps, once threads are to look", () => {
    const deaths = { deaths: 1, preemptions: 1 };
    expect(twins(Barging, 3, { ...deaths, spins: true }).failure?.kind).toBe("assertion");
    expectPassed(twins(Patient, 3, { ...deaths, spins: true }));
    expectPassed(twins(Barging, 3, deaths));
  });

  it("is unlocked by who does not hold it", () => {
    const { failure } = check({
      setup,
      threads: [
        ({ mutex }: Shared) => {
          mutex.unlock();
        },
      ],
    });
    expect(failure?.error).toBeInstanceOf(ReleasedError);
  });
});

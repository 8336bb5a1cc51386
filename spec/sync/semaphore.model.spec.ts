import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { check, checkOperations, expectPassed, type CheckOptions, type FailureKind } from "../../lib/check/index.ts";
import { DisconnectedError, TimeoutError } from "../../lib/errors.ts";
import { Latch } from "../../lib/sync/latch.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";
import {
  ClearsLate,
  Deaf,
  Generous,
  Hasty,
  Late,
  Nameless,
  Retaking,
  Storing,
  TOTAL,
  Trusting,
  Twin,
  TWIN_WORDS,
  Unlocked,
  Unmarked,
  Unmoved,
} from "./semaphore.broken.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

interface Shared {
  readonly semaphore: Semaphore;
  /** 0: how many permits are in use. */
  readonly used: Int32Array;
  readonly total: number;
}
interface Turns extends Shared {
  readonly held: Latch;
  readonly both: Latch;
  readonly back: Latch;
  readonly asked: Latch;
}
const setup =
  (total: number, holders = total) =>
  (): Shared => ({ semaphore: new Semaphore(total, { holders, name: "s" }), used: words(1), total });

/** Uses permits: never more than there are. */
const use = ({ used, total }: Shared, count: number): void => {
  expect(Atomics.add(used, 0, count) + count).toBeLessThanOrEqual(total);
  Atomics.sub(used, 0, count);
};
const acquirer =
  (count: number) =>
  (shared: Shared): string => {
    const permit = shared.semaphore.acquire(count);
    use(shared, count);
    permit.release();
    return "done";
  };
/** As `acquirer`, for who may die: what the dead use is not counted. */
const mortal =
  (count: number) =>
  ({ semaphore }: Shared): string => {
    semaphore.acquire(count).release();
    return "done";
  };
/** Whoever died: all permits are there again. */
const allAreBack = ({ semaphore, total }: Shared): void => {
  expect(semaphore.available).toBe(total);
  semaphore.acquire(total).release();
};

describe("in every interleaving, a Semaphore", () => {
  it.each<[number, number[], number, CheckOptions]>([
    [1, [1, 1], 1, {}],
    [2, [2, 1], 2, {}],
    // One slot: the other thread waits for it as for a permit.
    [2, [1, 1], 1, {}],
    [2, [1, 1, 1], 2, { preemptions: 2 }],
    [3, [3, 2, 1], 3, { preemptions: 2 }],
  ])(
    "of %i permits, of which threads want %j, with %i slots, never gives more, and loses no wake-up: %j",
    (total, counts, holders, options) => {
      const report = check(
        { setup: setup(total, holders), threads: counts.map(acquirer), after: allAreBack },
        { time: 50_000, ...options },
      );
      expectPassed(report);
      expect(report.complete).toBe(options.preemptions === undefined);
    },
  );

  it("wakes who wants much when the permits come back one by one, and who wants little before", () => {
    const ends = new Set<string>();
    const report = check(
      {
        setup: setup(2),
        threads: [
          (shared: Shared) => {
            const [one, two] = [shared.semaphore.acquire(), shared.semaphore.acquire()];
            one.release();
            two.release();
          },
          acquirer(2),
          acquirer(1),
        ],
        after: (shared, results) => {
          ends.add(results.slice(1).join());
          allAreBack(shared);
        },
      },
      { preemptions: 1, time: 50_000 },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["done,done"]));
  });

  it.each<[number[], CheckOptions]>([
    [[2, 1], { deaths: 1, preemptions: 3 }],
    [[2, 2], { deaths: 2, preemptions: 2 }],
    [[2, 1, 1], { deaths: 1, preemptions: 1 }],
  ])("of 2 permits, of which threads want %j, gets all back after a death at every step: %j", (counts, options) => {
    const ends = new Set<string>();
    const report = check(
      {
        setup: setup(2),
        threads: counts.map(mortal),
        after: (shared, results) => {
          ends.add(results.map(String).sort().join());
          allAreBack(shared);
        },
      },
      { time: 50_000, ...options },
    );
    expectPassed(report);
    // Nobody died, and somebody did; whoever lived got in.
    expect(ends).toContain(counts.map(() => "done").join());
    expect(ends).toContain([...counts.slice(1).map(() => "done"), "undefined"].join());
  });

  it("of one permit gets it back after a death at every step, without bounds", () => {
    const report = check({ setup: setup(1), threads: [mortal(1), mortal(1)], after: allAreBack }, { deaths: 1, time: 50_000 });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("of one slot does not give it to another while its thread holds a permit, though the other may die", () => {
    const report = check(
      {
        setup: setup(2, 1),
        threads: [
          ({ semaphore }: Shared) => {
            const permit = semaphore.acquire();
            expect(semaphore.available).toBe(1);
            permit.release();
          },
          mortal(1),
        ],
        after: allAreBack,
      },
      { deaths: 1, mortal: [1], preemptions: 2, time: 50_000 },
    );
    expectPassed(report);
  });

  it("of one slot lets go of it in one step with the last permit: then it may be another thread's", () => {
    const report = check(
      {
        setup: setup(2, 1),
        threads: [
          ({ semaphore }: Shared) => {
            const [one, two] = [semaphore.acquire(), semaphore.acquire()];
            one.release();
            two.release();
          },
          ({ semaphore }: Shared) => {
            const both = semaphore.acquire(2);
            semaphore.tryAcquire(1);
            both.release();
          },
        ],
        after: allAreBack,
      },
      { preemptions: 3, time: 50_000 },
    );
    expectPassed(report);
  });

  it("that is closed while its permits stay held tells who waits", () => {
    const report = check({
      setup: () => {
        const shared = setup(1)();
        shared.semaphore.acquire();
        return shared;
      },
      threads: [
        ({ semaphore }: Shared) => {
          semaphore.close();
        },
        ({ semaphore }: Shared) => {
          expect(() => semaphore.acquire()).toThrow(DisconnectedError);
        },
      ],
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("holds nothing after a timeout at any step", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup: setup(1),
        threads: [
          acquirer(1),
          ({ semaphore }: Shared) => {
            try {
              semaphore.acquire({ timeout: 50 }).release();
              return "in";
            } catch (error) {
              if (error instanceof TimeoutError) return "late";
              throw error;
            }
          },
        ],
        after: (shared, [, end]) => {
          ends.add(end);
          allAreBack(shared);
        },
      },
      { timeouts: true, preemptions: 3, time: 50_000 },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["in", "late"]));
  });

  it("lets in who has no time to wait whenever there are enough, whoever else is at the permits at that moment", () => {
    const report = check({
      setup: setup(2),
      threads: [
        ({ semaphore }: Shared) => {
          semaphore.acquire({ timeout: 0 }).release();
        },
        ({ semaphore }: Shared) => {
          semaphore.tryAcquire()?.release();
        },
      ],
      after: allAreBack,
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("of two permits gives one to who does not wait, though two others hold the second by turns while it counts", () => {
    const first = ({ semaphore, held, both, back }: Turns): void => {
      const permit = semaphore.acquire();
      held.countDown();
      both.wait();
      permit.release();
      back.countDown();
    };
    const second = ({ semaphore, held, both, back, asked }: Turns): void => {
      held.wait();
      semaphore.acquire().release();
      both.countDown();
      back.wait();
      const permit = semaphore.acquire();
      asked.wait();
      permit.release();
    };
    for (const ask of [
      (semaphore: Semaphore): boolean => semaphore.tryAcquire() !== undefined,
      (semaphore: Semaphore): boolean => semaphore.available > 0,
    ]) {
      const third = ({ semaphore, both, asked }: Turns): void => {
        both.wait();
        expect(ask(semaphore)).toBe(true);
        asked.countDown();
      };
      const fresh = (): Turns => ({
        ...setup(2)(),
        held: new Latch(1),
        both: new Latch(1),
        back: new Latch(1),
        asked: new Latch(1),
      });
      expectPassed(check({ setup: fresh, threads: [first, second, third] }, { preemptions: 1 }));
    }
  });

  it("lets in only as many as it has permits without waiting", () => {
    const report = check(
      {
        setup: setup(2),
        threads: [1, 1, 1].map(
          (count) =>
            ({ semaphore }: Shared) =>
              semaphore.tryAcquire(count) !== undefined,
        ),
        after: ({ semaphore }, results) => {
          expect(results.filter((got) => got === true)).toHaveLength(2);
          // The threads have ended, and their permits returned.
          expect(semaphore.available).toBeGreaterThanOrEqual(0);
        },
      },
      { preemptions: 2, time: 50_000 },
    );
    expectPassed(report);
  });

  it.each<CheckOptions>([{ preemptions: 3 }, { preemptions: 2, deaths: 1 }])(
    "when it is closed, tells who waits and who comes, and takes back what is held: %j",
    (options) => {
      const ends = new Set<string>();
      const told = ({ semaphore }: Shared): string => {
        try {
          semaphore.acquire(2).release();
          return "in";
        } catch (error) {
          if (error instanceof DisconnectedError) return "closed";
          throw error;
        }
      };
      const report = check(
        {
          setup: setup(2),
          threads: [
            ({ semaphore }: Shared) => {
              const permit = semaphore.acquire();
              semaphore.close();
              permit.release();
            },
            told,
          ],
          after: ({ semaphore }, results) => {
            ends.add(String(results[1]));
            expect(semaphore.available).toBe(2);
          },
        },
        { time: 50_000, mortal: [0], ...options },
      );
      expectPassed(report);
      expect(ends).toEqual(new Set(["in", "closed"]));
    },
  );

  it("goes together with a Mutex that is taken inside of it", () => {
    const report = check(
      {
        setup: () => ({ ...setup(1)(), mutex: new Mutex(undefined, { name: "m" }) }),
        threads: [0, 1].map(() => (shared: Shared & { mutex: Mutex }) => {
          const permit = shared.semaphore.acquire();
          shared.mutex.with(() => {
            use(shared, 1);
          });
          permit.release();
        }),
        after: allAreBack,
      },
      { preemptions: 2, time: 50_000 },
    );
    expectPassed(report);
  });

  it("answers as a plain counter would", () => {
    const report = checkOperations(
      {
        setup: () => new Semaphore(2),
        model: () => {
          let free = 2;
          return {
            available: () => free,
            take: (count: number) => {
              if (free < count) return false;
              free -= count;
              return true;
            },
          };
        },
        operations: {
          available: { run: (semaphore: Semaphore) => semaphore.available },
          take: {
            args: fc.tuple(fc.integer({ min: 1, max: 2 })),
            run: (semaphore: Semaphore, count: number) => semaphore.tryAcquire(count) !== undefined,
          },
        },
      },
      { time: 8_000, threads: 2, length: 3, programs: 20, preemptions: 2 },
    );
    expect(report.failure).toBeUndefined();
  });
});

describe("the checker finds a semaphore that", () => {
  const twins = (Kind: new (cells: Int32Array) => Twin, options: CheckOptions) =>
    check(
      {
        setup: () => ({ cells: words(TWIN_WORDS), used: words(1) }),
        threads: [[1, 1], [2]].map((portions, slot) => ({ cells, used }: { cells: Int32Array; used: Int32Array }) => {
          const twin = new Kind(cells);
          twin.acquire(slot, 2);
          if (options.deaths === undefined) {
            expect(Atomics.add(used, 0, 2) + 2).toBeLessThanOrEqual(TOTAL);
            Atomics.sub(used, 0, 2);
          }
          for (const portion of portions) twin.release(slot, portion);
        }),
      },
      { time: 20_000, ...options },
    );
  const lost: readonly FailureKind[] = ["lost wake-up", "deadlock"];

  it.each<[string, new (cells: Int32Array) => Twin, CheckOptions, readonly FailureKind[]]>([
    ["tells nobody that it waits", Unmarked, { preemptions: 2 }, lost],
    ["reads EVENT after the marks", Late, { preemptions: 2 }, lost],
    ["clears marks after it told", ClearsLate, { preemptions: 2 }, lost],
    ["notifies without moving EVENT", Unmoved, { preemptions: 2 }, lost],
    ["releases by a store", Storing, { preemptions: 2 }, lost],
    ["counts without a lock", Unlocked, { preemptions: 2 }, ["assertion"]],
    ["believes that the dead live", Trusting, { preemptions: 1, deaths: 1 }, lost],
    ["counts what nobody is named for", Nameless, { preemptions: 1, deaths: 1 }, lost],
  ])("%s", (_, Kind, options, kinds) => {
    expect(kinds).toContain(twins(Kind, options).failure?.kind);
    // The same without the mistake.
    expectPassed(twins(Twin, options));
  });

  const retaking = (Kind: new (cells: Int32Array) => Twin, options: CheckOptions) =>
    check(
      {
        setup: () => ({ cells: words(TWIN_WORDS), used: words(1) }),
        threads: [0, 1].map((slot) => ({ cells, used }: { cells: Int32Array; used: Int32Array }) => {
          const twin = new Kind(cells);
          for (let n = 0; n < 2; n++) {
            twin.acquire(slot, 1);
            if (options.deaths === undefined) {
              expect(Atomics.add(used, 0, 1)).toBe(0);
              Atomics.sub(used, 0, 1);
            }
            twin.release(slot, 1);
          }
        }),
      },
      { time: 20_000, ...options },
    );
  it.each<[string, new (cells: Int32Array) => Twin, readonly FailureKind[]]>([
    ["leaves what is spare with who had it, when it gives it to another", Generous, ["assertion"]],
    ["keeps its permit to itself although somebody waits", Deaf, lost],
    ["takes away what was spare a moment ago", Hasty, ["assertion"]],
  ])("%s", (_, Kind, kinds) => {
    expect(kinds).toContain(retaking(Kind, { preemptions: 3 }).failure?.kind);
  });
  it("retakes its permit in the right way, and does not find anything", () => {
    expectPassed(retaking(Retaking, { preemptions: 3 }));
    expectPassed(retaking(Retaking, { preemptions: 2, deaths: 1 }));
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions, type FailureKind } from "../../lib/check/index.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { Hasty, Mute, OneOnly, Satisfied, Storing, Stuck, Trusting, Twin } from "./once-lock.broken.ts";

interface Shared {
  readonly lock: OnceLock<number>;
  readonly made: Int32Array;
}
const setup = (): Shared => ({ lock: new OnceLock<number>(), made: new Int32Array(new SharedArrayBuffer(4)) });

describe("in every interleaving, a OnceLock", () => {
  it.each([
    [2, {}],
    [3, {}],
    [2, { deaths: 1 }],
    [3, { deaths: 1 }],
  ] as const)("of %i threads has one value, and none of a dead initialiser: %j", (threads, options) => {
    const report = check(
      {
        setup,
        threads: Array.from(
          { length: threads },
          (_, me) =>
            ({ lock, made }: Shared) =>
              lock.getOrInit(() => {
                Atomics.add(made, 0, 1);
                return me + 1;
              }),
        ),
        after: ({ lock, made }, results) => {
          const values = new Set(results.filter((result) => result !== undefined));
          expect(values.size).toBeLessThan(2);
          // Nobody dead makes it impossible to have a value.
          values.add(lock.getOrInit(() => 9));
          expect(values.size).toBe(1);
          if (results.every((result) => result !== undefined)) expect(made[0]).toBe(1);
        },
      },
      { ...options, time: 20_000 },
    );
    expectPassed(report);
    expect(report.complete).toBe(true);
  });
});

describe("the checker finds a once-lock that", () => {
  /** The first thread throws at its first try, if it is to. */
  const run = (Kind: typeof Twin, threads: number, { throws = false, ...options }: CheckOptions & { throws?: boolean }) =>
    check(
      {
        setup: () => new Int32Array(new SharedArrayBuffer(8)),
        threads: Array.from({ length: threads }, (_, me) => (cells: Int32Array) => {
          const lock = new Kind(cells);
          if (throws && me === 0) {
            try {
              lock.getOrInit(() => {
                throw new RangeError("on purpose");
              });
            } catch (error) {
              if (!(error instanceof RangeError)) throw error;
            }
          }
          const value = lock.getOrInit(() => me + 1);
          expect(value).toBeGreaterThan(0);
          expect(lock.get()).toBe(value);
          return value;
        }),
        after: (cells, results) => {
          // Of those who lived all have the one value.
          for (const value of results) if (value !== undefined) expect(value).toBe(cells[1]);
        },
      },
      { time: 20_000, ...options },
    );
  const lost: readonly FailureKind[] = ["lost wake-up", "deadlock"];
  const wrong: readonly FailureKind[] = ["assertion", "data race"];

  it.each<[string, typeof Twin, number, CheckOptions & { throws?: boolean }, readonly FailureKind[]]>([
    ["says done before the value is there", Hasty, 2, {}, wrong],
    ["forgets to notify", Mute, 2, {}, lost],
    ["claims by a store", Storing, 2, {}, wrong],
    ["keeps its turn when the initialiser throws", Stuck, 2, { throws: true }, lost],
    ["takes a throw for a value", Satisfied, 2, { throws: true }, wrong],
    ["believes that the dead live", Trusting, 2, { deaths: 1 }, lost],
    ["wakes one only", OneOnly, 3, {}, lost],
  ])("%s", (_, Kind, threads, options, kinds) => {
    expect(kinds).toContain(run(Kind, threads, options).failure?.kind);
    // The same without the mistake.
    expectPassed(run(Twin, threads, options));
  });
});

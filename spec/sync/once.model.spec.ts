import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { PoisonedError, TimeoutError } from "../../lib/errors.ts";
import { Once } from "../../lib/sync/once.ts";
import { Forgetful, Hasty, Mute, Storing, Twin } from "./once.broken.ts";

interface Shared {
  readonly once: Once;
  readonly cells: Int32Array;
}
const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const setup = (): Shared => ({ once: new Once({ name: "o" }), cells: words(2) });
const times = <S>(count: number, body: (state: S) => unknown): ((state: S) => unknown)[] => Array.from({ length: count }, () => body);

/** Plain writes, so that who sees them unordered is in a data race. */
const fill = (cells: Int32Array): void => {
  cells[0] = (cells[0] ?? 0) + 1;
  Atomics.load(cells, 1);
};
const carefully = ({ once, cells }: Shared): unknown => {
  try {
    once.run(() => fill(cells));
    expect(cells[0]).toBe(1);
    return "done";
  } catch (error) {
    if (error instanceof PoisonedError) return "poisoned";
    throw error;
  }
};

const plainly = ({ once, cells }: Shared): unknown => once.run(() => fill(cells));

describe("in every interleaving, a Once", () => {
  it.each([2, 3])("of %i threads runs one function, and all see what it wrote", (threads) => {
    const report = check({ setup, threads: times(threads, carefully), after: ({ cells }) => expect(cells[0]).toBe(1) }, { time: 30_000 });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });
  it.each([
    [2, { deaths: 1 }],
    [3, { deaths: 1 }],
  ] as const)("of %i threads is poisoned by a death at every step inside: %j", (threads, options) => {
    const ends = new Set<string>();
    const report = check(
      {
        setup,
        threads: times(threads, carefully),
        after: ({ once }, results) => {
          ends.add(results.map(String).sort().join());
          once.run(() => undefined, { allowPoisoned: true });
          expect(once.done).toBe(true);
        },
      },
      { ...options, time: 30_000 },
    );
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect([...ends].some((end) => end.includes("poisoned"))).toBe(true);
    expect([...ends].some((end) => end.includes("done") && end.includes("undefined"))).toBe(true);
  });
  it("waits no longer than its timeout", () => {
    const ends = new Set<unknown>();
    const late = ({ once }: Shared): unknown => {
      try {
        once.run(() => undefined, { timeout: 50 });
        return "in";
      } catch (error) {
        if (error instanceof TimeoutError) return "late";
        throw error;
      }
    };
    expectPassed(check({ setup, threads: [plainly, late], after: (_, [, end]) => void ends.add(end) }, { timeouts: true }));
    expect(ends).toEqual(new Set(["in", "late"]));
  });
});

describe("the checker finds a once that", () => {
  const run = (Kind: typeof Twin, deaths: number) =>
    check(
      {
        setup: () => words(2),
        threads: times(2, (cells: Int32Array) => {
          new Kind(cells).run(() => {
            cells[1] = (cells[1] ?? 0) + 1;
          });
          expect(cells[1]).toBe(1);
        }),
      },
      { time: 20_000, deaths },
    );
  it.each<[string, typeof Twin, number]>([
    ["forgets to notify", Mute, 0],
    ["says done before it is", Hasty, 0],
    ["claims by a store", Storing, 0],
    ["does not ask whether the owner lives", Forgetful, 1],
  ])("%s", (_, Kind, deaths) => {
    expect(run(Kind, deaths).failure).toBeDefined();
    expectPassed(run(Twin, 0));
  });
});

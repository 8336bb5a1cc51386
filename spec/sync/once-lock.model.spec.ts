import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";

interface Shared {
  readonly lock: OnceLock<number>;
  readonly made: Int32Array;
}
const setup = (): Shared => ({ lock: new OnceLock<number>(), made: new Int32Array(new SharedArrayBuffer(4)) });

describe("in every interleaving, a OnceLock", () => {
  it.each([
    [2, {}],
    [2, { deaths: 1 }],
    [3, { deaths: 1, preemptions: 1 }],
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
  });
});

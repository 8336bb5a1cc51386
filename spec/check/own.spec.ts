import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { threadLocal } from "../../lib/spawn/local.ts";
import { Thread } from "../../lib/spawn/thread.ts";

const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

describe("what a modelled thread has of its own", () => {
  it("begins anew whenever it is run again", () => {
    const local = threadLocal(() => ({ n: 0 }));
    local.get().n = 70;
    const body = (cells: Int32Array): number => {
      const value = local.get();
      value.n++;
      Atomics.add(cells, 0, 1);
      value.n++;
      Atomics.add(cells, 0, 1);
      return value.n;
    };
    const report = check({
      setup: () => {
        local.get().n += 10;
        return words();
      },
      threads: [body, body],
      after: (_, results) => {
        expect([...results, local.get().n]).toEqual([2, 2, 10]);
      },
    });
    expectPassed(report);
    expect(local.get().n).toBe(70);
  });

  it("is not the main thread, as setup and after are", () => {
    const report = check({
      setup: () => ({ cells: words(), isMain: Thread.isMain }),
      threads: [({ cells }) => [Thread.isMain, Atomics.load(cells, 0), Thread.isMain]],
      after: ({ isMain }, [seen]) => {
        expect([isMain, seen, Thread.isMain]).toEqual([true, [false, 0, false], true]);
      },
    });
    expectPassed(report);
    expect(Thread.isMain).toBe(true);
  });
});

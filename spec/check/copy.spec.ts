import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check, checkOperations, expectPassed } from "../../lib/check/index.ts";
import { ownCopy } from "../../lib/check/copy.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

describe("what one execution does to plain data is gone in the next", () => {
  it.each<[string, () => unknown, (result: never) => number]>([
    ["a list", () => [1], (list: number[]) => list.push(2)],
    ["a list in an object", () => ({ list: [1] }), ({ list }: { list: number[] }) => list.push(2)],
    ["a Map", () => new Map([["a", [1]]]), (map: Map<string, number[]>) => map.set(String(map.size), []).size],
    [
      "a Set in a Map",
      () => new Map([[0, new Set([1])]]),
      (map: Map<number, Set<number>>) => map.get(0)?.add(1 + (map.get(0)?.size ?? 0)).size ?? 0,
    ],
    ["a typed array", () => Uint8Array.of(1), (bytes: Uint8Array) => ++bytes[0]!], // eslint-disable-line @typescript-eslint/no-non-null-assertion
    ["a Date", () => new Date(1), (date: Date) => date.setTime(date.getTime() + 1)],
  ])("if after writes to a result: %s", (_, make, change) => {
    const body = (cells: Int32Array): unknown => {
      const result = make();
      Atomics.add(cells, 0, 1);
      return result;
    };
    const report = check({
      setup: () => words(1),
      threads: [body, body, body],
      after: (_, results) => {
        for (const result of results) expect(change(result as never)).toBe(2);
      },
    });
    expectPassed(report);
    expect(report.executions).toBe(6);
  });

  const lists = fc.tuple(fc.array(fc.nat(3), { minLength: 2, maxLength: 2 }));
  it("if an operation writes to its arguments", () => {
    const run = (cells: Int32Array, list: number[]): number => {
      Atomics.add(cells, 0, 1);
      list.push(1);
      Atomics.add(cells, 0, 1);
      return list.length;
    };
    expectPassed(checkOperations({ setup: () => words(1), model: () => ({ grow: () => 3 }), operations: { grow: { args: lists, run } } }));
  });
  it("if the model writes to its arguments", () => {
    const run = (cells: Int32Array, list: number[]): number | undefined => (Atomics.add(cells, 0, 1), list.at(-1));
    const model = () => ({ last: (list: number[]) => list.reverse()[0] });
    expectPassed(checkOperations({ setup: () => words(1), model, operations: { last: { args: lists, run } } }));
  });
  it("and what a call returned is what it was then, whatever a later call makes of it", () => {
    const setup = () => ({ cells: words(1) });
    const model = () => {
      let count = 0;
      return { all: () => Array.from({ length: count++ }, () => 0) };
    };
    const kept: number[][] = [];
    const run = ({ cells }: { cells: Int32Array }): number[] => {
      const at = Atomics.add(cells, 0, 1);
      if (at === 0) kept[0] = [];
      else kept[0]?.push(0);
      return kept[0] ?? [];
    };
    const call = { name: "all", args: [] };
    expectPassed(checkOperations({ setup, model, operations: { all: { run } } }, { program: [[call, call, call]] }));
  });
});

describe("a copy of one's own", () => {
  it("is like the original all the way down, cycles, holes and a match's index too", () => {
    const cycle: Record<string, unknown> = { nothing: null, text: "a", [Symbol.for("key")]: 1n };
    cycle["me"] = [cycle, , 3]; // eslint-disable-line no-sparse-arrays
    const copy = ownCopy(cycle);
    expect(copy).toStrictEqual(cycle);
    expect(copy).not.toBe(cycle);
    expect((copy["me"] as unknown[])[0]).toBe(copy);
    const match = /b(?<c>c)/.exec("abc");
    expect(ownCopy(match)).toMatchObject({ index: 1, groups: { c: "c" } });
  });
  it("has what is no plain data in common with it", () => {
    class Box {
      readonly list = [1];
    }
    const rest = [new Box(), words(1), () => 0, new Error("e"), Promise.resolve(1), new WeakMap(), /a/, Symbol("s")];
    ownCopy(rest).forEach((one, at) => {
      expect(one).toBe(rest[at]);
    });
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("nobody looks");
        },
      },
    );
    expect(ownCopy(trap) === trap).toBe(true);
    const getter = ownCopy({
      get value(): number {
        throw new Error("nobody asked");
      },
    });
    expect(() => getter.value).toThrow("nobody asked");
  });
});

it.each([8, 12_000, 1 << 20])("a view of %i bytes that a thread returned shows the memory of this execution", (bytes) => {
  const plusOne = (to: number, from: number) => (cells: Int32Array) => Atomics.store(cells, to, Atomics.load(cells, from) + 1);
  expectPassed(
    check({
      setup: () => new Int32Array(new SharedArrayBuffer(bytes)),
      threads: [(cells) => cells, plusOne(0, 1), plusOne(1, 0)],
      after: (cells, [view]) => {
        expect(Array.from((view as Int32Array).slice(0, 2))).toEqual(Array.from(cells.slice(0, 2)));
      },
    }),
  );
});

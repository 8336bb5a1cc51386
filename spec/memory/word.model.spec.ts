import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check, checkOperations, expectPassed } from "../../lib/check/index.ts";
import { f64, struct, u32 } from "../../lib/memory/layout.ts";
import { Word } from "../../lib/memory/word.ts";

const word = (): Word => Word.at(new SharedArrayBuffer(4), 0);
/** The model of a word: a number that wraps around. */
const model = () => {
  let value = 0;
  const set = (next: number): number => {
    const was = value;
    value = next | 0;
    return was;
  };
  return {
    load: () => value,
    store: (next: number) => void set(next),
    exchange: set,
    compareExchange: (expected: number, next: number) => (value === expected ? set(next) : value),
    add: (n: number) => set(value + n),
    sub: (n: number) => set(value - n),
    and: (mask: number) => set(value & mask),
    or: (mask: number) => set(value | mask),
    xor: (mask: number) => set(value ^ mask),
  };
};

describe("in every interleaving of random programs, a Word", () => {
  it("is one number that changes at once", () => {
    const one = fc.tuple(fc.integer({ min: -3, max: 3 }));
    const report = checkOperations(
      {
        setup: word,
        model,
        operations: {
          load: { run: (cell) => cell.load() },
          store: {
            args: one,
            run: (cell, n: number) => {
              cell.store(n);
            },
          },
          exchange: { args: one, run: (cell, n: number) => cell.exchange(n) },
          compareExchange: {
            args: fc.tuple(fc.nat(2), fc.nat(2)),
            run: (cell, expected: number, next: number) => cell.compareExchange(expected, next),
          },
          add: { args: one, run: (cell, n: number) => cell.add(n) },
          sub: { args: one, run: (cell, n: number) => cell.sub(n) },
          and: { args: one, run: (cell, n: number) => cell.and(n) },
          or: { args: one, run: (cell, n: number) => cell.or(n) },
          xor: { args: one, run: (cell, n: number) => cell.xor(n) },
        },
      },
      { threads: 3, length: 2, programs: 60, time: 20_000 },
    );
    expectPassed(report);
  });
});

describe("in every interleaving, a struct", () => {
  const Point = struct("model Point", { x: f64, y: f64, tag: u32 });

  it("has fields that are written once, however often its thread is run again", () => {
    const report = check({
      setup: () => ({ points: [Point.create({ x: 1 }), Point.create({ x: 2 })] as const, gate: word() }),
      threads: [0, 1].map(
        (me) =>
          ({
            points,
            gate,
          }: {
            points: readonly [{ x: number; tag: number }, { x: number; tag: number }];
            gate: { add(n: number): number };
          }) => {
            const point = points[me as 0 | 1];
            for (let round = 0; round < 2; round++) {
              point.x += 1;
              gate.add(1);
            }
            point.tag += 7;
            return point.x;
          },
      ),
      after: ({ points }, results) => {
        expect([...results]).toEqual([3, 4]);
        expect(points.map(({ x, tag }) => [x, tag])).toEqual([
          [3, 7],
          [4, 7],
        ]);
      },
    });
    expectPassed(report);
    expect(report.executions).toBe(6);
  });

  it("is found to be raced for when nothing orders two threads", () => {
    const { failure } = check({
      setup: () => Point.create(),
      threads: [(point) => (point.y = 1), (point) => point.y],
    });
    expect(failure?.kind).toBe("data race");
  });
});

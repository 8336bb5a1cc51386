import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { LAYOUT } from "../../lib/memory/place.ts";
import { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64, rawOf, wordOf } from "../../lib/sync/atomic.ts";
import type { AtomicInteger } from "../../lib/sync/atomic-integer.ts";

type Integer = number | bigint;
interface Flavour {
  readonly name: string;
  readonly make: (value?: Integer) => AtomicInteger<Integer>;
  readonly at: (buffer: SharedArrayBuffer, byteOffset: number) => AtomicInteger<Integer>;
  readonly bytes: 4 | 8;
  /** Brings any integer into the range. */
  readonly wrap: (n: bigint) => Integer;
}

/* eslint-disable @typescript-eslint/no-unsafe-function-type -- one suite for classes over number and over bigint */
const flavour = (of: Function, bytes: 4 | 8, wrap: (n: bigint) => Integer): Flavour => {
  const type = of as unknown as { new (value?: Integer): AtomicInteger<Integer>; at: Flavour["at"] };
  return { name: of.name, make: (value) => new type(value), at: (...place) => type.at(...place), bytes, wrap };
};
const flavours = [
  flavour(AtomicI32, 4, (n) => Number(BigInt.asIntN(32, n))),
  flavour(AtomicU32, 4, (n) => Number(BigInt.asUintN(32, n))),
  flavour(AtomicI64, 8, (n) => BigInt.asIntN(64, n)),
  flavour(AtomicU64, 8, (n) => BigInt.asUintN(64, n)),
];

describe.each(flavours)("an $name", ({ name, make, at, bytes, wrap }) => {
  const big = fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n });
  const operand = (n: bigint): Integer => (bytes === 8 ? n : Number(BigInt.asIntN(52, n)));
  const min = name.includes("U") ? wrap(0n) : wrap(2n ** BigInt(bytes * 8 - 1));
  const max = name.includes("U") ? wrap(-1n) : wrap(2n ** BigInt(bytes * 8 - 1) - 1n);

  it("does what the plain integer does, wrapping around, and returns the value before", () => {
    const operations = {
      fetchAdd: (old: bigint, n: bigint) => old + n,
      fetchSub: (old: bigint, n: bigint) => old - n,
      fetchAnd: (old: bigint, n: bigint) => old & n,
      fetchOr: (old: bigint, n: bigint) => old | n,
      fetchXor: (old: bigint, n: bigint) => old ^ n,
    };
    const names = fc.constantFrom(...(Object.keys(operations) as (keyof typeof operations)[]));
    fc.assert(
      fc.property(big, fc.array(fc.tuple(names, big)), (start, steps) => {
        const atomic = make(wrap(start));
        let model = wrap(start);
        for (const [operation, n] of steps) {
          const by = operand(n);
          expect(atomic[operation](by)).toBe(model);
          model = wrap(operations[operation](BigInt(model), BigInt(by)));
          expect(atomic.load()).toBe(model);
        }
      }),
    );
  });

  it("stores, swaps, compares and takes the greater and the less", () => {
    fc.assert(
      fc.property(big, big, big, (a, b, c) => {
        const [x, y, z] = [wrap(a), wrap(b), wrap(c)];
        const atomic = make();
        atomic.store(x);
        expect([atomic.swap(y), atomic.load()]).toEqual([x, y]);
        expect([atomic.compareExchange(x, z), atomic.load()]).toEqual([y, x === y ? z : y]);
        atomic.store(x);
        expect([atomic.fetchMax(y), atomic.load()]).toEqual([x, x > y ? x : y]);
        atomic.store(x);
        expect([atomic.fetchMin(y), atomic.load()]).toEqual([x, x < y ? x : y]);
        expect([atomic.fetchUpdate(() => z), atomic.load()]).toEqual([x < y ? x : y, z]);
        expect([atomic.fetchUpdate(() => undefined), atomic.load()]).toEqual([undefined, z]);
      }),
    );
  });

  it("updates what another thread made of it meanwhile", () => {
    const atomic = make(wrap(1n));
    const seen: Integer[] = [];
    const before = atomic.fetchUpdate((value) => {
      if (seen.length === 0) atomic.store(wrap(5n));
      seen.push(value);
      return wrap(BigInt(value) * 2n);
    });
    expect([seen, before, atomic.load()]).toEqual([[wrap(1n), wrap(5n)], wrap(5n), wrap(10n)]);
  });

  it("holds its whole range and refuses values beyond it", () => {
    const one = wrap(1n);
    for (const value of [min, max]) expect(make(value).load()).toBe(value);
    const beyond = bytes === 8 ? [(max as bigint) + 1n, (min as bigint) - 1n] : [Number(max) + 1, Number(min) - 1, 0.5, NaN, Infinity];
    const alien = [bytes === 8 ? 1 : 1n, "1", null, true, {}];
    const atomic = make(one);
    for (const [values, type] of [
      [beyond, RangeError],
      [alien, TypeError],
    ] as const) {
      for (const value of values as Integer[]) {
        expect(() => make(value)).toThrow(type);
        expect(() => atomic.store(value)).toThrow(type);
        expect(() => atomic.swap(value)).toThrow(type);
        expect(() => atomic.compareExchange(value, one)).toThrow(type);
        expect(() => atomic.compareExchange(one, value)).toThrow(type);
        expect(() => atomic.fetchMax(value)).toThrow(type);
        expect(() => atomic.fetchMin(value)).toThrow(type);
        expect(() => atomic.fetchUpdate(() => value)).toThrow(type);
      }
    }
    for (const value of alien as Integer[]) expect(() => atomic.fetchAdd(value)).toThrow(TypeError);
    if (bytes === 4) for (const value of [0.5, NaN, Infinity]) expect(() => atomic.fetchOr(value)).toThrow(RangeError);
    expect(atomic.load()).toBe(one);
  });

  it("lies at a place, which others may open", () => {
    const buffer = new SharedArrayBuffer(24);
    const atomic = at(buffer, 8);
    atomic.store(max);
    expect([at(buffer, 8).load(), at(buffer, 16).load(), atomic.buffer === buffer, atomic.byteOffset]).toEqual([max, wrap(0n), true, 8]);
    for (const offset of [2, -8, 24, 0.5]) expect(() => at(buffer, offset)).toThrow(RangeError);
    expect(() => at(new ArrayBuffer(24) as never, 0)).toThrow(TypeError);
    expect(make().buffer.byteLength).toBe(bytes);
    expect(inspect(atomic)).toBe(`${name}(${String(max)})`);
  });

  it("is the word that threads sleep on", () => {
    for (const value of [min, max]) expect(wordOf(make(value)).load()).toBe(rawOf(value));
  });
});

describe("an AtomicBool", () => {
  it("does what the plain boolean does, and returns the value before", () => {
    for (const old of [true, false]) {
      for (const value of [true, false]) {
        const after = (operation: (atomic: AtomicBool) => unknown): unknown[] => {
          const atomic = new AtomicBool(old);
          return [operation(atomic), atomic.load()];
        };
        expect(after((atomic) => atomic.store(value))).toEqual([undefined, value]);
        expect(after((atomic) => atomic.swap(value))).toEqual([old, value]);
        expect(after((atomic) => atomic.fetchAnd(value))).toEqual([old, old && value]);
        expect(after((atomic) => atomic.fetchOr(value))).toEqual([old, old || value]);
        expect(after((atomic) => atomic.fetchXor(value))).toEqual([old, old !== value]);
        expect(after((atomic) => atomic.fetchUpdate((seen) => (seen ? undefined : value)))).toEqual([
          old ? undefined : false,
          old || value,
        ]);
        expect(after((atomic) => atomic.compareExchange(value, !value))).toEqual([old, old === value ? !value : old]);
      }
    }
  });

  it("takes every word but 0 as true", () => {
    const words = new Int32Array(new SharedArrayBuffer(4)).fill(2);
    const atomic = AtomicBool.at(words.buffer, 0);
    expect([atomic.load(), atomic.compareExchange(true, false), atomic.load()]).toEqual([true, true, false]);
    words[0] = -1;
    expect([atomic.fetchXor(true), words[0]]).toEqual([true, 0]);
  });

  it("takes booleans only", () => {
    for (const value of [0, 1, "true", null] as never[]) {
      expect(() => new AtomicBool(value)).toThrow(TypeError);
      expect(() => new AtomicBool().store(value)).toThrow(TypeError);
      expect(() => new AtomicBool().compareExchange(false, value)).toThrow(TypeError);
    }
    expect(wordOf(new AtomicBool(true)).load()).toBe(1);
  });
});

it("the classes of atomics have layouts of their own", () => {
  const kinds = [AtomicI32, AtomicU32, AtomicI64, AtomicU64, AtomicBool].map((type) => type[LAYOUT].kind);
  expect(kinds).toEqual(["AtomicI32@1", "AtomicU32@1", "AtomicI64@1", "AtomicU64@1", "AtomicBool@1"]);
});

import { inspect } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { codeOf } from "../../lib/memory/field.ts";
import * as lib from "../../lib/memory/layout.ts";
import { array, bool, f32, f64, i64, initialise, slotOf, snapshot, struct, u8, utf8 } from "../../lib/memory/layout.ts";
import { AtomicU32 } from "../../lib/sync/atomic.ts";
import { scalarTypes } from "./schemas.ts";

const integers = [
  ["i8", -128, 127],
  ["u8", 0, 255],
  ["i16", -32_768, 32_767],
  ["u16", 0, 65_535],
  ["i32", -2_147_483_648, 2_147_483_647],
  ["u32", 0, 4_294_967_295],
] as const;
const bigints = [
  ["i64", -(2n ** 63n), 2n ** 63n - 1n],
  ["u64", 0n, 2n ** 64n - 1n],
] as const;

/** The error of setting a field of this type to a value; undefined if it was set. */
function errorOf(type: lib.FieldType, value: unknown): Error | undefined {
  const Box = struct("Box", { content: type });
  try {
    Object.assign(Box.create(), { content: value });
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

describe("an integer field", () => {
  it.each(integers)("%s takes %d to %d, and nothing beyond", (name, min, max) => {
    for (const value of [min, max, 0, 1, -0]) expect(errorOf(lib[name], value)).toBeUndefined();
    for (const value of [min - 1, max + 1, 0.5, Number.NaN, Infinity, -Infinity, 2 ** 53])
      expect(errorOf(lib[name], value)).toBeInstanceOf(RangeError);
    for (const value of [1n, "1", true, null, undefined, {}, [1], Symbol("x")]) expect(errorOf(lib[name], value)).toBeInstanceOf(TypeError);
  });

  it.each(bigints)("%s takes %d to %d as bigints", (name, min, max) => {
    for (const value of [min, max, 0n]) expect(errorOf(lib[name], value)).toBeUndefined();
    for (const value of [min - 1n, max + 1n]) expect(errorOf(lib[name], value)).toBeInstanceOf(RangeError);
    for (const value of [1, "1", true, null, undefined, {}]) expect(errorOf(lib[name], value)).toBeInstanceOf(TypeError);
  });

  it("says which field, what it takes and what it was given", () => {
    expect(errorOf(u8, 300)?.message).toBe("Box.content takes a whole number from 0 to 255; it was given 300.");
    expect(errorOf(i64, 3)?.message).toMatch(/^Box\.content takes a bigint from -9223372036854775808 to .*; it was given number 3\.$/);
    const Outer = struct("Outer", { boxes: array(struct("Box", { content: u8 }), 2) });
    expect(() => Outer.create({ boxes: [{ content: 1 }, { content: -1 }] })).toThrow("Outer.boxes[1].content takes");
  });

  it("is tested by the same rule in generated accessors and elsewhere", () => {
    const values = [...integers, ...bigints].flatMap(([, min, max]) => [min, max, Number(min) - 1, Number(max) + 1, BigInt(max) + 1n]);
    for (const type of Object.values(scalarTypes)) {
      const scalar = codeOf(type)?.scalar;
      const text = new Function("v", `return ${scalar?.testText ?? ""}`) as (v: unknown) => boolean;
      for (const value of [...values, 0.5, -0, Number.NaN, Infinity, true, "", null]) expect(text(value)).toBe(scalar?.test(value));
    }
  });
});

describe("a float field", () => {
  it("takes every number; an f32 rounds", () => {
    const Pair = struct("Pair", { single: f32, double: f64 });
    const pair = Pair.create();
    for (const value of [0.1, -0, Number.NaN, Infinity, -Infinity, Number.MAX_VALUE, Number.MIN_VALUE]) {
      pair.single = pair.double = value;
      expect([pair.single, pair.double]).toEqual([Math.fround(value), value]);
    }
    for (const value of ["1", 1n, true, null, undefined]) expect(errorOf(f64, value)).toBeInstanceOf(TypeError);
  });
});

describe("a bool field", () => {
  it("takes true and false only, and reads any byte", () => {
    const Flag = struct("Flag", { up: bool });
    for (const value of [1, 0, "true", null, undefined]) expect(errorOf(bool, value)).toBeInstanceOf(TypeError);
    const bytes = new Uint8Array(new SharedArrayBuffer(1)).fill(7);
    const flag = Flag.at(bytes.buffer, 0);
    expect(flag.up).toBe(true);
    flag.up = true;
    expect(bytes[0]).toBe(1);
  });
});

describe("a utf8 field", () => {
  const Name = struct("Name", { before: u8, text: utf8(4), after: u8 });

  it.each(["", "a", "four", "é", "né!", "😀", "\0a", "\ufeff"])("keeps %j", (text) => {
    const name = Name.create({ text: "xxxx" });
    name.text = text;
    expect(snapshot(name)).toEqual({ before: 0, text, after: 0 });
  });
  it.each(["fiver", "ééé", "😀!", "\ud83d", "a\0", "x".repeat(1e6)])("refuses %.9j and keeps what it had", (text) => {
    const name = Name.create({ text: "kept" });
    expect(() => (name.text = text)).toThrow(RangeError);
    expect(name.text).toBe("kept");
  });
  it("refuses what is no string", () => {
    for (const value of [1, null, undefined, {}, ["a"]]) expect(errorOf(utf8(4), value)).toBeInstanceOf(TypeError);
  });
  it("reads bytes that are no UTF-8 as U+FFFD", () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(6)).fill(0xff);
    expect(Name.at(bytes.buffer, 0).text).toBe("\ufffd".repeat(4));
  });
});

describe("an array field", () => {
  const Point = struct("Point", { x: f64, y: f64 });
  const Path = struct("Path", { bytes: array(u8, 4), seen: array(bool, 3), points: array(Point, 2), names: array(utf8(3), 2) });

  it("of numbers is a typed array over the shared bytes", () => {
    const path = Path.create({ bytes: [1, 2] });
    expect(Object.prototype.toString.call(path.bytes)).toBe("[object Uint8Array]");
    expect([...path.bytes]).toEqual([1, 2, 0, 0]);
    path.bytes[3] = 9;
    expect([path.bytes, snapshot(path)["bytes"]]).toEqual([path.bytes, [1, 2, 0, 9]]);
    expect(path.bytes).toBe(path.bytes);
  });
  it("of other types has at, set and iteration", () => {
    const path = Path.create({ seen: [true], names: ["a"] });
    path.seen.set(2, true);
    path.points.at(1).x = 3;
    path.points.set(0, { x: 1, y: 2 });
    expect([[...path.seen], [...path.names], path.points.length]).toEqual([[true, false, true], ["a", ""], 2]);
    expect([...path.points].map(snapshot)).toEqual([
      { x: 1, y: 2 },
      { x: 3, y: 0 },
    ]);
    expect(() => path.seen.set(3, true)).toThrow(RangeError);
    expect(() => path.seen.set(0, 1 as never)).toThrow(TypeError);
    expect(() => path.names.set(0, "long")).toThrow(RangeError);
  });
  it("copies what is assigned, and needs all of it", () => {
    const [from, to] = [Path.create({ bytes: [1, 2, 3, 4], seen: [true, false, true] }), Path.create()];
    Object.assign(to, { bytes: from.bytes, seen: from.seen, points: [{ x: 1, y: 2 }, from.points.at(1)] });
    from.bytes[0] = 9;
    expect(snapshot(to)).toMatchObject({
      bytes: [1, 2, 3, 4],
      seen: [true, false, true],
      points: [
        { x: 1, y: 2 },
        { x: 0, y: 0 },
      ],
    });
    for (const value of [[1], [1, 2, 3, 4, 5], [1, 2, 3, 256]]) expect(() => Object.assign(to, { bytes: value })).toThrow(RangeError);
    for (const value of [[1, 2, 3, "4"], "1234", 7, null, {}]) expect(() => Object.assign(to, { bytes: value })).toThrow(TypeError);
    expect([...to.bytes]).toEqual([1, 2, 3, 4]);
  });
});

describe("a nested struct", () => {
  const Point = struct("Point", { x: f64, y: f64 });
  const Line = struct("Line", { from: Point, to: Point });

  it("is one object over the bytes, and copies what is assigned", () => {
    const line = Line.create({ from: { x: 1 } });
    const { to } = line;
    const point = Point.create({ x: 5, y: 6 });
    line.to = point;
    point.x = 7;
    expect(line.to).toBe(to);
    expect([to.x, to.y, line.from.x]).toEqual([5, 6, 1]);
    line.from = { x: 2, y: 3 };
    expect(snapshot(line)).toEqual({ from: { x: 2, y: 3 }, to: { x: 5, y: 6 } });
  });
  it("is replaced whole or not at all", () => {
    const line = Line.create({ from: { x: 1, y: 2 } });
    for (const value of [{ x: 3 }, { x: 3, y: "4" }, { x: 3, y: 4, z: 5 }, 7, null, undefined, line, [3, 4]]) {
      expect(() => Object.assign(line, { from: value })).toThrow(TypeError);
    }
    expect(snapshot(line.from)).toEqual({ x: 1, y: 2 });
    expect(() => Line.create({ form: {} } as never)).toThrow('Line has no field "form": Line has from, to.');
  });
  it("prints as an object and as JSON", () => {
    const line = Line.create({ from: { x: 1 } });
    expect(inspect(line)).toBe("Line { from: Point { x: 1, y: 0 }, to: Point { x: 0, y: 0 } }");
    expect(inspect({ deep: { line } }, { depth: 1 })).toBe("{ deep: { line: [Line] } }");
    expect(JSON.stringify(line)).toBe('{"from":{"x":1,"y":0},"to":{"x":0,"y":0}}');
    expect(Object.keys(line)).toEqual([]);
  });
});

describe("a slot", () => {
  const Point = struct("Point", { x: f64, y: f64 });

  it("holds a scalar by value and a struct as one object", () => {
    const buffer = new SharedArrayBuffer(32);
    const [number, point] = [slotOf(f64, buffer, 0), slotOf(Point, buffer, 16)];
    number.value += 2;
    const { value } = point;
    point.value = { x: 3, y: 4 };
    expect([number.value, value.x, point.value === value]).toEqual([2, 3, true]);
    expect([...new Float64Array(buffer)]).toEqual([2, 0, 3, 4]);
    expect(() => (number.value = "2" as never)).toThrow("value takes a number; it was given string 2.");
  });
  it("is initialised with part of a value, or not at all", () => {
    const buffer = new SharedArrayBuffer(16);
    initialise(Point, buffer, 0, { y: 4 });
    expect(slotOf(Point, buffer, 0).value).toMatchObject({ x: 0, y: 4 });
    expect(() => initialise(Point, buffer, 0, { x: 1, y: "4" } as never)).toThrow(TypeError);
    expect([...new Float64Array(buffer)]).toEqual([0, 4]);
    expect(() => initialise(AtomicU32, buffer, 0, 1 as never)).toThrow(TypeError);
    expect(() => slotOf(f64, buffer, 4)).toThrow(RangeError);
    expect(() => slotOf({} as never, buffer, 0)).toThrow(TypeError);
  });
});

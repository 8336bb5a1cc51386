import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { closures, generated, type Builder } from "../../lib/memory/accessors.ts";
import { HandleError } from "../../lib/errors.ts";
import {
  array,
  bool,
  describeType,
  f64,
  layoutPicture,
  placeOf,
  snapshot,
  struct,
  typeFrom,
  typeOf,
  u16,
  u32,
  u8,
  utf8,
} from "../../lib/memory/layout.ts";
import type { Fields } from "../../lib/memory/layout.ts";
import { LAYOUT } from "../../lib/memory/place.ts";
import { layoutOf, StructType } from "../../lib/memory/struct.ts";
import { AtomicU32 } from "../../lib/sync/atomic.ts";
import { structAndValue } from "./schemas.ts";

const builders: readonly (readonly [name: string, builder: Builder])[] = [
  ["generated accessors", generated],
  ["closures", closures],
];
const wasmMemory = (): SharedArrayBuffer =>
  new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer as unknown as SharedArrayBuffer;

describe.each(builders)("a struct made of %s", (_, builder) => {
  const make = (name: string, fields: Fields): StructType<Fields> => new StructType(name, layoutOf(name, fields), builder);
  const places: readonly (readonly [string, (type: StructType<Fields>) => [SharedArrayBuffer, number]])[] = [
    ["a fresh buffer", (type) => [new SharedArrayBuffer(type.byteLength), 0]],
    ["the middle of a larger buffer", (type) => [new SharedArrayBuffer(type.byteLength + 5 * type.align + 3), 3 * type.align]],
    ["a wasm memory", (type) => [wasmMemory(), 7 * type.align]],
  ];

  it.each(places)("gives back what was written, in %s", (_name, place) => {
    fc.assert(
      fc.property(structAndValue, ({ fields, value }) => {
        const type = make("Any", fields);
        fc.pre(type.byteLength < 60_000);
        const [buffer, byteOffset] = place(type);
        const instance = type.at(buffer, byteOffset) as Record<string, unknown>;
        for (const [field, given] of Object.entries(value)) instance[field] = given;
        // Through the view that wrote it, through another, and as one initial value.
        expect(snapshot(instance)).toEqual(value);
        expect(snapshot(type.at(buffer, byteOffset))).toEqual(value);
        expect(snapshot(type.create(value as never))).toEqual(value);
        const outside = new Uint8Array(buffer).filter((_byte, i) => i < byteOffset || i >= byteOffset + type.byteLength);
        expect(outside.every((byte) => byte === 0)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("reads each property that it is given once: what was looked at is what is written", () => {
    /** Every property is what it says once, and wrong ever after. */
    const fickle = (values: object): Record<string, unknown> => {
      const given = {};
      for (const [key, value] of Object.entries(values)) {
        let reads = 0;
        Object.defineProperty(given, key, { enumerable: true, get: () => (reads++ === 0 ? (value as unknown) : -1) });
      }
      return given;
    };
    const Inner = make("Inner", { n: u8 });
    const type = make("Outer", { id: u32, inner: Inner, list: array(u8, 2), flags: array(bool, 2), name: utf8(4) });
    const values = { id: 5, inner: { n: 1 }, list: [3, 4], flags: [true, false], name: "ab" };
    const given = () =>
      fickle({
        ...values,
        inner: fickle(values.inner),
        list: fickle({ ...values.list, length: 2 }),
        flags: fickle({ ...values.flags, length: 2 }),
      });
    expect(snapshot(type.create(given() as never))).toEqual(values);
    const elements = type.array(1);
    elements.set(0, given() as never);
    expect(snapshot(elements.at(0))).toEqual(values);
    const outer = make("Holder", { field: type }).create() as Record<string, unknown>;
    outer["field"] = given();
    expect(snapshot(outer["field"] as object)).toEqual(values);
  });

  it("copies an instance whole, whatever its bytes", () => {
    fc.assert(
      fc.property(structAndValue, fc.infiniteStream(fc.nat(255)), ({ fields }, bytes) => {
        const type = make("Inner", fields);
        const outer = make("Outer", { before: u8, inner: type, after: u8 }).create() as Record<string, unknown>;
        const from = type.create();
        const raw = new Uint8Array(placeOf(from).buffer);
        for (let i = 0; i < raw.length; i++) raw[i] = bytes.next().value;
        outer["inner"] = from;
        expect(snapshot(outer["inner"] as object)).toEqual(snapshot(from));
        expect([outer["before"], outer["after"]]).toEqual([0, 0]);
      }),
      { numRuns: 40 },
    );
  });

  it("keeps the elements of an array apart", () => {
    const type = make("Cell", { tag: u8, value: f64, seen: bool });
    const cells = type.array(100);
    for (let i = 0; i < 100; i++) Object.assign(cells.at(i), { tag: i, value: i / 3, seen: i % 2 === 0 });
    expect([...cells].map(snapshot)).toEqual(Array.from({ length: 100 }, (__, i) => ({ tag: i, value: i / 3, seen: i % 2 === 0 })));
    for (const index of [-1, 100, 0.5, Number.NaN, "0" as never]) expect(() => cells.at(index)).toThrow(RangeError);
  });
});

describe("the layout of a struct", () => {
  it("aligns every field, overlaps none and keeps the order", () => {
    fc.assert(
      fc.property(structAndValue, ({ fields }) => {
        const { members, byteLength, align } = layoutOf("Any", fields);
        let end = 0;
        for (const { offset, code } of members) {
          expect(offset % code.align).toBe(0);
          expect(offset).toBeGreaterThanOrEqual(end);
          expect(offset - end).toBeLessThan(code.align);
          end = offset + code.byteLength;
        }
        expect(members.map(({ name }) => name)).toEqual(Object.keys(fields));
        expect([byteLength % align, byteLength >= end]).toEqual([0, true]);
      }),
    );
  });

  it("is that of C", () => {
    const Point = struct("Point", { x: f64, y: f64 });
    const Mixed = struct("Mixed", { a: u8, b: u32, c: utf8(3), d: Point, e: array(u16, 3), f: bool });
    expect([Mixed.byteLength, Mixed.align]).toEqual([40, 8]);
    expect(layoutPicture(Mixed)).toBe(
      [
        "Mixed: 40 bytes, aligned to 8",
        " offset   size  field",
        "      0      1  a: u8",
        "      1      3  (padding)",
        "      4      4  b: u32",
        "      8      3  c: utf8(3)",
        "     11      5  (padding)",
        "     16     16  d: Point",
        "     32      6  e: array(u16, 3)",
        "     38      1  f: bool",
        "     39      1  (padding)",
      ].join("\n"),
    );
  });
});

describe("struct()", () => {
  const Point = struct("Point", { x: f64, y: f64 });

  it("gives the same struct for the same name and fields, and another for others", () => {
    expect(struct("Point", { x: f64, y: f64 })).toBe(Point);
    expect(struct("Point", { y: f64, x: f64 })).not.toBe(Point);
    expect(struct("Spot", { x: f64, y: f64 })).not.toBe(Point);
    expect(Point.create()).toBeInstanceOf(Point);
    expect(Point.create()).not.toBeInstanceOf(struct("Spot", { x: f64, y: f64 }));
    expect(typeOf(Point.create())).toBe(Point);
    expect({}).not.toBeInstanceOf(Point);
    expect(() => new (Point as never as new () => unknown)()).toThrow("a Point is made by Point.create()");
  });

  it.each(["constructor", "__proto__", "toJSON", "", "7"])("refuses a field called %j", (name) => {
    expect(() => struct("Bad", { ok: f64, [name]: f64 })).toThrow(TypeError);
    expect(() => struct("Bad", Object.fromEntries([[name, f64]]))).toThrow(/Bad/);
  });

  it("refuses what is no name, no fields or no type", () => {
    for (const make of [
      () => struct("", { x: f64 }),
      () => struct(7 as never, { x: f64 }),
      () => struct("Bad", {}),
      () => struct("Bad", null as never),
      () => struct("Bad", { x: Number as never }),
      () => struct("Bad", { x: utf8 as never }),
      () => struct("Bad", { [Symbol("x")]: f64 } as never),
    ]) {
      expect(make).toThrow(TypeError);
    }
    for (const n of [0, -1, 1.5, Number.NaN, "3" as never]) {
      expect(() => utf8(n)).toThrow(RangeError);
      expect(() => array(f64, n)).toThrow(RangeError);
    }
    expect(() => array(f64, 2 ** 30)).toThrow(/4294967296/);
  });

  it("takes any other string as a field's name, code included", () => {
    const names = ['"', "\\", "`${x}`", "a b", "'; throw 1; //", "toString", "then", "at", "create", "buffer", "\u2028", "hasOwnProperty"];
    const fields = Object.fromEntries(names.map((name) => [name, u32]));
    const value = Object.fromEntries(names.map((name, i) => [name, i]));
    expect(snapshot(struct("Odd", fields).create(value))).toEqual(value);
  });

  it("uses closures where code generation is forbidden", () => {
    const global = globalThis as { Function: FunctionConstructor };
    const allowed = global.Function;
    global.Function = function () {
      throw new EvalError("Code generation from strings disallowed for this context");
    } as never;
    try {
      const Forbidden = struct("Forbidden", { x: u8 });
      const instance = Forbidden.create({ x: 3 });
      instance.x += 1;
      expect(instance.x).toBe(4);
      expect(() => (instance.x = 256)).toThrow(RangeError);
      expect(Forbidden.array(3).at(2).x).toBe(0);
    } finally {
      global.Function = allowed;
    }
  });

  it("opens only what is shared, aligned and inside", () => {
    const shared = new SharedArrayBuffer(64);
    expect(() => Point.at(new ArrayBuffer(64) as never, 0)).toThrow(TypeError);
    for (const offset of [4, -8, 56, 64, 0.5, Number.NaN, 2 ** 40]) expect(() => Point.at(shared, offset)).toThrow(RangeError);
    expect(() => Point.arrayAt(shared, 0, 5)).toThrow(RangeError);
    expect(() => Point.array(2 ** 40)).toThrow(RangeError);
    expect(() => Point.array(-1)).toThrow(RangeError);
    expect(Point.array(0)).toHaveLength(0);
    const [second] = [...Point.arrayAt(shared, 16, 3)].slice(1);
    expect(placeOf(second ?? {})).toEqual({ buffer: shared, byteOffset: 32 });
  });

  it("sees a buffer that grew", () => {
    const growable = new SharedArrayBuffer(16, { maxByteLength: 64 });
    expect(Point.at(growable, 0).x).toBe(0);
    growable.grow(64);
    const last = Point.at(growable, 48);
    last.y = 5;
    expect([last.y, new Float64Array(growable)[7]]).toEqual([5, 5]);
  });
});

describe("a lock or an atomic as a field", () => {
  const Page = struct("Page", { size: f64, hits: AtomicU32 });
  const Book = struct("Book", { first: Page, pages: array(Page, 2), marks: array(AtomicU32, 3) });

  it("is opened in place, once for each instance", () => {
    const page = Page.create({ size: 3 });
    expect(page.hits).toBe(page.hits);
    page.hits.fetchAdd(2);
    expect(new Uint32Array(placeOf(page).buffer)[2]).toBe(2);
    const pages = Page.array(2);
    expect(pages.at(1).hits).toBe(pages.at(1).hits);
  });

  it("is neither assigned nor initialised nor copied", () => {
    const page = Page.create();
    page.hits.store(7);
    expect(() => Object.assign(page, { hits: 1 })).toThrow(/Page\.hits \(AtomicU32\) cannot be assigned/);
    expect(() => Page.create({ hits: 1 } as never)).toThrow(TypeError);
    expect(() => Book.create({ marks: [1] } as never)).toThrow(TypeError);
    const book = Book.create();
    book.first = Object.assign(page, { size: 9 });
    book.pages.set(1, page);
    expect([book.first.size, book.first.hits.load()]).toEqual([9, 0]);
    expect([book.pages.at(1).size, book.pages.at(1).hits.load()]).toEqual([9, 0]);
    expect(book.marks.at(2).fetchAdd(1)).toBe(0);
    expect(snapshot(book)).toEqual({ first: { size: 9 }, pages: [{ size: 0 }, { size: 9 }] });
  });
});

describe("describeType and typeFrom", () => {
  it("give the same type back, through a structured clone", () => {
    fc.assert(
      fc.property(structAndValue, ({ fields }) => {
        const type = struct("Any", { ...fields, counter: AtomicU32 });
        expect(typeFrom(structuredClone(describeType(type)))).toBe(type);
      }),
      { numRuns: 40 },
    );
    expect(LAYOUT in typeFrom(describeType(AtomicU32))).toBe(true);
  });

  const deep = (levels: number): unknown => (levels === 0 ? "u8" : ["array", deep(levels - 1), 1]);
  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["an unknown scalar", "f16"],
    ["a key of Object.prototype", "constructor"],
    ["a number", 7],
    ["an unknown kind", ["list", "f64"]],
    ["an empty array", []],
    ["a text of no length", ["utf8"]],
    ["a text of too much", ["utf8", 1e300]],
    ["an array of nothing", ["array", "f64", 0]],
    ["an array beyond memory", ["array", ["array", "f64", 1e8], 1e8]],
    ["a struct without a name", ["struct", 3, [["x", "f64"]]]],
    ["a struct without fields", ["struct", "S", []]],
    ["a struct whose fields are no list", ["struct", "S", { x: "f64" }]],
    [
      "a struct with a field twice",
      [
        "struct",
        "S",
        [
          ["x", "f64"],
          ["x", "u8"],
        ],
      ],
    ],
    ["a struct with a forbidden field", ["struct", "S", [["__proto__", "f64"]]]],
    ["a lock that nobody knows", ["shared", "Mutex@99"]],
    ["a type too deep", deep(5000)],
  ])("refuse %s", (_name, description) => {
    expect(() => typeFrom(description)).toThrow(HandleError);
  });

  it("refuse anything else with a HandleError too", () => {
    fc.assert(
      fc.property(fc.anything(), (description) => {
        try {
          typeFrom(description);
        } catch (error) {
          expect(error).toBeInstanceOf(HandleError);
        }
      }),
    );
  });
});

/** Generated structs and values for them. */
import fc from "fast-check";
import * as lib from "../../lib/memory/layout.ts";

/** A type, values of it as plain data, and what reading them gives as plain data. */
export interface Typed {
  readonly type: lib.FieldType;
  readonly value: fc.Arbitrary<unknown>;
}

const typed = (type: lib.FieldType, value: fc.Arbitrary<unknown>): Typed => ({ type, value });
const within = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

const scalars: readonly Typed[] = [
  typed(lib.i8, within(-128, 127)),
  typed(lib.u8, within(0, 255)),
  typed(lib.i16, within(-0x8000, 0x7fff)),
  typed(lib.u16, within(0, 0xffff)),
  typed(lib.i32, within(-0x8000_0000, 0x7fff_ffff)),
  typed(lib.u32, within(0, 0xffff_ffff)),
  typed(lib.i64, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  typed(lib.u64, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
  typed(lib.f32, fc.float()),
  typed(lib.f64, fc.double()),
  typed(lib.bool, fc.boolean()),
];

/** Texts of at most so many bytes that do not end in U+0000. */
const text = (bytes: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: "binary", maxLength: bytes })
    .filter((value) => value.isWellFormed() && !value.endsWith("\0") && new TextEncoder().encode(value).length <= bytes);

let structs = 0;
const { field } = fc.letrec<{ field: Typed; leaf: Typed; array: Typed; struct: Typed }>((tie) => ({
  field: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("array"), tie("struct")),
  leaf: fc.oneof(
    fc.constantFrom(...scalars),
    within(1, 40).map((bytes) => typed(lib.utf8(bytes), text(bytes))),
  ),
  array: fc
    .tuple(tie("field"), within(1, 5))
    .map(([element, n]) => typed(lib.array(element.type, n), fc.array(element.value, { minLength: n, maxLength: n }))),
  struct: fc.dictionary(name(), tie("field"), { minKeys: 1, maxKeys: 6, noNullPrototype: true }).map(structOf),
}));

function name(): fc.Arbitrary<string> {
  const reserved = ["constructor", "__proto__", "toJSON"];
  return fc.string({ unit: "grapheme", minLength: 1, maxLength: 6 }).filter((key) => !reserved.includes(key) && !/^\d+$/.test(key));
}

function structOf(fields: Record<string, Typed>): Typed {
  const types = Object.fromEntries(Object.entries(fields).map(([key, { type }]) => [key, type]));
  const values = Object.fromEntries(Object.entries(fields).map(([key, { value }]) => [key, value]));
  return typed(lib.struct(`Generated${String(structs++)}`, types), fc.record(values, { noNullPrototype: true }));
}

/** A struct of any fields, and a value of it. */
export const structAndValue: fc.Arbitrary<{ readonly fields: Record<string, lib.FieldType>; readonly value: Record<string, unknown> }> = fc
  .dictionary(name(), field, { minKeys: 1, maxKeys: 8, noNullPrototype: true })
  .chain((fields) =>
    fc.record({
      fields: fc.constant(Object.fromEntries(Object.entries(fields).map(([key, { type }]) => [key, type]))),
      value: fc.record(Object.fromEntries(Object.entries(fields).map(([key, { value }]) => [key, value])), { noNullPrototype: true }),
    }),
  ) as never;

/** Any scalar type. */
export const scalarTypes = Object.fromEntries(scalars.map(({ type }) => [String(lib.describeType(type)), type]));

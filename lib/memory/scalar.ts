/**
 * The field types that are one element of a typed array: numbers, bigints and bool.
 *
 * Each test stands here twice: as a function, and as the text that generated accessors are made of. (Printing the function
 * would not do: bundlers and coverage tools rewrite it.) A spec compares the two.
 */
import { kindOf } from "./place.ts";
import { elementSize, type ViewKind } from "./views.ts";
import { copyBytes, FIELD, type Field, type FieldCode, type Scalar } from "./field.ts";

/** A number type, of which an array is a typed array. */
export interface NumberField<T extends number | bigint, K extends ViewKind> extends Field<T> {
  readonly [FIELD]: FieldCode<T> & { readonly scalar: Scalar & { readonly view: K } };
}

type Test = Pick<Scalar, "test" | "testText">;
type JsType = "number" | "bigint" | "boolean";

function scalar<T>(label: string, view: ViewKind, type: JsType, range: string, { test, testText }: Test): Field<T> {
  const size = elementSize(view);
  const shift = Math.log2(size);
  const boolean = type === "boolean";
  const refuse = (value: unknown, where: string): never => {
    if (typeof value !== type) throw new TypeError(`${where} takes ${range}; it was given ${kindOf(value)}.`);
    throw new RangeError(`${where} takes ${range}; it was given ${String(value)}.`);
  };
  const code: FieldCode<T> = {
    label,
    byteLength: size,
    align: size,
    description: label,
    kept: false,
    writable: true,
    plain: true,
    scalar: { view, shift, test, testText, boolean, refuse },
    read(home, at) {
      // PLAIN: a field belongs to whoever holds the user's lock on it, as all of a struct does.
      const element = home.view(view)[at / size];
      return (boolean ? element !== 0 : element) as T;
    },
    check(value, where) {
      if (!test(value)) refuse(value, where);
      return value;
    },
    write(home, at, value) {
      // PLAIN: as in read.
      home.view(view)[at / size] = (boolean ? Number(value) : value) as never;
    },
    copy: (home, at, from, fromAt) => copyBytes(home, at, from, fromAt, size),
  };
  return { [FIELD]: code };
}

const wholeFrom = (low: number, high: number) => `a whole number from ${String(low)} to ${String(high)}`;
const bigintFrom = (low: bigint, high: bigint) => `a bigint from ${String(low)} to ${String(high)}`;
const number = <K extends ViewKind>(label: string, view: K, range: string, test: Test) =>
  scalar<number>(label, view, "number", range, test) as NumberField<number, K>;
const bigint = <K extends ViewKind>(label: string, view: K, range: string, test: Test) =>
  scalar<bigint>(label, view, "bigint", range, test) as NumberField<bigint, K>;

/** A whole number from -128 to 127. */
export const i8 = number("i8", "Int8", wholeFrom(-0x80, 0x7f), {
  test: (v) => typeof v === "number" && (v << 24) >> 24 === v,
  testText: `typeof v === "number" && (v << 24) >> 24 === v`,
});
/** A whole number from 0 to 255. */
export const u8 = number("u8", "Uint8", wholeFrom(0, 0xff), {
  test: (v) => typeof v === "number" && (v & 0xff) === v,
  testText: `typeof v === "number" && (v & 0xff) === v`,
});
/** A whole number from -32,768 to 32,767. */
export const i16 = number("i16", "Int16", wholeFrom(-0x8000, 0x7fff), {
  test: (v) => typeof v === "number" && (v << 16) >> 16 === v,
  testText: `typeof v === "number" && (v << 16) >> 16 === v`,
});
/** A whole number from 0 to 65,535. */
export const u16 = number("u16", "Uint16", wholeFrom(0, 0xffff), {
  test: (v) => typeof v === "number" && (v & 0xffff) === v,
  testText: `typeof v === "number" && (v & 0xffff) === v`,
});
/** A whole number from -2,147,483,648 to 2,147,483,647. */
export const i32 = number("i32", "Int32", wholeFrom(-0x8000_0000, 0x7fff_ffff), {
  test: (v) => typeof v === "number" && (v | 0) === v,
  testText: `typeof v === "number" && (v | 0) === v`,
});
/** A whole number from 0 to 4,294,967,295. */
export const u32 = number("u32", "Uint32", wholeFrom(0, 0xffff_ffff), {
  test: (v) => typeof v === "number" && v >>> 0 === v,
  testText: `typeof v === "number" && v >>> 0 === v`,
});
/** A bigint from -2^63 to 2^63 - 1. */
export const i64 = bigint("i64", "BigInt64", bigintFrom(-(2n ** 63n), 2n ** 63n - 1n), {
  test: (v) => typeof v === "bigint" && BigInt.asIntN(64, v) === v,
  testText: `typeof v === "bigint" && BigInt.asIntN(64, v) === v`,
});
/** A bigint from 0 to 2^64 - 1. */
export const u64 = bigint("u64", "BigUint64", bigintFrom(0n, 2n ** 64n - 1n), {
  test: (v) => typeof v === "bigint" && BigInt.asUintN(64, v) === v,
  testText: `typeof v === "bigint" && BigInt.asUintN(64, v) === v`,
});
const anyNumber: Test = { test: (v) => typeof v === "number", testText: `typeof v === "number"` };
/** A number with 24 significant bits; others are rounded to the nearest one, as `Math.fround` does. NaN and infinities are allowed. */
export const f32 = number("f32", "Float32", "a number", anyNumber);
/** Any number. */
export const f64 = number("f64", "Float64", "a number", anyNumber);
/** True or false, in one byte. Any byte but 0 reads as true. */
export const bool: Field<boolean> = scalar<boolean>("bool", "Uint8", "boolean", "true or false", {
  test: (v) => typeof v === "boolean",
  testText: `typeof v === "boolean"`,
});

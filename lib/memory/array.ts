/** Arrays of fixed length as fields of structs. */
import { copyBytes, FIELD, requireCode, type Field, type FieldCode, type FieldType, type Infer, type Scalar } from "./field.ts";
import { FixedArray } from "./fixed-array.ts";
import { kindOf } from "./place.ts";
import { checkSize } from "./size.ts";
import { makeView, type ViewKind, type Views } from "./views.ts";
import type { NumberField } from "./scalar.ts";

/**
 * Lays `n` elements of one type side by side.
 *
 * Numbers and bigints read as a typed array over the shared bytes: its elements convert what you write as every typed array
 * does (300 into a `u8` is 44). Other types read as a {@link FixedArray}. Assigning copies, and needs all `n` elements, each in
 * range; `create()` takes fewer, and the rest starts as zero.
 *
 * @param n  a whole number from 1
 * @throws {RangeError} `n` is no such number, or the array would not fit into 4 GiB
 * @throws {TypeError} `type` is no type of a field
 * @example const Path = struct("Path", { name: utf8(16), xs: array(f64, 64), seen: array(bool, 64) });
 */
export function array<T extends number | bigint, K extends ViewKind>(type: NumberField<T, K>, n: number): Field<Views[K]>;
export function array<F extends FieldType>(type: F, n: number): Field<FixedArray<Infer<F>>>;
export function array(type: FieldType, n: number): Field {
  const element = requireCode(type, "array(type, n)");
  checkSize(`array(${element.label}, n)`, n, 1, element.byteLength);
  const { scalar } = element;
  return { [FIELD]: scalar !== undefined && !scalar.boolean ? numbers(element, scalar, n) : elements(element, n) };
}

function numbers(element: FieldCode, { view }: Scalar, n: number): FieldCode {
  return { ...elements(element, n), read: (home, at) => makeView(view, home.buffer, at, n) };
}

function elements(element: FieldCode, n: number): FieldCode {
  const label = `array(${element.label}, ${String(n)})`;
  const size = element.byteLength;
  return {
    label,
    byteLength: size * n,
    align: element.align,
    description: ["array", element.description, n],
    kept: true,
    writable: element.writable,
    plain: element.plain,
    read: (home, at) => element.elements?.(home, at, n) ?? new FixedArray(element, home, at, n),
    check(value, where, whole) {
      if (!element.writable) element.check(undefined, where, whole);
      const length = lengthOf(value);
      if (length === undefined) throw new TypeError(`${where} takes an array of ${String(n)} elements; it was given ${kindOf(value)}.`);
      if (length > n || (whole && length < n)) {
        throw new RangeError(`${where} takes ${whole ? "" : "at most "}${String(n)} elements; it was given ${String(length)}.`);
      }
      const given = value as ArrayLike<unknown>;
      const read = (i: number): unknown => element.check(elementOf(given, i), `${where}[${String(i)}]`, whole);
      if (!ArrayBuffer.isView(given) && !(given instanceof FixedArray)) return Array.from({ length }, (_, i) => read(i));
      // No getters in these, and no need for a copy.
      for (let i = 0; i < length; i++) read(i);
      return given;
    },
    write(home, at, value) {
      const values = value as ArrayLike<unknown>;
      for (let i = 0; i < values.length; i++) element.write(home, at + i * size, elementOf(values, i));
    },
    copy(home, at, from, fromAt) {
      if (element.plain) copyBytes(home, at, from, fromAt, n * size);
      else for (let i = 0; i < n; i++) element.copy(home, at + i * size, from, fromAt + i * size);
    },
  };
}

function lengthOf(value: unknown): number | undefined {
  const length = typeof value === "object" && value !== null ? (value as { length?: unknown }).length : undefined;
  return typeof length === "number" ? length : undefined;
}
const elementOf = (from: ArrayLike<unknown>, i: number): unknown => (from instanceof FixedArray ? from.at(i) : from[i]);

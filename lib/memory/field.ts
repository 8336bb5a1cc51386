/**
 * What a struct can have as a field, and the types that follow from it.
 *
 * A field descriptor (`f64`, `utf8(32)`, a struct) carries its {@link FieldCode} under the key FIELD; a primitive (`Mutex`,
 * `Mutex.of(f64)`) carries its {@link Layout} under the key LAYOUT, and its code is made from that.
 */
import { LAYOUT, kindOf, type Layout } from "./place.ts";
import type { Home } from "./home.ts";
import type { ViewKind } from "./views.ts";

export const FIELD: unique symbol = Symbol("ferrous field");

/** A field type as plain data: `"f64"`, `["array", "u8", 8]`, `["struct", "Point", [["x", "f64"], ["y", "f64"]]]`, `["shared", "Mutex@1"]`. */
export type TypeDescription = string | number | readonly TypeDescription[];

/** What the types have that are one element of a typed array: numbers, bigints and bool. */
export interface Scalar {
  readonly view: ViewKind;
  /** log2 of the size in bytes. */
  readonly shift: number;
  /** May `v` be written? */
  readonly test: (v: unknown) => boolean;
  /** The same as JavaScript over `v`. */
  readonly testText: string;
  /** Stored as 0 and 1, read as boolean. */
  readonly boolean: boolean;
  /** Throws the RangeError or TypeError for a value that fails the test. */
  refuse(value: unknown, where: string): never;
}

/** How values of one type lie in shared bytes. `T` is what reading gives, `Init` what may be written. */
export interface FieldCode<T = unknown, Init = T> {
  /** As messages and pictures show it: `f64`, `array(u8, 8)`, `Point`. */
  readonly label: string;
  readonly byteLength: number;
  /** A power of two. */
  readonly align: number;
  readonly description: TypeDescription;
  /** What is read is an object over the bytes, opened once for each owner and then kept; otherwise it is a copy. */
  readonly kept: boolean;
  /** Only what locks and atomics own is not: they are opened, never assigned. */
  readonly writable: boolean;
  /** There is no lock and no atomic in it, so its bytes may be copied. */
  readonly plain: boolean;
  /** Of the kinds that are one element of a typed array. */
  readonly scalar?: Scalar;
  read(home: Home, at: number): T;
  /**
   * Throws what is wrong with a value, named `where`, before anything is written.
   *
   * @param whole  it will replace a value, so no part of it may be missing
   */
  check(value: unknown, where: string, whole: boolean): void;
  /** Writes a value that was checked. */
  write(home: Home, at: number, value: Init): void;
  /** Copies what lies at another place, as it is; locks and atomics stay. */
  copy(home: Home, at: number, from: Home, fromAt: number): void;
  /** Structs only: `n` of them side by side, in a class made for that struct. */
  elements?(home: Home, at: number, n: number): Iterable<T>;
}

/** For {@link FieldCode.copy} of plain types. The places may overlap. */
export function copyBytes(home: Home, at: number, from: Home, fromAt: number, bytes: number): void {
  // PLAIN: both places belong to the caller, by the locks that it put around them.
  home.view("Uint8").set(from.view("Uint8").subarray(fromAt, fromAt + bytes), at);
}

/** A field of a struct: read as `T`, initialised with `Init`. */
export interface Field<T, Init = T> {
  readonly [FIELD]: FieldCode<T, Init>;
}
/** A primitive as a field: a class such as `Mutex`, or an instance such as `Mutex.of(f64)`. */
export interface SharedType<T = unknown> {
  readonly [LAYOUT]: Layout<T>;
}
/** Anything that can be the type of a field. */
export type FieldType = Field<unknown, unknown> | SharedType;
/** The fields of a struct, in the order in which they lie in memory. */
export type Fields = Readonly<Record<string, FieldType>>;

/** The TypeScript type that a struct or another field type reads as: `type Account = Infer<typeof Account>`. */
export type Infer<F> = F extends Field<infer T, unknown> ? T : F extends SharedType<infer T> ? T : never;
/** What `create()` and the like take for a field type: of structs plain objects, in which fields may be missing. */
export type Init<F> = F extends { readonly [FIELD]: FieldCode<unknown, infer I> } ? I : never;

type Plain<F extends Fields> = { [K in keyof F as F[K] extends Field<unknown, unknown> ? K : never]: F[K] };
type Primitives<F extends Fields> = { [K in keyof F as F[K] extends Field<unknown, unknown> ? never : K]: F[K] };
type Flat<T> = { [K in keyof T]: T[K] } & {};

/** An instance of a struct: plain properties over shared bytes. Locks and atomics in it cannot be assigned. */
export type Struct<F extends Fields> = Flat<
  { -readonly [K in keyof Plain<F>]: Infer<F[K]> } & { readonly [K in keyof Primitives<F>]: Infer<F[K]> }
>;
/** The initial values of a struct; a field that is not given starts as zero. */
export type StructInit<F extends Fields> = { readonly [K in keyof Plain<F>]?: Init<F[K]> };

/** The code of a field type, or undefined for anything else. */
export function codeOf(type: unknown): FieldCode | undefined {
  if ((typeof type !== "object" && typeof type !== "function") || type === null) return undefined;
  if (FIELD in type) return type[FIELD] as FieldCode;
  return LAYOUT in type ? primitiveCode(type[LAYOUT] as Layout) : undefined;
}

/** The code of a field type; throws a TypeError that names what has it. */
export function requireCode(type: unknown, where: string): FieldCode {
  const code = codeOf(type);
  if (code !== undefined) return code;
  throw new TypeError(
    `${where} needs a type, such as f64, utf8(32), array(u8, 8), a struct, Mutex or AtomicU32; it was given ${kindOf(type)}${
      typeof type === "function" ? ": was it meant to be called?" : "."
    }`,
  );
}

/** A field whose bytes belong to a lock or an atomic. */
function primitiveCode(layout: Layout): FieldCode {
  const label = layout.kind.replace(/@\d+$/, "");
  const refuse = (where: string): never => {
    throw new TypeError(`${where} is a ${label}: it cannot be assigned or initialised, and starts as zeroed bytes. Use its own methods.`);
  };
  return {
    label,
    byteLength: layout.byteLength,
    align: layout.align,
    get description() {
      return layout.of === undefined ? ["shared", layout.kind] : ["shared", layout.kind, describe(layout.of)];
    },
    kept: true,
    writable: false,
    plain: false,
    read: (home, at) => layout.at(home.buffer, at),
    check: (_value, where) => refuse(where),
    write: () => refuse(label),
    copy: () => undefined,
  };
}
const describe = (of: unknown): TypeDescription => (typeof of === "number" ? of : requireCode(of, "the value of a lock").description);

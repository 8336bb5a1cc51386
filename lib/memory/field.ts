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

/** How values of one type lie in shared bytes. `T` is what reading gives. */
export interface FieldCode<T = unknown> {
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
   * @returns      what to write: what was looked at, since a getter or a Proxy may give another value the next time
   */
  check(value: unknown, where: string, whole: boolean): unknown;
  /** Writes what {@link check} returned. */
  write(home: Home, at: number, value: unknown): void;
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

/** A field of a struct that reads as `T`. */
export interface Field<T = unknown> {
  readonly [FIELD]: FieldCode<T>;
}
/** A primitive as a field: a class such as `Mutex`, or an instance such as `Mutex.of(f64)`. */
export interface SharedType<T = unknown> {
  readonly [LAYOUT]: Layout<T>;
}
/** Anything that can be the type of a field which reads as `T`. */
export type FieldType<T = unknown> = Field<T> | SharedType<T>;
/** The fields of a struct, in the order in which they lie in memory. */
export type Fields = Readonly<Record<string, FieldType>>;

/** The TypeScript type that a struct or another field type reads as: `type Account = Infer<typeof Account>`. */
export type Infer<F> = F extends Field<infer T> ? T : F extends SharedType<infer T> ? T : never;

type Flat<T> = { [K in keyof T]: T[K] } & {};

/** An instance of a struct: plain properties over shared bytes. Locks and atomics in it cannot be assigned. */
export type Struct<F extends Fields> = Flat<
  { -readonly [K in keyof F as F[K] extends Field ? K : never]: Infer<F[K]> } & {
    readonly [K in keyof F as F[K] extends Field ? never : K]: Infer<F[K]>;
  }
>;

/** True of locks and atomics: unlike structs they have methods. */
type HasMethods<T> = true extends { [K in keyof T]: T[K] extends (...args: never[]) => unknown ? true : never }[keyof T] ? true : false;

/**
 * The initial value of a field type that reads as `T`: of a struct a plain object, in which fields may be missing and locks must
 * be; of an array an array, which may be shorter.
 */
export type InitOf<T> = T extends string | number | bigint | boolean
  ? T
  : T extends Iterable<infer E>
    ? ArrayLike<InitOf<E>>
    : {
        readonly [
          K in keyof T as HasMethods<T[K]> extends true
            ? T[K] extends string | number | bigint | boolean | Iterable<unknown>
              ? K
              : never
            : K
        ]?: InitOf<T[K]>;
      };

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

/** A field type as data that can be posted; `typeFrom` makes the type of it again. */
export function describeType(type: FieldType): TypeDescription {
  return requireCode(type, "describeType(type)").description;
}

/** A field whose bytes belong to a lock or an atomic. */
function primitiveCode(layout: Layout): FieldCode {
  const label = layout.kind.replace(/@\d+$/, "");
  const refuse = (where: string): never => {
    throw new TypeError(
      `${where} (${label}) cannot be assigned or initialised: it starts as zeroed bytes, and changes by its own methods.`,
    );
  };
  return {
    label,
    byteLength: layout.byteLength,
    align: layout.align,
    description: layout.type === undefined ? ["shared", layout.kind] : ["shared", layout.kind, layout.type as TypeDescription],
    kept: true,
    writable: false,
    plain: false,
    read: (home, at) => layout.at(home.buffer, at),
    check: (_value, where) => refuse(where),
    write: () => refuse(label),
    copy: () => undefined,
  };
}

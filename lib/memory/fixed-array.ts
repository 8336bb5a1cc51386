/** Elements of one type, side by side in shared bytes. */
import { AT, HOME, INSPECT, type Inspect } from "./hidden.ts";
import { FIELD, requireCode, type Field, type FieldCode, type FieldType } from "./field.ts";
import { Home } from "./home.ts";
import { checkPlace } from "./place.ts";
import { checkSize } from "./size.ts";

const CODE: unique symbol = Symbol("ferrous element");

/**
 * A fixed number of structs, texts, booleans, arrays or locks. (Arrays of numbers are typed arrays.)
 *
 * @example for (const account of Account.array(100)) account.total = 1;
 */
export class FixedArray<T> implements Iterable<T> {
  // Declared, not defined: fields that are undefined for a moment would never be plain integers to the engine.
  /** How many elements. */
  declare readonly length: number;
  declare readonly [CODE]: FieldCode<T>;
  declare readonly [HOME]: Home;
  declare readonly [AT]: number;
  /** Opened elements, where an element has locks: those keep their waiting tasks in the object. */
  readonly #kept: T[] | undefined;

  /** @internal */
  constructor(code: FieldCode<T>, home: Home, at: number, length: number) {
    this[CODE] = code;
    this[HOME] = home;
    this[AT] = at;
    this.length = length;
    this.#kept = code.plain ? undefined : [];
  }

  get buffer(): SharedArrayBuffer {
    return this[HOME].buffer;
  }
  /** In bytes from the start of {@link buffer}. */
  get byteOffset(): number {
    return this[AT];
  }
  get byteLength(): number {
    return this.length * this[CODE].byteLength;
  }

  /**
   * The element number `i`. Structs are objects over these bytes: what you write to one is written here.
   * Compare structs by their fields: two calls may give two objects over the same bytes.
   *
   * @param i  a whole number from 0 to length - 1
   * @throws {RangeError} there is no such element
   */
  at(i: number): T {
    if (i >>> 0 !== i || i >= this.length) refuseIndex(i, this.length);
    const code = this[CODE];
    if (this.#kept === undefined) return code.read(this[HOME], this[AT] + i * code.byteLength);
    return (this.#kept[i] ??= code.read(this[HOME], this[AT] + i * code.byteLength));
  }

  /**
   * Copies `value` to the element number `i`.
   *
   * @throws {RangeError} there is no such element, or the value is out of its range
   * @throws {TypeError} the value is of another type, or the elements are locks or atomics
   */
  set(i: number, value: T): void {
    if (i >>> 0 !== i || i >= this.length) refuseIndex(i, this.length);
    const code = this[CODE];
    const given = code.check(value, `${code.label}[${String(i)}]`, true);
    code.write(this[HOME], this[AT] + i * code.byteLength, given);
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  toJSON(): T[] {
    return [...this];
  }
  /** Prints the first elements. @internal */
  [INSPECT](_depth: number, options: { maxArrayLength?: number | null }, inspect: Inspect): string {
    const shown = Math.min(this.length, options.maxArrayLength ?? Infinity);
    const elements = Array.from({ length: shown }, (_, i) => this.at(i));
    const more = this.length - shown;
    return `FixedArray(${String(this.length)}) ${inspect(elements, options)}${more > 0 ? ` and ${String(more)} more` : ""}`;
  }
}

/** Throws the error for an index that is none. */
export function refuseIndex(i: unknown, length: number): never {
  throw new RangeError(`there is no element ${String(i)}: the array's indexes are whole numbers from 0 to ${String(length - 1)}.`);
}

/** The type of an array's elements. */
export const elementTypeOf = <T>(array: FixedArray<T>): Field<T> => ({ [FIELD]: array[CODE] });

/**
 * Opens `n` elements that lie side by side; initialises nothing.
 *
 * @throws {RangeError} the place is misaligned, or not all inside the buffer
 */
export function fixedArrayAt(type: FieldType, buffer: SharedArrayBuffer, byteOffset: number, n: number): FixedArray<unknown> {
  const code = requireCode(type, "an array");
  checkSize("an array", n, 0, code.byteLength);
  checkPlace("an array", buffer, byteOffset, n * code.byteLength, code.align);
  const home = Home.of(buffer);
  return (code.elements?.(home, byteOffset, n) as FixedArray<unknown> | undefined) ?? new FixedArray(code, home, byteOffset, n);
}

/** A value of any field type at a place of its own: what `Mutex.of(f64, 0)` protects. */
import { requireCode, type FieldCode, type FieldType, type InitOf } from "./field.ts";
import { Home } from "./home.ts";
import { checkPlace } from "./place.ts";

/** Reads give scalars by value, anything else as one object over the bytes; writes check and copy. */
export interface Slot<T> {
  value: T;
}

/** In bytes. */
export function sizeOf(type: FieldType): number {
  return requireCode(type, "sizeOf(type)").byteLength;
}

/** In bytes, a power of two. */
export function alignOf(type: FieldType): number {
  return requireCode(type, "alignOf(type)").align;
}

/**
 * Opens the value that lies at a place.
 *
 * @param name  what errors call it
 * @throws {TypeError} `type` is no type of a field, or `buffer` is not shared memory
 * @throws {RangeError} the place is misaligned, or not all inside the buffer
 */
export function slotOf<T>(type: FieldType<T>, buffer: SharedArrayBuffer, byteOffset: number, name = "value"): Slot<T> {
  const code = requireCode(type, name);
  checkPlace(name, buffer, byteOffset, code.byteLength, code.align);
  return new FieldSlot(code, Home.of(buffer), byteOffset, name) as Slot<unknown> as Slot<T>;
}

/**
 * Writes an initial value over zeroed bytes. Nothing is written if any part of it is wrong.
 *
 * @param init  of a struct a plain object, in which fields may be missing; undefined leaves all zero
 * @throws {TypeError} the value is of another type, or the type is a lock or an atomic; also as {@link slotOf}
 * @throws {RangeError} the value is out of its range; also as {@link slotOf}
 */
export function initialise<T>(
  type: FieldType<T>,
  buffer: SharedArrayBuffer,
  byteOffset: number,
  init: InitOf<T> | undefined,
  name = "value",
): void {
  const code = requireCode(type, name);
  checkPlace(name, buffer, byteOffset, code.byteLength, code.align);
  if (init === undefined) return;
  code.write(Home.of(buffer), byteOffset, code.check(init, name, false));
}

class FieldSlot implements Slot<unknown> {
  readonly #code: FieldCode;
  readonly #home: Home;
  readonly #at: number;
  readonly #name: string;
  #kept: unknown;

  constructor(code: FieldCode, home: Home, at: number, name: string) {
    this.#code = code;
    this.#home = home;
    this.#at = at;
    this.#name = name;
  }

  get value(): unknown {
    if (!this.#code.kept) return this.#code.read(this.#home, this.#at);
    return (this.#kept ??= this.#code.read(this.#home, this.#at));
  }
  set value(value: unknown) {
    this.#code.write(this.#home, this.#at, this.#code.check(value, this.#name, true));
  }
}

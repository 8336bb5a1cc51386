/**
 * Where a shared object lies: (buffer, byteOffset). `new X()` makes a small buffer of its own; `X.at(buffer, byteOffset)` takes
 * a place in a struct, in a buffer of the user's, or in a wasm memory. Zeroed bytes are a valid, free X of any kind.
 */

import { LayoutError } from "../errors.ts";
import { MAX_BYTES } from "./size.ts";

/** A place in shared memory. */
export interface Place {
  readonly buffer: SharedArrayBuffer;
  /** In bytes from the start of `buffer`. */
  readonly byteOffset: number;
}

/** What must be known of a kind of shared object to give it a place: as the field of a struct, or behind a handle. */
export interface Layout<T = unknown> {
  /** The kind's name and the version of its bytes, such as `"Mutex@1"`. */
  readonly kind: string;
  readonly byteLength: number;
  /** In bytes: a power of two that divides every allowed `byteOffset`. */
  readonly align: number;
  /** What the kind is made of, if anything, as data: the description of the f64 in `Mutex.of(f64)`, the 4 in `semaphore(4)`. */
  readonly type?: unknown;
  /** Opens what lies at a place; initialises nothing. */
  at(buffer: SharedArrayBuffer, byteOffset: number): T;
}

/** Under this key, a class (`Mutex`) or an instance (`Mutex.of(f64)`) tells its {@link Layout}, and so can be the field of a struct. */
export const LAYOUT: unique symbol = Symbol("ferrous layout");

/** A kind's layout; or for a kind that may be made of something, how to make its layout of that: a field type, a number or undefined. */
export type LayoutSource = Layout | ((of: unknown) => Layout);
const layouts = new Map<string, LayoutSource>();

/** Makes a kind known by its name, so that a handle or a type that came from another thread can be opened here. */
export function registerLayout(kind: string, layout: LayoutSource): void {
  const known = layouts.get(kind);
  if (known !== undefined && known !== layout) throw new LayoutError(`two kinds of shared objects are both called ${kind}.`);
  layouts.set(kind, layout);
}

/** The layout of a kind, made of `of` if it is made of anything; undefined if there is none of that name here. */
export function layoutFrom(kind: string, of?: unknown): Layout | undefined {
  const layout = layouts.get(kind);
  return typeof layout === "function" ? layout(of) : layout;
}

/** Is it shared memory? Asked of its tag: `instanceof` is false for a buffer that came from another realm. */
export function isSharedBuffer(value: unknown): value is SharedArrayBuffer {
  return Object.prototype.toString.call(value) === "[object SharedArrayBuffer]";
}

/** Throws unless `size` bytes at this place are shared memory, aligned and inside the buffer. */
export function checkPlace(
  what: string,
  buffer: unknown,
  byteOffset: unknown,
  size: number,
  align: number,
): asserts buffer is SharedArrayBuffer {
  if (!isSharedBuffer(buffer)) {
    throw new TypeError(`${what} needs a SharedArrayBuffer to lie in, because other threads must see it; it was given ${kindOf(buffer)}.`);
  }
  if (typeof byteOffset !== "number" || !Number.isInteger(byteOffset) || byteOffset < 0) {
    throw new RangeError(`${what} needs a byteOffset that is a whole number from 0; it was given ${String(byteOffset)}.`);
  }
  if (byteOffset % align !== 0) {
    throw new RangeError(`${what} must lie at a multiple of ${String(align)} bytes; ${String(byteOffset)} is none.`);
  }
  if (byteOffset + size > MAX_BYTES) {
    throw new RangeError(`${what} must lie in the first 4 GiB of its buffer; ${String(byteOffset)} is beyond.`);
  }
  if (byteOffset + size > buffer.byteLength) {
    throw new RangeError(
      `${what} takes ${String(size)} bytes, and at ${String(byteOffset)} it would end outside its buffer of ${String(buffer.byteLength)} bytes.`,
    );
  }
}

/** A value's kind in a word or two, for messages. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value === "function" ? "a function" : `${typeof value} ${String(value)}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  const made = (value as { constructor?: { name?: unknown } }).constructor?.name;
  const name = tag === "Object" && typeof made === "string" && made !== "" ? made : tag;
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

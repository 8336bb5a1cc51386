/** What a reader sees: the same value, with nothing in it that could change it. A type only; it costs nothing when it runs. */
import type { FixedArray } from "../memory/layout.ts";
import type { Shareable } from "../send/handle.ts";

type Mutators = "copyWithin" | "fill" | "reverse" | "set" | "sort" | "subarray" | "buffer";
/** A typed array whose elements can only be read. */
type FrozenView<T> = Readonly<Omit<T, Mutators>>;
type AnyFunction = (...args: never[]) => unknown;

/**
 * `T`, deeply readonly: fields, elements, maps, sets and typed arrays. Locks and atomics in it stay usable, as in Rust: they are
 * made to be changed by many.
 */
export type Frozen<T> = T extends Shareable | AnyFunction | string | number | bigint | boolean | symbol | null | undefined
  ? T
  : T extends FixedArray<infer E>
    ? FrozenArray<E>
    : T extends ReadonlyMap<infer K, infer V>
      ? ReadonlyMap<Frozen<K>, Frozen<V>>
      : T extends ReadonlySet<infer V>
        ? ReadonlySet<Frozen<V>>
        : T extends DataView
          ? Pick<T, Extract<keyof T, `get${string}` | "byteLength" | "byteOffset">>
          : T extends ArrayBufferView
            ? FrozenView<T>
            : { readonly [K in keyof T]: Frozen<T[K]> };

interface FrozenArray<E> extends Iterable<Frozen<E>> {
  readonly length: number;
  at(i: number): Frozen<E>;
}

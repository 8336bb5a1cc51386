/**
 * Typed arrays over shared buffers, one of each kind a buffer, kept as long as the buffer is.
 *
 * Constructors are looked up at the call, and the caches can be put aside, because the checker replaces both for a while.
 */
export interface Views {
  Int8: Int8Array<SharedArrayBuffer>;
  Uint8: Uint8Array<SharedArrayBuffer>;
  Int16: Int16Array<SharedArrayBuffer>;
  Uint16: Uint16Array<SharedArrayBuffer>;
  Int32: Int32Array<SharedArrayBuffer>;
  Uint32: Uint32Array<SharedArrayBuffer>;
  Float32: Float32Array<SharedArrayBuffer>;
  Float64: Float64Array<SharedArrayBuffer>;
  BigInt64: BigInt64Array<SharedArrayBuffer>;
  BigUint64: BigUint64Array<SharedArrayBuffer>;
}
export type ViewKind = keyof Views;

type Make<V> = (buffer: SharedArrayBuffer, byteOffset: number, length: number) => V;
const makers: { readonly [K in ViewKind]: Make<Views[K]> } = {
  Int8: (...place) => new Int8Array(...place),
  Uint8: (...place) => new Uint8Array(...place),
  Int16: (...place) => new Int16Array(...place),
  Uint16: (...place) => new Uint16Array(...place),
  Int32: (...place) => new Int32Array(...place),
  Uint32: (...place) => new Uint32Array(...place),
  Float32: (...place) => new Float32Array(...place),
  Float64: (...place) => new Float64Array(...place),
  BigInt64: (...place) => new BigInt64Array(...place),
  BigUint64: (...place) => new BigUint64Array(...place),
};
const SIZES: { readonly [K in ViewKind]: number } = {
  Int8: 1,
  Uint8: 1,
  Int16: 2,
  Uint16: 2,
  Int32: 4,
  Uint32: 4,
  Float32: 4,
  Float64: 8,
  BigInt64: 8,
  BigUint64: 8,
};

/** Bytes of one element. */
export const elementSize = (kind: ViewKind): number => SIZES[kind];

/** A new view of `length` elements; without a length, of all whole elements up to the end of the buffer. */
export function makeView<K extends ViewKind>(kind: K, buffer: SharedArrayBuffer, byteOffset = 0, length?: number): Views[K] {
  return makers[kind](buffer, byteOffset, length ?? Math.floor((buffer.byteLength - byteOffset) / SIZES[kind]));
}

let caches = new Map<string, WeakMap<object, unknown>>();
/** For how many bytes a view of a growable buffer was made: views have a fixed length, because length-tracking ones are slow. */
const madeFor = new WeakMap<object, number>();

/** The one view of this kind over all of `buffer`. `make` is called when there is none yet, or none since the buffer grew. */
export function viewOf<V extends object>(kind: string, buffer: SharedArrayBuffer, make: (buffer: SharedArrayBuffer) => V): V {
  let cache = caches.get(kind);
  if (cache === undefined) caches.set(kind, (cache = new WeakMap()));
  let view = cache.get(buffer) as V | undefined;
  if (view === undefined || (buffer.growable && madeFor.get(view) !== buffer.byteLength)) {
    const size = buffer.byteLength;
    cache.set(buffer, (view = make(buffer)));
    if (buffer.growable) madeFor.set(view, size);
  }
  return view;
}

/** All of `buffer` as 32-bit integers; a rest of less than four bytes is left out. */
export function int32Of(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return viewOf("Int32", buffer, (all) => makeView("Int32", all));
}

/** Puts the kept views aside and starts with none; returns what puts them back. For the checker. @internal */
export function freshViews(): () => void {
  const before = caches;
  caches = new Map();
  return () => {
    caches = before;
  };
}

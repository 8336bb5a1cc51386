/**
 * Typed arrays over shared buffers, one of each kind a buffer, kept as long as the buffer is.
 *
 * Constructors are looked up at the call, and the caches can be put aside, because the checker replaces both for a while.
 */
export type ViewKind = "Int8" | "Uint8" | "Int16" | "Uint16" | "Int32" | "Uint32" | "Float32" | "Float64" | "BigInt64" | "BigUint64";

let caches = new Map<string, WeakMap<object, unknown>>();

/** The one view of this kind over all of `buffer`. `make` is called when there is none yet. */
export function viewOf<V>(kind: string, buffer: SharedArrayBuffer, make: (buffer: SharedArrayBuffer) => V): V {
  let cache = caches.get(kind);
  if (cache === undefined) caches.set(kind, (cache = new WeakMap()));
  let view = cache.get(buffer) as V | undefined;
  if (view === undefined) cache.set(buffer, (view = make(buffer)));
  return view;
}

/** All of `buffer` as 32-bit integers; a rest of less than four bytes is left out. */
export function int32Of(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  return viewOf("Int32", buffer, (all) => new Int32Array(all, 0, all.byteLength >> 2));
}

/** Puts the kept views aside and starts with none; returns what puts them back. For the checker. @internal */
export function freshViews(): () => void {
  const before = caches;
  caches = new Map();
  return () => {
    caches = before;
  };
}

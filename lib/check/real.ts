/**
 * The globals as they were before any of them was replaced: what the checker itself computes with.
 */
export const RealAtomics = Atomics;
export const RealSharedArrayBuffer = SharedArrayBuffer;
export const RealDate = Date;
export const RealDataView = DataView;
export const RealInt32Array = Int32Array;
export const RealUint8Array = Uint8Array;
export const realNow: () => number = performance.now.bind(performance);

/** Every kind of typed array. An element is known by its number in this list. */
export const ARRAYS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

/** A typed array of any kind, its elements not told apart. */
export interface Cells {
  [index: number]: number | bigint;
  readonly length: number;
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly byteLength: number;
}

export const INT32 = ARRAYS.indexOf(Int32Array);
export const BYTES_PER = ARRAYS.map((array) => array.BYTES_PER_ELEMENT);
const NAMES = ARRAYS.map((array) => array.name);
const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Int8Array.prototype), Symbol.toStringTag)?.get as () =>
  string | undefined;

/** Which kind of typed array is it, by number, or -1. Asked of its tag, which is the same in every realm and cannot be forged. */
export const elementOf = (value: unknown): number => NAMES.indexOf(tagOf.call(value) ?? "");

/** A view of this kind over a whole buffer; a rest that is no full element is left out. */
export function viewAll(buffer: ArrayBufferLike, element: number): Cells {
  const array = ARRAYS[element] as unknown as new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Cells;
  return new array(buffer, 0, Math.floor(buffer.byteLength / (BYTES_PER[element] as number)));
}

/**
 * Functions of the engine, looked up once: where globals are slow to look up, as under jest, a replayed operation would spend most of its time on that.
 */
export const RealProxy = Proxy;
export const toNumber = Number;
export const { isInteger } = Number;
export const { trunc } = Math;
export const { is } = Object;
export const { asIntN } = BigInt;
export const { construct, get, set } = Reflect;

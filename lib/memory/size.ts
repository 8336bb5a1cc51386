/** How large things in shared memory may be. */

/** 4 GiB: every byteOffset is an unsigned 32-bit number, which is also all that a wasm memory has. */
export const MAX_BYTES = 2 ** 32;

/** Throws a RangeError unless `n` is a whole number from `min`, and `n` times `each` bytes fit into memory. */
export function checkSize(what: string, n: unknown, min: number, each = 1): asserts n is number {
  if (typeof n !== "number" || !Number.isInteger(n) || n < min) {
    throw new RangeError(`${what} needs n to be a whole number from ${String(min)}; it was given ${String(n)}.`);
  }
  if (n * each > MAX_BYTES) {
    throw new RangeError(`${what} would take ${String(n * each)} bytes; the most is ${String(MAX_BYTES)}.`);
  }
}

/**
 * Single values that any number of threads read and change without a lock.
 *
 * Every operation is sequentially consistent: all threads see all operations in one order. JavaScript has no weaker kind.
 */
import { Cell } from "../memory/cell.ts";
import { kindOf, LAYOUT, registerLayout } from "../memory/place.ts";
import { i32, i64, u32, u64 } from "../memory/scalar.ts";
import { Atomic, AtomicInteger, atomicLayout, integerKind, type AtomicKind, type IntegerKind } from "./atomic-integer.ts";
import { requireFunction } from "./section.ts";

export { rawOf, wordOf } from "./atomic-integer.ts";

const I32 = integerKind("AtomicI32", "Int32", i32);
const U32 = integerKind("AtomicU32", "Uint32", u32);
const I64 = integerKind("AtomicI64", "BigInt64", i64);
const U64 = integerKind("AtomicU64", "BigUint64", u64);
const BOOL: AtomicKind = { name: "AtomicBool", cell: "Int32", byteLength: 4 };

/**
 * A whole number from -2,147,483,648 to 2,147,483,647. See {@link AtomicInteger} for the operations.
 * @example
 * const balance = new AtomicI32(10);
 * const before = balance.fetchSub(25);
 */
export class AtomicI32 extends AtomicInteger<number> {
  /** @throws {RangeError} the value is out of the range, or no whole number */
  constructor(value = 0) {
    super(I32, value);
  }
  get kind(): IntegerKind {
    return I32;
  }
  static readonly [LAYOUT] = atomicLayout(I32, (cell) => new AtomicI32(cell));
  /** Opens the atomic at a place that is a multiple of 4; initialises nothing. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): AtomicI32 {
    return AtomicI32[LAYOUT].at(buffer, byteOffset);
  }
}

/**
 * A whole number from 0 to 4,294,967,295. See {@link AtomicInteger} for the operations.
 * @example
 * const served = new AtomicU32();
 * served.fetchAdd(1);
 */
export class AtomicU32 extends AtomicInteger<number> {
  /** @throws {RangeError} the value is out of the range, or no whole number */
  constructor(value = 0) {
    super(U32, value);
  }
  get kind(): IntegerKind {
    return U32;
  }
  static readonly [LAYOUT] = atomicLayout(U32, (cell) => new AtomicU32(cell));
  /** Opens the atomic at a place that is a multiple of 4; initialises nothing. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): AtomicU32 {
    return AtomicU32[LAYOUT].at(buffer, byteOffset);
  }
}

/**
 * A bigint from -2^63 to 2^63 - 1. See {@link AtomicInteger} for the operations.
 * @example
 * const latest = new AtomicI64(-1n);
 * latest.fetchMax(BigInt(Date.now()));
 */
export class AtomicI64 extends AtomicInteger<bigint> {
  /** @throws {RangeError} the value is out of the range */
  constructor(value = 0n) {
    super(I64, value);
  }
  get kind(): IntegerKind {
    return I64;
  }
  static readonly [LAYOUT] = atomicLayout(I64, (cell) => new AtomicI64(cell));
  /** Opens the atomic at a place that is a multiple of 8; initialises nothing. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): AtomicI64 {
    return AtomicI64[LAYOUT].at(buffer, byteOffset);
  }
}

/**
 * A bigint from 0 to 2^64 - 1. See {@link AtomicInteger} for the operations.
 * @example
 * const bytes = new AtomicU64();
 * bytes.fetchAdd(BigInt(chunk.length));
 */
export class AtomicU64 extends AtomicInteger<bigint> {
  /** @throws {RangeError} the value is out of the range */
  constructor(value = 0n) {
    super(U64, value);
  }
  get kind(): IntegerKind {
    return U64;
  }
  static readonly [LAYOUT] = atomicLayout(U64, (cell) => new AtomicU64(cell));
  /** Opens the atomic at a place that is a multiple of 8; initialises nothing. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): AtomicU64 {
    return AtomicU64[LAYOUT].at(buffer, byteOffset);
  }
}

const raw = (value: boolean): number => {
  if (typeof value !== "boolean") throw new TypeError(`AtomicBool takes true or false; it was given ${kindOf(value)}.`);
  return value ? 1 : 0;
};

/**
 * True or false, in one 32-bit word. Memory that others wrote may hold any word: all but 0 are true.
 * @example if (!started.swap(true)) start();
 */
export class AtomicBool extends Atomic<boolean> {
  readonly #cell: Cell<number>;

  /** @throws {TypeError} the value is no boolean */
  constructor(value?: boolean);
  constructor(value: boolean | Cell<number> = false) {
    super();
    if (value instanceof Cell) this.#cell = value;
    else {
      const first = raw(value);
      this.#cell = Cell.fresh("Int32");
      if (first !== 0) this.#cell.store(first);
    }
  }
  static readonly [LAYOUT] = atomicLayout(BOOL, (cell) => new AtomicBool(cell));
  /** Opens the atomic at a place that is a multiple of 4; initialises nothing. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): AtomicBool {
    return AtomicBool[LAYOUT].at(buffer, byteOffset);
  }
  get kind(): AtomicKind {
    return BOOL;
  }
  get buffer(): SharedArrayBuffer {
    return this.#cell.buffer;
  }
  get byteOffset(): number {
    return this.#cell.byteOffset;
  }

  load(): boolean {
    return this.#cell.load() !== 0;
  }
  /**
   * Sets the value.
   * @throws {TypeError} it is no boolean
   */
  store(value: boolean): void {
    this.#cell.store(raw(value));
  }
  /** Sets the value and returns the one before; errors as {@link store}. */
  swap(value: boolean): boolean {
    return this.#cell.exchange(raw(value)) !== 0;
  }
  /** Sets the value to `desired` if it is `expected`; returns the value before. Errors as {@link store}. */
  compareExchange(expected: boolean, desired: boolean): boolean {
    raw(expected);
    raw(desired);
    return this.fetchUpdate((value) => (value === expected ? desired : undefined)) === undefined ? !expected : expected;
  }
  /** Sets the value to `value && mask`; returns the value before. Errors as {@link store}. */
  fetchAnd(mask: boolean): boolean {
    return raw(mask) === 0 ? this.swap(false) : this.load();
  }
  /** Sets the value to `value || mask`; returns the value before. Errors as {@link store}. */
  fetchOr(mask: boolean): boolean {
    return raw(mask) === 0 ? this.load() : this.swap(true);
  }
  /** Flips the value if `mask` is true; returns the value before. Errors as {@link store}. */
  fetchXor(mask: boolean): boolean {
    raw(mask);
    return this.fetchUpdate((value) => value !== mask) ?? false;
  }

  /**
   * Sets the value to what `fn` makes of it; `fn` is called again if another thread changed it meanwhile.
   *
   * @param fn  gets the value; returns the next, or undefined to leave it
   * @returns   the value before, or undefined if `fn` left it
   * @throws {TypeError} what `fn` returned is no boolean
   * @example const mine = taken.fetchUpdate((value) => (value ? undefined : true)) !== undefined;
   */
  fetchUpdate(fn: (value: boolean) => boolean | undefined): boolean | undefined {
    requireFunction(fn, "fetchUpdate");
    let seen = this.#cell.load();
    for (;;) {
      const next = fn(seen !== 0);
      if (next === undefined) return undefined;
      const before = this.#cell.compareExchange(seen, raw(next));
      if (before === seen) return seen !== 0;
      seen = before;
    }
  }
}

/** All classes of atomics, in an order that is part of the layout of statics. */
export const ATOMIC_KINDS: readonly AtomicClass[] = [AtomicI32, AtomicU32, AtomicI64, AtomicU64, AtomicBool];
for (const kind of ATOMIC_KINDS) registerLayout(kind[LAYOUT].kind, kind[LAYOUT]);

/** One of the classes of atomics. */
export type AtomicClass = typeof AtomicI32 | typeof AtomicU32 | typeof AtomicI64 | typeof AtomicU64 | typeof AtomicBool;
/** The instances of a class of atomics. */
export type AtomicOf<C extends AtomicClass> = InstanceType<C>;
/** The values of a class of atomics: number, bigint or boolean. */
export type AtomicValue<C extends AtomicClass> = ReturnType<InstanceType<C>["load"]>;

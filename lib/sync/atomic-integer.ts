/** The integer atomics as one: each operation is one step of the cell, or a loop around its compareExchange. */
import { Cell, type CellKind } from "../memory/cell.ts";
import { FIELD, type Scalar } from "../memory/field.ts";
import { INSPECT } from "../memory/hidden.ts";
import { checkPlace, kindOf, type Layout } from "../memory/place.ts";
import type { NumberField } from "../memory/scalar.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { HANDLE, type HandleBody } from "../send/handle.ts";
import { waitAsyncOn, waitOn, type SleeperOn } from "./atomic-wait.ts";
import { Word, type WaitOutcome } from "../memory/word.ts";
import { Word64 } from "../memory/word64.ts";
import { requireFunction } from "./section.ts";

/**
 * A value that changes in one step, seen by all threads in one order.
 *
 * What puts threads to sleep on it belongs here, once for all kinds, over {@link wordOf} and {@link rawOf}.
 */
export abstract class Atomic<T extends number | bigint | boolean> {
  abstract readonly buffer: SharedArrayBuffer;
  /** In bytes from the start of {@link buffer}. */
  abstract readonly byteOffset: number;
  abstract readonly kind: AtomicKind;
  /** The value now. */
  abstract load(): T;

  /**
   * Blocks this thread while the value is `expected`, until somebody notifies.
   *
   * A death or a cancellation anywhere in the process may end the wait too, so that nobody waits for ever for the dead, and so may a task that
   * gives up awaiting the same value: look at the value again.
   *
   * @returns "ok" when woken, "not-equal" if the value was another one already, "timed-out"
   * @throws {TypeError} `expected` is of another type than the values
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link waitAsync}
   * @example while (ready.load() === 0) ready.wait(0);
   */
  wait(expected: T, opts?: WaitOptions): WaitOutcome {
    return waitOn(this.#sleeper(expected), opts);
  }
  /** As {@link wait}, awaiting instead. */
  waitAsync(expected: T, opts?: AsyncWaitOptions): Promise<WaitOutcome> {
    return waitAsyncOn(this.#sleeper(expected), opts);
  }
  /** Wakes at most `count` of those who wait for this atomic, oldest first; returns how many. Change the value first. */
  notify(count = Infinity): number {
    if (!(count >= 0)) throw new RangeError(`notify() takes a count from 0; it was given ${String(count)}.`);
    return wordOf(this).notify(count);
  }
  #sleeper(expected: T): SleeperOn {
    const type = typeof this.load();
    if (typeof expected !== type) throw new TypeError(`an ${this.kind.name} is compared with a ${type}; it was given ${kindOf(expected)}.`);
    return { word: wordOf(this), value: rawOf(expected), what: `an ${this.kind.name}` };
  }
  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    return { kind: `${this.kind.name}@1`, place: { buffer: this.buffer, byteOffset: this.byteOffset } };
  }
  /** @internal */
  [INSPECT](): string {
    return `${this.kind.name}(${String(this.load())})`;
  }
}

/** How the values of a class of atomics lie in memory. */
export interface AtomicKind {
  /** The class's name. */
  readonly name: string;
  readonly cell: CellKind;
  /** Also the alignment. */
  readonly byteLength: 4 | 8;
}

/** The word that an atomic is, for sleeping and waking. */
export function wordOf({ buffer, byteOffset, kind }: Atomic<number | bigint | boolean>): Word | Word64 {
  return kind.byteLength === 8 ? Word64.at(buffer, byteOffset) : Word.at(buffer, byteOffset);
}

/** What {@link wordOf} holds when the atomic has this value: words are signed. */
export function rawOf(value: number | bigint | boolean): number | bigint {
  return typeof value === "bigint" ? BigInt.asIntN(64, value) : Number(value) | 0;
}

/** The layout of a class of atomics, which `open` makes over a cell: the constructors take one in place of a value, unseen by users. */
export function atomicLayout<A>({ name, cell, byteLength }: AtomicKind, open: (cell: never) => A): Layout<A> {
  return {
    kind: `${name}@1`,
    byteLength,
    align: byteLength,
    at(buffer, byteOffset) {
      checkPlace(`an ${name}`, buffer, byteOffset, byteLength, byteLength);
      return open(Cell.open(cell, buffer, byteOffset) as never);
    },
  };
}

/** The kind of an atomic whose values are those of a field type. */
export interface IntegerKind extends AtomicKind {
  readonly scalar: Scalar;
}

export function integerKind<K extends CellKind>(name: string, cell: K, type: NumberField<number | bigint, K>): IntegerKind {
  return { name, cell, byteLength: cell.startsWith("Big") ? 8 : 4, scalar: type[FIELD].scalar };
}

/**
 * Every operation is one step that no other thread can come between, and returns the value before it.
 *
 * Arithmetic and bit operations wrap around at the ends of the range, and take any integer as their operand. Values that are
 * stored or compared must be in the range.
 */
export abstract class AtomicInteger<T extends number | bigint> extends Atomic<T> {
  abstract override readonly kind: IntegerKind;
  readonly #cell: Cell<T>;

  /** A given cell is opened as it is, a value gets a cell of its own. @internal */
  constructor(kind: IntegerKind, value: T | Cell<T>) {
    super();
    if (value instanceof Cell) this.#cell = value;
    else {
      checkValue(kind, value);
      this.#cell = Cell.fresh(kind.cell);
      if (value != 0) this.#cell.store(value);
    }
  }

  get buffer(): SharedArrayBuffer {
    return this.#cell.buffer;
  }
  get byteOffset(): number {
    return this.#cell.byteOffset;
  }

  load(): T {
    return this.#cell.load();
  }

  /**
   * Sets the value.
   * @throws {RangeError} it is out of the range, or no whole number
   * @throws {TypeError} it is of another type
   */
  store(value: T): void {
    checkValue(this.kind, value);
    this.#cell.store(value);
  }

  /** Sets the value and returns the one before; errors as {@link store}. */
  swap(value: T): T {
    checkValue(this.kind, value);
    return this.#cell.exchange(value);
  }

  /**
   * Sets the value to `desired` if it is `expected`; errors as {@link store}.
   * @returns the value before: `expected` exactly when it was set
   * @example if (state.compareExchange(IDLE, BUSY) === IDLE) work();
   */
  compareExchange(expected: T, desired: T): T {
    checkValue(this.kind, expected);
    checkValue(this.kind, desired);
    return this.#cell.compareExchange(expected, desired);
  }

  /**
   * Adds `n`, wrapping around; returns the value before.
   * @throws {RangeError} `n` is no whole number
   * @throws {TypeError} `n` is of another type
   * @example const ticket = next.fetchAdd(1);
   */
  fetchAdd(n: T): T {
    checkOperand(this.kind, n);
    return this.#cell.add(n);
  }
  /** Subtracts `n`, wrapping around; returns the value before. Errors as {@link fetchAdd}. */
  fetchSub(n: T): T {
    checkOperand(this.kind, n);
    return this.#cell.sub(n);
  }
  /** Clears the bits that `mask` does not have; returns the value before. Errors as {@link fetchAdd}. */
  fetchAnd(mask: T): T {
    checkOperand(this.kind, mask);
    return this.#cell.and(mask);
  }
  /** Sets the bits of `mask`; returns the value before. Errors as {@link fetchAdd}. */
  fetchOr(mask: T): T {
    checkOperand(this.kind, mask);
    return this.#cell.or(mask);
  }
  /** Flips the bits of `mask`; returns the value before. Errors as {@link fetchAdd}. */
  fetchXor(mask: T): T {
    checkOperand(this.kind, mask);
    return this.#cell.xor(mask);
  }

  /** Raises the value to `value` if it is less; returns the value before. Errors as {@link store}. */
  fetchMax(value: T): T {
    checkValue(this.kind, value);
    let seen = this.#cell.load();
    while (seen < value) {
      const before = this.#cell.compareExchange(seen, value);
      if (before === seen) break;
      seen = before;
    }
    return seen;
  }
  /** Lowers the value to `value` if it is more; returns the value before. Errors as {@link store}. */
  fetchMin(value: T): T {
    checkValue(this.kind, value);
    let seen = this.#cell.load();
    while (seen > value) {
      const before = this.#cell.compareExchange(seen, value);
      if (before === seen) break;
      seen = before;
    }
    return seen;
  }

  /**
   * Sets the value to what `fn` makes of it. If another thread changed it meanwhile, `fn` is called again with the new one, so it
   * should do nothing but compute.
   *
   * @param fn  gets the value; returns the next, or undefined to leave it
   * @returns   the value before, or undefined if `fn` left it
   * @throws {RangeError} what `fn` returned is out of the range
   * @throws {TypeError} what `fn` returned is of another type
   * @example const left = seats.fetchUpdate((free) => (free > 0 ? free - 1 : undefined));
   */
  fetchUpdate(fn: (value: T) => T | undefined): T | undefined {
    requireFunction(fn, "fetchUpdate");
    let seen = this.#cell.load();
    for (;;) {
      const next = fn(seen);
      if (next === undefined) return undefined;
      checkValue(this.kind, next);
      const before = this.#cell.compareExchange(seen, next);
      if (before === seen) return seen;
      seen = before;
    }
  }
}

function checkValue({ name, scalar }: IntegerKind, value: unknown): void {
  if (!scalar.test(value)) scalar.refuse(value, name);
}

/** Operands may lie outside the range, because arithmetic wraps around. */
function checkOperand({ name, byteLength }: IntegerKind, n: unknown): void {
  if (byteLength === 8 ? typeof n === "bigint" : Number.isInteger(n)) return;
  if (byteLength === 4 && typeof n === "number") throw new RangeError(`${name} takes a whole number; it was given ${String(n)}.`);
  throw new TypeError(`${name} takes a ${byteLength === 8 ? "bigint" : "number"}; it was given ${kindOf(n)}.`);
}

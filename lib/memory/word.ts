/**
 * One 32-bit cell of shared memory: what all locks, flags and counters are made of.
 *
 * Every access is sequentially consistent: JavaScript has no weaker atomics. `Atomics` is named as a global at each use and
 * never captured, because the checker replaces it while it runs and so explores the very code that ships.
 */
import { int32Of } from "./views.ts";

/** Why a sleep ended: somebody notified, the word had another value already, or the time was over. */
export type WaitOutcome = "ok" | "not-equal" | "timed-out";

export class Word {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #at: number;

  /** The cell number `at` of a view. To open one by its place, see {@link Word.at}. */
  constructor(cells: Int32Array<SharedArrayBuffer>, at: number) {
    this.#cells = cells;
    this.#at = at;
  }

  /** The word at a place that was checked before: aligned to 4 bytes, inside the buffer. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): Word {
    return new Word(int32Of(buffer), byteOffset >>> 2);
  }

  /** The first word of new, zeroed memory. */
  static fresh(bytes: number): Word {
    return new Word(new Int32Array(new SharedArrayBuffer(bytes)), 0);
  }

  /** The word that lies `words` after this one. */
  next(words: number): Word {
    return new Word(this.#cells, this.#at + words);
  }

  get buffer(): SharedArrayBuffer {
    return this.#cells.buffer;
  }
  /** In bytes from the start of {@link buffer}. */
  get byteOffset(): number {
    return this.#cells.byteOffset + this.#at * 4;
  }

  load(): number {
    return Atomics.load(this.#cells, this.#at);
  }
  store(value: number): void {
    Atomics.store(this.#cells, this.#at, value);
  }
  /** Stores `value` and returns what was there. */
  exchange(value: number): number {
    return Atomics.exchange(this.#cells, this.#at, value);
  }
  /** Stores `next` if the word is `expected`; returns what was there, which is `expected` exactly when it stored. */
  compareExchange(expected: number, next: number): number {
    return Atomics.compareExchange(this.#cells, this.#at, expected, next);
  }
  add(n: number): number {
    return Atomics.add(this.#cells, this.#at, n);
  }
  sub(n: number): number {
    return Atomics.sub(this.#cells, this.#at, n);
  }
  and(mask: number): number {
    return Atomics.and(this.#cells, this.#at, mask);
  }
  or(mask: number): number {
    return Atomics.or(this.#cells, this.#at, mask);
  }
  xor(mask: number): number {
    return Atomics.xor(this.#cells, this.#at, mask);
  }

  /** Blocks this thread while the word is `expected`, for at most `ms`. Drivers only: see park/wait.ts. */
  wait(expected: number, ms: number): WaitOutcome {
    return Atomics.wait(this.#cells, this.#at, expected, ms);
  }
  /** As {@link wait}, without blocking: a string at once, or a promise. It does not keep the process alive. */
  waitAsync(expected: number): { async: false; value: "not-equal" | "timed-out" } | { async: true; value: Promise<"ok" | "timed-out"> } {
    return Atomics.waitAsync(this.#cells, this.#at, expected);
  }
  /** Wakes at most `count` sleepers of this word, oldest first; returns how many. */
  notify(count = Infinity): number {
    return Atomics.notify(this.#cells, this.#at, count);
  }
}

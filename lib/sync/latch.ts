/**
 * A count that goes down to zero once, and those who wait for it.
 *
 *     word 0  COUNTED    how much was counted down, 0 to the latch's number; zeroed bytes are a latch of which nothing was
 *
 * No wake-up is lost: a thread sleeps on a COUNTED that is less than the number; counting changes the word first and, at the end,
 * notifies all second. A thread that dies has counted or not; nobody is waited for by name, so a latch is no edge of a deadlock.
 */
import { checkPlace, kindOf, LAYOUT, registerLayout, type Layout, type Place } from "../memory/place.ts";
import { registerWords } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Sleep } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { nameOf, type NameOptions } from "./name.ts";

const KIND = "Latch@1";
const BYTES = 4;
/** BOUND: every word stays below 2^30. */
const MAX_COUNT = (1 << 30) - 1;

/**
 * Opens once, for good, when it was counted down so many times.
 * @example
 * const loaded = new Latch(3, { name: "loaded" });
 * // In each of them: ...; loaded.countDown();
 * for (const part of parts) spawn(load, part, loaded);
 * loaded.wait();
 */
export class Latch {
  readonly #counted: Word;
  readonly #total: number;
  readonly #name: string | undefined;
  #line: Line | undefined;

  /**
   * @param count         how often it must be counted down, 0 to 1,073,741,823; a latch of 0 is open
   * @param options.name  what messages call it
   * @throws {RangeError} `count` is no such number
   */
  constructor(count: number, options?: NameOptions);
  constructor(count: number, options?: NameOptions, place?: Place) {
    this.#total = checkCount(count, "a latch's number", 0, MAX_COUNT);
    this.#name = nameOf(options, "a latch");
    if (place !== undefined) checkPlace("a Latch", place.buffer, place.byteOffset, BYTES, 4);
    this.#counted = place === undefined ? Word.fresh(BYTES) : Word.at(place.buffer, place.byteOffset);
  }

  /**
   * Opens the latch that lies at a place, as a struct's field `latch(count)` does; initialises nothing: of zeroed bytes, all is left.
   * @param count  the same in every thread
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4; or it is no count
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, count: number, options?: NameOptions): Latch {
    return new (Latch as new (count: number, options: NameOptions | undefined, place: Place) => Latch)(count, options, {
      buffer,
      byteOffset,
    });
  }

  static {
    registerLayout(KIND, (count) => layoutOf(count as number));
    registerWords(KIND, (count) => [{ name: "counted", show: (value) => `${String(value)} of ${String(count)}` }]);
    registerKind(KIND, ({ place, name, type }) =>
      Latch.at(place.buffer, place.byteOffset, type as number, name === undefined ? undefined : { name }),
    );
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#counted;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name, type: this.#total };
  }

  /**
   * Counts down; at zero, wakes all who wait.
   * @param by  how much, a whole number from 1 to what is left
   * @throws {RangeError} `by` is no such number: more was counted than there was to count, which is a mistake. Nothing was counted
   */
  countDown(by = 1): void {
    for (let seen = this.#counted.load(); ;) {
      if (seen === this.#total)
        throw new RangeError(`${this.describe()} is open already: more is counted down than its ${String(this.#total)}.`);
      checkCount(by, `what is counted down of ${this.describe()}`, 1, this.#total - seen);
      const was = this.#counted.compareExchange(seen, seen + by);
      if (was === seen) {
        if (seen + by === this.#total) this.#counted.notify();
        return;
      }
      seen = was;
    }
  }

  /** How much is left. */
  get count(): number {
    return this.#total - this.#counted.load();
  }
  /** Is it open? Never waits. */
  tryWait(): boolean {
    return this.#counted.load() === this.#total;
  }

  /**
   * Blocks this thread until the count is zero.
   * @param opts.timeout  milliseconds; without it, waits for ever
   * @param opts.signal   a CancelFlag that calls the wait off
   * @throws {TimeoutError} the time was over
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link waitAsync}
   */
  wait(opts?: WaitOptions): void {
    wait(() => this.#attempt(), this, "wait", opts);
  }

  /**
   * As {@link wait}, awaiting.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   */
  waitAsync(opts?: AsyncWaitOptions): Promise<void> {
    this.#line ??= new Line();
    return this.#line.wait(
      () => this.#attempt(),
      () => undefined,
      this,
      "wait",
      opts,
    );
  }

  #attempt(): Sleep | undefined {
    const seen = this.#counted.load();
    return seen === this.#total ? undefined : { word: this.#counted, value: seen };
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a latch without a name" : `latch "${this.#name}"`;
  }
}

/** The type of a struct's field that is a latch of this count: `struct("Start", { ready: latch(3) })`. See {@link Latch.at}. */
export function latch(count: number): { readonly [LAYOUT]: Layout<Latch> } {
  return { [LAYOUT]: layoutOf(count) };
}

function layoutOf(count: number): Layout<Latch> {
  const type = checkCount(count, "a latch's number", 0, MAX_COUNT);
  return { kind: KIND, type, byteLength: BYTES, align: 4, at: (buffer, byteOffset) => Latch.at(buffer, byteOffset, type) };
}

function checkCount(count: number, what: string, least: number, most: number): number {
  if (Number.isInteger(count) && count >= least && count <= most) return count;
  throw new RangeError(
    `${what} is a whole number from ${String(least)} to ${String(most)}; it was given ${typeof count === "number" ? String(count) : kindOf(count)}.`,
  );
}

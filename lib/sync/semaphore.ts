/**
 * A counting semaphore: who takes, who waits, and who may not be overtaken. Where the permits lie is told in permits.ts.
 *
 * Whoever comes takes if there are enough. So a small request may overtake a large one; but who has woken PATIENCE times in vain
 * writes itself into FIRST, and from then on who comes and holds nothing lets it pass, for 4^LEVEL ms. LEVEL rises while FIRST keeps
 * waking in vain, so that sooner or later all who hold have released and nobody has come in between. It is a courtesy and no right:
 * FIRST may wait for somebody who waits for a newcomer, and then the newcomer must get in. Who does not wait shows none, and whose time
 * is over no longer.
 * FIRST is named, so that a dead one holds nobody back; who gives up clears it.
 */
import { BlockingNotAllowedError, DeadlockError, DisconnectedError } from "../errors.ts";
import { checkPlace, kindOf, LAYOUT, registerLayout, type Layout, type Place } from "../memory/place.ts";
import { registerWords } from "../memory/word-names.ts";
import { backOff } from "../park/backoff.ts";
import { Line } from "../park/line.ts";
import { isTimeOver, Limits, requireOptions, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Attempt, type Awaited, type Waiter } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { currentThread } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { Permit } from "./permit.ts";
import { bytesOfPermits, MAX_LEVEL, MAX_PERMITS, permitNames, Permits } from "./permits.ts";

const KIND = "Semaphore@1";
/** So many wake-ups in vain, and newcomers let it pass; and every so many more, for four times as long. */
const PATIENCE = 16;
/** So many threads can hold permits at once: of a semaphore of its own, and of one that lies in a struct. */
const HOLDERS = 64;
const FIELD_HOLDERS = 8;
const MAX_HOLDERS = 1024;

/** What a semaphore can be told when it is made. */
export interface SemaphoreOptions extends NameOptions {
  /**
   * How many threads can hold permits at the same time, 1 to 1024; 64 without it, and never more than there are permits. One more waits
   * as if there were no permit. Each takes 12 bytes.
   */
  readonly holders?: number;
}

/**
 * Counts out permits: at most so many are held at any time, by whichever threads.
 *
 * Permits belong to the thread that took them, and return when it ends, however it ends. Waiters are served in no particular order: a
 * small request may overtake a large one, but not for ever.
 *
 * @example
 * const downloads = new Semaphore(4, { name: "downloads" });
 * const permit = downloads.acquire();
 * try { fetchAll(); } finally { permit.release(); }
 */
export class Semaphore {
  readonly #permits: Permits;
  readonly #name: string | undefined;
  #line: Line | undefined;

  /**
   * @param permits          how many there are, 1 to 536,870,911
   * @param options.name     what messages call it
   * @param options.holders  how many threads can hold some at the same time
   * @throws {RangeError} `permits` or `holders` is no such number
   * @throws {TypeError} `permits` is no number
   */
  constructor(permits: number, options?: SemaphoreOptions);
  constructor(permits: number, options?: SemaphoreOptions, place?: Place) {
    const total = wholeNumber(permits, "a semaphore's number of permits", MAX_PERMITS);
    this.#name = nameOf(options, "a semaphore");
    const { holders: most = HOLDERS } = options ?? {};
    const holders = Math.min(total, wholeNumber(most, "a semaphore's number of holders", MAX_HOLDERS));
    const bytes = bytesOfPermits(holders);
    if (place !== undefined) checkPlace("a Semaphore", place.buffer, place.byteOffset, bytes, 4);
    const { buffer, byteOffset } = place ?? { buffer: new SharedArrayBuffer(bytes), byteOffset: 0 };
    this.#permits = new Permits(buffer, byteOffset, total, holders);
  }

  /**
   * Opens the semaphore of so many permits that lies at a place, as a struct's field `semaphore(permits)` does; initialises nothing:
   * of zeroed bytes all permits are free. Up to 8 threads can hold some at the same time. It takes 16 bytes, and 12 for each of them.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @param permits  the same in every thread
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4; or it is no number of permits
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, permits: number, options?: NameOptions): Semaphore {
    return openAt(buffer, byteOffset, permits, FIELD_HOLDERS, nameOf(options, "a semaphore"));
  }

  static {
    registerLayout(KIND, (permits) => layoutOf(permits as number));
    registerWords(KIND, (type) => permitNames(Array.isArray(type) ? (type[1] as number) : FIELD_HOLDERS));
    registerKind(KIND, ({ place, name, type }) => {
      const [permits, holders] = Array.isArray(type) ? (type as number[]) : [];
      return openAt(place.buffer, place.byteOffset, permits as number, holders as number, name);
    });
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset, total, slots } = this.#permits;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name, type: [total, slots] };
  }

  /**
   * Takes permits, blocking this thread until there are enough.
   * @param permits       how many, a whole number from 1 to the semaphore's own
   * @param opts.timeout  milliseconds; without it, waits for ever. With 0, gets permits whenever {@link tryAcquire} does
   * @param opts.signal   a CancelFlag that calls the wait off
   * @returns a guard that gives them back
   * @throws {RangeError} `permits` is not from 1 to as many as there are
   * @throws {DisconnectedError} the semaphore was closed; nothing is held
   * @throws {DeadlockError} this thread, or a cycle of blocked threads, holds so many that it would wait for ever; nothing more is held
   * @throws {TimeoutError} the time was over; nothing is held
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link acquireAsync}
   * @example const permit = downloads.acquire(1, { timeout: 250 });
   */
  acquire(permits?: number, opts?: WaitOptions): Permit;
  acquire(opts: WaitOptions): Permit;
  acquire(first: number | WaitOptions = 1, second?: WaitOptions): Permit {
    if (second !== undefined || first !== 1) return this.#acquireWith(first, second);
    if (!this.#permits.retake()) this.#acquireAnew(1, undefined);
    return new Permit(this.#permits, 1);
  }

  /**
   * Takes permits if there are enough at this moment, else returns undefined.
   * @throws {RangeError} `permits` is not from 1 to as many as there are
   * @throws {DisconnectedError} the semaphore was closed
   */
  tryAcquire(permits = 1): Permit | undefined {
    if (this.#takeQuickly(this.#checked(permits))) return new Permit(this.#permits, permits);
    return this.#takeAtOnce("tryAcquire", permits) ? new Permit(this.#permits, permits) : undefined;
  }

  /**
   * As {@link acquire}, awaiting. The tasks of one thread get theirs in the order in which they asked; but whose time is over may
   * overtake one that wants more than there is.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   */
  acquireAsync(permits?: number, opts?: AsyncWaitOptions): Promise<Permit>;
  acquireAsync(opts: AsyncWaitOptions): Promise<Permit>;
  acquireAsync(first: number | AsyncWaitOptions = 1, second?: AsyncWaitOptions): Promise<Permit> {
    const isQuick = first === 1 && second === undefined && this.#line?.isEmpty !== false;
    if (isQuick && this.#takeQuickly(1)) return Promise.resolve(new Permit(this.#permits, 1));
    return this.#acquireInLine(first, second);
  }
  async #acquireInLine(first: number | AsyncWaitOptions, second: AsyncWaitOptions | undefined): Promise<Permit> {
    const { count, opts } = this.#split(first, second);
    const stay = new Stay();
    const line = (this.#line ??= new Line());
    const grant = (): Permit => new Permit(this.#permits, count);
    const giveUp = (): void => {
      this.#giveUp(stay);
    };
    try {
      return await line.wait(this.#attempt(count, stay), grant, this, "acquire", opts, giveUp);
    } catch (error) {
      // As below.
      if (isTimeOver(error, opts) && this.#takeAtOnce("acquire", count)) return grant();
      throw error;
    }
  }

  /** How many permits nobody holds at this moment; those of a thread that died have returned. */
  get available(): number {
    return this.#inside("look at", (me) => this.#permits.free(me));
  }

  /**
   * Closes it for good: who waits and who comes gets a {@link DisconnectedError}. Permits that are held stay held, and are given back
   * as ever. Of a closed one, does nothing.
   */
  close(): void {
    this.#inside("close", () => {
      this.#permits.close();
    });
    this.#permits.moveEvent();
  }

  // --- the algorithm ---

  #acquireWith(first: number | WaitOptions, second: WaitOptions | undefined): Permit {
    const { count, opts } = this.#split(first, second);
    // Options are looked at even if there are permits, so that a wrong one does not lie in wait for the first contention.
    if (opts !== undefined) new Limits(opts, "acquire").throwIfCancelled();
    if (count !== 1 || !this.#permits.retake()) this.#acquireAnew(count, opts);
    return new Permit(this.#permits, count);
  }

  #takeQuickly(count: number): boolean {
    return (count === 1 && this.#permits.retake()) || this.#permits.takeQuickly(count);
  }

  #acquireAnew(count: number, opts: WaitOptions | undefined): void {
    if (!this.#permits.takeQuickly(count)) this.#acquireSlow(count, opts);
  }

  #acquireSlow(count: number, opts: WaitOptions | undefined): void {
    const permits = this.#permits;
    if (currentThread().spins && backOff(() => permits.takeAnew(count))) return;
    const stay = new Stay();
    const awaited: Awaited = {
      describe: () => this.describe(),
      get holders(): Holders {
        return permits.holders(stay.own, count);
      },
    };
    try {
      wait(this.#attempt(count, stay), awaited, "acquire", opts);
    } catch (error) {
      try {
        // The last attempt may have found somebody at the permits, or let FIRST pass; so there may be enough.
        const waitsNoMore = isTimeOver(error, opts) || error instanceof BlockingNotAllowedError;
        if (!waitsNoMore || !this.#takeAtOnce("acquire", count)) throw error;
      } finally {
        this.#giveUp(stay);
      }
    }
  }

  /** Takes if there are enough at this moment, whoever waits. */
  #takeAtOnce(verb: string, count: number): boolean {
    return this.#inside(verb, (me) => {
      this.#throwIfClosed();
      return this.#permits.take(me, count, false);
    });
  }

  #attempt(count: number, stay: Stay): Attempt {
    const permits = this.#permits;
    return (waiter) => {
      // Before anything is looked at: whoever changes what we are going to see moves EVENT after that.
      const event = permits.event.load();
      const gate = waiter.blocks ? permits.tryEnter(waiter.me) : permits.enter(waiter.me, this, "acquire");
      if (gate !== undefined) return gate;
      let left: number | undefined;
      try {
        left = this.#takeOrMark(count, waiter, stay);
      } finally {
        permits.leave(waiter.me);
      }
      if (left !== undefined) return { word: permits.event, value: event, ...(left === Infinity ? {} : { atMost: left }) };
      if (stay.isFirst) permits.moveEvent();
      return undefined;
    };
  }

  /** Takes, and returns undefined; or returns for how many ms it makes sense to sleep. */
  #takeOrMark(count: number, { me, blocks, wakes }: Waiter, stay: Stay): number | undefined {
    const permits = this.#permits;
    this.#throwIfClosed();
    const { id, level } = permits.first;
    const hasFirst = id !== 0 && id !== me && currentThread().registry.isAlive(id);
    if (hasFirst && permits.heldBy(me) === 0) {
      const left = stay.courtesyLeft(level);
      if (left > 0) return left;
    }
    if (permits.take(me, count, true)) {
      if (stay.isFirst) permits.first = NOBODY;
      return undefined;
    }
    stay.own = permits.heldBy(me);
    if (blocks && stay.own + count > permits.total) throw this.#waitsForItself(me);
    if (wakes > PATIENCE && !hasFirst) {
      permits.first = { id: me, level: Math.min(MAX_LEVEL, Math.floor(wakes / PATIENCE) - 1) };
      stay.isFirst = true;
    }
    return Infinity;
  }

  /** Who had precedence and leaves without permits holds nobody back any longer. */
  #giveUp(stay: Stay): void {
    if (!stay.isFirst) return;
    this.#inside("acquire", (me) => {
      if (this.#permits.first.id === me) this.#permits.first = NOBODY;
    });
    this.#permits.moveEvent();
  }

  /** Calls `section` while nobody else is at the permits. */
  #inside<R>(verb: string, section: (me: number) => R): R {
    const me = currentThread().id;
    this.#permits.enter(me, this, verb);
    try {
      return section(me);
    } finally {
      this.#permits.leave(me);
    }
  }

  #split<O extends AsyncWaitOptions>(first: number | O, second: O | undefined): { count: number; opts: O | undefined } {
    if (typeof first === "object") requireOptions(first, "{ timeout: 250 }");
    return typeof first === "object" ? { count: 1, opts: first } : { count: this.#checked(first), opts: second };
  }

  #checked(permits: number): number {
    const { total } = this.#permits;
    if (Number.isInteger(permits) && permits >= 1 && permits <= total) return permits;
    return wholeNumber(permits, `the number of permits to take of ${this.describe()}`, total);
  }

  #throwIfClosed(): void {
    if (!this.#permits.closed) return;
    throw new DisconnectedError(`${this.describe()} was closed, so it gives no more permits. Nothing is held; end what needed them.`);
  }

  #waitsForItself(me: number): DeadlockError {
    const self = currentThread().registry.describe(me);
    return new DeadlockError(
      `${self} would wait for permits of ${this.describe()}, of which it holds too many itself`,
      "Acquire all that it needs at once, or release some first.",
    );
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a semaphore without a name" : `semaphore "${this.#name}"`;
  }
}

/** The type of a struct's field that is a semaphore of so many permits: `struct("Pool", { slots: semaphore(4) })`. See {@link Semaphore.at}. */
export function semaphore(permits: number): { readonly [LAYOUT]: Layout<Semaphore> } {
  return { [LAYOUT]: layoutOf(permits) };
}

const NOBODY = { id: 0, level: 0 };

/** One call that waits. */
class Stay {
  /** How many permits this thread held at the last attempt. */
  own = 0;
  /** Did this call write itself into FIRST? */
  isFirst = false;
  #until: number | undefined;

  /** For how many more ms it lets the first one pass. */
  courtesyLeft(level: number): number {
    const now = performance.now();
    this.#until ??= now + 4 ** level;
    return this.#until - now;
  }
}

function layoutOf(permits: number): Layout<Semaphore> {
  const total = wholeNumber(permits, "a semaphore's number of permits", MAX_PERMITS);
  return {
    kind: KIND,
    type: total,
    byteLength: bytesOfPermits(Math.min(total, FIELD_HOLDERS)),
    align: 4,
    at: (buffer, byteOffset) => Semaphore.at(buffer, byteOffset, total),
  };
}

function openAt(buffer: SharedArrayBuffer, byteOffset: number, permits: number, holders: number, name: string | undefined): Semaphore {
  const options: SemaphoreOptions = { holders, ...(name === undefined ? {} : { name }) };
  return new (Semaphore as unknown as new (permits: number, options: SemaphoreOptions, place: Place) => Semaphore)(permits, options, {
    buffer,
    byteOffset,
  });
}

function wholeNumber(given: unknown, what: string, max: number): number {
  if (typeof given !== "number") throw new TypeError(`${what} is a number; it was given ${kindOf(given)}.`);
  if (Number.isInteger(given) && given >= 1 && given <= max) return given;
  throw new RangeError(`${what} is a whole number from 1 to ${String(max)}; it was given ${String(given)}.`);
}

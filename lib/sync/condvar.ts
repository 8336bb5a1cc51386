/**
 * Waiting until another thread has changed what a lock protects.
 *
 *     word 0  TAG      which lock it is used with, by the lock's own number
 *          1  CROWD    count << 1 | 1 if somebody waits who found no slot: moves with every notification then
 *          2  USED     so many slots were ever used, nobody looks at more; it only grows
 *             SLOTS    of two words each, one for each thread that waits:
 *                OWNER    the thread's id, 0 if free
 *                COUNTS   NOTIFIED << 15 | WAITING: how many of its waits were notified and have not got the lock yet, how many were not
 *
 *     a wait    takes a slot, WAITING + 1   then unlocks, sleeps on COUNTS until there is a NOTIFIED, locks again, NOTIFIED - 1
 *     notify    WAITING - 1, NOTIFIED + 1 in one slot, then wakes its thread
 *
 * No wake-up is lost: a wait is counted before the lock is released, so whoever changes the data under the lock and notifies finds
 * it; and a thread sleeps only on the very COUNTS in which it saw nothing for itself. Who gives up takes WAITING back; if it was
 * notified meanwhile, it goes on as notified, or when its signal was cancelled notifies another. What a thread was notified of when
 * it died is passed on by whoever sees it first: the next one to take the slot, or a sleeper, since all look after a death. It stands
 * in COUNTS until the thread has the lock again, from when on its death would poison that.
 *
 * A notification ends exactly one wait, and nothing else does, unless more threads wait than there are slots: the CROWD wakes
 * together, some of it in vain, and for notifyOne() only when no slot has WAITING. Nobody knows how many it is, so it does not keep out a
 * second lock. Who passes a notification on does that first and takes it off second: dying in between, it ends one wait more.
 *
 * Sources: A. Birrell, "Implementing Condition Variables with Semaphores" (2003), for what must not happen; the named slots are ours.
 */
import type { PoisonedError } from "../errors.ts";
import { checkPlace, kindOf, LAYOUT, registerLayout, type Layout } from "../memory/place.ts";
import { registerWords, someThread, type WordName } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import { abortSignalOf, isTimeOver, Limits, timeoutOf, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { requireBlocking, wait, type Attempt, type Sleep } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { currentThread } from "../thread/current.ts";
import { MutexGuard, type Guarded } from "./guard.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { WriteGuard } from "./rw-guard.ts";
import { isThenable, refuseGenerator } from "./section.ts";

const KIND = "Condvar@1";
const HEADER_WORDS = 3;
const SLOT_WORDS = 2;
const CROWDED = 1;
const ONE_WAITING = 1;
const ONE_NOTIFIED = 1 << 15;
const MAX_WAITING = ONE_NOTIFIED - 1;
const waitingIn = (counts: number): number => counts & MAX_WAITING;
const notifiedIn = (counts: number): number => counts >>> 15;
const slotNames = (n: number): readonly WordName[] => [
  { name: `owner ${String(n)}`, show: someThread },
  { name: `counts ${String(n)}`, show: (counts) => `${String(waitingIn(counts))} wait, ${String(notifiedIn(counts))} notified` },
];
/** One of those who wait is notified. */
const NOTIFY = ONE_NOTIFIED - ONE_WAITING;

/** Slots of a condvar in a struct's field, which takes 60 bytes; and of one that was made with `new`. */
const FIELD_SLOTS = 6;
const OWN_SLOTS = 31;
const MAX_SLOTS = 1024;
const bytesOf = (slots: number): number => (HEADER_WORDS + slots * SLOT_WORDS) * 4;

/** What a condvar can be told when it is made. */
export interface CondvarOptions extends NameOptions {
  /**
   * So many threads can wait with a place of their own, 31 by default: of them each notification wakes exactly one. Tasks of one thread
   * count as one. More wait as a crowd: `notifyAll` wakes it too, `notifyOne` only if nobody with a place waits, and then all of it, most
   * in vain. No notification is lost to it, but where all are to have their turn, let all have a place.
   */
  readonly waiters?: number;
}

/** The guard of a lock that only one may hold. */
export type ExclusiveGuard<T> = MutexGuard<T> | WriteGuard<T>;

/** How a wait ended. */
export type WaitResult = "ok" | "timed-out";

/** One wait's place among those who wait. */
interface Ticket {
  /** -1: in the crowd. */
  readonly slot: number;
  /** The CROWD word when the wait began. */
  readonly crowd: number;
  /** Is one of the NOTIFIED in the slot this wait's? */
  claims: boolean;
}

/**
 * A condition variable: lets threads sleep until what a lock protects may have changed.
 *
 * `wait(guard)` releases the lock and sleeps in one step, and holds the lock again when it returns. A notification that comes while
 * nobody waits is lost, so always look at the data first: `waitWhile` does. Nobody can know who would have notified: if that thread
 * dies, a wait without limits lasts for ever, so where that may happen use `waitWhile` with a timeout, or a {@link CancelFlag}.
 *
 * @example
 * const filled = new Condvar({ name: "filled" });
 * const guard = queue.lock();
 * filled.waitWhile(guard, (value) => value.length === 0);
 */
export class Condvar {
  readonly #tag: Word;
  readonly #slots: number;
  readonly #name: string | undefined;
  /** The tasks that wait in the slot, and those that found none: only the first in a line looks, and these sleep on different words. */
  #slotLine: Line | undefined;
  #crowdLine: Line | undefined;
  /** This thread's slot while it waits, and by how many of its waits it is used. */
  #mine = -1;
  #users = 0;
  /** How many of the NOTIFIED there have found their wait. */
  #claims = 0;
  /** Where the search for somebody to wake goes on, so that no slot always comes first. */
  #next = 0;

  /**
   * @param options.name     what messages call it
   * @param options.waiters  how many threads can wait with a place of their own, 1 to 1024; 8 bytes each
   * @throws {RangeError} `waiters` is something else
   */
  constructor(options?: CondvarOptions);
  constructor(options?: CondvarOptions, tag?: Word) {
    this.#name = nameOf(options, "a condvar");
    this.#slots = slotsOf(options?.waiters ?? OWN_SLOTS);
    this.#tag = tag ?? Word.fresh(bytesOf(this.#slots));
  }

  /**
   * Opens the condvar that lies at a place; initialises nothing: zeroed bytes are one that nobody waits for. It takes 60 bytes, and
   * has slots for 6 threads.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, options?: NameOptions): Condvar {
    return openAt(buffer, byteOffset, FIELD_SLOTS, options);
  }

  /** How a condvar lies in a struct's field. */
  static readonly [LAYOUT]: Layout<Condvar> = {
    kind: KIND,
    byteLength: bytesOf(FIELD_SLOTS),
    align: 4,
    at: (buffer, byteOffset) => Condvar.at(buffer, byteOffset),
  };

  static {
    registerLayout(KIND, Condvar[LAYOUT]);
    registerWords(KIND, (slots) => [
      ...["tag", "crowd", "used"].map((name) => ({ name })),
      ...Array.from({ length: slotsOf(slots ?? FIELD_SLOTS) }, (_, n) => slotNames(n)).flat(),
    ]);
    registerKind(KIND, ({ place, name, type }) =>
      openAt(place.buffer, place.byteOffset, slotsOf(type), name === undefined ? undefined : { name }),
    );
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#tag;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name, type: this.#slots };
  }

  /**
   * Releases the lock, blocks this thread until it is notified, and takes the lock again.
   * @param guard  of a Mutex, or a WriteGuard; held again when this returns or throws, but for the two cases below
   * @returns "timed-out" if the time was over first
   * @throws {PoisonedError} the lock was poisoned meanwhile; the guard is released
   * @throws {DeadlockError} taking the lock again closed a cycle of blocked threads; the guard is released
   * @throws {TypeError} others, with a place of their own, wait with another lock at this moment; nothing was released
   * @throws {ReleasedError} the guard was released before
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link waitAsync}
   */
  wait(guard: ExclusiveGuard<unknown>, opts?: WaitOptions): WaitResult {
    if (opts !== undefined) new Limits(opts, "wait").throwIfCancelled();
    requireBlocking(this, "wait");
    const lock = lockOf(guard);
    const inDoubt = doubtOf(lock);
    const ticket = this.#enter(guard, lock);
    let outcome: WaitResult = "ok";
    try {
      wait(this.#attempt(ticket, inDoubt), this, "wait", opts);
    } catch (error) {
      const notified = this.#giveUp(ticket);
      if (!isTimeOver(error, opts)) {
        if (notified) this.#passOn(ticket);
        this.#comeBack(guard, lock, ticket, inDoubt);
        throw error;
      }
      if (!notified) outcome = "timed-out";
    }
    this.#comeBack(guard, lock, ticket, inDoubt);
    return outcome;
  }

  /** As {@link wait}, awaiting. */
  async waitAsync(guard: ExclusiveGuard<unknown>, opts?: AsyncWaitOptions): Promise<WaitResult> {
    timeoutOf(opts);
    abortSignalOf(opts)?.throwIfAborted();
    const lock = lockOf(guard);
    const inDoubt = doubtOf(lock);
    const ticket = this.#enter(guard, lock);
    let outcome: WaitResult = "ok";
    try {
      const line = ticket.slot === -1 ? (this.#crowdLine ??= new Line()) : (this.#slotLine ??= new Line());
      await line.wait(this.#attempt(ticket, inDoubt), () => undefined, this, "wait", opts);
    } catch (error) {
      const notified = this.#giveUp(ticket);
      if (!isTimeOver(error, opts)) {
        if (notified) this.#passOn(ticket);
        await this.#comeBackAsync(guard, lock, ticket, inDoubt);
        throw error;
      }
      if (!notified) outcome = "timed-out";
    }
    await this.#comeBackAsync(guard, lock, ticket, inDoubt);
    return outcome;
  }

  /**
   * Waits for as long as `blocked(value)` is true; it is asked under the lock, first of all and after each notification.
   * @returns "timed-out" if the time was over and it is still true
   * @throws as {@link wait}, and whatever `blocked` throws, with the guard held
   * @example filled.waitWhile(guard, (value) => value.length === 0, { timeout: 1000 });
   */
  waitWhile<T>(guard: ExclusiveGuard<T>, blocked: (value: T) => boolean, opts?: WaitOptions): WaitResult {
    requirePredicate(blocked);
    lockOf(guard);
    const limits = new Limits(opts, "wait");
    while (ask(blocked, guard.value)) {
      if (limits.left === 0) return "timed-out";
      this.wait(guard, remaining(opts, limits));
    }
    return "ok";
  }

  /** As {@link waitWhile}, awaiting. */
  async waitWhileAsync<T>(guard: ExclusiveGuard<T>, blocked: (value: T) => boolean, opts?: AsyncWaitOptions): Promise<WaitResult> {
    requirePredicate(blocked);
    lockOf(guard);
    const deadline = performance.now() + timeoutOf(opts);
    while (ask(blocked, guard.value)) {
      const timeout = deadline - performance.now();
      if (timeout <= 0) return "timed-out";
      await this.waitAsync(guard, opts === undefined ? undefined : { ...opts, timeout });
    }
    return "ok";
  }

  /**
   * Ends one wait, if anybody waits. Holding the lock is not needed, but what was changed under it is seen only if it was.
   * @returns how many waits it ended: 0 or 1; of those without a place of their own, it counts who is asleep
   */
  notifyOne(): number {
    const used = this.#used.load();
    for (let n = 0; n < used; n++) {
      const slot = (this.#next + n) % used;
      if (this.#notifyIn(slot, 1) === 0) continue;
      this.#next = slot + 1;
      return 1;
    }
    return Math.min(1, this.#notifyCrowd());
  }

  /**
   * Ends all waits.
   * @returns how many, as {@link notifyOne} counts; the tasks of one thread that have no place of their own are one
   */
  notifyAll(): number {
    let count = 0;
    for (let slot = 0; slot < this.#used.load(); slot++) count += this.#notifyIn(slot, Infinity);
    return count + this.#notifyCrowd();
  }

  // --- the algorithm ---

  /** Counts one more wait of this thread, then releases the lock. */
  #enter(guard: ExclusiveGuard<unknown>, lock: Guarded<unknown>): Ticket {
    const slot = this.#takeSlot();
    const ticket: Ticket = { slot, crowd: slot === -1 ? this.#crowd().or(CROWDED) | CROWDED : 0, claims: false };
    if (slot !== -1) this.#users++;
    try {
      this.#requireSame(lock, ticket);
      guard.suspend();
      lock.unlock();
    } catch (error) {
      if (this.#giveUp(ticket)) this.#passOn(ticket);
      throw error;
    }
    return ticket;
  }

  /** A slot in which one more wait was counted, -1 if there is none. */
  #takeSlot(): number {
    const { id } = currentThread();
    if (this.#mine !== -1) return this.#count(this.#mine) ? this.#mine : -1;
    for (let slot = 0; slot < this.#slots; slot++) {
      const owner = this.#owner(slot).load();
      if (owner !== 0 && !this.#isDead(owner)) continue;
      if (!this.#clean(slot, owner, id)) continue;
      // PAIRS: with the load of USED by who notifies, before a wait is counted here.
      for (let seen = this.#used.load(); seen <= slot; seen = this.#used.load()) this.#used.compareExchange(seen, slot + 1);
      this.#mine = slot;
      return this.#count(slot) ? slot : -1;
    }
    return -1;
  }

  #count(slot: number): boolean {
    const word = this.#counts(slot);
    for (;;) {
      const seen = word.load();
      if (waitingIn(seen) + notifiedIn(seen) === MAX_WAITING) return false;
      if (word.compareExchange(seen, seen + ONE_WAITING) === seen) return true;
    }
  }

  /** Takes a free or a dead thread's slot, and passes on what the dead one was notified of. */
  #clean(slot: number, before: number, id: number): boolean {
    if (this.#owner(slot).compareExchange(before, id) !== before) return false;
    const counts = this.#counts(slot);
    // Also what came in just now: between this and the line above, a notification for the dead one looks like one for us.
    const left = notifiedIn(counts.and(~MAX_WAITING));
    for (let n = 0; n < left; n++) {
      this.notifyOne();
      counts.sub(ONE_NOTIFIED);
    }
    return true;
  }

  /** Others may wait with this lock only: with two, none of them would be protected. */
  #requireSame(lock: Guarded<unknown>, ticket: Ticket): void {
    const { tag } = lock;
    for (let seen = this.#tag.load(); seen !== tag; seen = this.#tag.load()) {
      if (seen === 0 || !this.#isAwaited(ticket)) {
        if (this.#tag.compareExchange(seen, tag) !== seen) continue;
        // PAIRS: with the load of TAG by another who was counted before it: either it sees ours, or this sees it.
        if (seen === 0 || !this.#isAwaited(ticket)) return;
        this.#tag.compareExchange(tag, seen);
      }
      throw new TypeError(
        `${this.describe()} is used with ${lock.describe()} while others wait in it with another lock: each condvar belongs to one lock at a time.`,
      );
    }
  }

  /** Does anybody else wait? */
  #isAwaited(besides: Ticket): boolean {
    for (let slot = 0; slot < this.#used.load(); slot++) {
      const own = slot === besides.slot ? 1 : 0;
      const owner = this.#owner(slot).load();
      if (owner !== 0 && waitingIn(this.#counts(slot).load()) > own && !this.#isDead(owner)) return true;
    }
    return false;
  }

  /**
   * Goes on if a notification is there; else says what to sleep on. From the second time on it looks for what the dead left: a
   * notification that must go on, or the lock itself, whose poison ends all waits.
   */
  #attempt(ticket: Ticket, inDoubt: () => boolean): Attempt {
    const { slot, crowd } = ticket;
    const word = slot === -1 ? this.#crowd() : this.#counts(slot);
    let looks = 0;
    return (): Sleep | undefined => {
      for (;;) {
        const seen = word.load();
        if (slot === -1 && seen !== crowd) return undefined;
        if (slot !== -1 && notifiedIn(seen) > this.#claims) {
          this.#claim(ticket);
          return undefined;
        }
        if (looks++ === 0) return { word, value: seen };
        if (this.#inherit()) continue;
        if (!inDoubt()) return { word, value: seen };
        if (this.#giveUp(ticket)) this.#passOn(ticket);
        return undefined;
      }
    };
  }

  /** Passes on what dead threads were notified of; true if there was anything. */
  #inherit(): boolean {
    const { id } = currentThread();
    let found = false;
    const used = this.#used.load();
    for (let slot = 0; slot < used; slot++) {
      const owner = this.#owner(slot).load();
      if (owner === 0 || owner === id || !this.#isDead(owner) || !this.#clean(slot, owner, id)) continue;
      this.#owner(slot).store(0);
      found = true;
    }
    return found;
  }

  /** Takes a wait back that was not ended by a notification; true if one had come meanwhile, which the caller has now. */
  #giveUp(ticket: Ticket): boolean {
    const { slot, crowd } = ticket;
    if (slot === -1) return this.#crowd().load() !== crowd;
    const word = this.#counts(slot);
    // While others of this thread wait on, a notification is theirs.
    for (let seen = word.load(); waitingIn(seen) > 0; seen = word.load()) {
      if (word.compareExchange(seen, seen - ONE_WAITING) !== seen) continue;
      this.#leave(slot);
      return false;
    }
    this.#claim(ticket);
    return true;
  }

  /** The notification stays where it is, so that it does not die with this thread. */
  #claim(ticket: Ticket): void {
    ticket.claims = true;
    this.#claims++;
  }
  /** Takes the notification off of which this wait has made use, if it had one. */
  #settle(ticket: Ticket): void {
    if (!ticket.claims) return;
    ticket.claims = false;
    this.#claims--;
    this.#counts(ticket.slot).sub(ONE_NOTIFIED);
    this.#leave(ticket.slot);
  }
  /** Lets another wait have the notification. */
  #passOn(ticket: Ticket): void {
    this.notifyOne();
    this.#settle(ticket);
  }

  /** The guard holds again; or, if the data is in doubt since the wait began, it stays released. */
  #comeBack(guard: ExclusiveGuard<unknown>, lock: Guarded<unknown>, ticket: Ticket, inDoubt: () => boolean): void {
    try {
      lock.retake();
    } catch (error) {
      if (ticket.claims) this.#passOn(ticket);
      throw error;
    }
    this.#settle(ticket);
    admit(guard, lock, inDoubt);
  }
  async #comeBackAsync(guard: ExclusiveGuard<unknown>, lock: Guarded<unknown>, ticket: Ticket, inDoubt: () => boolean): Promise<void> {
    // Nothing calls this off: a task's wait closes no cycle.
    await lock.retakeAsync();
    this.#settle(ticket);
    admit(guard, lock, inDoubt);
  }

  #leave(slot: number): void {
    this.#users--;
    if (this.#users > 0) return;
    this.#mine = -1;
    this.#owner(slot).store(0);
  }

  #notifyIn(slot: number, most: number): number {
    const word = this.#counts(slot);
    for (;;) {
      const seen = word.load();
      const count = Math.min(most, waitingIn(seen));
      if (count === 0) return 0;
      const owner = this.#owner(slot).load();
      if (owner === 0 || this.#isDead(owner)) return 0;
      if (word.compareExchange(seen, seen + count * NOTIFY) !== seen) continue;
      word.notify();
      return count;
    }
  }

  /** Wakes all who found no slot; gives how many slept. */
  #notifyCrowd(): number {
    const word = this.#crowd();
    const seen = word.load();
    if ((seen & CROWDED) === 0) return 0;
    // BOUND: below 2^30; a wait would have to miss every one of 2^29 notifications to mistake the next for none.
    word.compareExchange(seen, ((seen | CROWDED) + 1) & 0x3fff_ffff);
    return word.notify();
  }

  #isDead(owner: number): boolean {
    return !currentThread().registry.isAlive(owner);
  }
  get #used(): Word {
    return this.#word(2);
  }
  #crowd(): Word {
    return this.#word(1);
  }
  #owner(slot: number): Word {
    return this.#word(HEADER_WORDS + slot * SLOT_WORDS);
  }
  #counts(slot: number): Word {
    return this.#word(HEADER_WORDS + slot * SLOT_WORDS + 1);
  }
  #word(index: number): Word {
    return this.#tag.next(index);
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a condvar without a name" : `condvar "${this.#name}"`;
  }
}

function openAt(buffer: SharedArrayBuffer, byteOffset: number, waiters: number, options: NameOptions | undefined): Condvar {
  checkPlace("a Condvar", buffer, byteOffset, bytesOf(waiters), 4);
  return new (Condvar as new (options: CondvarOptions, tag: Word) => Condvar)({ ...options, waiters }, Word.at(buffer, byteOffset));
}

function slotsOf(waiters: unknown): number {
  if (typeof waiters === "number" && Number.isInteger(waiters) && waiters >= 1 && waiters <= MAX_SLOTS) return waiters;
  throw new RangeError(`a condvar can be made for 1 to ${String(MAX_SLOTS)} waiters; it was given ${String(waiters)}.`);
}

function lockOf(guard: unknown): Guarded<unknown> {
  if (guard instanceof MutexGuard || guard instanceof WriteGuard) return (guard as ExclusiveGuard<unknown>).lock;
  throw new TypeError(
    `wait() needs the guard of the lock that it shall release, a MutexGuard or a WriteGuard; it was given ${kindOf(guard)}.`,
  );
}

function requirePredicate(blocked: unknown): void {
  if (typeof blocked !== "function") throw new TypeError(`waitWhile() needs a function of the value; it was given ${kindOf(blocked)}.`);
  refuseGenerator(blocked, "waitWhile");
}

/** A promise would count as true, and the wait last for ever. */
function ask<T>(blocked: (value: T) => boolean, value: T): boolean {
  const answer: unknown = blocked(value);
  if (!isThenable(answer)) return answer as boolean;
  throw new TypeError("the function given to waitWhile() returned a promise: it is asked under the lock, and must tell at once.");
}

function remaining(opts: WaitOptions | undefined, limits: Limits): WaitOptions | undefined {
  return opts === undefined || limits.left === Infinity ? opts : { ...opts, timeout: limits.left };
}

/** Has the data come into doubt since now? Not if the caller was let in although it was poisoned. What was once seen to be so stays so. */
function doubtOf(lock: Guarded<unknown>): () => boolean {
  const before = lock.poisoned;
  let found = false;
  return () => (found ||= !before && lock.poisoned);
}

function admit(guard: ExclusiveGuard<unknown>, lock: Guarded<unknown>, inDoubt: () => boolean): void {
  if (inDoubt()) {
    const error: PoisonedError = lock.poisonedError();
    lock.unlock();
    throw error;
  }
  guard.resume();
}

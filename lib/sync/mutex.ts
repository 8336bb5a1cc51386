/**
 * Mutual exclusion in one word of shared memory.
 *
 *     word 0  STATE     31 30 .............. 4      3          2         1         0
 *                      +----+------------------+----------+-------+----------+---------+
 *                      | 0  | OWNER, thread id | STARVING | ASYNC | POISONED | WAITERS |
 *                      +----+------------------+----------+-------+----------+---------+
 *     word 1  CULPRIT   the id of the thread that poisoned it, for messages
 *          2  TAG       a number of its own, once a Condvar has asked for one
 *             value     of `Mutex.of(type)`, from the next multiple of 8 bytes on
 *
 *     OWNER  WAITERS  STARVING
 *       0       0        0      free
 *       id      0        0      held, nobody sleeps
 *       id      1        0      held, somebody sleeps or soon will
 *       id      1        1      held, and somebody has often woken in vain
 *       0      0/1       1      free, but kept for those who slept: a newcomer lets them pass, for COURTESY at most
 *
 * No wake-up is lost: a thread sleeps only on a value with WAITERS set, and the unlock that clears WAITERS changes the value first
 * and notifies second. Who is woken sets WAITERS again, taking or not, since it cannot know that it was the only sleeper. A sleeper
 * with an event loop may be busy for long before it sees its wake-up; so if one is among the sleepers (ASYNC), all are woken.
 * A dead OWNER is replaced, with POISONED, by whoever meets it first; the supervisor makes every sleeper look.
 *
 * Source: U. Drepper, "Futexes Are Tricky" (2011), section 5; the owner, the poison and the courtesy are ours.
 */
import { DeadlockError, PoisonedError, ReleasedError } from "../errors.ts";
import { alignOf, describeType, initialise, sizeOf, slotOf, type FieldType, type InitOf, type Slot } from "../memory/layout.ts";
import { checkPlace, LAYOUT, registerLayout, type Layout } from "../memory/place.ts";
import { owned, registerWords, someThread } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { backOff } from "../park/backoff.ts";
import { Line } from "../park/line.ts";
import { Limits, requireOptions, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Attempt, type Sleep, type Waiter } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { assertSync, type Sync } from "../send/send.ts";
import { currentId, currentThread, tagIn } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";
import { MutexGuard } from "./guard.ts";
import { nameOf, type NameOptions } from "./name.ts";
import {
  asyncInside,
  despitePoison,
  isThenable,
  refuseAsync,
  repairUnder,
  repairUnderAsync,
  runUnderAsync,
  type NotPromise,
} from "./section.ts";

const FREE = 0;
const WAITERS = 1 << 0;
const POISONED = 1 << 1;
const ASYNC = 1 << 2;
const STARVING = 1 << 3;
const OWNER_SHIFT = 4;
const ownerOf = (state: number): number => state >>> OWNER_SHIFT;

/**
 * In steps of 0.8 ns: who finds the lock held rests so long before it looks again. When a lock goes from core to core nobody gets on for a while,
 * 1 us if they share no cache; so who has taken it should have it for about as long.
 */
const FIRST_REST = 1024;
/** So many wake-ups in vain, and the lock is kept for those who sleep. */
const PATIENCE = 32;
/** In ms. A kept lock is a courtesy, no right: the one it is kept for may have given up or died. */
const COURTESY = 1;

const KIND = "Mutex@1";
const HEADER_BYTES = 12;

/** What a mutex can be told when it is made. */
export type MutexOptions = NameOptions;

/** Whether to be let in although the data may be half-written. */
export interface PoisonOptions {
  /** Get in without clearing the poison: the `into_inner()` of Rust's PoisonError. */
  readonly allowPoisoned?: boolean;
}

/** `new Mutex()` protects nothing but a section of code; any other needs its value. */
type MutexArgs<T> = [value: T & Sync<T>, options?: MutexOptions] | ([undefined] extends [T] ? [] : never);

/** Where an opened mutex lies, and the value that lies behind it. */
interface Inner<T> {
  readonly state: Word;
  readonly slot?: Slot<T> | undefined;
  readonly type?: FieldType<T> | undefined;
}

/**
 * Protects a value: the only way to it is through the guard that locking gives.
 *
 * The value is one that threads share already: a struct, a typed array over shared memory, another primitive, or nothing.
 * {@link Mutex.of} makes a lock whose value lies in its own place.
 *
 * A thread that ends while it holds the guard, however it ends, poisons the lock: who waits and who comes gets a
 * {@link PoisonedError} within milliseconds, until somebody repairs the data with {@link recover}.
 *
 * @example
 * const totals = new Mutex(Totals.create(), { name: "totals" });
 * totals.with((value) => { value.files += 1; });
 */
export class Mutex<T = undefined> {
  readonly #state: Word;
  readonly #value: T;
  readonly #slot: Slot<T> | undefined;
  readonly #type: FieldType<T> | undefined;
  readonly #name: string | undefined;
  #line: Line | undefined;

  /**
   * @param value         what it protects; it must be shared memory, or every thread would get a copy of its own
   * @param options.name  what messages call it
   * @throws {TypeError} the value is not shared between threads
   */
  constructor(...args: MutexArgs<T>);
  constructor(value?: T, options?: MutexOptions, inner?: Inner<T>) {
    if (inner === undefined) assertSync(value, "the value of a Mutex");
    this.#value = value as T;
    this.#name = nameOf(options, "a mutex");
    this.#state = inner?.state ?? Word.fresh(HEADER_BYTES);
    this.#slot = inner?.slot;
    this.#type = inner?.type;
  }

  /**
   * A mutex whose value lies in its own place, so that `guard.value` may be set.
   * @param type  a field type such as `f64`, or a struct
   * @param init  what the value is at first; zeros without it
   * @throws {RangeError} the first value is out of the type's range
   * @example const balance = Mutex.of(f64, 100);
   */
  static of<T>(type: FieldType<T>, init?: InitOf<T>, options?: MutexOptions): Mutex<T> {
    const buffer = new SharedArrayBuffer(bytesOf(type));
    if (init !== undefined) initialise(type, buffer, valueOffset(type), init);
    return openOf(type, buffer, 0, options);
  }

  /**
   * Opens the mutex that lies at a place; initialises nothing: zeroed bytes are a free mutex. It protects no value of its own.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, options?: MutexOptions): Mutex {
    checkPlace("a Mutex", buffer, byteOffset, HEADER_BYTES, 4);
    return open(undefined, options, { state: Word.at(buffer, byteOffset) });
  }

  /** How a mutex lies in a struct's field, or behind a handle. */
  static readonly [LAYOUT]: Layout<Mutex> = {
    kind: KIND,
    byteLength: HEADER_BYTES,
    align: 4,
    at: (buffer, byteOffset) => Mutex.at(buffer, byteOffset),
  };

  static {
    registerLayout(KIND, (of) => (of === undefined ? Mutex[LAYOUT] : layoutWith(of as FieldType)));
    registerWords(KIND, () => [
      { name: "state", show: owned(OWNER_SHIFT, ["WAITERS", "POISONED", "ASYNC", "STARVING"]) },
      { name: "culprit", show: someThread },
      { name: "tag" },
    ]);
    registerKind(KIND, ({ place: { buffer, byteOffset }, name, type, value }, typeFrom) => {
      const options = name === undefined ? undefined : { name };
      if (type !== undefined) return openOf(typeFrom(type), buffer, byteOffset, options);
      checkPlace("a Mutex", buffer, byteOffset, HEADER_BYTES, 4);
      return open(value, options, { state: Word.at(buffer, byteOffset) });
    });
  }

  /** How this mutex lies as the field of a struct: `struct("Account", { balance: Mutex.of(f64) })`. */
  get [LAYOUT](): Layout<Mutex<T>> {
    return this.#type === undefined ? (Mutex[LAYOUT] as Layout<Mutex<T>>) : layoutWith(this.#type);
  }

  /** What crosses to another thread: the place, and how to reach the value. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#state;
    return {
      kind: KIND,
      place: { buffer, byteOffset },
      name: this.#name,
      type: this.#type === undefined ? undefined : describeType(this.#type),
      value: this.#value,
    };
  }

  /**
   * Locks, blocking this thread until the lock is free.
   * @param opts.timeout        milliseconds; without it, waits for ever
   * @param opts.signal         a CancelFlag that calls the wait off
   * @param opts.allowPoisoned  get in without clearing the poison
   * @throws {PoisonedError} somebody ended or failed while holding it; nothing is held
   * @throws {DeadlockError} this thread holds it already, or the wait closed a cycle of blocked threads; nothing is held
   * @throws {TimeoutError} the time was over; nothing is held
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link lockAsync}
   */
  lock(opts?: WaitOptions & PoisonOptions): MutexGuard<T> {
    const mine = currentId() << OWNER_SHIFT;
    // Made first, so that a collection of garbage for which it gives the occasion does not keep the others waiting.
    const guard = new MutexGuard(this);
    // Options are looked at even if the lock is free, so that a wrong one does not lie in wait for the first contention.
    if (opts !== undefined || this.#state.compareExchange(FREE, mine) !== FREE) this.#lockSlow(mine, opts);
    return guard;
  }

  /**
   * Locks if that is possible at once, else returns undefined.
   * @throws {PoisonedError} it is free and poisoned; nothing is held
   */
  tryLock(opts?: PoisonOptions): MutexGuard<T> | undefined {
    if (opts !== undefined) requireOptions(opts, "{ allowPoisoned: true }");
    const waiter: Waiter = { me: currentThread().id, blocks: false, wakes: 0 };
    for (let seen = this.#state.load(); this.#isFree(seen); seen = this.#state.load()) {
      if (this.#take(seen, waiter)) return this.#guard(opts);
    }
    return undefined;
  }

  /**
   * Locks, awaiting until the lock is free. The tasks of one thread get it in the order in which they asked.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   * @throws {PoisonedError} somebody ended or failed while holding it; nothing is held
   * @throws {TimeoutError} the time was over; nothing is held
   */
  lockAsync(opts?: AsyncWaitOptions & PoisonOptions): Promise<MutexGuard<T>> {
    if (opts === undefined && this.#line?.isEmpty !== false) {
      const mine = currentId() << OWNER_SHIFT;
      if (this.#state.compareExchange(FREE, mine) === FREE) return Promise.resolve(new MutexGuard(this));
    }
    this.#line ??= new Line();
    return this.#line.wait(this.#attempt(), () => this.#guard(opts), this, "lock", opts);
  }

  /**
   * Locks, calls `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller.
   * @throws {TypeError} `fn` is async: it would be unlocked at its first await; use {@link withAsync}
   */
  with<R>(fn: (value: T) => NotPromise<R>, opts?: WaitOptions & PoisonOptions): R {
    refuseAsync(fn);
    const mine = currentId() << OWNER_SHIFT;
    if (opts !== undefined || this.#state.compareExchange(FREE, mine) !== FREE) this.#lockSlow(mine, opts);
    // As runUnder(), without a guard: the lock that is used most is spared making one.
    let result: unknown;
    try {
      result = fn(this.getValue());
      if (result !== undefined && isThenable(result)) throw asyncInside();
    } catch (error) {
      this.poison();
      this.unlock();
      throw error;
    }
    this.unlock();
    return result as R;
  }

  /** Locks, awaits `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller. */
  withAsync<R>(fn: (value: T) => R | PromiseLike<R>, opts?: AsyncWaitOptions & PoisonOptions): Promise<R> {
    return runUnderAsync(() => this.lockAsync(opts), fn);
  }

  /** Is the data in doubt? True too while a dead thread still stands in the word. */
  get poisoned(): boolean {
    const seen = this.#state.load();
    return (seen & POISONED) !== 0 || this.#isOrphan(seen);
  }

  /** Declares the data to be right again. Whoever holds the lock goes on holding it. */
  clearPoison(): void {
    const seen = this.#state.load();
    // A dead owner's poison is only latent: take the lock over, so that there is a bit to clear.
    if (this.#isOrphan(seen)) this.tryLock({ allowPoisoned: true })?.release();
    this.#state.and(~POISONED);
  }

  /**
   * Locks in spite of poison; if the data is still in doubt, repairs it and clears the poison. A repair that throws leaves the lock
   * poisoned and free.
   * @returns true if it repaired; false if somebody else had done so before
   */
  recover(repair: (value: T) => void, opts?: WaitOptions): boolean {
    refuseAsync(repair, "recover");
    return repairUnder(this.lock(despitePoison(opts)), this, repair);
  }

  /** As {@link recover}, awaiting the lock and the repair. */
  recoverAsync(repair: (value: T) => void | PromiseLike<void>, opts?: AsyncWaitOptions): Promise<boolean> {
    return repairUnderAsync(() => this.lockAsync(despitePoison(opts)), this, repair);
  }

  // --- the algorithm ---

  #lockSlow(mine: number, opts: (WaitOptions & PoisonOptions) | undefined): void {
    if (opts !== undefined) new Limits(opts, "lock").throwIfCancelled();
    const got = currentThread().spins && backOff(() => this.#takeQuietly(mine), undefined, FIRST_REST);
    if (got) return;
    wait(this.#attempt(), this, "lock", opts);
    this.#admit(opts);
  }

  /** Takes a lock that is free and nobody's concern. Once somebody sleeps, spinning would burn the core that the holder needs. */
  #takeQuietly(mine: number): boolean | undefined {
    const seen = this.#state.load();
    if (seen === FREE) return this.#state.compareExchange(FREE, mine) === FREE;
    return (seen & (WAITERS | POISONED | STARVING)) === 0 ? false : undefined;
  }

  /** Takes a free lock, or marks a held one as waited for and says what to sleep on. */
  #attempt(): Attempt {
    return (waiter) => this.#takeOrMark(waiter);
  }
  #takeOrMark(waiter: Waiter): Sleep | undefined {
    for (;;) {
      const seen = this.#state.load();
      const kept = ownerOf(seen) === 0 && (seen & STARVING) !== 0 && waiter.wakes === 0;
      if (this.#isFree(seen) && !kept) {
        if (this.#take(seen, waiter)) return undefined;
        continue;
      }
      if (waiter.blocks && ownerOf(seen) === waiter.me) throw this.#relock();
      const next = seen | WAITERS | (waiter.blocks ? 0 : ASYNC) | (waiter.wakes > PATIENCE ? STARVING : 0);
      if (next !== seen && this.#state.compareExchange(seen, next) !== seen) continue;
      return { word: this.#state, value: next, ...(kept ? { atMost: COURTESY } : {}) };
    }
  }

  #isFree(seen: number): boolean {
    return ownerOf(seen) === 0 || this.#isOrphan(seen);
  }
  #isOrphan(seen: number): boolean {
    const owner = ownerOf(seen);
    const { id, registry } = currentThread();
    return owner !== 0 && owner !== id && !registry.isAlive(owner);
  }

  #take(seen: number, { me, wakes }: Waiter): boolean {
    const orphaned = ownerOf(seen) !== 0;
    const flags = (seen & (WAITERS | ASYNC | POISONED)) | (orphaned ? POISONED : 0) | (wakes > 0 ? WAITERS : 0);
    if (this.#state.compareExchange(seen, (me << OWNER_SHIFT) | flags) !== seen) return false;
    if (orphaned) this.#culprit().store(ownerOf(seen));
    return true;
  }

  #guard(opts: PoisonOptions | undefined): MutexGuard<T> {
    this.#admit(opts);
    return new MutexGuard(this);
  }

  /** The lock is taken. Gives it back, and throws, if the data is in doubt and nobody asked to see it. */
  #admit(opts: PoisonOptions | undefined): void {
    if ((this.#state.load() & POISONED) === 0 || opts?.allowPoisoned === true) return;
    const error = this.poisonedError();
    this.unlock();
    throw error;
  }

  /** @internal */
  unlock(): void {
    // PAIRS: with the compareExchange that takes the lock; its winner sees all that was written under it.
    const mine = currentId() << OWNER_SHIFT;
    const seen = this.#state.compareExchange(mine, FREE);
    if (seen !== mine) this.#unlockSlow(mine, seen);
  }

  #unlockSlow(mine: number, found: number): void {
    for (let seen = found, next = found; ; seen = next) {
      // Never a plain store: if the lock was taken over, it would free the successor's.
      if (ownerOf(seen) !== ownerOf(mine)) throw new ReleasedError(this.describe());
      const kept = (seen & WAITERS) !== 0 ? seen & (POISONED | STARVING) : seen & POISONED;
      next = this.#state.compareExchange(seen, kept);
      if (next !== seen) continue;
      if ((seen & ASYNC) !== 0) this.#state.notify();
      else if ((seen & WAITERS) !== 0) this.#state.notify(1);
      return;
    }
  }

  /** @internal */
  poison(): void {
    this.#culprit().store(currentThread().id);
    this.#state.or(POISONED);
  }

  #culprit(): Word {
    return Word.at(this.#state.buffer, this.#state.byteOffset + 4);
  }

  #relock(): DeadlockError {
    const { registry, id } = currentThread();
    const self = registry.describe(id);
    return new DeadlockError(
      `${self} would wait for ${this.describe()}, which it holds itself`,
      "Use the guard that it has, or release that first; or make it a ReentrantMutex.",
    );
  }

  // --- what others ask ---

  /** Takes the lock again after a wait, whatever happened to the data meanwhile. @internal */
  retake(): void {
    const mine = currentId() << OWNER_SHIFT;
    if (this.#state.compareExchange(FREE, mine) !== FREE) this.#lockSlow(mine, DESPITE_POISON);
  }
  /** @internal */
  async retakeAsync(): Promise<void> {
    await this.lockAsync(DESPITE_POISON);
  }
  /** What a Condvar knows this lock by. @internal */
  get tag(): number {
    return tagIn(Word.at(this.#state.buffer, this.#state.byteOffset + 8));
  }
  /** Who poisoned it, in words. @internal */
  poisonedError(): PoisonedError {
    const culprit = this.#culprit().load();
    return new PoisonedError(this.describe(), culprit === 0 ? "a thread" : currentThread().registry.describe(culprit));
  }
  /** @internal */
  getValue(): T {
    return this.#slot === undefined ? this.#value : this.#slot.value;
  }
  /** @internal */
  setValue(value: T): void {
    if (this.#slot === undefined) {
      throw new TypeError(
        `what ${this.describe()} protects lies elsewhere, so it can be changed but not replaced: make the lock with Mutex.of(type) to set its value.`,
      );
    }
    this.#slot.value = value;
  }
  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a mutex without a name" : `mutex "${this.#name}"`;
  }
  /** @internal */
  get holders(): Holders {
    return { offset: this.#state.byteOffset, stride: 4, count: 1, shift: OWNER_SHIFT };
  }
}

const DESPITE_POISON = { allowPoisoned: true };

const bytesOf = (type: FieldType): number => roundUp(valueOffset(type) + sizeOf(type), Math.max(4, alignOf(type)));
const valueOffset = (type: FieldType): number => roundUp(HEADER_BYTES, alignOf(type));
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

function open<T>(value: T, options: MutexOptions | undefined, inner: Inner<T>): Mutex<T> {
  return new (Mutex as unknown as new (value: T, options: MutexOptions | undefined, inner: Inner<T>) => Mutex<T>)(value, options, inner);
}

function openOf<T>(type: FieldType<T>, buffer: SharedArrayBuffer, byteOffset: number, options?: MutexOptions): Mutex<T> {
  checkPlace("a Mutex with its value", buffer, byteOffset, bytesOf(type), Math.max(4, alignOf(type)));
  const slot = slotOf(type, buffer, byteOffset + valueOffset(type));
  return open(undefined as T, options, { state: Word.at(buffer, byteOffset), slot, type });
}

function layoutWith<T>(type: FieldType<T>): Layout<Mutex<T>> {
  return {
    kind: KIND,
    type: describeType(type),
    byteLength: bytesOf(type),
    align: Math.max(4, alignOf(type)),
    at: (buffer, byteOffset) => openOf(type, buffer, byteOffset),
  };
}

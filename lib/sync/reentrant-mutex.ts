/**
 * A mutex that its owner may lock again: a {@link Mutex} and one more word.
 *
 *     word 0  the Mutex: see mutex.ts
 *          3  COUNTER the id of the thread whose holds DEPTH counts; of no meaning unless it is the owner's
 *          4  DEPTH   how often the owner holds it
 *
 * Who finds itself in the mutex' word is its owner, whoever else comes and goes: only a thread writes its own id there. The other two
 * are the owner's alone. They lie here and not in its heap, so that two objects that a thread opened at one place agree; what a dead
 * owner left in them is not its successor's. All waiting, poisoning and telling of deaths is the Mutex'.
 *
 * A task that is granted the lock learns of it a little later. Who comes in between finds its thread to be the owner, but not COUNTER,
 * and counts for both.
 */
import { ReleasedError } from "../errors.ts";
import { Cells } from "../memory/cells.ts";
import { checkPlace, LAYOUT, registerLayout, type Layout } from "../memory/place.ts";
import { registerWords, someThread, wordsOf } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { abortSignalOf, Limits, requireOptions, timeoutOf, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { assertSync, type Sync } from "../send/send.ts";
import { currentId } from "../thread/current.ts";
import type { HolderWords } from "../thread/protocol.ts";
import { Mutex, type PoisonOptions } from "./mutex.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { despitePoison, refuseAsync, repairUnder, repairUnderAsync, runUnder, runUnderAsync, type NotPromise } from "./section.ts";

const KIND = "ReentrantMutex@1";
const COUNTER = 3;
const DEPTH = 4;
const BYTES = 20;

/** `new ReentrantMutex()` protects nothing but a section of code; any other needs its value. */
type ReentrantMutexArgs<T> = [value: T & Sync<T>, options?: NameOptions] | ([undefined] extends [T] ? [] : never);
type Opened<T> = new (
  value: T,
  options: NameOptions | undefined,
  place: { buffer: SharedArrayBuffer; byteOffset: number },
) => ReentrantMutex<T>;

/**
 * A mutex that the thread which holds it may lock again, for functions that lock and call each other. It is free once each guard was
 * released, in whatever order.
 *
 * The owner is the thread: all tasks of one thread count as the owner, and are let in together. Where tasks shall keep each other
 * out, use a {@link Mutex}. A task that was waiting before its thread got the lock waits until the lock is free.
 *
 * @example
 * const tree = new ReentrantMutex(nodes, { name: "tree" });
 * tree.with(() => tree.with((value) => value.fill(0)));
 */
export class ReentrantMutex<T = undefined> {
  readonly #mutex: Mutex;
  readonly #state: Word;
  readonly #ownerShift: number;
  readonly #cells: Cells;
  readonly #value: T;
  readonly #name: string | undefined;

  /**
   * @param value         what it protects; it must be shared memory, or every thread would get a copy of its own
   * @param options.name  what messages call it
   * @throws {TypeError} the value is not shared between threads
   */
  constructor(...args: ReentrantMutexArgs<T>);
  constructor(value?: T, options?: NameOptions, place?: { buffer: SharedArrayBuffer; byteOffset: number }) {
    assertSync(value, "the value of a ReentrantMutex");
    this.#value = value as T;
    this.#name = nameOf(options, "a reentrant mutex");
    const { buffer, byteOffset } = place ?? { buffer: new SharedArrayBuffer(BYTES), byteOffset: 0 };
    checkPlace("a ReentrantMutex", buffer, byteOffset, BYTES, 4);
    this.#mutex = Mutex.at(buffer, byteOffset, options);
    this.#state = Word.at(buffer, byteOffset);
    this.#ownerShift = (this.#mutex.holders as HolderWords).shift;
    this.#cells = new Cells(buffer, byteOffset, BYTES / 4);
  }

  /**
   * Opens the mutex that lies at a place; initialises nothing: zeroed bytes are a free one. It protects no value of its own.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, options?: NameOptions): ReentrantMutex {
    return new (ReentrantMutex as unknown as Opened<undefined>)(undefined, options, { buffer, byteOffset });
  }

  /** How a reentrant mutex lies in a struct's field. */
  static readonly [LAYOUT]: Layout<ReentrantMutex> = {
    kind: KIND,
    byteLength: BYTES,
    align: 4,
    at: (buffer, byteOffset) => ReentrantMutex.at(buffer, byteOffset),
  };

  static {
    registerLayout(KIND, ReentrantMutex[LAYOUT]);
    registerWords(KIND, () => [...wordsOf(Mutex[LAYOUT].kind), { name: "counter", show: someThread }, { name: "depth" }]);
    registerKind(KIND, ({ place, name, value }) => {
      const options = name === undefined ? undefined : { name };
      return new (ReentrantMutex as unknown as Opened<unknown>)(value, options, place);
    });
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#state;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name, value: this.#value };
  }

  /**
   * Locks, blocking this thread until no other one holds the lock.
   * @param opts.timeout        milliseconds; without it, waits for ever
   * @param opts.signal         a CancelFlag that calls the wait off
   * @param opts.allowPoisoned  get in without clearing the poison
   * @throws {PoisonedError} somebody ended or failed while holding it; nothing more is held
   * @throws {DeadlockError} the wait closed a cycle of blocked threads; nothing is held
   * @throws {TimeoutError} the time was over; nothing is held
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link lockAsync}
   */
  lock(opts?: WaitOptions & PoisonOptions): ReentrantMutexGuard<T> {
    if (this.#isMine()) {
      if (opts !== undefined) new Limits(opts, "lock").throwIfCancelled();
      return this.#deeper(opts);
    }
    this.#mutex.lock(opts);
    return this.#first();
  }

  /**
   * Locks if that is possible at once, else returns undefined.
   * @throws {PoisonedError} it is free, or this thread's, and poisoned; nothing more is held
   */
  tryLock(opts?: PoisonOptions): ReentrantMutexGuard<T> | undefined {
    if (opts !== undefined) requireOptions(opts, "{ allowPoisoned: true }");
    if (this.#isMine()) return this.#deeper(opts);
    return this.#mutex.tryLock(opts) === undefined ? undefined : this.#first();
  }

  /** As {@link lock}, awaiting; at once if this thread holds it, through whichever of its tasks. */
  async lockAsync(opts?: AsyncWaitOptions & PoisonOptions): Promise<ReentrantMutexGuard<T>> {
    if (this.#isMine()) {
      // Options are looked at even if nothing is to be awaited.
      timeoutOf(opts);
      abortSignalOf(opts)?.throwIfAborted();
      return this.#deeper(opts);
    }
    return this.#mutex.lockAsync(opts).then(() => {
      const guard = this.#first();
      // Another task of this thread may have come in before, and failed.
      if (opts?.allowPoisoned === true || !this.#mutex.poisoned) return guard;
      const error = this.#mutex.poisonedError();
      guard.release();
      throw error;
    });
  }

  /**
   * Locks, calls `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller.
   * @throws {TypeError} `fn` is async: it would be unlocked at its first await
   */
  with<R>(fn: (value: T) => NotPromise<R>, opts?: WaitOptions & PoisonOptions): R {
    refuseAsync(fn);
    return runUnder(this.lock(opts), fn as (value: T) => unknown) as R;
  }

  /** Locks, awaits `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller. */
  withAsync<R>(fn: (value: T) => R | PromiseLike<R>, opts?: AsyncWaitOptions & PoisonOptions): Promise<R> {
    return runUnderAsync(() => this.lockAsync(opts), fn);
  }

  /** Is the data in doubt? True too while a dead thread still stands in the word. */
  get poisoned(): boolean {
    return this.#mutex.poisoned;
  }
  /** Declares the data to be right again. Whoever holds the lock goes on holding it. */
  clearPoison(): void {
    this.#mutex.clearPoison();
  }

  /**
   * Locks in spite of poison; if the data is still in doubt, repairs it and clears the poison. A repair that throws leaves it poisoned.
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

  #isMine(): boolean {
    return this.#state.load() >>> this.#ownerShift === currentId();
  }

  // PLAIN: COUNTER and DEPTH, here and below, are the owner's alone.
  #first(): ReentrantMutexGuard<T> {
    if (this.#cells.get(COUNTER) !== currentId()) this.#count(1);
    return new ReentrantMutexGuard(this, this.#value);
  }
  #deeper(opts: PoisonOptions | undefined): ReentrantMutexGuard<T> {
    if (opts?.allowPoisoned !== true && this.#mutex.poisoned) throw this.#mutex.poisonedError();
    // BOUND: a guard each; memory is full long before.
    this.#count(this.#cells.get(COUNTER) === currentId() ? this.#cells.get(DEPTH) + 1 : 2);
    return new ReentrantMutexGuard(this, this.#value);
  }
  #count(depth: number): void {
    this.#cells.set(DEPTH, depth);
    this.#cells.set(COUNTER, currentId());
  }

  /** @internal */
  unlock(): void {
    if (!this.#isMine()) throw new ReleasedError(this.describe());
    const depth = this.#cells.get(DEPTH) - 1;
    this.#cells.set(DEPTH, depth);
    if (depth > 0) return;
    this.#cells.set(COUNTER, 0);
    this.#mutex.unlock();
  }
  /** @internal */
  poison(): void {
    this.#mutex.poison();
  }
  /** As messages call it. @internal */
  describe(): string {
    return this.#mutex.describe();
  }
}

/**
 * Proof that this thread holds a {@link ReentrantMutex}, one time of maybe several.
 *
 * @example
 * const outer = tree.lock();
 * const inner = tree.lock();
 * outer.release();
 * inner.release(); // Only now is it free.
 */
export class ReentrantMutexGuard<T> implements Disposable {
  readonly #lock: ReentrantMutex<T>;
  readonly #value: T;
  #isHeld = true;

  /** @internal */
  constructor(lock: ReentrantMutex<T>, value: T) {
    this.#lock = lock;
    this.#value = value;
  }

  /**
   * What the lock protects.
   * @throws {ReleasedError} the guard was released: another thread may be at it by now
   */
  get value(): T {
    this.#requireHeld();
    return this.#value;
  }
  /** Is what it protects in doubt? */
  get poisoned(): boolean {
    this.#requireHeld();
    return this.#lock.poisoned;
  }
  /** Declares what the lock protects to be in doubt: the next one who locks gets a {@link PoisonedError}. */
  poison(): void {
    this.#requireHeld();
    this.#lock.poison();
  }

  /** Unlocks, if it is the last guard of this thread. The second time does nothing. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#lock.unlock();
  }
  [Symbol.dispose](): void {
    this.release();
  }

  /** A guard is this thread's proof, and means nothing in another. */
  get [NOT_SENDABLE](): "a ReentrantMutexGuard proves that this thread holds the lock: send the ReentrantMutex itself" {
    return "a ReentrantMutexGuard proves that this thread holds the lock: send the ReentrantMutex itself";
  }

  #requireHeld(): void {
    if (!this.#isHeld) throw new ReleasedError(`this guard of ${this.#lock.describe()}`);
  }
}

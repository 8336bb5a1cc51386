/** Proof that a lock is held: the only way to what it protects, and disposing of it the only way to unlock. */
import { ReleasedError, type PoisonedError } from "../errors.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { requireFunction } from "./section.ts";

/** What a guard needs of its lock. @internal */
export interface Guarded<T> {
  describe(): string;
  /** Reads and writes what the lock protects. */
  getValue(): T;
  setValue(value: T): void;
  unlock(): void;
  poison(): void;
  readonly poisoned: boolean;
  /** Takes the lock again after a Condvar's wait, poisoned or not. */
  retake(): void;
  retakeAsync(): Promise<void>;
  readonly tag: number;
  poisonedError(): PoisonedError;
}

/** Stands in a guard for its lock while a Condvar waits with it: who releases the guard meanwhile need not unlock. @internal */
export const LENT = { unlock: (): void => undefined };

/**
 * Proof that this thread holds a {@link Mutex}. Release it with `release()`, with `using`, or by letting `with()` do it.
 *
 * `using` and `release()` unlock without poison even when a throw ends the scope, because a disposer is not told why its scope ended:
 * for an update of several steps, use `mutex.with(...)`, which poisons when its function throws.
 *
 * @example
 * const guard = totals.lock();
 * try { guard.value.files += 1; } finally { guard.release(); }
 */
export class MutexGuard<T> implements Disposable {
  readonly #lock: Guarded<T>;
  /** The lock too, until it is released: a reference is as cheap to look at as a flag, and ready for the unlocking. */
  #held: Pick<Guarded<T>, "unlock"> | undefined;

  /** @internal */
  constructor(lock: Guarded<T>) {
    this.#lock = lock;
    this.#held = lock;
  }

  /**
   * What the lock protects.
   * @throws {ReleasedError} the guard was released: another thread may be at it by now
   */
  get value(): T {
    return this.#mine().getValue();
  }
  /**
   * Writes the value of a lock that was made with `Mutex.of`.
   * @throws {TypeError} the lock protects an object that lies elsewhere, which can be changed, not replaced
   */
  set value(value: T) {
    this.#mine().setValue(value);
  }

  /** Is what it protects in doubt? True only if the lock was taken with `allowPoisoned`, or {@link poison} was called. */
  get poisoned(): boolean {
    return this.#mine().poisoned;
  }

  /** Declares what the lock protects to be in doubt: the next one who locks gets a {@link PoisonedError}. */
  poison(): void {
    this.#mine().poison();
  }

  /** Unlocks. The second time does nothing. */
  release(): void {
    const lock = this.#held;
    if (lock === undefined) return;
    // Forgotten first: whatever unlocking does, a second release must not unlock a successor's lock.
    this.#held = undefined;
    lock.unlock();
  }
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * A guard of a part of the value: `const total = guard.map(account => account.total)`. It takes this guard's place, which counts
   * as released from now on.
   */
  map<U>(part: (value: T) => U): MutexGuard<U> {
    requireFunction(part, "map");
    const value = part(this.#mine().getValue());
    // Again: it may have released this guard.
    const lock = this.#mine();
    this.#held = undefined;
    return new MutexGuard<U>(new Part(lock, value));
  }

  /** A guard is this thread's proof, and means nothing in another. */
  get [NOT_SENDABLE](): "a MutexGuard proves that this thread holds the lock: send the Mutex itself" {
    return "a MutexGuard proves that this thread holds the lock: send the Mutex itself";
  }

  /** For a Condvar: the lock, which this guard no longer unlocks until {@link resume}. @internal */
  suspend(): Guarded<T> {
    const lock = this.#mine();
    this.#held = LENT;
    return lock;
  }
  /** The lock is held again: by this guard, or if it was released meanwhile, by nobody. @internal */
  resume(): void {
    if (this.#held === undefined) this.#lock.unlock();
    else this.#held = this.#lock;
  }
  /** What is locked. @internal */
  get lock(): Guarded<T> {
    return this.#mine();
  }

  #mine(): Guarded<T> {
    if (this.#held !== this.#lock) throw new ReleasedError(`this guard of ${this.#lock.describe()}`);
    return this.#lock;
  }
}

type Whole = Omit<Guarded<never>, "getValue" | "setValue">;

/** A part of what a lock protects. @internal */
export class Part<U> implements Guarded<U> {
  readonly #whole: Whole;
  readonly #value: U;
  constructor(whole: Whole, value: U) {
    this.#whole = whole;
    this.#value = value;
  }
  getValue(): U {
    return this.#value;
  }
  setValue(): never {
    throw new TypeError(`a part of what ${this.describe()} protects cannot be replaced through map(): change it in place.`);
  }
  describe(): string {
    return this.#whole.describe();
  }
  unlock(): void {
    this.#whole.unlock();
  }
  poison(): void {
    this.#whole.poison();
  }
  get poisoned(): boolean {
    return this.#whole.poisoned;
  }
  retake(): void {
    this.#whole.retake();
  }
  retakeAsync(): Promise<void> {
    return this.#whole.retakeAsync();
  }
  get tag(): number {
    return this.#whole.tag;
  }
  poisonedError(): PoisonedError {
    return this.#whole.poisonedError();
  }
}

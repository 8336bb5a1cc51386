/** Proofs that an RwLock is held: to read, to write, or to read and perhaps write later. */
import { ReleasedError } from "../errors.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import type { Frozen } from "./frozen.ts";
import { LENT, MutexGuard, Part, type Guarded } from "./guard.ts";
import { requireFunction } from "./section.ts";

/** What a reader's guard needs of its lock. @internal */
export interface Readable<T> {
  describe(): string;
  getValue(): T;
  leave(): void;
}

/**
 * Proof that this thread may read what an {@link RwLock} protects; many may at once. It never poisons: who only reads leaves
 * nothing half-written.
 *
 * @example
 * const reading = config.read();
 * try { useLimit(reading.value.limit); } finally { reading.release(); }
 */
export class ReadGuard<T> implements Disposable {
  readonly #lock: Readable<T>;
  #held: Readable<T> | undefined;

  /** @internal */
  constructor(lock: Readable<T>) {
    this.#lock = lock;
    this.#held = lock;
  }

  /**
   * What the lock protects, deeply readonly to the compiler.
   * @throws {ReleasedError} the guard was released: a writer may be at it by now
   */
  get value(): Frozen<T> {
    return this.#mine().getValue() as Frozen<T>;
  }

  /** Unlocks. The second time does nothing. */
  release(): void {
    const lock = this.#held;
    if (lock === undefined) return;
    this.#held = undefined;
    lock.leave();
  }
  [Symbol.dispose](): void {
    this.release();
  }

  /** A guard of a part of the value. It takes this guard's place, which counts as released from now on. */
  map<U>(part: (value: Frozen<T>) => U): ReadGuard<U> {
    requireFunction(part, "map");
    const value = part(this.value);
    // Only now: it may have released this guard.
    const lock = this.spend();
    return new ReadGuard<U>({
      describe: () => lock.describe(),
      getValue: () => value,
      leave: () => {
        lock.leave();
      },
    });
  }

  /** @internal */
  requireHeld(): void {
    this.#mine();
  }
  /** Counts as released from now on, and leaves the lock as it is. @internal */
  spend(): Readable<T> {
    const lock = this.#mine();
    this.#held = undefined;
    return lock;
  }

  /** A guard is this thread's proof, and means nothing in another. */
  get [NOT_SENDABLE](): "a ReadGuard proves that this thread may read: send the RwLock itself" {
    return "a ReadGuard proves that this thread may read: send the RwLock itself";
  }

  #mine(): Readable<T> {
    if (this.#held === undefined) throw new ReleasedError(`this guard of ${this.#lock.describe()}`);
    return this.#held;
  }
}

/** What a writer's guard needs of its lock. @internal */
export interface Writable<T> extends Guarded<T> {
  /** From writing to reading. */
  downgrade(): ReadGuard<T>;
}

/**
 * Proof that this thread alone may read and write what an {@link RwLock} protects. What {@link MutexGuard} says of `using` and of
 * throws holds here too. (No subclass of it: the engine does not inline a constructor that calls `super`, which made an uncontended
 * write 2.5 times the bare pair instead of 1.7.)
 *
 * @example
 * const writing = config.write();
 * writing.value.limit = 10;
 * const reading = writing.downgrade();
 * try { useLimit(reading.value.limit); } finally { reading.release(); }
 */
export class WriteGuard<T> implements Disposable {
  readonly #lock: Writable<T>;
  #held: Pick<Writable<T>, "unlock"> | undefined;

  /** @internal */
  constructor(lock: Writable<T>) {
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
   * Writes the value of a lock that was made with `RwLock.of`.
   * @throws {TypeError} the lock protects an object that lies elsewhere, which can be changed, not replaced
   */
  set value(value: T) {
    this.#mine().setValue(value);
  }

  /** Is what it protects in doubt? */
  get poisoned(): boolean {
    return this.#mine().poisoned;
  }
  /** Declares what the lock protects to be in doubt: the next one who locks gets a PoisonedError. */
  poison(): void {
    this.#mine().poison();
  }

  /** Unlocks. The second time does nothing. */
  release(): void {
    const lock = this.#held;
    if (lock === undefined) return;
    this.#held = undefined;
    lock.unlock();
  }
  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * Goes on as a reader. The lock is never free in between, so what was written is what is read. This guard counts as released.
   * @throws {ReleasedError} the guard was released
   */
  downgrade(): ReadGuard<T> {
    const lock = this.#mine();
    this.#held = undefined;
    return lock.downgrade();
  }

  /** A guard of a part of the value, as {@link MutexGuard.map}. It takes this guard's place, which counts as released from now on. */
  map<U>(part: (value: T) => U): MutexGuard<U> {
    requireFunction(part, "map");
    const value = part(this.#mine().getValue());
    // Again: it may have released this guard.
    const lock = this.#mine();
    this.#held = undefined;
    return new MutexGuard<U>(new Part(lock, value));
  }

  /** A guard is this thread's proof, and means nothing in another. */
  get [NOT_SENDABLE](): "a WriteGuard proves that this thread holds the lock: send the RwLock itself" {
    return "a WriteGuard proves that this thread holds the lock: send the RwLock itself";
  }

  /** @internal */
  suspend(): Writable<T> {
    const lock = this.#mine();
    this.#held = LENT;
    return lock;
  }
  /** The lock is held again: by this guard, or if it was released meanwhile, by nobody. @internal */
  resume(): void {
    if (this.#held === undefined) this.#lock.unlock();
    else this.#held = this.#lock;
  }
  /** @internal */
  get lock(): Guarded<T> {
    return this.#mine();
  }

  #mine(): Writable<T> {
    if (this.#held !== this.#lock) throw new ReleasedError(`this guard of ${this.#lock.describe()}`);
    return this.#lock;
  }
}

/** What the guard of the one who may upgrade needs of its lock. @internal */
export interface Reserved<T> extends Readable<T> {
  upgrade(opts: WaitOptions | undefined): WriteGuard<T>;
  tryUpgrade(): WriteGuard<T> | undefined;
  upgradeAsync(opts: AsyncWaitOptions | undefined): Promise<WriteGuard<T>>;
}

/**
 * Proof that this thread may read, beside other readers, and that it alone may go on to write.
 *
 * @example
 * const reading = config.upgradable();
 * if (reading.value.limit > 9) reading.release();
 * else {
 *   const writing = reading.upgrade();
 *   writing.value.limit += 1;
 *   writing.release();
 * }
 */
export class UpgradableGuard<T> extends ReadGuard<T> {
  readonly #lock: Reserved<T>;
  /** Does it await that the other readers leave? Then it still holds the lock, for that alone. */
  #upgrades = false;
  /** Was it released meanwhile? */
  #released = false;

  /** @internal */
  constructor(lock: Reserved<T>) {
    super(lock);
    this.#lock = lock;
  }

  override release(): void {
    if (this.#upgrades) this.#released = true;
    else super.release();
  }

  /**
   * Waits until the other readers have left, and writes. Nobody writes in between. This guard counts as released; if the wait
   * fails, it is held on.
   * @throws {DeadlockError} this thread has a ReadGuard too, or the wait closed a cycle of blocked threads
   * @throws {TimeoutError} the time was over
   * @throws {ReleasedError} the guard was released
   */
  upgrade(opts?: WaitOptions): WriteGuard<T> {
    this.#require();
    const guard = this.#lock.upgrade(opts);
    this.spend();
    return guard;
  }
  /** Writes if no other reader is in, else returns undefined, and this guard is held on. */
  tryUpgrade(): WriteGuard<T> | undefined {
    this.#require();
    const guard = this.#lock.tryUpgrade();
    if (guard !== undefined) this.spend();
    return guard;
  }
  /** As {@link upgrade}, awaiting; meanwhile this guard gives neither its value nor another guard. */
  async upgradeAsync(opts?: AsyncWaitOptions): Promise<WriteGuard<T>> {
    this.#require();
    this.#upgrades = true;
    try {
      const guard = await this.#lock.upgradeAsync(opts);
      this.#upgrades = false;
      this.spend();
      return guard;
    } catch (error) {
      this.#upgrades = false;
      if (this.#released) this.release();
      throw error;
    }
  }

  override get value(): Frozen<T> {
    this.#require();
    return super.value;
  }
  /** @internal */
  override spend(): Readable<T> {
    this.#require();
    return super.spend();
  }

  #require(): void {
    if (this.#upgrades) {
      throw new ReleasedError(
        `this guard of ${this.#lock.describe()}`,
        "is being upgraded: await the guard that upgradeAsync() gives, and use that.",
      );
    }
    this.requireHeld();
  }
}

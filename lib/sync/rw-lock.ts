/** Many readers or one writer: what its users see. The words, the picture and the proof are in rw-words.ts. */
import { alignOf, describeType, initialise, sizeOf, slotOf, type FieldType, type InitOf, type Slot } from "../memory/layout.ts";
import { checkPlace, LAYOUT, registerLayout, type Layout } from "../memory/place.ts";
import { registerWords } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { backOff } from "../park/backoff.ts";
import { Line } from "../park/line.ts";
import { Limits, requireOptions, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Awaited, type Waiter } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { assertSync, type Sync } from "../send/send.ts";
import type { PoisonedError } from "../errors.ts";
import { currentThread } from "../thread/current.ts";
import type { Holders, HolderWords } from "../thread/protocol.ts";
import type { Frozen } from "./frozen.ts";
import type { PoisonOptions } from "./mutex.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { ReadGuard, UpgradableGuard, WriteGuard, type Reserved } from "./rw-guard.ts";
import { Reading } from "./rw-reading.ts";
import { bytesOf, firstOf, OWNER_SHIFT, PACKED, rwNames, RwWords, spread, UPGRADABLE, WAITS, type Shape } from "./rw-words.ts";
import { WRITER_REST, Writing } from "./rw-writing.ts";
import { despitePoison, refuseAsync, repairUnder, repairUnderAsync, runUnder, runUnderAsync, type NotPromise } from "./section.ts";

const KIND = "RwLock@1";
const DEFAULT_READERS = 16;
const MAX_READERS = 1024;
const DESPITE_POISON = { allowPoisoned: true };

/** What a lock can be told when it is made. */
export interface RwLockOptions extends NameOptions {
  /** For so many threads that read at once, 1 to 1024; 16 by default, 64 bytes each. One more waits until one of them has left. */
  readonly readers?: number;
}

/** `new RwLock()` protects nothing but sections of code; any other needs its value. */
type RwLockArgs<T> = [value: T & Sync<T>, options?: RwLockOptions] | ([undefined] extends [T] ? [] : never);

/** Where an opened lock lies, and the value that lies behind it. */
interface Inner<T> {
  readonly state: Word;
  readonly shape: Shape;
  readonly slot?: Slot<T> | undefined;
  readonly type?: FieldType<T> | undefined;
}

/**
 * Protects a value that is read more often than written: any number of threads may read it at once, or one may write it.
 *
 * A waiting writer holds back new readers, and readers that wait get in before the next writer, so neither side is kept out. A thread
 * that ends while it writes poisons the lock, as with a {@link Mutex}; one that ends while it reads just stops counting. All tasks of
 * a thread may read at once.
 *
 * Reading again while only reading succeeds, unless a writer waits: then a blocking `read` is a DeadlockError.
 *
 * @example
 * const config = new RwLock(Config.create(), { name: "config" });
 * const limit = config.withRead((value) => value.limit);
 */
export class RwLock<T = undefined> {
  readonly #words: RwWords;
  readonly #reading: Reading;
  readonly #writing: Writing;
  readonly #value: T;
  readonly #slot: Slot<T> | undefined;
  readonly #type: FieldType<T> | undefined;
  readonly #name: string | undefined;
  #readLine: Line | undefined;
  #writeLine: Line | undefined;

  /**
   * @param value            what it protects; it must be shared memory, or every thread would get a copy of its own
   * @param options.name     what messages call it
   * @param options.readers  how many threads may read at once
   * @throws {TypeError} the value is not shared between threads
   * @throws {RangeError} `readers` is no whole number from 1 to 1024
   */
  constructor(...args: RwLockArgs<T>);
  constructor(value?: T, options?: RwLockOptions, inner?: Inner<T>) {
    if (inner === undefined) assertSync(value, "the value of an RwLock");
    this.#value = value as T;
    this.#name = nameOf(options, "an RwLock");
    const shape = inner?.shape ?? spread(readersOf(options?.readers));
    this.#words = new RwWords(inner?.state ?? Word.fresh(bytesOf(shape)), shape, () => this.describe());
    this.#reading = new Reading(this.#words);
    this.#writing = new Writing(this.#words);
    this.#slot = inner?.slot;
    this.#type = inner?.type;
  }

  /**
   * A lock whose value lies in its own place, so that the `value` of a WriteGuard may be set.
   * @param type  a field type such as `f64`, or a struct
   * @param init  what the value is at first; zeros without it
   * @throws {RangeError} the first value is out of the type's range
   * @example const limit = RwLock.of(u32, 100);
   */
  static of<T>(type: FieldType<T>, init?: InitOf<T>, options?: RwLockOptions): RwLock<T> {
    const shape = spread(readersOf(options?.readers));
    const buffer = new SharedArrayBuffer(bytesWith(type, shape));
    if (init !== undefined) initialise(type, buffer, valueOffset(type, shape), init);
    return openOf(type, buffer, 0, shape, options);
  }

  /**
   * Opens the lock that lies at a place; initialises nothing: zeroed bytes are a free lock. It takes 64 bytes, is made for 12 threads
   * that read at once, and protects no value of its own.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, options?: NameOptions): RwLock {
    return openAt(buffer, byteOffset, PACKED, undefined, options);
  }

  /** How a lock lies in a struct's field, or behind a handle. */
  static readonly [LAYOUT]: Layout<RwLock> = {
    kind: KIND,
    byteLength: bytesOf(PACKED),
    align: 4,
    at: (buffer, byteOffset) => RwLock.at(buffer, byteOffset),
  };

  static {
    registerLayout(KIND, (of) => (of === undefined ? RwLock[LAYOUT] : layoutWith(of as FieldType)));
    registerWords(KIND, (type) => rwNames(type === undefined ? PACKED : shapeFrom(type)));
    registerKind(KIND, ({ place: { buffer, byteOffset }, name, type, value }, typeFrom) => {
      const shape = shapeFrom(type);
      const of: unknown = Array.isArray(type) ? type[2] : undefined;
      const options = name === undefined ? undefined : { name };
      if (of !== undefined) return openOf(typeFrom(of), buffer, byteOffset, shape, options);
      return openAt(buffer, byteOffset, shape, value, options);
    });
  }

  /** How this lock lies as the field of a struct: `struct("Config", { limit: RwLock.of(u32) })`. */
  get [LAYOUT](): Layout<RwLock<T>> {
    return this.#type === undefined ? (RwLock[LAYOUT] as Layout<RwLock<T>>) : layoutWith(this.#type);
  }

  /** What crosses to another thread: the place, and how to reach the value. */
  [HANDLE](): HandleBody {
    const { state, shape } = this.#words;
    const of = this.#type === undefined ? [] : [describeType(this.#type)];
    return {
      kind: KIND,
      place: { buffer: state.buffer, byteOffset: state.byteOffset },
      name: this.#name,
      type: [shape.slots, shape.stride, ...of],
      value: this.#value,
    };
  }

  // --- reading ---

  /**
   * Locks for reading, blocking this thread while somebody writes or waits to write.
   * @param opts.timeout        milliseconds; without it, waits for ever
   * @param opts.signal         a CancelFlag that calls the wait off
   * @param opts.allowPoisoned  get in without clearing the poison
   * @throws {PoisonedError} a thread ended or failed while writing; nothing is held
   * @throws {DeadlockError} this thread writes, or reads already while a writer waits, or the wait closed a cycle; nothing more is held
   * @throws {TimeoutError} the time was over; nothing is held
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link readAsync}
   */
  read(opts?: WaitOptions & PoisonOptions): ReadGuard<T> {
    // Made first, so that a collection of garbage for which it gives the occasion does not keep the others waiting.
    const guard = new ReadGuard<T>(this);
    if (opts !== undefined || !this.#reading.enter()) this.#readSlow(opts);
    return guard;
  }

  /**
   * Locks for reading if that is possible at once, else returns undefined.
   * @throws {PoisonedError} nobody writes and it is poisoned; nothing is held
   */
  tryRead(opts?: PoisonOptions): ReadGuard<T> | undefined {
    if (opts !== undefined) requireOptions(opts, "{ allowPoisoned: true }");
    return this.#reading.tryEnter() ? this.#readGuard(opts) : undefined;
  }

  /** As {@link read}, awaiting. */
  readAsync(opts?: AsyncWaitOptions & PoisonOptions): Promise<ReadGuard<T>> {
    if (opts === undefined && this.#readLine?.isEmpty !== false && this.#reading.enter()) return Promise.resolve(new ReadGuard<T>(this));
    this.#readLine ??= new Line();
    const stop = (): void => {
      this.#reading.stopEntering();
    };
    return this.#readLine.wait(this.#reading.entering(), () => this.#readGuard(opts), this, "read", opts, stop);
  }

  /**
   * Locks for reading, calls `fn` with the value, unlocks.
   * @throws {TypeError} `fn` is async: it would be unlocked at its first await
   */
  withRead<R>(fn: (value: Frozen<T>) => NotPromise<R>, opts?: WaitOptions & PoisonOptions): R {
    refuseAsync(fn, "withRead");
    return runUnder(this.read(opts), fn as (value: Frozen<T>) => unknown, "withRead") as R;
  }

  /** Locks for reading, awaits `fn` with the value, unlocks. */
  withReadAsync<R>(fn: (value: Frozen<T>) => R | PromiseLike<R>, opts?: AsyncWaitOptions & PoisonOptions): Promise<R> {
    return runUnderAsync(() => this.readAsync(opts), fn, "withReadAsync");
  }

  // --- writing ---

  /**
   * Locks for writing, blocking this thread while anybody reads or writes.
   * @param opts  as for {@link read}
   * @throws as {@link read}; DeadlockError also if this thread reads
   */
  write(opts?: WaitOptions & PoisonOptions): WriteGuard<T> {
    const guard = new WriteGuard<T>(this);
    if (opts !== undefined || !this.#writing.seize()) this.#writeSlow(opts);
    return guard;
  }

  /**
   * Locks for writing if that is possible at once, else returns undefined.
   * @throws {PoisonedError} it is free and poisoned; nothing is held
   */
  tryWrite(opts?: PoisonOptions): WriteGuard<T> | undefined {
    if (opts !== undefined) requireOptions(opts, "{ allowPoisoned: true }");
    return this.#writing.trySeize() ? this.#writeGuard(opts) : undefined;
  }

  /** As {@link write}, awaiting. The tasks of one thread get it in the order in which they asked. */
  writeAsync(opts?: AsyncWaitOptions & PoisonOptions): Promise<WriteGuard<T>> {
    if (opts === undefined && this.#writeLine?.isEmpty !== false && this.#writing.seize()) return Promise.resolve(new WriteGuard<T>(this));
    this.#writeLine ??= new Line();
    const { attempt, giveUp } = this.#writing.seizing();
    return this.#writeLine.wait(attempt, () => this.#writeGuard(opts), this, "write", opts, giveUp);
  }

  /**
   * Locks for writing, calls `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller.
   * @throws {TypeError} `fn` is async: it would be unlocked at its first await
   */
  withWrite<R>(fn: (value: T) => NotPromise<R>, opts?: WaitOptions & PoisonOptions): R {
    refuseAsync(fn, "withWrite");
    return runUnder(this.write(opts), fn as (value: T) => unknown, "withWrite") as R;
  }

  /** Locks for writing, awaits `fn` with the value, unlocks. A throw inside poisons the lock before unlocking. */
  withWriteAsync<R>(fn: (value: T) => R | PromiseLike<R>, opts?: AsyncWaitOptions & PoisonOptions): Promise<R> {
    return runUnderAsync(() => this.writeAsync(opts), fn, "withWriteAsync");
  }

  // --- reading, and perhaps writing later ---

  /**
   * Locks for reading as the one who may go on to write: other readers come and go meanwhile, writers and others like this wait.
   * @throws as {@link read}
   */
  upgradable(opts?: WaitOptions & PoisonOptions): UpgradableGuard<T> {
    wait(this.#writing.reserving(), this.#asReserver, "upgradable", opts);
    return this.#upgradableGuard(opts);
  }
  /** As {@link upgradable} if that is possible at once, else returns undefined. */
  tryUpgradable(opts?: PoisonOptions): UpgradableGuard<T> | undefined {
    if (opts !== undefined) requireOptions(opts, "{ allowPoisoned: true }");
    return this.#writing.tryReserve() ? this.#upgradableGuard(opts) : undefined;
  }
  /** As {@link upgradable}, awaiting. */
  upgradableAsync(opts?: AsyncWaitOptions & PoisonOptions): Promise<UpgradableGuard<T>> {
    this.#writeLine ??= new Line();
    return this.#writeLine.wait(this.#writing.reserving(), () => this.#upgradableGuard(opts), this, "upgradable", opts);
  }

  // --- poison ---

  /** Is the data in doubt? True too while a dead writer still stands in the word. */
  get poisoned(): boolean {
    return this.#words.poisoned;
  }
  /** Declares the data to be right again. Whoever holds the lock goes on holding it. */
  clearPoison(): void {
    this.#words.clearPoison();
  }
  /**
   * Locks for writing in spite of poison; if the data is still in doubt, repairs it and clears the poison. A repair that throws leaves
   * the lock poisoned and free.
   * @returns true if it repaired; false if somebody else had done so before
   */
  recover(repair: (value: T) => void, opts?: WaitOptions): boolean {
    refuseAsync(repair, "recover");
    return repairUnder(this.write(despitePoison(opts)), this, repair);
  }
  /** As {@link recover}, awaiting the lock and the repair. */
  recoverAsync(repair: (value: T) => void | PromiseLike<void>, opts?: AsyncWaitOptions): Promise<boolean> {
    return repairUnderAsync(() => this.writeAsync(despitePoison(opts)), this, repair);
  }

  // --- slow paths ---

  #readSlow(opts: (WaitOptions & PoisonOptions) | undefined): void {
    if (opts !== undefined) new Limits(opts, "read").throwIfCancelled();
    const reading = this.#reading;
    const { spins } = currentThread();
    // Not for long, since nobody sees that a reader waits before it stands in a slot.
    if (spins && reading.enterSoon()) return;
    let isOpen = false;
    const look = (): boolean => {
      isOpen = reading.enter();
      return isOpen || reading.tryEnter();
    };
    if (!look() && !(spins && backOff(look))) {
      try {
        wait(reading.entering(), this.#asReader, "read", opts);
      } catch (error) {
        reading.stopEntering();
        throw error;
      }
    }
    // An open slot says that the data is in no doubt; STATE, where else to look, is in the writers' cache.
    if (!isOpen) this.#admitReader(opts);
  }
  #writeSlow(opts: (WaitOptions & PoisonOptions) | undefined): void {
    if (opts !== undefined) new Limits(opts, "write").throwIfCancelled();
    const { id, spins } = currentThread();
    const begun = opts === undefined && this.#writing.begin();
    let seizing: ReturnType<Writing["seizing"]> | undefined;
    try {
      if (begun && this.#writing.drain(id, spins)) return;
      const { attempt } = (seizing = this.#writing.seizing(false, begun));
      const spinner: Waiter = { me: id, blocks: true, spins, wakes: 0 };
      const seize = (): boolean => attempt(spinner) === undefined;
      if (!(spins && !begun && backOff(seize, undefined, WRITER_REST))) wait(attempt, this, "write", opts);
    } catch (error) {
      (seizing ?? this.#writing.seizing(false, begun)).giveUp();
      throw error;
    }
    this.#admitWriter(opts);
  }

  #readGuard(opts: PoisonOptions | undefined): ReadGuard<T> {
    this.#admitReader(opts);
    return new ReadGuard<T>(this);
  }
  #writeGuard(opts: PoisonOptions | undefined): WriteGuard<T> {
    this.#admitWriter(opts);
    return new WriteGuard<T>(this);
  }
  #upgradableGuard(opts: PoisonOptions | undefined): UpgradableGuard<T> {
    this.#admit(opts, () => {
      this.#writing.unreserve();
    });
    return new UpgradableGuard<T>(this.#reserved);
  }
  #admitReader(opts: PoisonOptions | undefined): void {
    this.#admit(opts, () => {
      this.#reading.leave();
    });
  }
  #admitWriter(opts: PoisonOptions | undefined): void {
    this.#admit(opts, () => {
      this.#writing.release();
    });
  }
  /** It is held. Gives it back, and throws, if the data is in doubt and nobody asked to see it. */
  #admit(opts: PoisonOptions | undefined, back: () => void): void {
    if (opts?.allowPoisoned === true || !this.#words.poisoned) return;
    const error = this.#words.poisonedError();
    back();
    throw error;
  }

  // --- what the guards ask ---

  /** @internal */
  leave(): void {
    this.#reading.leave();
  }
  /** @internal */
  unlock(): void {
    this.#writing.release();
  }
  /** @internal */
  downgrade(): ReadGuard<T> {
    // Without a slot left it reads on as the one who may upgrade, which stands in no slot.
    return new ReadGuard<T>(this.#writing.downgrade(this.#reading) ? this : this.#reserved);
  }
  /** @internal */
  retake(): void {
    this.#writeSlow(DESPITE_POISON);
  }
  /** @internal */
  async retakeAsync(): Promise<void> {
    await this.writeAsync(DESPITE_POISON);
  }
  /** @internal */
  poison(): void {
    this.#words.poison();
  }
  /** @internal */
  poisonedError(): PoisonedError {
    return this.#words.poisonedError();
  }
  /** What a Condvar knows this lock by. @internal */
  get tag(): number {
    return this.#words.tag;
  }
  /** @internal */
  getValue(): T {
    return this.#slot === undefined ? this.#value : this.#slot.value;
  }
  /** @internal */
  setValue(value: T): void {
    if (this.#slot === undefined) {
      throw new TypeError(
        `what ${this.describe()} protects lies elsewhere, so it can be changed but not replaced: make the lock with RwLock.of(type) to set its value.`,
      );
    }
    this.#slot.value = value;
  }
  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "an RwLock without a name" : `RwLock "${this.#name}"`;
  }
  /** Whom a writer waits for: another one, and every reader. @internal */
  get holders(): Holders {
    return [this.#owner, this.#slots];
  }
  /** A reader waits for a writer alone, even if others who read are in that one's way; without a slot, for any one of them. */
  get #asReader(): Awaited {
    const { slots } = this.#words.shape;
    const writer = { ...this.#owner, unless: UPGRADABLE, each: slots };
    const inSlots = this.#slots;
    const reading = this.#reading;
    return {
      describe: () => this.describe(),
      get holders(): Holders {
        // Who reads already, through another object at this place, is let in by nobody: it waits for one of the slots that are others'.
        const own = reading.elsewhere;
        return [writer, { ...inSlots, admits: own === 0, spare: slots - 1 - own }];
      },
    };
  }
  /** Who wants to read and perhaps write waits for its like, and for a writer. */
  get #asReserver(): Awaited {
    return { describe: () => this.describe(), holders: this.#owner };
  }
  get #owner(): HolderWords {
    return { offset: this.#words.state.byteOffset, stride: 4, count: 1, shift: OWNER_SHIFT };
  }
  get #slots(): HolderWords {
    const { state, shape } = this.#words;
    const offset = state.byteOffset + firstOf(shape) * 4;
    return { offset, stride: shape.stride * 4, count: shape.slots, shift: OWNER_SHIFT, unless: WAITS };
  }

  /** The lock as the one who may upgrade sees it. */
  get #reserved(): Reserved<T> {
    const writing = this.#writing;
    const upgrading = (): ReturnType<Writing["seizing"]> => writing.seizing(true);
    return {
      describe: () => this.describe(),
      getValue: () => this.getValue(),
      leave: () => {
        writing.unreserve();
      },
      upgrade: (opts) => {
        const { attempt, giveUp } = upgrading();
        try {
          wait(attempt, this, "upgrade", opts);
        } catch (error) {
          giveUp();
          throw error;
        }
        return new WriteGuard<T>(this);
      },
      tryUpgrade: () => (writing.tryUpgrade() ? new WriteGuard<T>(this) : undefined),
      upgradeAsync: (opts) => {
        const { attempt, giveUp } = upgrading();
        return new Line().wait(attempt, () => new WriteGuard<T>(this), this, "upgrade", opts, giveUp);
      },
    };
  }
}

function readersOf(readers: unknown = DEFAULT_READERS): number {
  if (typeof readers === "number" && Number.isInteger(readers) && readers >= 1 && readers <= MAX_READERS) return readers;
  throw new RangeError(`an RwLock can be made for 1 to ${String(MAX_READERS)} readers; it was given ${String(readers)}.`);
}

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;
const valueOffset = (type: FieldType, shape: Shape): number => roundUp(bytesOf(shape), alignOf(type));
const alignWith = (type: FieldType): number => Math.max(4, alignOf(type));
const bytesWith = (type: FieldType, shape: Shape): number => roundUp(valueOffset(type, shape) + sizeOf(type), alignWith(type));

function open<T>(value: T, options: NameOptions | undefined, inner: Inner<T>): RwLock<T> {
  return new (RwLock as unknown as new (value: T, options: NameOptions | undefined, inner: Inner<T>) => RwLock<T>)(value, options, inner);
}

/** What a handle says of the slots. */
function shapeFrom(type: unknown): Shape {
  const [slots, stride] = Array.isArray(type) ? (type as unknown[]) : [];
  return stride === PACKED.stride && slots === PACKED.slots ? PACKED : spread(readersOf(slots));
}

function openAt<T>(buffer: SharedArrayBuffer, byteOffset: number, shape: Shape, value: T, options: NameOptions | undefined): RwLock<T> {
  checkPlace("an RwLock", buffer, byteOffset, bytesOf(shape), 4);
  return open(value, options, { state: Word.at(buffer, byteOffset), shape });
}

function openOf<T>(type: FieldType<T>, buffer: SharedArrayBuffer, byteOffset: number, shape: Shape, options?: NameOptions): RwLock<T> {
  checkPlace("an RwLock with its value", buffer, byteOffset, bytesWith(type, shape), alignWith(type));
  const slot = slotOf(type, buffer, byteOffset + valueOffset(type, shape));
  return open(undefined as T, options, { state: Word.at(buffer, byteOffset), shape, slot, type });
}

function layoutWith<T>(type: FieldType<T>): Layout<RwLock<T>> {
  return {
    kind: KIND,
    type: describeType(type),
    byteLength: bytesWith(type, PACKED),
    align: alignWith(type),
    at: (buffer, byteOffset) => openOf(type, buffer, byteOffset, PACKED),
  };
}

/**
 * A value that is written once.
 *
 *     word 0  STATE    who initialises: see once-word.ts; nothing is ever poisoned
 *          1  SHELF    the number of the value on the supervisor's shelf; 0 while one thread alone has the lock
 *
 * Bytes cannot refer to a value, so the supervisor keeps a copy under a number, and each thread fetches one. SHELF is written before
 * STATE says DONE, so an initialiser that dies leaves an empty lock, and at worst a value on the shelf that nobody asks for. A lock that
 * was never sent keeps its value in its own heap, and needs no supervisor; sending it shelves the value first.
 *
 * In the checker's world there is no supervisor: SHELF is the id of the thread that made the value, and `modelled` has it.
 */
import { checkPlace } from "../memory/place.ts";
import { registerWords } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import { Limits, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait } from "../park/wait.ts";
import { isPlain } from "../send/clonable.ts";
import { HANDLE, isShareable, registerKind, type HandleBody } from "../send/handle.ts";
import type { Send } from "../send/send.ts";
import { arriving } from "../send/moving.ts";
import { decode, type Encoded } from "../send/transit.ts";
import { currentThread } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";
import { encodeForAll, fetchKept, fetchKeptAsync, keepForAll } from "./kept.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { ONCE_STATE, OnceWord, Turn } from "./once-word.ts";
import { isThenable } from "./section.ts";

const KIND = "OnceLock@1";
const BYTES = 8;

/** Where an opened lock lies. */
type Opened = new (options: NameOptions | undefined, word: Word) => OnceLock<unknown>;

/**
 * A value that is written once and read by all threads.
 *
 * The value must be Send. What is shared (a Mutex, a struct, a typed array over shared memory) is the same for all; plain data is
 * copied once to each thread, and frozen: objects and arrays at every depth. The thread that made it keeps its own, frozen too, as a
 * value that moves into Rust's `OnceLock`: who still writes to it is told, instead of being read by nobody. What JavaScript cannot
 * freeze (a Map, a Date, a typed array) is every thread's own copy.
 *
 * An initialiser that throws, or whose thread ends, leaves the lock empty, and the next caller tries again. The copy that other threads
 * fetch is kept until the process ends: any bytes may still name it. It cannot be the field of a struct, whose bytes tell nothing of
 * the value's size.
 *
 * @example
 * const config = new OnceLock<Config>({ name: "config" });
 * const { port } = config.getOrInit(() => readConfig());
 */
export class OnceLock<T> {
  readonly #word: Word;
  readonly #once: OnceWord;
  readonly #name: string | undefined;
  /** This thread's copy. */
  #value: T | undefined;
  #isHere = false;
  /** May others see its bytes? */
  #isShared: boolean;
  #line: Line | undefined;

  /**
   * @param options.name  what messages call it
   * @throws {TypeError} the name is no string
   */
  constructor(options?: NameOptions);
  constructor(options?: NameOptions, word?: Word) {
    this.#name = nameOf(options, "a once-lock");
    this.#word = word ?? Word.fresh(BYTES);
    this.#isShared = word !== undefined;
    this.#once = new OnceWord(this.#word, this);
  }

  /**
   * Opens the lock that lies at a place; initialises nothing: zeroed bytes are an empty one.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at<T>(buffer: SharedArrayBuffer, byteOffset: number, options?: NameOptions): OnceLock<T> {
    checkPlace("a OnceLock", buffer, byteOffset, BYTES, 4);
    return new (OnceLock as Opened)(options, Word.at(buffer, byteOffset)) as OnceLock<T>;
  }

  static {
    registerWords(KIND, () => [ONCE_STATE, { name: "shelf" }]);
    registerKind(KIND, ({ place, name }) => OnceLock.at(place.buffer, place.byteOffset, name === undefined ? undefined : { name }));
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    if (!this.#isShared && this.#isHere && !currentThread().modelled) this.#shelve(this.#value as T, this.#encode(this.#value as T));
    this.#isShared = true;
    const { buffer, byteOffset } = this.#word;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name };
  }

  /** The value, undefined while there is none. The first time in each thread takes about 90 us, if another thread made it. */
  get(): T | undefined {
    const value = this.#value;
    return value === undefined ? this.#look() : value;
  }

  /**
   * Sets the value, if there is none; blocks while another thread makes one.
   * @returns false if there was one already: Rust's `Err(value)`
   * @throws {NotSendableError} the value cannot be sent
   * @throws {DeadlockError} called from inside the initialiser, or the wait closed a cycle of blocked threads
   * @throws {TimeoutError} the time was over
   * @throws {BlockingNotAllowedError} another thread makes one, and a page's main thread may not block
   */
  set(value: T & Send<T>, opts?: WaitOptions): boolean {
    // What is there is not fetched: a page's main thread could not.
    return this.#init(() => value, "set", opts);
  }

  /**
   * The value; if there is none, makes it with `fn`. Blocks while another thread makes it.
   * @param opts.timeout  milliseconds to wait for another thread; without it, for ever
   * @param opts.signal   a CancelFlag that calls the wait off
   * @throws what `fn` throws; the lock is empty then
   * @throws {NotSendableError} what `fn` returned cannot be sent; the lock is empty
   * @throws {TypeError} `fn` is no function, or returned a promise: use {@link getOrInitAsync}
   * @throws {DeadlockError} called from inside its own initialiser, or the wait closed a cycle of blocked threads
   * @throws {TimeoutError} the time was over
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link getOrInitAsync}
   */
  getOrInit(fn: () => T & Send<T>, opts?: WaitOptions): T {
    requireFunction(fn);
    this.#init(fn, "getOrInit", opts);
    return this.#fetch();
  }
  /** Makes the value if there is none; true if it did. */
  #init(fn: () => T, verb: "getOrInit" | "set", opts: WaitOptions | undefined): boolean {
    if (opts !== undefined) new Limits(opts, verb).throwIfCancelled();
    if (this.#isHere) return false;
    const turn = new Turn();
    wait((waiter) => this.#once.attempt(waiter, turn, "never"), this, verb, opts);
    if (!turn.isMine) return false;
    let value: T;
    try {
      value = fn();
      if (isThenable(value)) {
        const what = verb === "set" ? "what set() was given is a promise" : "the function given to getOrInit() returned a promise";
        throw new TypeError(`${what}: await getOrInitAsync() instead.`);
      }
      this.#keep(value);
    } catch (error) {
      this.#once.fail(false);
      throw error;
    }
    this.#publish(value);
    return true;
  }

  /**
   * As {@link getOrInit}, awaiting the others and `fn`, which may be async.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off; not `fn`, once it runs
   */
  async getOrInitAsync(fn: () => (T & Send<T>) | PromiseLike<T & Send<T>>, opts?: AsyncWaitOptions): Promise<T> {
    requireFunction(fn);
    if (this.#isHere && opts === undefined) return this.#value as T;
    this.#line ??= new Line();
    const turn = new Turn();
    await this.#line.wait(
      (waiter) => this.#once.attempt(waiter, turn, "never"),
      () => undefined,
      this,
      "getOrInit",
      opts,
    );
    if (this.#isHere) return this.#value as T;
    if (!turn.isMine) {
      const encoded = await fetchKeptAsync(this.#word.next(1).load(), this.#where);
      // Another task may have fetched it meanwhile: a thread has one copy.
      return this.#isHere ? (this.#value as T) : this.#arrive(arriving("cloned", () => decode(encoded)) as T);
    }
    let value: T;
    try {
      value = await fn();
      this.#keep(value);
    } catch (error) {
      this.#once.fail(false);
      throw error;
    }
    return this.#publish(value);
  }

  /** Puts the value where the others will find it. Whatever can fail is done here, so that the lock is empty then. */
  #keep(value: T): void {
    const { modelled, id } = currentThread();
    const encoded = this.#encode(value);
    freeze(value);
    if (modelled) {
      modelledAt(this.#word).set(id, value);
      this.#word.next(1).store(id);
    } else if (this.#isShared) this.#shelve(value, encoded);
  }
  #publish(value: T): T {
    this.#have(value);
    this.#once.succeed();
    return value;
  }
  #encode(value: T): Encoded {
    return encodeForAll(value, this.#where);
  }
  #shelve(value: T, encoded: Encoded): void {
    this.#word.next(1).store(keepForAll(value, this.#where, encoded));
  }
  get #where(): string {
    return `the value of ${this.describe()}`;
  }

  #look(): T | undefined {
    return this.#isHere || !this.#once.isDone ? this.#value : this.#fetch();
  }
  /** The value that another object, most likely in another thread, has put there. */
  #fetch(): T {
    if (this.#isHere) return this.#value as T;
    const number = this.#word.next(1).load();
    if (currentThread().modelled) return this.#arrive(modelledAt(this.#word).get(number) as T);
    return this.#arrive(arriving("cloned", () => decode(fetchKept(number, this.#where, "getOrInit"))) as T);
  }
  #arrive(value: T): T {
    freeze(value);
    return this.#have(value);
  }
  #have(value: T): T {
    this.#value = value;
    this.#isHere = true;
    return value;
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a once-lock without a name" : `once-lock "${this.#name}"`;
  }
  /** @internal */
  get holders(): Holders {
    return this.#once.holders;
  }
}

function requireFunction(fn: unknown): void {
  if (typeof fn !== "function") throw new TypeError(`a OnceLock is initialised by a function; it was given ${typeof fn}.`);
}

/** Plain objects and arrays, at every depth; what is shared stays as it is. */
function freeze(whole: unknown): void {
  const found = new Set<object>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null || isShareable(value)) return;
    if (Array.isArray(value) || isPlain(value)) found.add(value);
  };
  visit(whole);
  // A set that grows while it is gone through shows its new members too, each once.
  for (const value of found) Object.values(Object.freeze(value)).forEach(visit);
}

/** The values of the checker's worlds: by buffer, by place in it, by the thread that made it. */
const worlds = new WeakMap<SharedArrayBuffer, Map<number, Map<number, unknown>>>();
function modelledAt({ buffer, byteOffset }: Word): Map<number, unknown> {
  const places = worlds.get(buffer) ?? new Map<number, Map<number, unknown>>();
  worlds.set(buffer, places);
  const values = places.get(byteOffset) ?? new Map<number, unknown>();
  places.set(byteOffset, values);
  return values;
}

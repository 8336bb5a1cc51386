/** Runs something once, in whichever thread comes first. One word: see once-word.ts. */
import { checkPlace, LAYOUT, registerLayout, type Layout } from "../memory/place.ts";
import { registerWords } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import { Limits, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import type { Holders } from "../thread/protocol.ts";
import type { PoisonOptions } from "./mutex.ts";
import { nameOf, type NameOptions } from "./name.ts";
import { ONCE_STATE, OnceWord, Turn } from "./once-word.ts";
import { isThenable, refuseGenerator } from "./section.ts";

const KIND = "Once@1";
const BYTES = 4;

/** What the function of {@link Once.run} is told. */
export interface OnceState {
  /** Had somebody tried before, and failed or died? Only with `allowPoisoned`. */
  readonly poisoned: boolean;
}

/**
 * Runs a function once for all threads. Who comes while it runs waits; when any `run` returns, the work is done, and all that
 * it wrote into shared memory is seen.
 *
 * A function that throws poisons it, and so does a thread that ends while it runs one: later calls throw {@link PoisonedError},
 * as Rust's `Once` does. `allowPoisoned` tries again, as `call_once_force`.
 *
 * @example
 * const once = new Once({ name: "tables" });
 * once.run(() => fillTables(shared));
 */
export class Once {
  readonly #word: Word;
  readonly #once: OnceWord;
  readonly #name: string | undefined;
  #line: Line | undefined;

  /**
   * @param options.name  what messages call it
   * @throws {TypeError} the name is no string
   */
  constructor(options?: NameOptions);
  constructor(options?: NameOptions, word?: Word) {
    this.#name = nameOf(options, "a once");
    this.#word = word ?? Word.fresh(BYTES);
    this.#once = new OnceWord(this.#word, this);
  }

  /**
   * Opens the once that lies at a place; initialises nothing: zeroed bytes are one that nobody ran.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, options?: NameOptions): Once {
    checkPlace("a Once", buffer, byteOffset, BYTES, 4);
    return new (Once as new (options: NameOptions | undefined, word: Word) => Once)(options, Word.at(buffer, byteOffset));
  }

  /** How a once lies in a struct's field. */
  static readonly [LAYOUT]: Layout<Once> = {
    kind: KIND,
    byteLength: BYTES,
    align: 4,
    at: (buffer, byteOffset) => Once.at(buffer, byteOffset),
  };

  static {
    registerLayout(KIND, Once[LAYOUT]);
    registerWords(KIND, () => [ONCE_STATE]);
    registerKind(KIND, ({ place, name }) => Once.at(place.buffer, place.byteOffset, name === undefined ? undefined : { name }));
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#word;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name };
  }

  /**
   * Runs `fn` if nobody has; blocks while another thread runs one.
   * @param opts.timeout        milliseconds to wait for another thread; without it, for ever
   * @param opts.signal         a CancelFlag that calls the wait off
   * @param opts.allowPoisoned  run `fn` although somebody failed before; success clears the poison
   * @throws {PoisonedError} somebody's function threw, or its thread ended; `fn` was not called
   * @throws {DeadlockError} this thread runs it already, or the wait closed a cycle of blocked threads
   * @throws {TimeoutError} the time was over; `fn` was not called
   * @throws {TypeError} `fn` is no function, or returned a promise; the latter poisons: use {@link runAsync}
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link runAsync}
   */
  run(fn: (state: OnceState) => void, opts?: WaitOptions & PoisonOptions): void {
    requireFunction(fn, "run");
    if (opts !== undefined) new Limits(opts, "run").throwIfCancelled();
    if (this.#once.isDone) return;
    const turn = new Turn();
    wait((waiter) => this.#once.attempt(waiter, turn, poisonOf(opts)), this, "run", opts);
    if (!turn.isMine) return;
    try {
      const result: unknown = fn({ poisoned: turn.poisoned });
      if (isThenable(result)) throw new TypeError("the function given to run() returned a promise: await runAsync() instead.");
    } catch (error) {
      this.#once.fail(true);
      throw error;
    }
    this.#once.succeed();
  }

  /**
   * As {@link run}, awaiting the others and `fn`, which may be async. The tasks of one thread wait for each other too; so a function
   * that awaits the once which runs it waits for ever.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off; not `fn`, once it runs
   */
  async runAsync(fn: (state: OnceState) => void | PromiseLike<void>, opts?: AsyncWaitOptions & PoisonOptions): Promise<void> {
    requireFunction(fn, "runAsync");
    if (opts === undefined && this.#once.isDone) return;
    this.#line ??= new Line();
    const turn = new Turn();
    await this.#line.wait(
      (waiter) => this.#once.attempt(waiter, turn, poisonOf(opts)),
      () => undefined,
      this,
      "run",
      opts,
    );
    if (!turn.isMine) return;
    try {
      await fn({ poisoned: turn.poisoned });
    } catch (error) {
      this.#once.fail(true);
      throw error;
    }
    this.#once.succeed();
  }

  /** Has somebody's function returned? If so, all that it wrote is seen. */
  get done(): boolean {
    return this.#once.isDone;
  }
  /** Did the last function throw, or its thread end? */
  get poisoned(): boolean {
    return this.#once.isPoisoned;
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a once without a name" : `once "${this.#name}"`;
  }
  /** @internal */
  get holders(): Holders {
    return this.#once.holders;
  }
}

const poisonOf = (opts: PoisonOptions | undefined): "allowed" | "throws" => (opts?.allowPoisoned === true ? "allowed" : "throws");

function requireFunction(fn: unknown, verb: string): void {
  if (typeof fn !== "function") throw new TypeError(`a Once runs a function; it was given ${typeof fn}.`);
  refuseGenerator(fn, verb);
}

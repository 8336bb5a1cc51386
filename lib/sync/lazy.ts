/** A value that is made when it is first asked for, in one thread. */
import { DeadlockError, PoisonedError } from "../errors.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { currentThread } from "../thread/current.ts";
import { nameOf, type NameOptions } from "./name.ts";

type State = "not made" | "being made" | "made" | "poisoned";

/**
 * Makes its value when it is first asked for. It holds a function, so it stays in its thread; what all threads shall share is a
 * `lazyStatic`.
 *
 * A function that throws poisons it: that call throws what the function threw, and each later one a {@link PoisonedError}, as Rust's
 * `LazyLock` does.
 *
 * @example
 * const table = new Lazy(() => computeTable(), { name: "table" });
 * table.get()[3];
 */
export class Lazy<T> {
  #fn: (() => T) | undefined;
  #state: State = "not made";
  #value: T | undefined;
  readonly #name: string | undefined;

  /**
   * @param fn            makes the value; called once, by the first {@link get}. It may return a promise: then that is the value
   * @param options.name  what messages call it
   * @throws {TypeError} `fn` is no function, or the name no string
   */
  constructor(fn: () => T, options?: NameOptions) {
    if (typeof fn !== "function") throw new TypeError(`a Lazy needs the function that makes its value; it was given ${typeof fn}.`);
    this.#fn = fn;
    this.#name = nameOf(options, "a lazy value");
  }

  /**
   * The value.
   * @throws what the function throws, the first time
   * @throws {PoisonedError} the function threw before
   * @throws {DeadlockError} called from inside its own function
   */
  get(): T {
    const value = this.#value;
    return value === undefined ? this.#make() : value;
  }

  #make(): T {
    if (this.#state === "made") return this.#value as T;
    const what = this.#name === undefined ? "a Lazy without a name" : `Lazy "${this.#name}"`;
    if (this.#state === "being made")
      throw new DeadlockError(`the function of ${what} asks for the very value that it makes`, "Make it without asking for it.");
    const fn = this.#fn;
    if (this.#state === "poisoned" || fn === undefined) {
      const { registry, id } = currentThread();
      throw new PoisonedError(what, registry.describe(id), "failed in its function, which is never called again. Make a new Lazy.");
    }
    this.#state = "being made";
    this.#fn = undefined;
    try {
      this.#value = fn();
    } catch (error) {
      this.#state = "poisoned";
      throw error;
    }
    this.#state = "made";
    return this.#value;
  }

  /** It holds a function. */
  get [NOT_SENDABLE](): "a Lazy holds a function, which stays in its thread: share a lazyStatic() instead" {
    return "a Lazy holds a function, which stays in its thread: share a lazyStatic() instead";
  }
}

/** Values of which each thread has its own. */
import { kindOf } from "../memory/place.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { currentThread, type Current } from "../thread/current.ts";
import { currentRun, type Run } from "../thread/run.ts";

/** A value of which each thread has its own, made on its first use there. */
export class ThreadLocal<T> {
  readonly #init: () => T;
  readonly #values = new WeakMap<Current | Run, { value: T }>();

  /** @internal */
  constructor(init: () => T) {
    if (typeof init !== "function") {
      throw new TypeError(`threadLocal() needs a function that makes each thread's value, () => 5; it was given ${kindOf(init)}.`);
    }
    this.#init = init;
  }

  /** This thread's value, made on first use. */
  get(): T {
    return this.#cell().value;
  }
  /** Replaces this thread's value. */
  set(value: T): void {
    this.#cell().value = value;
  }
  /** Calls `fn` with this thread's value. */
  with<R>(fn: (value: T) => R): R {
    return fn(this.get());
  }

  /** What each thread has of its own is reached by what the code of each thread says. */
  get [NOT_SENDABLE](): "a threadLocal() has another value in every thread: make it at the top level of a module that both import" {
    return "a threadLocal() has another value in every thread: make it at the top level of a module that both import";
  }

  #cell(): { value: T } {
    const thread = currentRun() ?? currentThread();
    let cell = this.#values.get(thread);
    if (cell === undefined) this.#values.set(thread, (cell = { value: this.#init() }));
    return cell;
  }
}

/**
 * A value of which each thread has its own.
 * @throws {TypeError} `init` is no function
 * @example const counts = threadLocal(() => new Map<string, number>());
 */
export function threadLocal<T>(init: () => T): ThreadLocal<T> {
  return new ThreadLocal(init);
}

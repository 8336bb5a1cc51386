/** Values of which each thread has its own. */
import { currentThread, type Current } from "../thread/current.ts";

/** A value of which each thread has its own, made on its first use there. */
export class ThreadLocal<T> {
  readonly #init: () => T;
  readonly #values = new WeakMap<Current, { value: T }>();

  /** @internal */
  constructor(init: () => T) {
    this.#init = init;
  }

  get(): T {
    return this.#cell().value;
  }
  set(value: T): void {
    this.#cell().value = value;
  }
  with<R>(fn: (value: T) => R): R {
    return fn(this.get());
  }

  #cell(): { value: T } {
    const thread = currentThread();
    let cell = this.#values.get(thread);
    if (cell === undefined) this.#values.set(thread, (cell = { value: this.#init() }));
    return cell;
  }
}

/**
 * A value of which each thread has its own.
 * @example const counts = threadLocal(() => new Map<string, number>());
 */
export function threadLocal<T>(init: () => T): ThreadLocal<T> {
  return new ThreadLocal(init);
}

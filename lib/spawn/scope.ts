/** Threads that end before their block does. */
import type { SendArgs, SendResult } from "../send/send.ts";
import type { JoinHandle } from "./handle.ts";
import { start, type Result, type ThreadOptions } from "./spawn.ts";

type AnyFunction = (...args: never[]) => unknown;

/** Spawns threads that have all ended when the scope returns. */
export class Scope {
  readonly #threads: JoinHandle<unknown>[] = [];

  /** As the function `spawn`. */
  spawn<F extends AnyFunction>(fn: F & SendResult<F>, ...args: SendArgs<Parameters<F>>): JoinHandle<Result<F>> {
    return this.spawnWith<F>({}, fn, ...args);
  }

  /** As `ThreadBuilder.spawn`. */
  spawnWith<F extends AnyFunction>(options: ThreadOptions, fn: F & SendResult<F>, ...args: SendArgs<Parameters<F>>): JoinHandle<Result<F>> {
    const handle = start<Result<F>>(options, fn, args);
    this.#threads.push(handle);
    return handle;
  }

  /** @internal */
  get threads(): readonly JoinHandle<unknown>[] {
    return this.#threads;
  }
}

/**
 * Calls `body`, blocks until every thread that it spawned has ended, and returns what `body` returned.
 * @throws what `body` threw, after all threads have ended; else the error of the first thread that failed, unless `body` caught it from join()
 * @example
 * scope((s) => {
 *   s.spawn(tally, files.slice(0, 10), totals);
 *   s.spawn(tally, files.slice(10), totals);
 * });
 */
export function scope<R>(body: (scope: Scope) => R): R {
  const inside = new Scope();
  const joined = new Joined(inside);
  let result: R;
  try {
    result = body(inside);
  } catch (error) {
    joined.joinAll();
    throw error;
  }
  if (typeof (result as { then?: unknown } | undefined)?.then === "function") {
    joined.joinAll();
    throw new TypeError("scope() ends when its function returns, and an async function returns at its first await: await scopeAsync() instead.");
  }
  joined.joinAll();
  joined.rethrow();
  return result;
}

/** As {@link scope}, awaiting instead of blocking; `body` may be async. */
export async function scopeAsync<R>(body: (scope: Scope) => R | PromiseLike<R>): Promise<R> {
  const inside = new Scope();
  const joined = new Joined(inside);
  let result: R;
  try {
    result = await body(inside);
  } catch (error) {
    await joined.joinAllAsync();
    throw error;
  }
  await joined.joinAllAsync();
  joined.rethrow();
  return result;
}

/** The end of all threads of a scope. */
class Joined {
  readonly #scope: Scope;
  readonly #errors: unknown[] = [];

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  joinAll(): void {
    for (const handle of this.#scope.threads) {
      const seen = handle.wasJoined;
      try {
        handle.join();
      } catch (error) {
        if (!seen) this.#errors.push(error);
      }
    }
  }
  async joinAllAsync(): Promise<void> {
    for (const handle of this.#scope.threads) {
      const seen = handle.wasJoined;
      try {
        await handle.joinAsync();
      } catch (error) {
        if (!seen) this.#errors.push(error);
      }
    }
  }
  rethrow(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

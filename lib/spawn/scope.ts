/** Threads that end before their block does. */
import { kindOf } from "../memory/place.ts";
import { requireBlocking } from "../park/wait.ts";
import type { SendArgs } from "../send/send.ts";
import { refuseGenerator } from "../sync/section.ts";
import type { JoinHandle } from "./handle.ts";
import type { ThreadOptions } from "./options.ts";
import { start, type Spawnable } from "./spawn.ts";

/** Spawns threads that have all ended when the scope returns. */
export class Scope {
  readonly #threads: JoinHandle<unknown>[] = [];
  #open = true;

  /** As the function `spawn`. */
  spawn<A extends readonly unknown[], R>(fn: Spawnable<A, R>, ...args: SendArgs<A>): JoinHandle<Awaited<R>> {
    return this.spawnWith<A, R>({}, fn, ...args);
  }

  /** As `ThreadBuilder.spawn`. */
  spawnWith<A extends readonly unknown[], R>(options: ThreadOptions, fn: Spawnable<A, R>, ...args: SendArgs<A>): JoinHandle<Awaited<R>> {
    if (!this.#open) throw new TypeError("this scope has returned, and its threads have ended: spawn inside its function.");
    const handle = start<Awaited<R>>(options, fn, args);
    this.#threads.push(handle);
    return handle;
  }

  /** The threads whose end is yet to be waited for, those too that are spawned meanwhile; then the scope is closed. @internal */
  *ending(): Iterable<JoinHandle<unknown>> {
    yield* this.#threads;
    this.#open = false;
  }
}

/**
 * Calls `body`, blocks until every thread that it spawned has ended, and returns what `body` returned.
 * @throws what `body` threw, after all threads have ended; else the error of the first thread that failed, unless `body` caught it from join()
 * @throws {DeadlockError} a thread of the scope waits for what this thread holds: all that still run are terminated then
 * @throws {TypeError} `body` is no function, or async: await {@link scopeAsync} instead
 * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link scopeAsync}
 * @example
 * scope((s) => {
 *   s.spawn(tally, files.slice(0, 10), totals);
 *   s.spawn(tally, files.slice(10), totals);
 * });
 */
export function scope<R>(body: (scope: Scope) => R): R {
  requireBody("scope", body);
  requireBlocking(THREADS, "scope");
  const inside = new Scope();
  const failures = new Failures();
  let result: R;
  try {
    result = body(inside);
    if (isThenable(result)) throw asyncBody();
  } finally {
    for (const handle of inside.ending()) {
      const isNews = !handle.wasJoined;
      try {
        handle.join();
      } catch (error) {
        if (!handle.isFinished) {
          // The wait itself came to nothing, such as in a deadlock: nobody could say when this thread will end.
          failures.addFirst(error);
          endAll(inside.ending());
          break;
        }
        if (isNews) failures.add(error);
      }
    }
  }
  failures.rethrow();
  return result;
}

/** Terminates them, and blocks until each has ended. */
function endAll(handles: Iterable<JoinHandle<unknown>>): void {
  const running = [...handles].filter((handle) => !handle.isFinished);
  for (const handle of running) void handle.terminate();
  for (const handle of running) {
    while (!handle.isFinished) {
      try {
        // Timed: until the thread has ended, an untimed wait is in the same cycle.
        handle.join({ timeout: 1000 });
      } catch {
        // How it ended, or that it has not yet.
      }
    }
  }
}

/** As {@link scope}, awaiting instead of blocking; `body` may be async. */
export async function scopeAsync<R>(body: (scope: Scope) => R | PromiseLike<R>): Promise<R> {
  requireBody("scopeAsync", body);
  const inside = new Scope();
  const failures = new Failures();
  let result: R;
  try {
    result = await body(inside);
  } finally {
    for (const handle of inside.ending()) {
      const isNews = !handle.wasJoined;
      try {
        await handle.joinAsync();
      } catch (error) {
        if (isNews) failures.add(error);
      }
    }
  }
  failures.rethrow();
  return result;
}

/** What went wrong in threads that the body did not join: the first is thrown, unless the body threw. */
class Failures {
  readonly #errors: unknown[] = [];
  add(error: unknown): void {
    this.#errors.push(error);
  }
  /** It tells why the others were ended. */
  addFirst(error: unknown): void {
    this.#errors.unshift(error);
  }
  rethrow(): void {
    if (this.#errors.length > 0) throw this.#errors[0];
  }
}

const THREADS = { describe: () => "threads" };

function requireBody(verb: string, body: unknown): void {
  if (typeof body === "function") {
    refuseGenerator(body, verb);
    return;
  }
  throw new TypeError(`${verb}() needs a function, which spawns its threads: ${verb}((s) => s.spawn(...)); it was given ${kindOf(body)}.`);
}
const isThenable = (value: unknown): boolean => typeof (value as { then?: unknown } | null | undefined)?.then === "function";
const asyncBody = (): TypeError =>
  new TypeError("scope() ends when its function returns, and an async function returns at its first await: await scopeAsync() instead.");

/** Functions that run while a lock is held: they must be done when they return. What happens to the lock when they are is here too. */
import { kindOf } from "../memory/place.ts";
import { timeoutOf, type AsyncWaitOptions } from "../park/limits.ts";

/** What `with` may not be given: it unlocks when its function returns, and an async function returns at its first await. */
export type NotPromise<R> = R &
  (R extends PromiseLike<unknown> ? "with() unlocks when its function returns: use withAsync() for an async one" : unknown);

export const isThenable = (value: unknown): boolean => typeof (value as { then?: unknown } | null | undefined)?.then === "function";
/** @param verb  what was called with it */
export const asyncInside = (verb = "with"): TypeError =>
  new TypeError(
    `the function given to ${verb}() returned a promise: the lock would be released at its first await. Await ${verb}Async() instead.`,
  );

/** Before the lock is taken: what fails under it poisons it. */
export function requireFunction(fn: unknown, verb: string): asserts fn is (...args: never[]) => unknown {
  if (isPlain(fn)) return;
  if (typeof fn !== "function") throw new TypeError(`${verb}() needs a function; it was given ${kindOf(fn)}.`);
  refuseGenerator(fn, verb);
}

/** Calling a generator function runs nothing of it, and what called it would take it for done. */
export function refuseGenerator(fn: unknown, verb: string): void {
  if (!codeOf(fn).endsWith("GeneratorFunction")) return;
  throw new TypeError(
    `the function given to ${verb}() is a generator function: calling it runs nothing of it. Give a plain function, and go through the generator inside it.`,
  );
}

const PlainFunction = Function;
/** What most are, and so looked at first: with() is called in tight loops. Not by instanceof, which doubles its cost. */
const isPlain = (fn: unknown): boolean => typeof fn === "function" && fn.constructor === PlainFunction;
/** `"Function"`, `"AsyncFunction"`, `"GeneratorFunction"` or `"AsyncGeneratorFunction"`, of whichever realm. */
const codeOf = (fn: unknown): string => Object.prototype.toString.call(fn).slice(8, -1);

export function refuseAsync(fn: unknown, verb = "with"): void {
  if (isPlain(fn)) return;
  requireFunction(fn, verb);
  // Before it runs: later would be too late for what it did before its first await.
  if (codeOf(fn) === "AsyncFunction") throw asyncInside(verb);
}

/** What a section needs of the guard it runs under; a reader's can't poison. */
interface Held<T> {
  readonly value: T;
  poison?(): void;
  release(): void;
}
/** A lock whose data can be in doubt. */
interface Doubtful {
  readonly poisoned: boolean;
  clearPoison(): void;
}

/** Calls `fn` with the value, unlocks. A throw inside poisons the lock before unlocking, and goes on to the caller. */
export function runUnder<T>(guard: Held<T>, fn: (value: T) => unknown, verb?: string): unknown {
  try {
    const result = fn(guard.value);
    if (result !== undefined && isThenable(result)) throw asyncInside(verb);
    return result;
  } catch (error) {
    guard.poison?.();
    throw error;
  } finally {
    guard.release();
  }
}

/** As {@link runUnder}, awaiting the guard and `fn`. */
export async function runUnderAsync<T, R>(
  lock: () => Promise<Held<T>>,
  fn: (value: T) => R | PromiseLike<R>,
  verb = "withAsync",
): Promise<R> {
  requireFunction(fn, verb);
  const guard = await lock();
  try {
    return await fn(guard.value);
  } catch (error) {
    guard.poison?.();
    throw error;
  } finally {
    guard.release();
  }
}

/** Repairs the data if it is still in doubt, unlocks; true if it repaired. A repair that throws leaves the poison. */
export function repairUnder<T>(guard: Held<T>, lock: Doubtful, repair: (value: T) => void): boolean {
  try {
    if (!lock.poisoned) return false;
    const result: unknown = repair(guard.value);
    if (isThenable(result)) throw asyncInside("recover");
    lock.clearPoison();
    return true;
  } finally {
    guard.release();
  }
}

/** As {@link repairUnder}, awaiting the guard and the repair. */
export async function repairUnderAsync<T>(
  take: () => Promise<Held<T>>,
  lock: Doubtful,
  repair: (value: T) => void | PromiseLike<void>,
): Promise<boolean> {
  requireFunction(repair, "recoverAsync");
  const guard = await take();
  try {
    if (!lock.poisoned) return false;
    await repair(guard.value);
    lock.clearPoison();
    return true;
  } finally {
    guard.release();
  }
}

/** These options, and let in whatever the data's state. Spreading would make options of anything, so they are looked at first. */
export function despitePoison<O extends AsyncWaitOptions>(opts: O | undefined): O & { readonly allowPoisoned: true } {
  timeoutOf(opts);
  return { ...(opts as O), allowPoisoned: true };
}

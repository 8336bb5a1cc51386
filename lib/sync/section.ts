/** Functions that run while a lock is held: they must be done when they return. */
import { kindOf } from "../memory/place.ts";

/** What `with` may not be given: it unlocks when its function returns, and an async function returns at its first await. */
export type NotPromise<R> = R &
  (R extends PromiseLike<unknown> ? "with() unlocks when its function returns: use withAsync() for an async one" : unknown);

const AsyncFunction = (async () => {}).constructor;
export const isThenable = (value: unknown): boolean => typeof (value as { then?: unknown } | null | undefined)?.then === "function";
/** @param verb  what was called with it */
export const asyncInside = (verb = "with"): TypeError =>
  new TypeError(
    `the function given to ${verb}() returned a promise: the lock would be released at its first await. Await ${verb}Async() instead.`,
  );

/** Before the lock is taken: what fails under it poisons it. */
export function requireFunction(fn: unknown, verb: string): asserts fn is (...args: never[]) => unknown {
  if (typeof fn !== "function") throw new TypeError(`${verb}() needs a function; it was given ${kindOf(fn)}.`);
}

export function refuseAsync(fn: unknown, verb = "with"): void {
  requireFunction(fn, verb);
  // Before it runs: later would be too late for what it did before its first await. Not by instanceof, which doubles the cost of with().
  if (fn.constructor === AsyncFunction) throw asyncInside(verb);
}

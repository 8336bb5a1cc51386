/** Functions that run while a lock is held: they must be done when they return. */

/** What `with` may not be given: it unlocks when its function returns, and an async function returns at its first await. */
export type NotPromise<R> = R &
  (R extends PromiseLike<unknown> ? "with() unlocks when its function returns: use withAsync() for an async one" : unknown);

const AsyncFunction = (async () => {}).constructor;
export const isThenable = (value: unknown): boolean => typeof (value as { then?: unknown } | null | undefined)?.then === "function";
export const asyncInsideWith = (): TypeError =>
  new TypeError(
    "the function given to with() returned a promise: the lock would be released at its first await. Await withAsync() instead.",
  );

export function refuseAsync(fn: unknown): void {
  if (typeof fn !== "function") throw new TypeError(`with() needs a function; it was given ${typeof fn}.`);
  // Before it runs: later would be too late for what it did before its first await. Not by instanceof, which doubles the cost of with().
  if (fn.constructor === AsyncFunction) throw asyncInsideWith();
}

/** One listener a signal, however many tasks it may call off: platforms take many listeners for a leak, and warn. */

const calls = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `abort` when the signal does; returns what takes that back. */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  let all = calls.get(signal);
  if (all === undefined) {
    const fresh = new Set<() => void>();
    all = fresh;
    calls.set(signal, fresh);
    const callAll = (): void => {
      for (const call of [...fresh]) call();
    };
    signal.addEventListener("abort", callAll, { once: true });
  }
  all.add(abort);
  return () => all.delete(abort);
}

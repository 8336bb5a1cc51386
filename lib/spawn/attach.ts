/** Workers that others start. */
import { host } from "#host";
import { currentThread } from "../thread/current.ts";
import { supervise, untilSupervised } from "../thread/lifeline.ts";

/**
 * Joins this thread to the process' threads now, instead of on its first use of a lock; on the main thread, starts the supervisor,
 * so that the death of workers that others start is told within milliseconds instead of 250.
 *
 * Call it on the main thread before the workers are started. Resolves when the supervisor listens, and watches this thread.
 */
export async function attach(): Promise<void> {
  currentThread();
  if (host.isMain) supervise();
  await untilSupervised();
}

/**
 * Expects a worker that somebody else started to use ferrous. In Node it needs no preparation but a supervisor, which this starts;
 * the worker then joins on its first use, or when it awaits {@link attach}.
 */
export function invite(_worker: unknown): void {
  currentThread();
  supervise();
}

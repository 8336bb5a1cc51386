/** Workers that others start. */
import { currentThread } from "../thread/current.ts";
import { isSupervised, supervise } from "../thread/lifeline.ts";
import { host } from "#host";

/**
 * Joins this thread to the process' threads now, instead of on its first use of a lock; on the main thread, starts the supervisor,
 * so that the death of workers that others start is told within milliseconds instead of 250.
 */
export function attach(): Promise<void> {
  currentThread();
  if (host.isMain) supervise();
  else isSupervised();
  return Promise.resolve();
}

/** Expects a worker that somebody else started to use ferrous. In Node that needs no preparation but a supervisor. */
export function invite(_worker: unknown): void {
  currentThread();
  supervise();
}

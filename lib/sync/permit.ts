/** Proof that permits of a semaphore are held. */
import { NOT_SENDABLE } from "../send/refusals.ts";
import type { Permits } from "./permits.ts";

/**
 * Permits of a {@link Semaphore} that this thread holds. Give them back with `release()` or with `using`; if the thread dies, they
 * return by themselves.
 *
 * @example
 * const permit = downloads.tryAcquire(2);
 * if (permit !== undefined) try { fetchAll(); } finally { permit.release(); }
 */
export class Permit implements Disposable {
  /** How many they are. */
  readonly count: number;
  #held: Permits | undefined;

  /** @internal */
  constructor(permits: Permits, count: number) {
    this.count = count;
    this.#held = permits;
  }

  /** Gives the permits back. The second time does nothing. */
  release(): void {
    const permits = this.#held;
    if (permits === undefined) return;
    // Forgotten first: whatever giving back does, a second release must not give back another's.
    this.#held = undefined;
    permits.give(this.count);
  }
  [Symbol.dispose](): void {
    this.release();
  }

  /** Permits belong to the thread that took them. */
  get [NOT_SENDABLE](): "a Permit belongs to the thread that took it: send the Semaphore itself" {
    return "a Permit belongs to the thread that took it: send the Semaphore itself";
  }
}

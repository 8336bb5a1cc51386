/** How long one side of a channel looks again before it sleeps. */
import { backOff, rest } from "../park/backoff.ts";
import { currentThread } from "../thread/current.ts";

/** In steps of 0.8 ns. Long enough for several messages to come, or to be taken: else each would cost a look that disturbs the other side. */
export const FIRST_REST = 256;
/** All rests together take about as long as to wake a thread. */
export const LAST_REST = 8192;
/** Between two knocks at a gate, where nobody stays for long; and so many knocks at most, since its owner may not be running. */
export const KNOCK_REST = 256;
export const MAX_KNOCKS = 64;

/** Looks for a while, having just looked in vain. */
export function restFirst(look: () => boolean): boolean {
  if (!currentThread().spins) return false;
  rest(FIRST_REST);
  return backOff(look, undefined, 2 * FIRST_REST);
}

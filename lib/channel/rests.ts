/** How long one side of a channel looks again before it sleeps. */
import { backOff, rest } from "../park/backoff.ts";
import { currentThread } from "../thread/current.ts";
import { BUSY, type Flags } from "./position.ts";

/** In steps of 0.8 ns. Long enough for several messages to come, or to be taken: else each would cost a look that disturbs the other side. */
const FIRST_REST = 256;
/** All rests together take about as long as to wake a thread. */
const LAST_REST = 8192;
/** Between two knocks at a gate, where nobody stays for long; and so many knocks at most, since its owner may not be running. */
const KNOCK_REST = 256;
const MAX_KNOCKS = 64;

/** So many rests are as long as the first: an answer that comes within a us should not meet with a rest that is as long again. */
const EVEN_RESTS = 4;

/** Looks for a while, having just looked in vain; `look` gives undefined if looking on is in vain. */
export function restFirst(look: () => boolean | undefined): boolean {
  if (!currentThread().spins) return false;
  rest(FIRST_REST);
  return backOff(look, LAST_REST, FIRST_REST, EVEN_RESTS - 1);
}

/** Tries the quick way; again, for a while in all, if somebody is at the gate. */
export function knocking(pass: () => Flags): () => Flags {
  let knocks = 0;
  return () => {
    for (;;) {
      const flags = pass();
      if (flags !== BUSY || ++knocks >= MAX_KNOCKS || currentThread().modelled) return flags;
      rest(KNOCK_REST);
    }
  };
}

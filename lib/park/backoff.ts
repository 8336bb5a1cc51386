/**
 * Waiting a little before sleeping.
 *
 * Waking a sleeping thread costs 12 to 25 us, and most sections are over long before. So a busy word is looked at again, after rests
 * that double: a rest keeps the word's cache line with its holder, who can pass through its lock dozens of times undisturbed, where
 * looking without a rest would take the line away at each look (measured with empty sections: 2 threads 16 M/s without rests, 28 M/s
 * with them). All the rests together take about as long as one waking, so whoever sleeps in the end lost no more than twice the best.
 *
 * Sources: T. Anderson, "The Performance of Spin Lock Alternatives for Shared-Memory Multiprocessors" (1990); A. Karlin, K. Li,
 * M. Manasse, S. Owicki, "Empirical Studies of Competitive Spinning for a Shared-Memory Multiprocessor" (1991).
 */

import { currentThread } from "../thread/current.ts";

/** In steps of about 0.8 ns. */
const SHORTEST = 32;
const LONGEST = 8192;

/**
 * Looks until it is done, resting ever longer in between.
 * @param look     true: got it, false: look again, undefined: looking on is in vain
 * @param longest  the last rest, in steps of 0.8 ns; all of them together take twice as long: 13 us without it
 * @param shortest the first rest
 * @param even     so many rests are as long as the first
 * @returns whether it was got
 */
export function backOff(look: () => boolean | undefined, longest = LONGEST, shortest = SHORTEST, even = 1): boolean {
  // There time does not pass while a thread rests: one look stands for them all.
  const { modelled } = currentThread();
  for (let [steps, rests] = [shortest, 1]; steps <= longest; rests++) {
    const got = look();
    if (got !== false || modelled) return got === true;
    rest(steps);
    if (rests >= even) steps *= 2;
  }
  return false;
}

let sink = 0;
/** Keeps the core busy with what no other core notices, for so many steps of 0.8 ns. */
export function rest(steps: number): void {
  let x = sink;
  for (let step = 0; step < steps; step++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  // A number that stays a small integer, so that it is not boxed; and kept, so that the loop is not optimised away.
  sink = x & 0xffff;
}

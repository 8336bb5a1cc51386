// @ts-check
/** Threads that meet at a barrier. */
import { BrokenBarrierError, task, TimeoutError } from "ferrous";

const url = import.meta.url;

/** Meets so many times, adds 1 to a word of its own before each; gives how often it led, and fails if somebody was behind. */
export const meetOften = task(
  url,
  "meetOften",
  /** @param {import("ferrous").Barrier} barrier @param {Int32Array<SharedArrayBuffer>} words @param {number} me @param {number} rounds */
  (barrier, words, me, rounds) => {
    let led = 0;
    for (let round = 1; round <= rounds; round++) {
      Atomics.add(words, me, 1);
      if (barrier.wait().leader) led++;
      for (const count of words) if (count < round) throw new Error(`somebody was ${round - count} rounds behind`);
    }
    return led;
  },
);
/** Meets once, and ends. */
export const meetOnce = task(url, "meetOnce", (/** @type {import("ferrous").Barrier} */ barrier) => barrier.wait().leader);
/** Meets whoever else comes, until so many meetings were led, and somebody has ended; counts who led and who followed. */
export const crowd = task(
  url,
  "crowd",
  /** @param {import("ferrous").Barrier} barrier @param {Int32Array<SharedArrayBuffer>} counts @param {number} meetings */
  (barrier, counts, meetings) => {
    while (Atomics.load(counts, 0) < meetings) {
      try {
        Atomics.add(counts, barrier.wait({ timeout: 20 }).leader ? 0 : 1, 1);
      } catch (error) {
        if (error instanceof BrokenBarrierError && Atomics.load(counts, 0) >= meetings) return;
        if (!(error instanceof TimeoutError)) throw error;
      }
    }
  },
);

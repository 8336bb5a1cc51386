// @ts-check
/** What the threads of the specs of waiting on atomics run. */
import { task } from "ferrous";

/**
 * Wakes one after the other, until `count` were woken, or all have gone on: nobody knows when they have fallen asleep, and a sleeper looks
 * up when another thread ends too.
 */
export const wake = task(
  import.meta.url,
  "wake",
  /** @param {import("ferrous").AtomicI32 | import("ferrous").AtomicU64} cell @param {number} count @param {import("ferrous").AtomicI32} gone */
  (cell, count, gone) => {
    for (let woken = 0; woken < count && gone.load() < count;) woken += cell.notify(1);
  },
);

export const setAndWake = task(
  import.meta.url,
  "setAndWake",
  /** @param {import("ferrous").AtomicI32} cell @param {number} value */
  (cell, value) => {
    cell.store(value);
    cell.notify();
  },
);

export const cancelSoon = task(
  import.meta.url,
  "cancelSoon",
  /** @param {import("ferrous").CancelFlag} flag */
  (flag) => {
    flag.cancel("enough");
  },
);

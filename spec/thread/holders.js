// @ts-check
/** Threads that hold something, for the specs of threads. */
import { task } from "ferrous";
import { until } from "../support/lockers.js";

/** @typedef {import("../support/lockers.js").Words} Words */

/** Takes a permit, sets a value, and ends with the permit once the word is 2; it is 1 once it has both. */
export const takesAndSets = task(
  import.meta.url,
  "takesAndSets",
  /** @param {import("ferrous").Semaphore} permits @param {import("ferrous").OnceLock<string>} value @param {Words} stage */
  (permits, value, stage) => {
    permits.acquire();
    value.set("a value");
    Atomics.store(stage, 0, 1);
    until(() => Atomics.load(stage, 0) === 2);
  },
);

// @ts-check
/** Threads that race through rows of onces and latches, for their specs under stress. */
import { Latch, Once, task } from "ferrous";
import { dice, meet } from "../support/lockers.js";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
const url = import.meta.url;

/** A row of onces lies in the first words; behind it each has two words of its own to initialise, which must be the same. */
export const ONCES = 2000;
export const ROW_WORDS = 3 * ONCES;

/**
 * Runs each once of the row, `stay` looks at a word long at most; who is told of a death runs it again. Gives how many it ran itself,
 * how many it saw half-initialised, and of how many deaths it was told.
 */
export const raceOnces = task(
  url,
  "raceOnces",
  /** @param {Words} row @param {Words} arrivals @param {number} threads @param {number} stay @returns {{ ran: number, broken: number, warned: number }} */
  (row, arrivals, threads, stay) => {
    const roll = dice(stay);
    let [ran, broken, warned] = [0, 0, 0];
    meet(arrivals, threads);
    for (let n = 0; n < ONCES; n++) {
      const once = Once.at(row.buffer, 4 * n);
      const [first, second] = [ONCES + 2 * n, ONCES + 2 * n + 1];
      // Plain writes: whoever is told that it is done must see them.
      const init = () => {
        ran++;
        row[first] = (row[second] ?? 0) + 1;
        for (let wait = roll(stay); wait > 0; wait--) Atomics.load(arrivals, 0);
        row[second] = row[first] ?? 0;
      };
      try {
        once.run(init);
      } catch (error) {
        if (/** @type {{ code?: string }} */ (error).code !== "POISONED") throw error;
        warned++;
        once.run(init, { allowPoisoned: true });
      }
      if (row[first] === 0 || row[first] !== row[second]) broken++;
    }
    return { ran, broken, warned };
  },
);

/** Meets the others at one latch after the other; gives how often one of them had not come. */
export const meetAtLatches = task(
  url,
  "meetAtLatches",
  /** @param {Words} latches @param {Words} come @param {number} me @returns {number} */
  (latches, come, me) => {
    let missed = 0;
    for (let round = 0; round < latches.length; round++) {
      const latch = Latch.at(latches.buffer, 4 * round, come.length);
      come[me] = round + 1;
      latch.countDown();
      latch.wait();
      for (const other of come) if (other < round + 1) missed++;
    }
    return missed;
  },
);

/** Counts down for ever; says so before and after. */
export const countForEver = task(
  url,
  "countForEver",
  /** @param {Latch} latch @param {Words} tally */
  (latch, tally) => {
    for (;;) {
      Atomics.add(tally, 0, 1);
      latch.countDown();
      Atomics.add(tally, 1, 1);
    }
  },
);

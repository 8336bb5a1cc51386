// @ts-check
/** Threads that take permits, for the specs of Semaphore. */
import { task } from "ferrous";
import { dice, meet, told } from "../support/lockers.js";

/** @typedef {import("ferrous").Semaphore} Semaphore */
/** @typedef {import("ferrous").Mutex} Mutex */
/** @typedef {import("ferrous").ReentrantMutex} ReentrantMutex */
/** @typedef {Int32Array<SharedArrayBuffer>} Words */

const url = import.meta.url;

/** Takes permits over and over, and notes whether more than `total` were ever in use; returns how often it took. */
export const taker = task(
  url,
  "taker",
  /** @param {Semaphore} semaphore @param {number} total @param {Words} used @param {number} count @param {number} seed @returns {number} */
  (semaphore, total, used, count, seed) => {
    const roll = dice(seed);
    let overdrawn = 0;
    for (let taken = 0; taken < count; taken++) {
      const want = 1 + roll(total);
      const permit = semaphore.acquire(want);
      if (Atomics.add(used, 0, want) + want > total) overdrawn++;
      Atomics.sub(used, 0, want);
      permit.release();
    }
    return overdrawn;
  },
);

/** Takes one permit after the other, holds each for some ms, and lets go for an instant only, until the word is 1. */
export const greedy = task(
  url,
  "greedy",
  /** @param {Semaphore} semaphore @param {Words} stop @param {Words} arrivals @param {number} parties @param {number} seed */
  (semaphore, stop, arrivals, parties, seed) => {
    const roll = dice(seed);
    let before = semaphore.acquire();
    meet(arrivals, parties);
    while (Atomics.load(stop, 0) === 0) {
      Atomics.wait(stop, 0, 0, 1 + roll(3000) / 1000);
      before.release();
      before = semaphore.acquire();
    }
    before.release();
  },
);

/** Takes all permits and ends with them. */
export const keeper = task(
  url,
  "keeper",
  /** @param {Semaphore} semaphore @param {number} count */
  (semaphore, count) => {
    semaphore.acquire(count);
  },
);

/** Takes a permit, meets the others, and blocks for the mutex. */
export const permitFirst = task(
  url,
  "permitFirst",
  /** @param {Semaphore} semaphore @param {Mutex} mutex @param {Words} arrivals @param {number} parties @returns {string} */
  (semaphore, mutex, arrivals, parties) => {
    const permit = semaphore.acquire();
    meet(arrivals, parties);
    try {
      mutex.lock().release();
      return "went on";
    } catch (error) {
      return told(error);
    } finally {
      permit.release();
    }
  },
);

/** Takes the mutex, meets the others, and blocks for permits. */
export const mutexFirst = task(
  url,
  "mutexFirst",
  /** @param {Semaphore} semaphore @param {Mutex | ReentrantMutex} mutex @param {Words} arrivals @param {number} parties @param {number} count @returns {string} */
  (semaphore, mutex, arrivals, parties, count) => {
    const guard = mutex.lock();
    meet(arrivals, parties);
    try {
      semaphore.acquire(count).release();
      return "went on";
    } catch (error) {
      return told(error);
    } finally {
      guard.release();
    }
  },
);

/** Blocks for permits; "went on", or the error. */
export const waiter = task(
  url,
  "waiter",
  /** @param {Semaphore} semaphore @param {number} count @returns {string} */
  (semaphore, count) => {
    try {
      semaphore.acquire(count).release();
      return "went on";
    } catch (error) {
      return told(error);
    }
  },
);

/** Takes the lock several times over, adds to the word, and lets go in the order of taking. */
export const deep = task(
  url,
  "deep",
  /** @param {ReentrantMutex} mutex @param {Words} sum @param {number} count */
  (mutex, sum, count) => {
    for (let n = 0; n < count; n++) {
      const guards = [mutex.lock(), mutex.lock(), mutex.lock()];
      const seen = sum[0] ?? 0;
      guards[0]?.release();
      guards[1]?.release();
      sum[0] = seen + 1;
      guards[2]?.release();
    }
  },
);

/** Is the lock free for this thread? */
export const isFree = task(url, "isFree", /** @param {ReentrantMutex} mutex @returns {boolean} */ (mutex) => mutex.tryLock() !== undefined);

/** Ends while it holds the lock twice. */
export const diesDeep = task(
  url,
  "diesDeep",
  /** @param {ReentrantMutex} mutex */ (mutex) => {
    mutex.lock();
    mutex.lock();
  },
);

/** Takes one lock, meets the others, and blocks for the next. */
export const reachReentrant = task(
  url,
  "reachReentrant",
  /** @param {ReentrantMutex} mine @param {ReentrantMutex} next @param {Words} arrivals @param {number} parties @returns {string} */
  (mine, next, arrivals, parties) => {
    const guards = [mine.lock(), mine.lock()];
    meet(arrivals, parties);
    try {
      next.lock().release();
      return "went on";
    } catch (error) {
      return told(error);
    } finally {
      for (const guard of guards) guard.release();
    }
  },
);

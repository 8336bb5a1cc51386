// @ts-check
/** Threads that read and write, for the specs of the RwLock. */
import { fromHandle, task } from "ferrous";
import { dice, meet } from "../support/lockers.js";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {import("ferrous").RwLock<Words>} Lock */
const url = import.meta.url;

/** Reads, says so in word 0 of `stage`, and holds on until word 1 is set. */
export const holdRead = task(url, "holdRead", (/** @type {Lock} */ lock, /** @type {Words} */ stage) => {
  const guard = lock.read();
  Atomics.add(stage, 0, 1);
  Atomics.notify(stage, 0);
  while (Atomics.load(stage, 1) === 0) Atomics.wait(stage, 1, 0);
  guard.release();
});

/** Reads, or reserves writing, says so in word 0 of `stage`, and stays so for `ms`; then it stays alive until word 1 is set. */
export const holdFor = task(
  url,
  "holdFor",
  /** @param {Lock} lock @param {Words} stage @param {"read" | "upgradable"} how @param {number} ms */
  (lock, stage, how, ms) => {
    const guard = how === "read" ? lock.read() : lock.upgradable();
    Atomics.add(stage, 0, 1);
    Atomics.notify(stage, 0);
    Atomics.wait(stage, 1, 0, ms);
    guard.release();
    while (Atomics.load(stage, 1) === 0) Atomics.wait(stage, 1, 0);
  },
);
export const reserveOnce = task(url, "reserveOnce", (/** @type {Lock} */ lock) => {
  lock.upgradable().release();
});
/** Gives the code of the error if it has not written within so many ms. */
export const writeWithin = task(url, "writeWithin", (/** @type {Lock} */ lock, /** @type {number} */ timeout) => {
  try {
    lock.write({ timeout }).release();
    return "wrote";
  } catch (error) {
    return /** @type {{ code: string }} */ (error).code;
  }
});

/** Writes once; gives how many sections of others had begun before (word 1 of the value counts them). */
export const writeOnce = task(url, "writeOnce", (/** @type {Lock} */ lock) => {
  const guard = lock.write();
  const seen = guard.value[0] ?? 0;
  guard.value[0] = seen + 1;
  guard.release();
  return seen;
});
export const readOnce = task(url, "readOnce", (/** @type {Lock} */ lock) => lock.withRead((cells) => cells[0] ?? -1));

/** Reads or writes at random for `ms`: words 0 and 1 of the value are always the same; gives how often it got in. */
export const mix = task(
  url,
  "mix",
  /** @param {Lock} lock @param {Words} arrivals @param {number} threads @param {number} ms @param {number} writes of 100 @param {number} seed */
  (lock, arrivals, threads, ms, writes, seed) => {
    meet(arrivals, threads);
    let random = seed;
    let count = 0;
    for (const end = performance.now() + ms; performance.now() < end; count++) {
      random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
      if ((random >>> 8) % 100 < writes) {
        const guard = lock.write();
        const cells = guard.value;
        if (cells[0] !== cells[1]) throw new Error("half-written");
        cells[0] = (cells[0] ?? 0) + 1;
        cells[1] = (cells[1] ?? 0) + 1;
        guard.release();
      } else {
        const guard = lock.read();
        if (guard.value[0] !== guard.value[1]) throw new Error("half-written");
        guard.release();
      }
    }
    return count;
  },
);

/** Locks a Mutex for `ms`, for sections of random length with pauses of random length between them; gives how often it got in. */
export const mixLocked = task(
  url,
  "mixLocked",
  /** @param {import("ferrous").Mutex<Words>} lock @param {Words} arrivals @param {number} threads @param {number} ms @param {number} seed */
  (lock, arrivals, threads, ms, seed) => {
    const roll = dice(seed);
    meet(arrivals, threads);
    let count = 0;
    for (const end = performance.now() + ms; performance.now() < end; count++) {
      const guard = lock.lock();
      const cells = guard.value;
      if (cells[0] !== cells[1]) throw new Error("half-written");
      cells[0] = (cells[0] ?? 0) + 1;
      for (let n = roll(50); n > 0; n--) Atomics.load(arrivals, 0);
      cells[1] = (cells[1] ?? 0) + 1;
      guard.release();
      for (let n = roll(50); n > 0; n--) Atomics.load(arrivals, 0);
    }
    return count;
  },
);

/**
 * Overlaps with its likes without pause until word 2 of `stage` is set: stays in each section for `ms`, and counts those that it began
 * after word 3 was set.
 */
export const overlap = task(
  url,
  "overlap",
  /** @param {Lock} lock @param {Words} stage @param {"read" | "write"} how @param {number} ms */
  (lock, stage, how, ms) => {
    let since = 0;
    Atomics.add(stage, 0, 1);
    while (Atomics.load(stage, 2) === 0) {
      const guard = how === "read" ? lock.read() : lock.write();
      if (Atomics.load(stage, 3) !== 0 && Atomics.load(stage, 2) === 0) since++;
      Atomics.wait(stage, 1, 0, ms);
      guard.release();
    }
    return since;
  },
);
/** Comes as the other side, once. */
export const come = task(
  url,
  "come",
  /** @param {Lock} lock @param {Words} stage @param {"read" | "write"} how */
  (lock, stage, how) => {
    Atomics.store(stage, 3, 1);
    const guard = how === "read" ? lock.read() : lock.write();
    Atomics.store(stage, 2, 1);
    guard.release();
  },
);

/** Holds one lock, and once both threads have come so far wants to write the other; gives the code of the error that ended it, or "in". */
export const holdAndWant = task(
  url,
  "holdAndWant",
  /** @param {Lock} mine @param {Lock} other @param {Words} arrivals @param {"read" | "write"} how */
  (mine, other, arrivals, how) => {
    const guard = how === "read" ? mine.read() : mine.write();
    meet(arrivals, 2);
    try {
      other.write().release();
      return "in";
    } catch (error) {
      return /** @type {{ code: string }} */ (error).code;
    } finally {
      guard.release();
    }
  },
);

/** Reads, meets another, and reads once more through another object at the same place. */
export const readTwice = task(
  url,
  "readTwice",
  /** @param {import("ferrous").Handle} handle @param {Words} arrivals */
  (handle, arrivals) => {
    const open = () => /** @type {Lock} */ (fromHandle(handle));
    const guard = open().read();
    meet(arrivals, 2);
    try {
      open().read().release();
      return "in";
    } catch (error) {
      return /** @type {{ code: string }} */ (error).code;
    } finally {
      guard.release();
    }
  },
);

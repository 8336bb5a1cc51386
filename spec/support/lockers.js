// @ts-check
/**
 * Threads that take locks, for the specs of locks.
 *
 * Nobody sleeps to let another get there: threads meet at a word that counts arrivals, and who sleeps on a lock shows in the
 * lock's own word.
 */
import { sleepAsync, task, toHandle } from "ferrous";

/** @typedef {import("ferrous").Mutex} Mutex */
/** @typedef {import("ferrous").CancelFlag} CancelFlag */
/** @typedef {Int32Array<SharedArrayBuffer>} Words */

const url = import.meta.url;

/** Fresh words of shared memory. @param {number} count @returns {Words} */
export const words = (count) => new Int32Array(new SharedArrayBuffer(4 * count));

/** In ms. Whoever waits longer than this waits for a thread that failed: better told than hanging. */
const PATIENCE = 30_000;

/** Blocks until the condition holds: looks, and sleeps a millisecond between looks. @param {() => boolean} condition */
export function until(condition) {
  const nobody = words(1);
  for (const end = performance.now() + PATIENCE; !condition();) {
    if (performance.now() > end) throw new Error(`waited in vain until ${String(condition)}`);
    Atomics.wait(nobody, 0, 0, 1);
  }
}
/** As `until`, awaiting. @param {() => boolean} condition */
export async function untilAsync(condition) {
  while (!condition()) await sleepAsync(1);
}

/** Counts this thread in, and blocks until `count` have come. @param {Words} arrivals @param {number} count */
export function meet(arrivals, count) {
  Atomics.add(arrivals, 0, 1);
  Atomics.notify(arrivals, 0);
  for (let seen = Atomics.load(arrivals, 0); seen < count; seen = Atomics.load(arrivals, 0)) Atomics.wait(arrivals, 0, seen);
}

/** Does somebody sleep on this lock? @param {Mutex} mutex @returns {boolean} */
export function hasSleepers(mutex) {
  const { buffer, byteOffset } = toHandle(mutex);
  return (Atomics.load(new Int32Array(buffer), byteOffset >> 2) & 1) !== 0;
}

/** An error in one line, its causes included. @param {unknown} error @returns {string} */
export const told = (error) => {
  const { code, name, message, cause } = /** @type {Partial<Error & { code: string }>} */ (error ?? {});
  if (message === undefined) return String(error);
  return `${code ?? name ?? "Error"}: ${message}${cause === undefined ? "" : ` <- ${told(cause)}`}`;
};

/** Holds the lock until it is told to let go, by 2 in the first word; writes 1 once it holds it. */
export const hold = task(
  url,
  "hold",
  /** @param {Mutex} mutex @param {Words} stage */
  (mutex, stage) => {
    const guard = mutex.lock();
    Atomics.store(stage, 0, 1);
    Atomics.notify(stage, 0);
    while (Atomics.load(stage, 0) !== 2) Atomics.wait(stage, 0, 1);
    guard.release();
  },
);

/** Blocks until `hold` has the lock. @param {Words} stage */
export function untilHeld(stage) {
  while (Atomics.load(stage, 0) === 0) Atomics.wait(stage, 0, 0);
}
/** Tells `hold` to let go. @param {Words} stage */
export function letGo(stage) {
  Atomics.store(stage, 0, 2);
  Atomics.notify(stage, 0);
}

/**
 * Takes one lock, meets the others who each have theirs, and blocks for the next: the way into a deadlock.
 * @param {Mutex} mine @param {Mutex} next @param {Words} arrivals @param {number} parties
 * @param {{ timeout?: number, signal?: CancelFlag }} [limits] @returns {string} "went on", or the error
 */
export function reach(mine, next, arrivals, parties, limits) {
  const guard = mine.lock();
  meet(arrivals, parties);
  try {
    next.lock(limits).release();
    return "went on";
  } catch (error) {
    return told(error);
  } finally {
    guard.release();
  }
}
export const reacher = task(url, "reacher", reach);

/** As `reach`, but a task of this thread holds its lock: taken by awaiting. */
export const asyncReacher = task(
  url,
  "asyncReacher",
  /** @param {Mutex} mine @param {Mutex} next @param {Words} arrivals @param {number} parties @returns {Promise<string>} */
  async (mine, next, arrivals, parties) => {
    const guard = await mine.lockAsync();
    meet(arrivals, parties);
    try {
      next.lock().release();
      return "went on";
    } catch (error) {
      return told(error);
    } finally {
      guard.release();
    }
  },
);

/** Blocks for the lock; "went on", or the error. */
export const locker = task(
  url,
  "locker",
  /** @param {Mutex} mutex @param {CancelFlag} [flag] @returns {string} */
  (mutex, flag) => {
    try {
      mutex.lock(flag === undefined ? undefined : { signal: flag }).release();
      return "went on";
    } catch (error) {
      return told(error);
    }
  },
);

/** A reproducible stream of numbers below `below`. @param {number} seed @returns {(below: number) => number} */
export function dice(seed) {
  let state = seed >>> 0;
  return (below) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** One taking in so many lasts for 3 ms: long enough for those who wait to be suspected of a deadlock. */
const RARELY = 4000;

/** Takes runs of the locks, always in their order, `count` times in all; returns the errors. */
export const takeInOrder = task(
  url,
  "takeInOrder",
  /** @param {Mutex[]} locks @param {Words} arrivals @param {number} parties @param {number} count @param {number} seed */
  (locks, arrivals, parties, count, seed) => {
    const roll = dice(seed);
    /** @type {string[]} */
    const errors = [];
    meet(arrivals, parties);
    for (let taken = 0; taken < count;) {
      const guards = [];
      try {
        for (const lock of locks.slice(roll(locks.length))) {
          guards.push(lock.lock());
          if (roll(RARELY) === 0) Atomics.wait(words(1), 0, 0, 3);
          if (++taken >= count || roll(2) === 0) break;
        }
      } catch (error) {
        errors.push(told(error));
      }
      for (const guard of guards.reverse()) guard.release();
    }
    return errors;
  },
);

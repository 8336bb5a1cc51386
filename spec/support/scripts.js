// @ts-check
/**
 * Threads and tasks that do what a generated script says to one counter, which only the lock protects: it is read, time passes, it
 * is written.
 */
import { task } from "ferrous";
import { words } from "./lockers.js";

/** @typedef {import("ferrous").Mutex} Mutex @typedef {import("./lockers.js").Words} Words */

/** The ways to take a lock. Those that may fail are not counted if they do. */
export const STEPS = /** @type {const} */ (["lock", "with", "tryLock", "timed", "lockAsync", "withAsync", "timedAsync", "aborted"]);
/** @typedef {typeof STEPS[number]} Step */

/** Where the parties of a pool meet, in words. */
export const COUNTER = 0;
export const ROUND = 16;
export const DONE = 32;
const SCRIPTS = 48;
const SCRIPT_WORDS = 32;
/** The longest script. */
export const MAX_STEPS = SCRIPT_WORDS - 2;

/** @param {number} parties @returns {Words} */
export const board = (parties) => words(SCRIPTS + parties * SCRIPT_WORDS);
/** What a party shall do, [count of steps, count of successes, steps...]. @param {Words} cells @param {number} party */
export const scriptOf = (cells, party) => cells.subarray(SCRIPTS + party * SCRIPT_WORDS, SCRIPTS + (party + 1) * SCRIPT_WORDS);

/** Blocks until the word has changed, but not for ever. @param {Words} cells @param {number} at @param {number} from */
export function untilChanged(cells, at, from) {
  while (Atomics.load(cells, at) === from) {
    if (Atomics.wait(cells, at, from, 30_000) === "timed-out") throw new Error(`word ${String(at)} stays ${String(from)}: a thread failed`);
  }
}

/** @param {Words} cells */
function increment(cells) {
  const seen = cells[COUNTER] ?? 0;
  for (let n = 0; n < 50; n++) cells[COUNTER + 1] = n;
  cells[COUNTER] = seen + 1;
}
/** @param {Words} cells */
async function incrementSlowly(cells) {
  const seen = cells[COUNTER] ?? 0;
  await undefined;
  cells[COUNTER] = seen + 1;
}

/** The error is one that this way of locking may end with. @param {unknown} error */
function expected(error) {
  const { code, name } = /** @type {{ code?: string, name?: string }} */ (error);
  if (code !== "TIMEOUT" && name !== "AbortError") throw error;
  return 0;
}

/** Does one step; 1 if it counted. @param {Step} step @param {Mutex} mutex @param {Words} cells @returns {number | Promise<number>} */
export function perform(step, mutex, cells) {
  switch (step) {
    case "lock":
    case "timed": {
      try {
        const guard = mutex.lock(step === "timed" ? { timeout: 1 } : undefined);
        increment(cells);
        guard.release();
        return 1;
      } catch (error) {
        return expected(error);
      }
    }
    case "with":
      mutex.with(() => increment(cells));
      return 1;
    case "tryLock": {
      const guard = mutex.tryLock();
      if (guard === undefined) return 0;
      increment(cells);
      guard.release();
      return 1;
    }
    case "lockAsync":
    case "timedAsync":
    case "aborted":
      return awaiting(step, mutex, cells);
    case "withAsync":
      return mutex.withAsync(() => incrementSlowly(cells)).then(() => 1);
  }
}

/** @param {"lockAsync" | "timedAsync" | "aborted"} step @param {Mutex} mutex @param {Words} cells @returns {Promise<number>} */
async function awaiting(step, mutex, cells) {
  const controller = new AbortController();
  const limits = { timedAsync: { timeout: 1 }, aborted: { signal: controller.signal }, lockAsync: undefined }[step];
  try {
    const asked = mutex.lockAsync(limits);
    if (step === "aborted") queueMicrotask(() => controller.abort());
    const guard = await asked;
    await incrementSlowly(cells);
    guard.release();
    return 1;
  } catch (error) {
    return expected(error);
  }
}

/** One thread of the pool: each time that ROUND moves it performs its script, two awaited steps at a time; ends when ROUND is -1. */
export const performer = task(
  import.meta.url,
  "performer",
  /** @param {number} party @param {Mutex} mutex @param {Words} cells */
  async (party, mutex, cells) => {
    const script = scriptOf(cells, party);
    for (let round = 0; ;) {
      untilChanged(cells, ROUND, round);
      round = Atomics.load(cells, ROUND);
      if (round === -1) return;
      let succeeded = 0;
      /** @type {Promise<number> | number} */
      let pending = 0;
      for (const code of script.slice(2, 2 + (script[0] ?? 0))) {
        const step = STEPS[code] ?? "lock";
        const blocks = step === "lock" || step === "timed" || step === "with";
        // A task of this thread that holds the lock could not go on while the thread is blocked: that is a DeadlockError.
        if (blocks) succeeded += await pending;
        const now = perform(step, mutex, cells);
        if (!blocks) succeeded += await pending;
        pending = now;
      }
      script[1] = succeeded + (await pending);
      Atomics.add(cells, DONE, 1);
      Atomics.notify(cells, DONE);
    }
  },
);

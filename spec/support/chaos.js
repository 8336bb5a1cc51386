// @ts-check
/**
 * Threads that keep two words equal under a lock, and are terminated wherever they happen to be. Whoever gets in unwarned must find
 * the words equal; whoever is warned repairs them.
 */
import { sleepAsync, spawn, task } from "ferrous";
import { dice, told, words } from "./lockers.js";

/** @typedef {import("ferrous").Mutex<Int32Array<SharedArrayBuffer>>} Twins */
/** @typedef {import("./lockers.js").Words} Words */
/** @typedef {{ sections: number, deaths: number, warnings: number, repairs: number, broken: number, surprises: string[], stuck: number }} Tale */

const STOP = 0;
const SECTIONS = 1;
const WARNINGS = 2;
const REPAIRS = 3;
const BROKEN = 4;

/** Changes both words, one after the other. @param {Words} pair @param {Words} tally */
function change(pair, tally) {
  const seen = Atomics.load(pair, 0);
  if (seen !== Atomics.load(pair, 1)) Atomics.add(tally, BROKEN, 1);
  Atomics.store(pair, 0, seen + 1);
  for (let n = 0; n < 200; n++) Atomics.load(tally, STOP);
  Atomics.store(pair, 1, seen + 1);
  Atomics.add(tally, SECTIONS, 1);
}
/** @param {Words} pair */
const repair = (pair) => {
  Atomics.store(pair, 1, Atomics.load(pair, 0));
};

/** Takes the lock in some way, once, and changes the words if it got in. @param {Twins} twins @param {Words} tally @param {(below: number) => number} roll */
async function visit(twins, tally, roll) {
  const pass = (/** @type {import("ferrous").MutexGuard<Words> | undefined} */ guard) => {
    if (guard === undefined) return;
    change(guard.value, tally);
    guard.release();
  };
  const timeout = roll(3);
  switch (roll(8)) {
    case 0:
    case 1:
      return pass(twins.lock());
    case 2:
      return pass(twins.lock({ timeout }));
    case 3:
      return pass(twins.tryLock());
    case 4:
      return twins.with((pair) => change(pair, tally));
    case 5:
      return pass(await twins.lockAsync());
    case 6:
      return pass(await twins.lockAsync({ timeout }));
    case 7: {
      const controller = new AbortController();
      queueMicrotask(() => controller.abort());
      return pass(await twins.lockAsync({ signal: controller.signal }));
    }
  }
}

/** @param {Twins} twins @param {Words} tally @param {number} seed */
async function live(twins, tally, seed) {
  const roll = dice(seed);
  while (Atomics.load(tally, STOP) === 0) {
    try {
      await visit(twins, tally, roll);
    } catch (error) {
      const { code, name } = /** @type {{ code?: string, name: string }} */ (error);
      if (code === "POISONED") {
        Atomics.add(tally, WARNINGS, 1);
        if (roll(2) === 0 && twins.recover(repair)) Atomics.add(tally, REPAIRS, 1);
      } else if (code !== "TIMEOUT" && name !== "AbortError") {
        throw error;
      }
    }
  }
}
export const liver = task(import.meta.url, "liver", live);

/**
 * Lets `threads` threads live, terminating one of them now and then and starting another, for `ms` milliseconds.
 * @param {Twins} twins @param {number} threads @param {number} ms @param {number} seed @returns {Promise<Tale>}
 */
export async function chaos(twins, threads, ms, seed) {
  const roll = dice(seed);
  const tally = words(5);
  let [deaths, stuck] = [0, 0];
  /** @type {string[]} */
  const surprises = [];
  const start = () => spawn(liver, twins, tally, roll(2 ** 31));
  const alive = Array.from({ length: threads }, start);
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await sleepAsync(roll(30));
    const [victim] = alive.splice(roll(alive.length), 1);
    alive.push(start());
    await victim?.terminate();
    await victim?.joinAsync({ timeout: 10_000 }).catch((/** @type {unknown} */ error) => {
      if (/** @type {{ reason?: string }} */ (error).reason !== "terminated") surprises.push(told(error));
    });
    deaths++;
  }
  Atomics.store(tally, STOP, 1);
  for (const handle of alive) {
    try {
      await handle.joinAsync({ timeout: 10_000 });
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code === "TIMEOUT") stuck++;
      else surprises.push(told(error));
      await handle.terminate();
    }
  }
  const [, sections = 0, warnings = 0, repairs = 0, broken = 0] = tally;
  return { sections, deaths, warnings, repairs, broken, surprises, stuck };
}

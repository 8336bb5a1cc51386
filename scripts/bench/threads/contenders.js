// @ts-check
/** What the threads of the lock bench run. */
import { task } from "ferrous";

export const nothing = task(import.meta.url, "nothing", () => 1);

/** Sleeps on the lock until it is free. */
export const sleepOn = task(
  import.meta.url,
  "sleepOn",
  /** @param {import("ferrous").Mutex} mutex @param {Int32Array<SharedArrayBuffer>} arrived */
  (mutex, arrived) => {
    Atomics.add(arrived, 0, 1);
    mutex.lock().release();
  },
);

const STATE = 0;
const READY = 16;
const COUNTER = 32;

/** The textbook's 3-state futex, bare: 0 free, 1 held, 2 held and perhaps waited for. @param {Int32Array} cells */
function lock(cells) {
  let seen = Atomics.compareExchange(cells, STATE, 0, 1);
  if (seen === 0) return;
  if (seen !== 2) seen = Atomics.exchange(cells, STATE, 2);
  while (seen !== 0) {
    Atomics.wait(cells, STATE, 2);
    seen = Atomics.exchange(cells, STATE, 2);
  }
}
/** @param {Int32Array} cells */
function unlock(cells) {
  if (Atomics.exchange(cells, STATE, 0) === 2) Atomics.notify(cells, STATE, 1);
}

const sink = new Int32Array(1);
/** Some work: about 0.8 ns a step. @param {number} steps */
export function work(steps) {
  let x = sink[0] ?? 0;
  for (let i = 0; i < steps; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  sink[0] = x;
}

export const contend = task(
  import.meta.url,
  "contend",
  /**
   * @param {"ferrous" | "futex"} kind @param {import("ferrous").Mutex} mutex @param {Int32Array<SharedArrayBuffer>} cells
   * @param {number} threads @param {number} ms @param {number} inside @param {number} outside in ns
   * @returns {number}
   */
  (kind, mutex, cells, threads, ms, inside, outside) => {
    const [stepsIn, stepsOut] = [Math.round(inside / 0.8), Math.round(outside / 0.8)];
    const section = () => {
      cells[COUNTER] = (cells[COUNTER] ?? 0) + 1;
      if (stepsIn > 0) work(stepsIn);
    };
    /** @param {number} n */
    const ours = (n) => {
      for (let i = 0; i < n; i++) {
        const guard = mutex.lock();
        try {
          section();
        } finally {
          guard.release();
        }
        if (stepsOut > 0) work(stepsOut);
      }
    };
    /** @param {number} n */
    const bare = (n) => {
      for (let i = 0; i < n; i++) {
        lock(cells);
        section();
        unlock(cells);
        if (stepsOut > 0) work(stepsOut);
      }
    };
    const run = kind === "ferrous" ? ours : bare;
    let count = 0;
    const go = (/** @type {number} */ until) => {
      while (performance.now() < until) {
        run(200);
        count += 200;
      }
    };
    // Warm up together, then meet at the line, so that nobody has the lock to itself while the others still start.
    Atomics.add(cells, READY, 1);
    Atomics.notify(cells, READY);
    for (let seen = Atomics.load(cells, READY); seen < threads; seen = Atomics.load(cells, READY)) Atomics.wait(cells, READY, seen);
    go(performance.now() + ms / 5);
    Atomics.add(cells, READY, 1);
    Atomics.notify(cells, READY);
    for (let seen = Atomics.load(cells, READY); seen < 2 * threads; seen = Atomics.load(cells, READY)) Atomics.wait(cells, READY, seen);
    const warm = count;
    go(performance.now() + ms);
    // The counter counted the warm-up too.
    count -= warm;
    exclusively(kind, mutex, cells, () => (cells[COUNTER] = (cells[COUNTER] ?? 0) - warm));
    return count;
  },
);

/** @param {"ferrous" | "futex"} kind @param {import("ferrous").Mutex} mutex @param {Int32Array} cells @param {() => void} section */
function exclusively(kind, mutex, cells, section) {
  if (kind === "ferrous") mutex.with(section);
  else {
    lock(cells);
    section();
    unlock(cells);
  }
}

const ROUND_TRIPS = 100_000;
/** Two threads hand a cache line to each other; gives ns there and back. */
export const passLine = task(
  import.meta.url,
  "passLine",
  /** @param {Int32Array<SharedArrayBuffer>} cells @param {number} me 0 or 1 @returns {number} */
  (cells, me) => {
    let start = 0n;
    for (let i = -ROUND_TRIPS; i < ROUND_TRIPS; i++) {
      if (i === 0) start = process.hrtime.bigint();
      while (Atomics.load(cells, 0) !== me);
      Atomics.store(cells, 0, 1 - me);
    }
    return Number(process.hrtime.bigint() - start) / ROUND_TRIPS;
  },
);

// @ts-check
/** What the threads of the specs of channels run. */
import { select, sleep, task } from "ferrous";

/** @template T @typedef {import("ferrous").Sender<T>} Sender */
/** @template T @typedef {import("ferrous").Receiver<T>} Receiver */
const url = import.meta.url;

/** Sends 0, 1, 2, ... */
export const countTo = task(
  url,
  "countTo",
  /** @param {Sender<number>} tx @param {number} n */
  (tx, n) => {
    for (let i = 0; i < n; i++) tx.send(i);
  },
);

/** Receives until there is no sender any more. */
export const drain = task(
  url,
  "drain",
  /** @param {Receiver<number>} rx */
  async (rx) => {
    const got = [];
    for await (const value of rx) got.push(value);
    return got;
  },
);

/** Receives one by one, and rests now and then. */
export const takeSlowly = task(
  url,
  "takeSlowly",
  /** @param {Receiver<number>} rx */
  (rx) => {
    const got = [];
    for (const value of rx) {
      got.push(value);
      if (got.length % 50 === 0) sleep(1);
    }
    return got;
  },
);

/** Receives several at a time. */
export const sumOf = task(
  url,
  "sumOf",
  /** @param {Receiver<number>} rx */
  (rx) => {
    let [count, sum] = [0, 0];
    try {
      for (;;) {
        for (const value of rx.recvMany(100)) {
          count++;
          sum += value;
        }
      }
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== "DISCONNECTED") throw error;
    }
    return { count, sum };
  },
);

/** Has an end for a while, and ends. */
export const holdThenLeave = task(
  url,
  "holdThenLeave",
  /** @param {Sender<any> | Receiver<any>} end */
  (end) => {
    sleep(30);
    return end.capacity;
  },
);

export const giveBackEnds = task(
  url,
  "giveBackEnds",
  /** @param {Sender<number>} tx @param {Receiver<number>} rx @returns {[Sender<number>, Receiver<number>]} */
  (tx, rx) => [tx, rx],
);

/** Receives from one and the other in turn. */
export const takeTurns = task(
  url,
  "takeTurns",
  /** @param {Receiver<number>} one @param {Receiver<number>} other @param {number} times */
  (one, other, times) => {
    let sum = 0;
    for (let n = 0; n < times; n++) sum += (n % 2 === 0 ? one : other).recv();
    return sum;
  },
);

export const selectBoth = task(
  url,
  "selectBoth",
  /** @param {Receiver<number>} one @param {Receiver<number>} other @param {number} times */
  (one, other, times) => {
    let sum = 0;
    for (let n = 0; n < times; n++) sum += select([one, other]).value;
    return sum;
  },
);

/** Finds a sender in what all threads share, says that it has it, and sends 0, 1, 2, ... */
export const countFound = task(
  url,
  "countFound",
  /** @param {import("ferrous").OnceLock<Sender<number>>} found @param {number} n @param {Int32Array<SharedArrayBuffer>} stage */
  (found, n, stage) => {
    const tx = /** @type {Sender<number>} */ (found.get());
    Atomics.store(stage, 0, 1);
    Atomics.notify(stage, 0);
    for (let i = 0; i < n; i++) tx.send(i);
  },
);

/** Finds a receiver likewise, and receives until there is no sender any more. */
export const takeFound = task(
  url,
  "takeFound",
  /** @param {import("ferrous").OnceLock<Receiver<number>>} found @param {Int32Array<SharedArrayBuffer>} stage */
  (found, stage) => {
    const rx = /** @type {Receiver<number>} */ (found.get());
    Atomics.store(stage, 0, 1);
    Atomics.notify(stage, 0);
    return [...rx];
  },
);

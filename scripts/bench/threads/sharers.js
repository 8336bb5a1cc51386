// @ts-check
/** What the threads of the bench of the other locks run. */
import { task } from "ferrous";
import { work } from "./contenders.js";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
const url = import.meta.url;
const READY = 16;
/** Round trips that do not count: the optimising compiler, which needs a core too, is done after them. */
const WARM_UP = 3000;

/** Blocks until `count` threads have come. @param {Words} cells @param {number} count */
function meet(cells, count) {
  Atomics.add(cells, READY, 1);
  Atomics.notify(cells, READY);
  for (let seen = Atomics.load(cells, READY); seen < count; seen = Atomics.load(cells, READY)) Atomics.wait(cells, READY, seen);
}

/** Reads 95 times of 100 and writes 5 times, for `ms`; gives how often. */
export const readMostly = task(
  url,
  "readMostly",
  /** @param {import("ferrous").RwLock} lock @param {Words} cells @param {number} threads @param {number} ms @param {number} inside @param {number} outside in ns */
  (lock, cells, threads, ms, inside, outside) => {
    const [stepsIn, stepsOut] = [Math.round(inside / 0.8), Math.round(outside / 0.8)];
    /** @param {number} n */
    const run = (n) => {
      for (let i = 0; i < n; i++) {
        if (i % 20 === 19) {
          const guard = lock.write();
          try {
            cells[32] = (cells[32] ?? 0) + 1;
            if (stepsIn > 0) work(stepsIn);
          } finally {
            guard.release();
          }
        } else {
          const guard = lock.read();
          try {
            if (stepsIn > 0) work(stepsIn);
          } finally {
            guard.release();
          }
        }
        if (stepsOut > 0) work(stepsOut);
      }
    };
    let count = 0;
    // The first time does not count: the optimising compiler, which needs a core too, is done after it.
    for (const [round, time] of [ms, ms].entries()) {
      meet(cells, (round + 1) * threads);
      count = 0;
      for (const end = performance.now() + time; performance.now() < end; count += 200) run(200);
    }
    return count;
  },
);

/** Hands a ball over `rounds` times; gives ns a round trip. */
export const condvarPingPong = task(
  url,
  "condvarPingPong",
  /** @param {import("ferrous").Mutex<Words>} lock @param {import("ferrous").Condvar} turn @param {number} me @param {number} rounds */
  (lock, turn, me, rounds) => {
    meet(
      lock.with((cells) => cells),
      2,
    );
    let start = process.hrtime.bigint();
    for (let n = -WARM_UP; n < rounds; n++) {
      if (n === 0) start = process.hrtime.bigint();
      const guard = lock.lock();
      while (guard.value[0] !== me) turn.wait(guard);
      guard.value[0] = 1 - me;
      turn.notifyOne();
      guard.release();
    }
    return Number(process.hrtime.bigint() - start) / rounds;
  },
);
/** The same with bare wait and notify. */
export const barePingPong = task(
  url,
  "barePingPong",
  /** @param {Words} cells @param {number} me @param {number} rounds */
  (cells, me, rounds) => {
    meet(cells, 2);
    let start = process.hrtime.bigint();
    for (let n = -WARM_UP; n < rounds; n++) {
      if (n === 0) start = process.hrtime.bigint();
      while (Atomics.load(cells, 0) !== me) Atomics.wait(cells, 0, 1 - me);
      Atomics.store(cells, 0, 1 - me);
      Atomics.notify(cells, 0, 1);
    }
    return Number(process.hrtime.bigint() - start) / rounds;
  },
);

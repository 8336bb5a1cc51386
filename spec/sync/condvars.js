// @ts-check
/** Threads that wait for conditions, for the specs of condvars. */
import { task } from "ferrous";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
const url = import.meta.url;

/** Waits until a token is there and takes it; gives how the wait ended, or the error's code. */
export const takeToken = task(
  url,
  "takeToken",
  /**
   * @param {import("ferrous").Mutex<Words>} lock @param {import("ferrous").Condvar} changed
   * @param {{ timeout?: number, signal?: import("ferrous").CancelFlag } | undefined} opts
   */
  (lock, changed, opts) => {
    const guard = lock.lock();
    guard.value[1] = (guard.value[1] ?? 0) + 1;
    try {
      const end = changed.waitWhile(guard, (cells) => cells[0] === 0, opts);
      if (end === "ok") guard.value[0] = (guard.value[0] ?? 0) - 1;
      return end;
    } finally {
      guard.release();
    }
  },
);

/** Hands a ball over `rounds` times: word 0 says whose turn it is. */
export const pingPong = task(
  url,
  "pingPong",
  /** @param {import("ferrous").Mutex<Words>} lock @param {import("ferrous").Condvar} turn @param {number} me @param {number} rounds */
  (lock, turn, me, rounds) => {
    for (let n = 0; n < rounds; n++) {
      const guard = lock.lock();
      turn.waitWhile(guard, (cells) => cells[0] !== me);
      guard.value[0] = 1 - me;
      turn.notifyOne();
      guard.release();
    }
  },
);

/** Moves `count` numbers through a queue of 4, and adds up those that come out. Words: 0 length, 1 head, 2 taken so far, 3.. the ring. */
export const produce = task(
  url,
  "produce",
  /** @param {import("ferrous").Mutex<Words>} queue @param {import("ferrous").Condvar} room @param {import("ferrous").Condvar} items @param {number} count */
  (queue, room, items, count) => {
    for (let n = 1; n <= count; n++) {
      const guard = queue.lock();
      room.waitWhile(guard, (cells) => cells[0] === 4);
      const cells = guard.value;
      cells[3 + (((cells[1] ?? 0) + (cells[0] ?? 0)) & 3)] = n;
      cells[0] = (cells[0] ?? 0) + 1;
      items.notifyOne();
      guard.release();
    }
  },
);
export const consume = task(
  url,
  "consume",
  /** @param {import("ferrous").Mutex<Words>} queue @param {import("ferrous").Condvar} room @param {import("ferrous").Condvar} items @param {number} count */
  (queue, room, items, count) => {
    let sum = 0;
    for (let n = 0; n < count; n++) {
      const guard = queue.lock();
      items.waitWhile(guard, (cells) => cells[0] === 0);
      const cells = guard.value;
      sum += cells[3 + (cells[1] ?? 0)] ?? 0;
      cells[1] = ((cells[1] ?? 0) + 1) & 3;
      cells[0] = (cells[0] ?? 0) - 1;
      room.notifyOne();
      guard.release();
    }
    return sum;
  },
);

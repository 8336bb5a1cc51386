// @ts-check
/** What the threads of the bench of channels run. Each gives the ms from the common start to its end, and what it saw. */
import { once } from "node:events";
import { task } from "ferrous";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {{ readonly ms: number, readonly count: number, readonly sum: number, readonly wrong: number }} Seen */
const url = import.meta.url;
const READY = 16;

/** Blocks until `count` threads have come. @param {Words} cells @param {number} count */
function meet(cells, count) {
  Atomics.add(cells, READY, 1);
  Atomics.notify(cells, READY);
  for (let seen = Atomics.load(cells, READY); seen < count; seen = Atomics.load(cells, READY)) Atomics.wait(cells, READY, seen);
  return performance.now();
}

/** @param {number} i */
const packet = (i) => ({ id: i, name: `packet ${String(i & 255)}`, ok: (i & 1) === 0, at: i / 2 });
/** @param {number} i @param {{ id: number, name: string, ok: boolean, at: number }} got */
const isWrong = (i, { id, name, ok, at }) => id !== i || name !== `packet ${String(i & 255)}` || ok !== ((i & 1) === 0) || at !== i / 2;
/** @param {number} i */
const text = (i) => `message number ${String(i)}`;

const SIZE = 1024;
const HEAD = 32;
const TAIL = 64;
const RING = 96;
/** As many words as a bare ring needs. */
export const RING_WORDS = RING + SIZE;

/** Waits a little, as the channels do. */
function rest() {
  let x = 1;
  for (let i = 0; i < 256; i++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
  return x;
}

/** The textbook's ring of one producer and one consumer, who look at each other's index each time: L. Lamport (1983). */
export const lamport = task(
  url,
  "lamport",
  /** @param {Words} cells @param {"send" | "receive"} role @param {number} n @returns {Seen} */
  (cells, role, n) => {
    const start = meet(cells, 2);
    let sum = 0;
    if (role === "send") {
      for (let i = 0; i < n;) {
        const tail = Atomics.load(cells, TAIL);
        if (((tail - Atomics.load(cells, HEAD)) | 0) >= SIZE) rest();
        else {
          cells[RING + (tail & (SIZE - 1))] = i++;
          Atomics.store(cells, TAIL, (tail + 1) | 0);
        }
      }
    } else {
      for (let i = 0; i < n;) {
        const head = Atomics.load(cells, HEAD);
        if (Atomics.load(cells, TAIL) === head) rest();
        else {
          sum += cells[RING + (head & (SIZE - 1))] ?? 0;
          i++;
          Atomics.store(cells, HEAD, (head + 1) | 0);
        }
      }
    }
    return { ms: performance.now() - start, count: n, sum, wrong: 0 };
  },
);

/** The same, with the other's index looked at only when the ring seems full or empty: no name, no sleep, no second producer. */
export const cached = task(
  url,
  "cached",
  /** @param {Words} cells @param {"send" | "receive"} role @param {number} n @returns {Seen} */
  (cells, role, n) => {
    const start = meet(cells, 2);
    let [sum, head, tail] = [0, 0, 0];
    if (role === "send") {
      for (let i = 0; i < n;) {
        if (((tail - head) | 0) >= SIZE && ((tail - (head = Atomics.load(cells, HEAD))) | 0) >= SIZE) rest();
        else {
          cells[RING + (tail & (SIZE - 1))] = i++;
          tail = (tail + 1) | 0;
          Atomics.store(cells, TAIL, tail);
        }
      }
    } else {
      for (let i = 0; i < n;) {
        if (tail === head && (tail = Atomics.load(cells, TAIL)) === head) rest();
        else {
          sum += cells[RING + (head & (SIZE - 1))] ?? 0;
          i++;
          head = (head + 1) | 0;
          Atomics.store(cells, HEAD, head);
        }
      }
    }
    return { ms: performance.now() - start, count: n, sum, wrong: 0 };
  },
);

/** Sends 0, 1, 2, ... each from its own multiple of `n` on. */
export const sendNumbers = task(
  url,
  "sendNumbers",
  /** @param {Words} cells @param {number} threads @param {import("ferrous").Sender<number>} tx @param {number} first @param {number} n @returns {Seen} */
  (cells, threads, tx, first, n) => {
    const start = meet(cells, threads);
    for (let i = 0; i < n; i++) tx.send(first + i);
    tx.close();
    return { ms: performance.now() - start, count: n, sum: 0, wrong: 0 };
  },
);
/** Sums up what it receives, and sees that what came from one sender came in its order. */
export const receiveNumbers = task(
  url,
  "receiveNumbers",
  /** @param {Words} cells @param {number} threads @param {import("ferrous").Receiver<number>} rx @param {number} each what one sender sends @returns {Seen} */
  (cells, threads, rx, each) => {
    const last = new Int32Array(64).fill(-1);
    const start = meet(cells, threads);
    let [count, sum, wrong] = [0, 0, 0];
    for (const value of rx) {
      const sender = each === 0 ? 0 : Math.floor(value / each);
      if (value <= (last[sender] ?? 0)) wrong++;
      last[sender] = value;
      count++;
      sum += value;
    }
    return { ms: performance.now() - start, count, sum, wrong };
  },
);

const CHUNK = 256;
export const sendChunks = task(
  url,
  "sendChunks",
  /** @param {Words} cells @param {import("ferrous").Sender<number>} tx @param {number} n a multiple of 256 @returns {Seen} */
  (cells, tx, n) => {
    const chunk = new Int32Array(CHUNK);
    const start = meet(cells, 2);
    for (let from = 0; from < n; from += CHUNK) {
      for (let at = 0; at < CHUNK; at++) chunk[at] = from + at;
      tx.sendMany(chunk);
    }
    tx.close();
    return { ms: performance.now() - start, count: n, sum: 0, wrong: 0 };
  },
);
export const receiveChunks = task(
  url,
  "receiveChunks",
  /** @param {Words} cells @param {import("ferrous").Receiver<number>} rx @returns {Seen} */
  (cells, rx) => {
    const start = meet(cells, 2);
    let [count, sum, wrong] = [0, 0, 0];
    try {
      for (;;) {
        const chunk = rx.recvMany(CHUNK);
        for (let at = 0; at < chunk.length; at++) {
          const value = chunk[at] ?? -1;
          if (value !== count + at) wrong++;
          sum += value;
        }
        count += chunk.length;
      }
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== "DISCONNECTED") throw error;
    }
    return { ms: performance.now() - start, count, sum, wrong };
  },
);

/** Sends objects, or texts. The first `warmUp` do not count: when all of them have come, the threads meet again. */
export const sendValues = task(
  url,
  "sendValues",
  /** @param {Words} cells @param {import("ferrous").Sender<unknown>} tx @param {"objects" | "texts"} what @param {number} n @param {number} warmUp @returns {Seen} */
  (cells, tx, what, n, warmUp) => {
    let start = meet(cells, 2);
    for (let i = 0; i < n + warmUp; i++) {
      if (i === warmUp) start = meet(cells, 4);
      tx.send(what === "objects" ? packet(i) : text(i));
    }
    tx.close();
    return { ms: performance.now() - start, count: n, sum: 0, wrong: 0 };
  },
);
export const receiveValues = task(
  url,
  "receiveValues",
  /** @param {Words} cells @param {import("ferrous").Receiver<any>} rx @param {"objects" | "texts"} what @param {number} warmUp @returns {Seen} */
  (cells, rx, what, warmUp) => {
    let start = meet(cells, 2);
    let [count, wrong] = [0, 0];
    if (warmUp === 0) start = meet(cells, 4);
    for (const value of rx) {
      if (what === "objects" ? isWrong(count, value) : value !== text(count)) wrong++;
      if (++count === warmUp) start = meet(cells, 4);
    }
    return { ms: performance.now() - start, count: count - warmUp, sum: 0, wrong };
  },
);

/** The same over a MessagePort: its receiver is at its event loop, and its sender is never held up. */
export const postValues = task(
  url,
  "postValues",
  /** @param {Words} cells @param {import("node:worker_threads").MessagePort} port @param {"objects" | "texts" | "numbers"} what @param {number} n @param {number} warmUp @returns {Promise<Seen>} */
  async (cells, port, what, n, warmUp) => {
    let start = meet(cells, 2);
    for (let i = 0; i < n + warmUp; i++) {
      if (i === warmUp) start = meet(cells, 4);
      port.postMessage(what === "numbers" ? i : what === "objects" ? packet(i) : text(i));
    }
    await once(port, "message");
    return { ms: performance.now() - start, count: n, sum: 0, wrong: 0 };
  },
);
export const takePosts = task(
  url,
  "takePosts",
  /** @param {Words} cells @param {import("node:worker_threads").MessagePort} port @param {"objects" | "texts" | "numbers"} what @param {number} n @param {number} warmUp @returns {Promise<Seen>} */
  async (cells, port, what, n, warmUp) => {
    let [start, count, sum, wrong] = [0, 0, 0, 0];
    const done = new Promise((resolve) => {
      port.on("message", (value) => {
        if (what === "numbers" ? value !== count : what === "objects" ? isWrong(count, value) : value !== text(count)) wrong++;
        if (what === "numbers") sum += value;
        if (++count === warmUp) start = meet(cells, 4);
        if (count === n + warmUp) resolve(undefined);
      });
    });
    start = meet(cells, 2);
    if (warmUp === 0) start = meet(cells, 4);
    await done;
    port.postMessage("all");
    return { ms: performance.now() - start, count: count - warmUp, sum, wrong };
  },
);

/** Hands a ball over and back, `rounds` times; with `pause`, the other is asleep each time. Gives us a round trip. */
export const serve = task(
  url,
  "serve",
  /** @param {Words} cells @param {import("ferrous").Sender<number>} tx @param {import("ferrous").Receiver<number>} rx @param {number} rounds @param {number} pause steps of 0.8 ns @returns {number} */
  (cells, tx, rx, rounds, pause) => {
    meet(cells, 2);
    let total = 0;
    for (let i = -WARM_UP; i < rounds; i++) {
      let x = 1;
      for (let step = 0; step < pause; step++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
      cells[8] = x;
      const start = performance.now();
      tx.send(i);
      rx.recv();
      if (i >= 0) total += performance.now() - start;
    }
    return (total / rounds) * 1000;
  },
);
export const giveBack = task(
  url,
  "giveBack",
  /** @param {Words} cells @param {import("ferrous").Sender<number>} tx @param {import("ferrous").Receiver<number>} rx @returns {void} */
  (cells, tx, rx) => {
    meet(cells, 2);
    for (const value of rx) tx.send(value);
  },
);
const WARM_UP = 3000;

/** The same with bare wait and notify. */
export const bareServe = task(
  url,
  "bareServe",
  /** @param {Words} cells @param {number} rounds @param {number} pause @returns {number} */
  (cells, rounds, pause) => {
    meet(cells, 2);
    let total = 0;
    for (let i = -WARM_UP; i < rounds; i++) {
      let x = 1;
      for (let step = 0; step < pause; step++) x = (Math.imul(x, 1664525) + 1013904223) | 0;
      cells[8] = x;
      const start = performance.now();
      Atomics.store(cells, 32, 1);
      Atomics.notify(cells, 32);
      while (Atomics.load(cells, 64) === 0) Atomics.wait(cells, 64, 0);
      Atomics.store(cells, 64, 0);
      if (i >= 0) total += performance.now() - start;
    }
    Atomics.store(cells, 32, 2);
    Atomics.notify(cells, 32);
    return (total / rounds) * 1000;
  },
);
export const bareGiveBack = task(
  url,
  "bareGiveBack",
  /** @param {Words} cells @returns {void} */
  (cells) => {
    meet(cells, 2);
    for (;;) {
      while (Atomics.load(cells, 32) === 0) Atomics.wait(cells, 32, 0);
      if (Atomics.exchange(cells, 32, 0) === 2) return;
      Atomics.store(cells, 64, 1);
      Atomics.notify(cells, 64);
    }
  },
);

// @ts-check
/** `multithreading`, whose channels are run beside ours. It needs globals that Node 20 has not: they are lent to it for its import. */
import { task } from "ferrous";

/** @typedef {{ blockingSend(value: unknown): { ok: boolean, error?: Error } }} PeerSender */
/** @typedef {{ blockingRecv(): { ok: boolean, value?: unknown, error?: Error } }} PeerReceiver */
/** @typedef {import("./streams.js").Seen} Seen */

const url = import.meta.url;
const home = new URL("../../../node_modules/multithreading/src/", url);

/** @param {string} file @returns {Promise<any>} */
async function load(file) {
  if (/** @type {{ navigator?: unknown }} */ (globalThis).navigator === undefined)
    Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: 2 }, configurable: true });
  Promise.withResolvers ??= /** @type {never} */ (
    function withResolvers() {
      /** @type {{ resolve?: unknown, reject?: unknown }} */
      const ends = {};
      const promise = new Promise((resolve, reject) => Object.assign(ends, { resolve, reject }));
      return { promise, ...ends };
    }
  );
  return import(new URL(file, home).href);
}

/** The package, by its own door; undefined if it cannot be loaded. @returns {Promise<any>} */
export async function loadPeer() {
  try {
    return await load("node/lib.js");
  } catch (error) {
    console.error(`multithreading could not be loaded: ${String(error)}`);
    return undefined;
  }
}

/** Ends of one of its channels, each ready to be given to a thread. @param {number} capacity @param {number} threads @returns {Promise<{ senders: unknown[], receivers: unknown[] }>} */
export async function peerEnds(capacity, threads) {
  const { channel } = await load("lib/sync/mpmc.js");
  const { serialize } = await load("lib/shared.js");
  const [tx, rx] = channel(capacity);
  // A handle of theirs counts as moved once it was made ready; a clone of each is kept here, so that nothing is closed.
  const many = (/** @type {{ clone(): unknown }} */ end) => Array.from({ length: threads }, () => serialize(end.clone())[0]);
  return { senders: many(tx), receivers: many(rx) };
}

/** @param {unknown} packed @returns {Promise<any>} */
async function opened(packed) {
  await load("lib/sync/mpmc.js");
  const { deserialize } = await load("lib/shared.js");
  return deserialize(packed);
}

const READY = 16;
/** @param {Int32Array<SharedArrayBuffer>} cells @param {number} count */
function meet(cells, count) {
  Atomics.add(cells, READY, 1);
  Atomics.notify(cells, READY);
  for (let seen = Atomics.load(cells, READY); seen < count; seen = Atomics.load(cells, READY)) Atomics.wait(cells, READY, seen);
  return performance.now();
}

export const peerSend = task(
  url,
  "peerSend",
  /** @param {Int32Array<SharedArrayBuffer>} cells @param {number} threads @param {unknown} end @param {number} first @param {number} n @returns {Promise<Seen>} */
  async (cells, threads, end, first, n) => {
    /** @type {PeerSender} */
    const tx = await opened(end);
    const start = meet(cells, threads);
    for (let i = 0; i < n; i++) {
      const { ok, error } = tx.blockingSend(first + i);
      if (!ok) throw error;
    }
    return { ms: performance.now() - start, count: n, sum: 0, wrong: 0 };
  },
);
export const peerReceive = task(
  url,
  "peerReceive",
  /** @param {Int32Array<SharedArrayBuffer>} cells @param {number} threads @param {unknown} end @param {number} n @returns {Promise<Seen>} */
  async (cells, threads, end, n) => {
    /** @type {PeerReceiver} */
    const rx = await opened(end);
    const start = meet(cells, threads);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const { ok, value, error } = rx.blockingRecv();
      if (!ok) throw error;
      sum += Number(value);
    }
    return { ms: performance.now() - start, count: n, sum, wrong: 0 };
  },
);

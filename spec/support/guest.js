// @ts-check
/** What ferrous is asked to do in threads that others start: plain workers, and those of pools. Each job takes handles, and answers with plain data. */
import { parentPort, workerData } from "node:worker_threads";
import { AtomicU32, fromHandle, spawn, staticAtomic, Thread } from "ferrous";
import { double } from "./tasks.js";

const JOBS = {
  /** Adds in three steps, between which others would get in. @param {{ mutex: unknown, rounds: number }} given */
  add({ mutex, rounds }) {
    /** @type {import("ferrous").Mutex<number>} */
    const total = fromHandle(/** @type {object} */ (mutex));
    for (let round = 0; round < rounds; round++) {
      const guard = total.lock();
      const seen = guard.value;
      guard.value = seen + 1;
      guard.release();
    }
    return Thread.current().id;
  },

  /** Answers each number with its square, until the other end closes. @param {{ numbers: unknown, squares: unknown }} given */
  square({ numbers, squares }) {
    /** @type {import("ferrous").Receiver<number>} */
    const rx = fromHandle(/** @type {object} */ (numbers));
    /** @type {import("ferrous").Sender<number>} */
    const tx = fromHandle(/** @type {object} */ (squares));
    let count = 0;
    for (const n of rx) {
      tx.send(n * n);
      count++;
    }
    tx.close();
    return count;
  },

  /** A thread of ours from a thread of theirs. @param {{ n: number }} given */
  double: ({ n }) => spawn(double, n).joinAsync(),

  /** @param {{ by: number }} given */
  count: ({ by }) => staticAtomic("spec/fits/COUNTED", AtomicU32, 0).fetchAdd(by),
};

/** @param {{ job: keyof typeof JOBS, given: any }} order */
export default function work({ job, given }) {
  return JOBS[job](given);
}

// Started by `new Worker`, and not by a pool.
if (workerData?.job !== undefined) parentPort?.postMessage(await work(workerData));

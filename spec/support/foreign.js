// @ts-check
/** A worker that somebody else starts, plain or of a pool: opens a lock that comes as a handle, and dies holding it. */
import { parentPort, workerData } from "node:worker_threads";
import { fromHandle } from "ferrous";

/** @param {{ mutex: unknown, stage: unknown }} handles @returns {never} */
export default function lockAndDie(handles) {
  /** @type {import("ferrous").Mutex} */
  const mutex = fromHandle(handles.mutex);
  /** @type {import("ferrous").AtomicI32} */
  const stage = fromHandle(handles.stage);
  mutex.lock();
  stage.store(1);
  stage.notify();
  // Until the main thread sleeps on the lock: a waiter shows in its word.
  const { buffer, byteOffset } = /** @type {{ buffer: SharedArrayBuffer, byteOffset: number }} */ (handles.mutex);
  const state = new Int32Array(buffer, byteOffset, 1);
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while ((Atomics.load(state, 0) & 1) === 0) Atomics.wait(nobody, 0, 0, 1);
  process.exit(1);
}

// Started by `new Worker`, and not by a pool.
if (parentPort !== null && workerData?.mutex !== undefined) lockAndDie(workerData);

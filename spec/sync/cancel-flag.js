// @ts-check
/** Tasks that are called off, and one that calls off. Who blocks shows in the lock's own word. */
import { task, toHandle } from "ferrous";

const url = import.meta.url;
/** @typedef {import("ferrous").CancelFlag} CancelFlag */
/** @typedef {import("ferrous").Mutex} Mutex */
/** @typedef {{ name?: string, message?: string, code?: unknown, value?: unknown }} Seen */

/** Does somebody sleep on this lock? @param {Mutex} mutex @returns {boolean} */
export function hasSleepers(mutex) {
  const { buffer, byteOffset } = toHandle(mutex);
  return (Atomics.load(new Int32Array(buffer), byteOffset >> 2) & 1) !== 0;
}

/** Blocks until somebody sleeps on the lock. @param {Mutex} mutex */
export function untilSleeping(mutex) {
  const nobody = new Int32Array(new SharedArrayBuffer(4));
  while (!hasSleepers(mutex)) Atomics.wait(nobody, 0, 0, 1);
}

/** What a reason looks like from another thread. @param {unknown} reason @returns {Seen} */
export function seen(reason) {
  if (typeof reason !== "object" || reason === null || !("message" in reason)) return { value: reason };
  const { name, message, code } = /** @type {{ name: string, message: string, code?: unknown }} */ (reason);
  return { name, message, code };
}

export const blocked = task(url, "blocked", (/** @type {Mutex} */ mutex, /** @type {CancelFlag} */ flag) => {
  try {
    mutex.lock({ signal: flag }).release();
    return { value: "got in" };
  } catch (error) {
    return seen(error);
  }
});

export const awaiting = task(url, "awaiting", async (/** @type {Mutex} */ mutex, /** @type {CancelFlag} */ flag) => {
  const outcomes = await Promise.allSettled([mutex.lockAsync({ signal: flag }), mutex.lockAsync({ signal: flag.signal })]);
  return outcomes.map((outcome) => seen(outcome.status === "rejected" ? outcome.reason : "got in"));
});

/** Resolves when this thread's AbortSignal is aborted. */
export const listening = task(url, "listening", async (/** @type {Mutex} */ mutex, /** @type {CancelFlag} */ flag) => {
  const { signal } = flag;
  const before = signal.aborted;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const alive = setInterval(() => undefined, 1000);
  mutex.lock().release();
  await aborted;
  clearInterval(alive);
  return { before, after: signal.aborted, same: signal === flag.signal, reason: seen(signal.reason) };
});

/** Cancels as soon as somebody sleeps on the lock. */
export const canceller = task(
  url,
  "canceller",
  (/** @type {Mutex} */ mutex, /** @type {CancelFlag} */ flag, /** @type {string} */ reason) => {
    untilSleeping(mutex);
    flag.cancel(reason);
  },
);

export const cancelNow = task(url, "cancelNow", (/** @type {CancelFlag} */ flag, /** @type {string} */ reason) => {
  flag.cancel(reason);
  return flag.reason;
});

export const cancelWithError = task(url, "cancelWithError", (/** @type {CancelFlag} */ flag) => {
  flag.cancel(Object.assign(new RangeError("from a thread"), { code: "E_THREAD" }));
});

export const cancelUnexplained = task(url, "cancelUnexplained", (/** @type {CancelFlag} */ flag) => {
  flag.cancel();
});

export const look = task(url, "look", (/** @type {CancelFlag} */ flag) => {
  /** @type {unknown} */
  let thrown;
  try {
    flag.throwIfCancelled();
  } catch (error) {
    thrown = error;
  }
  return { cancelled: flag.cancelled, reason: seen(flag.reason), thrown: seen(thrown), aborted: flag.signal.aborted };
});

/** Works until it is called off. */
export const work = task(url, "work", (/** @type {CancelFlag} */ flag, /** @type {import("ferrous").AtomicI32} */ stage) => {
  stage.store(1);
  stage.notify();
  while (!flag.cancelled);
  return seen(flag.reason);
});

// @ts-check
/** Threads that hold a lock of whichever kind. */
import { task } from "ferrous";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {import("ferrous").Mutex<Words> | import("ferrous").RwLock<Words> | import("ferrous").ReentrantMutex<Words>} Lock */

/** Holds it alone, poisoned or not; says so in word 0 of `stage`, and holds on until word 1 is set. */
export const keep = task(import.meta.url, "keep", (/** @type {Lock} */ lock, /** @type {Words} */ stage) => {
  const guard = "write" in lock ? lock.write({ allowPoisoned: true }) : lock.lock({ allowPoisoned: true });
  Atomics.store(stage, 0, 1);
  Atomics.notify(stage, 0);
  while (Atomics.load(stage, 1) === 0) Atomics.wait(stage, 1, 0);
  guard.release();
});

// @ts-check
/** A thread that joins one who waits for what it holds. */
import { task, ThreadBuilder } from "ferrous";
import { locker, told } from "./lockers.js";

/** Holds the lock, and joins a thread that wants it; what became of the two. */
export const joinHolding = task(
  import.meta.url,
  "joinHolding",
  /** @param {import("ferrous").Mutex} mutex @param {{ timeout?: number }} [limits] @returns {[string, string]} */
  (mutex, limits) => {
    const guard = mutex.lock();
    const child = new ThreadBuilder({ name: "child" }).spawn(locker, mutex);
    /** @type {string} */
    let joined;
    try {
      child.join(limits);
      joined = "went on";
    } catch (error) {
      joined = told(error);
    }
    guard.release();
    return [joined, child.join()];
  },
);

// @ts-check
/**
 * What can be held or slept on when a thread dies, one scene each. Threads find a scene by its name, since functions do not cross.
 *
 * In a scene with `take` the victim has it when the waiters come. In a scene with `sleepAsync` the victim is one of those who sleep;
 * the keeper has what they sleep on, and lets go of it once the victim is dead.
 */
import { Mutex } from "ferrous";

/**
 * @template S what the threads share
 * @typedef {object} Scene
 * @property {(waiters: number) => S} make
 * @property {(shared: S) => void} [enter] each waiter and the victim do this first, together
 * @property {(shared: S) => void | Promise<void>} [take] the victim takes it, and never lets go
 * @property {(shared: S) => void} [sleep] the victim blocks on it
 * @property {(shared: S) => Promise<unknown>} [sleepAsync] the victim awaits it
 * @property {(shared: S, waiters: number) => void} [last] what the victim does right before it dies, when everybody waits
 * @property {(shared: S) => (waiters: number) => void} [keep] the keeper takes it; returns how it lets go
 * @property {(shared: S, number: number) => string | void} wait waiter `number`, from 0, waits, and leaves: "got in" if it says nothing
 * @property {(shared: S, number: number) => Promise<string | void>} waitAsync
 * @property {(shared: S) => string} [look] what is left of it: "free" if it says nothing
 */

/** Lets TypeScript infer what a scene's threads share. @template S @param {Scene<S>} made @returns {Scene<S>} */
const scene = (made) => made;

const mutex = {
  make: () => new Mutex(undefined, { name: "the lock" }),
  wait: (/** @type {Mutex} */ lock) => lock.lock().release(),
  waitAsync: async (/** @type {Mutex} */ lock) => (await lock.lockAsync()).release(),
  look: (/** @type {Mutex} */ lock) => (lock.poisoned ? "poisoned" : "free"),
};

export const SCENES = {
  "a mutex is held": scene({ ...mutex, take: (lock) => void lock.lock() }),
  "a mutex is slept on": scene({
    ...mutex,
    sleep: (lock) => void lock.lock(),
    sleepAsync: (lock) => lock.lockAsync(),
    keep: (lock) => {
      const guard = lock.lock();
      return () => guard.release();
    },
  }),
};
/** @typedef {keyof typeof SCENES} SceneName */

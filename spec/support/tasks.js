// @ts-check
/** Tasks that do one thing each, for the specs of spawning. */
import { NotSendableError, park, spawn, task, Thread, unpark } from "ferrous";

const url = import.meta.url;

export const double = task(url, "double", (/** @type {number} */ n) => 2 * n);

export const later = task(url, "later", async (/** @type {string} */ text) => {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return text;
});

/** Runs until it is told to end. */
export const spin = task(url, "spin", (/** @type {import("ferrous").AtomicI32} */ stage) => {
  stage.store(1);
  stage.notify();
  while (stage.load() !== 2);
  return Thread.current().id;
});

/** Returns a list so many objects deep. */
export const nest = task(url, "nest", (/** @type {number} */ depth) => {
  /** @type {unknown} */
  let list = null;
  for (let at = 0; at < depth; at++) list = { next: list };
  return list;
});

/** Sleeps until it is told to end. */
export const wait = task(url, "wait", (/** @type {import("ferrous").AtomicI32} */ stage) => {
  stage.store(1);
  stage.notify();
  while (stage.load() !== 2) stage.wait(1);
  return Thread.current().id;
});

/** Locks; who waits for the stage is told to end if that fails. */
export const lockOrEnd = task(
  url,
  "lockOrEnd",
  (/** @type {import("ferrous").Mutex} */ mutex, /** @type {import("ferrous").AtomicI32} */ stage) => {
    try {
      mutex.lock().release();
    } catch (error) {
      end(stage);
      throw error;
    }
  },
);

/** @param {import("ferrous").AtomicI32} stage */
export function untilStarted(stage) {
  while (stage.load() === 0) stage.wait(0);
}

/** @param {import("ferrous").AtomicI32} stage */
export function end(stage) {
  stage.store(2);
  stage.notify();
}

/** Throws one thing of each kind. */
export const fail = task(url, "fail", (/** @type {string} */ how) => {
  switch (how) {
    case "an error":
      throw Object.assign(new RangeError("out of range", { cause: new TypeError("why") }), { code: "E_RANGE" });
    case "a string":
      throw "just text";
    case "undefined":
      throw undefined;
    case "a function":
      throw () => 1;
    case "a proxy":
      throw new Proxy({}, {});
    case "an error of ours":
      throw new NotSendableError("argument 1", "it is thrown by the task itself.");
    case "a rejection":
      return Promise.reject(new SyntaxError("rejected"));
  }
  return Promise.resolve();
});

/** Ends without a result. */
export const die = task(url, "die", (/** @type {string} */ how) => {
  switch (how) {
    case "exit":
      process.exit(3);
      break;
    case "unhandled-rejection":
      void Promise.reject(new EvalError("nobody waits for it"));
      return new Promise(() => setInterval(() => undefined, 1000));
    case "out-of-memory":
      for (const hoard = []; ;) hoard.push(new Array(10_000).fill(hoard.length));
    case "stack-overflow": {
      /** @returns {number} */
      const deeper = () => deeper() + 1;
      deeper();
    }
  }
  return Promise.resolve();
});

/** Returns what cannot be sent. */
export const unsendable = task(url, "unsendable", (/** @type {string} */ how) => {
  /** @type {Record<string, unknown>} */
  const results = { "a function": () => 1, "deep inside": { list: [Symbol("s")] }, "a proxy": [new Proxy({}, {})] };
  return results[how];
});

export const name = task(url, "name", () => ({ ...Thread.current(), isMain: Thread.isMain }));

/** Spawns a thread that spawns a thread, and so on. */
export const descend = task(url, "descend", (/** @type {number} */ depth) => {
  /** @type {number} */
  const below = depth === 0 ? 0 : spawn(descend, depth - 1).join();
  return below + 1;
});

/** Ends at once, leaving a thread that sleeps until it is told. */
export const orphan = task(url, "orphan", (/** @type {import("ferrous").AtomicI32} */ stage) => {
  spawn(wait, stage);
});

/** Answers each token with one of its own. */
export const pong = task(url, "pong", (/** @type {Thread} */ other, /** @type {number} */ rounds) => {
  for (let round = 0; round < rounds; round++) {
    park();
    unpark(other);
  }
});

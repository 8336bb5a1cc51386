// @ts-check
/**
 * One death on real threads: a victim dies in a given way, holding a lock or waiting for it, while others wait; what became of them?
 *
 *   warden   starts the victim, and terminates it if that is its way to die, so that the main thread may be one of the waiters
 *   holder   if the victim only waits for the lock: holds it, and releases it once the victim is dead
 *
 * Nobody sleeps to let another get there: who is about to wait counts itself, and that somebody sleeps shows in the lock's own word.
 * So the latency of a death is never that of a waiter's start-up.
 */
import { AtomicI32, Mutex, ThreadBuilder, sleepAsync, spawn, struct, f64, task } from "ferrous";
import { hasSleepers, until } from "./lockers.js";

/** @typedef {"throw" | "rejection" | "exit" | "terminate-busy" | "terminate-waiting" | "out-of-memory" | "stack-overflow" | "return"} Way */
/** @typedef {"worker" | "main" | "awaiting" | "three"} WaiterKind */
/** @typedef {{ ending: string, latency: number }} Told */

/** @type {readonly Way[]} */
export const WAYS = ["throw", "rejection", "exit", "terminate-busy", "terminate-waiting", "out-of-memory", "stack-overflow", "return"];
/** @type {readonly WaiterKind[]} */
export const WAITERS = ["worker", "main", "awaiting", "three"];

const Stage = struct("DeathStage", {
  diedAt: f64,
  /** 1 once the lock is held. */
  locked: AtomicI32,
  /** How many waiters there will be, and how many are about to wait. */
  expected: AtomicI32,
  arrived: AtomicI32,
  /** -1 once the victim can be terminated, 1 once it has ended. */
  dead: AtomicI32,
});
/** @typedef {import("ferrous").Infer<typeof Stage>} Stage */

const now = () => performance.timeOrigin + performance.now();

/** Is every waiter there, and the lock waited for? @param {Mutex} mutex @param {Stage} stage */
const allWait = (mutex, stage) => stage.arrived.load() === stage.expected.load() && hasSleepers(mutex);

/** @param {Way} way @param {Stage} stage @returns {never | void | Promise<void>} */
function die(way, stage) {
  stage.diedAt = now();
  switch (way) {
    case "throw":
      throw new Error("this is how it dies");
    case "rejection":
      void Promise.reject(new Error("this is how it dies"));
      return new Promise(() => setInterval(() => {}, 1000));
    case "exit":
      process.exit(7);
      break;
    case "terminate-busy":
      stage.dead.store(-1);
      for (;;);
    case "terminate-waiting":
      stage.dead.store(-1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      break;
    case "out-of-memory":
      for (const hoard = []; ;) {
        hoard.push(new Array(10_000).fill(hoard.length));
        stage.diedAt = now();
      }
    case "stack-overflow": {
      /** @returns {number} */
      const deeper = () => deeper() + 1;
      deeper();
      break;
    }
    case "return":
      return;
  }
}

export const victim = task(
  import.meta.url,
  "victim",
  /** @param {Way} way @param {boolean} holds @param {Mutex} mutex @param {Stage} stage @returns {Promise<void>} */
  async (way, holds, mutex, stage) => {
    if (holds) {
      mutex.lock();
      stage.locked.store(1);
      until(() => allWait(mutex, stage));
      return await die(way, stage);
    }
    until(() => stage.locked.load() === 1);
    if (way === "terminate-waiting") {
      stage.diedAt = now();
      stage.dead.store(-1);
      mutex.lock();
    }
    void mutex.lockAsync();
    until(() => allWait(mutex, stage));
    return await die(way, stage);
  },
);

export const warden = task(
  import.meta.url,
  "warden",
  /** @param {Way} way @param {boolean} holds @param {Mutex} mutex @param {Stage} stage */
  (way, holds, mutex, stage) => {
    const limits = way === "out-of-memory" ? { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } } : {};
    const handle = new ThreadBuilder({ name: "victim", ...limits }).spawn(victim, way, holds, mutex, stage);
    if (way.startsWith("terminate")) {
      until(() => stage.dead.load() === -1 && allWait(mutex, stage));
      stage.diedAt = now();
      void handle.terminate();
    }
    let ending = "result";
    try {
      handle.join();
    } catch (error) {
      const { code, reason } = /** @type {{ code: string, reason?: string }} */ (error);
      ending = reason ?? code;
    }
    stage.dead.store(1);
    return ending;
  },
);

export const holder = task(
  import.meta.url,
  "holder",
  /** @param {Mutex} mutex @param {Stage} stage */
  (mutex, stage) => {
    const guard = mutex.lock();
    stage.locked.store(1);
    until(() => stage.dead.load() === 1);
    stage.diedAt = now();
    guard.release();
  },
);

/** @param {Stage} stage @param {unknown} [error] @returns {Told} */
const told = (stage, error) => ({
  latency: now() - stage.diedAt,
  ending: error === undefined ? "got in" : String(/** @type {{ code?: string }} */ (error).code ?? error),
});

export const waiter = task(
  import.meta.url,
  "waiter",
  /** @param {Mutex} mutex @param {Stage} stage @returns {Told} */
  (mutex, stage) => {
    until(() => stage.locked.load() === 1);
    stage.arrived.fetchAdd(1);
    try {
      const guard = mutex.lock();
      const end = told(stage);
      guard.release();
      return end;
    } catch (error) {
      return told(stage, error);
    }
  },
);

/** @param {Mutex} mutex @param {Stage} stage @returns {Promise<Told>} */
async function waiterAwaiting(mutex, stage) {
  while (stage.locked.load() !== 1) await sleepAsync(1);
  stage.arrived.fetchAdd(1);
  try {
    const guard = await mutex.lockAsync();
    const end = told(stage);
    guard.release();
    return end;
  } catch (error) {
    return told(stage, error);
  }
}

/**
 * @param {Way} way @param {"holding" | "sleeping"} state @param {WaiterKind} kind
 * @returns {Promise<{ told: Told[], victim: string, poisoned: boolean }>}
 */
export async function runDeath(way, state, kind) {
  const mutex = new Mutex(undefined, { name: "the lock" });
  const stage = Stage.create();
  const holds = state === "holding";
  const waiters = kind === "three" ? 3 : 1;
  stage.expected.store(waiters);
  const others = holds ? [] : [spawn(holder, mutex, stage)];
  const guard = spawn(warden, way, holds, mutex, stage);
  /** @type {Told[]} */
  let ends;
  if (kind === "main") ends = [waiter(mutex, stage)];
  else if (kind === "awaiting") ends = [await waiterAwaiting(mutex, stage)];
  else {
    const threads = Array.from({ length: waiters }, () => spawn(waiter, mutex, stage));
    ends = await Promise.all(threads.map((thread) => thread.joinAsync()));
  }
  await Promise.all(others.map((thread) => thread.joinAsync()));
  return { told: ends, victim: await guard.joinAsync(), poisoned: mutex.poisoned };
}

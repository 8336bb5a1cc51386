// @ts-check
/**
 * One death on real threads: a victim dies in a given way, holding something or sleeping on it, while others wait; what became of them?
 *
 *   warden   starts the victim, and terminates it if that is its way to die, so that the main thread may be one of the waiters
 *   keeper   if the victim only sleeps: has what all wait for, and lets go of it once the victim is dead; or, if all wait for the
 *            victim, once they went on
 *
 * Nobody sleeps to let another get there: who is about to wait says so, and that it sleeps shows in its thread's record. So the
 * latency of a death is never that of a waiter's start-up.
 */
import { array, AtomicI32, f64, sleepAsync, spawn, struct, task, Thread, ThreadBuilder, toHandle, u32 } from "ferrous";
import { SCENES } from "./death-scenes.js";
import { until } from "./lockers.js";

/** @typedef {import("./death-scenes.js").SceneName} SceneName */
/** @typedef {"throw" | "rejection" | "exit" | "terminate-busy" | "terminate-waiting" | "out-of-memory" | "stack-overflow" | "return"} Way */
/** @typedef {"worker" | "main" | "awaiting" | "three"} WaiterKind */
/** @typedef {{ ending: string, latency: number }} Told */

/** @type {readonly Way[]} */
export const WAYS = ["throw", "rejection", "exit", "terminate-busy", "terminate-waiting", "out-of-memory", "stack-overflow", "return"];
/** @type {readonly WaiterKind[]} */
export const WAITERS = ["worker", "main", "awaiting", "three"];
const MOST_WAITERS = 3;

const Stage = struct("DeathStage", {
  diedAt: f64,
  /** 1 once the waiters may come. */
  ready: AtomicI32,
  /** How many waiters there will be, and how many are about to wait: the threads' ids. */
  expected: AtomicI32,
  arrived: AtomicI32,
  waiters: array(u32, MOST_WAITERS),
  /** The victim's id, once it is about to sleep for good; -1 if it can be terminated as it is; 1 once it has ended. */
  dead: AtomicI32,
});
/** @typedef {import("ferrous").Infer<typeof Stage>} Stage */
const ENDED = 1;
const HELPLESS = -1;

const now = () => performance.timeOrigin + performance.now();
/** @param {SceneName} name @returns {import("./death-scenes.js").Scene<unknown, unknown>} */
const sceneOf = (name) => /** @type {never} */ (SCENES[name]);

// --- who sleeps: the words SEQ and AWAITING of a thread's record, see lib/thread/registry.ts ---

const HEADER_WORDS = 32;
const RECORD_WORDS = 32;
const SEQ = 5;
const AWAITING = 9;

/** Does this thread sleep in a blocking call, or do tasks of it await? @param {number} id @returns {boolean} */
export function isAsleep(id) {
  const records = new Int32Array(toHandle(Thread.current()).registry);
  const record = HEADER_WORDS + (id & 1023) * RECORD_WORDS;
  return (Atomics.load(records, record + SEQ) & 1) !== 0 || Atomics.load(records, record + AWAITING) > 0;
}

/** @param {Stage} stage */
const allWait = (stage) => {
  const expected = stage.expected.load();
  return stage.arrived.load() === expected && [...stage.waiters].slice(0, expected).every((id) => id !== 0 && isAsleep(id));
};

/** Says that this thread is about to wait; returns its number. @param {Stage} stage @returns {number} */
function arrive(stage) {
  const number = stage.arrived.fetchAdd(1);
  stage.waiters[number] = Thread.current().id;
  return number;
}

// --- the victim ---

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
      stage.dead.store(HELPLESS);
      for (;;);
    case "terminate-waiting":
      stage.dead.store(HELPLESS);
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
  /** @param {SceneName} name @param {Way} way @param {unknown} shared @param {Stage} stage @returns {Promise<void>} */
  async (name, way, shared, stage) => {
    const scene = sceneOf(name);
    scene.enter?.(shared);
    if (scene.take === undefined) {
      until(() => stage.ready.load() === 1);
      if (way === "terminate-waiting" && scene.sleep !== undefined) {
        stage.diedAt = now();
        stage.dead.store(Thread.current().id);
        scene.sleep(shared);
      }
      void scene.sleepAsync?.(shared);
    } else {
      await scene.take(shared, stage.expected.load());
      stage.ready.store(1);
    }
    until(() => allWait(stage));
    scene.last?.(shared, stage.expected.load());
    return await die(way, stage);
  },
);

export const warden = task(
  import.meta.url,
  "warden",
  /** @param {SceneName} name @param {Way} way @param {unknown} shared @param {Stage} stage */
  (name, way, shared, stage) => {
    const limits = way === "out-of-memory" ? { resourceLimits: { maxOldGenerationSizeMb: 24, maxYoungGenerationSizeMb: 4 } } : {};
    const handle = new ThreadBuilder({ name: "victim", ...limits }).spawn(victim, name, way, shared, stage);
    if (way.startsWith("terminate")) {
      const isHelpless = (/** @type {number} */ dead) => dead === HELPLESS || (dead !== 0 && isAsleep(dead));
      until(() => isHelpless(stage.dead.load()) && allWait(stage));
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
    stage.dead.store(ENDED);
    return ending;
  },
);

export const keeper = task(
  import.meta.url,
  "keeper",
  /** @param {SceneName} name @param {unknown} shared @param {Stage} stage */
  (name, shared, stage) => {
    const { keep, freesItself = false } = sceneOf(name);
    const letGo = keep?.(shared);
    stage.ready.store(1);
    until(() => stage.dead.load() === ENDED);
    if (!freesItself) stage.diedAt = now();
    letGo?.(stage.expected.load());
  },
);

// --- the waiters ---

/** @param {Stage} stage @param {string} ending @returns {Told} */
const told = (stage, ending) => ({ latency: now() - stage.diedAt, ending });
/** @param {unknown} error @returns {string} */
const codeOf = (error) => String(/** @type {{ code?: string }} */ (error).code ?? error);

export const waiter = task(
  import.meta.url,
  "waiter",
  /** @param {SceneName} name @param {unknown} shared @param {Stage} stage @returns {Told} */
  (name, shared, stage) => {
    const scene = sceneOf(name);
    scene.enter?.(shared);
    until(() => stage.ready.load() === 1);
    try {
      const end = scene.wait(shared, arrive(stage));
      return told(stage, end ?? "got in");
    } catch (error) {
      return told(stage, codeOf(error));
    }
  },
);

/** @param {SceneName} name @param {unknown} shared @param {Stage} stage @returns {Promise<Told>} */
async function waiterAwaiting(name, shared, stage) {
  const scene = sceneOf(name);
  scene.enter?.(shared);
  while (stage.ready.load() !== 1) await sleepAsync(1);
  try {
    const end = await scene.waitAsync(shared, arrive(stage));
    return told(stage, end ?? "got in");
  } catch (error) {
    return told(stage, codeOf(error));
  }
}

/**
 * @param {SceneName} name @param {Way} way @param {WaiterKind} kind
 * @returns {Promise<{ told: Told[], victim: string, left: string }>}
 */
export async function runDeath(name, way, kind) {
  const scene = sceneOf(name);
  const waiters = kind === "three" ? MOST_WAITERS : 1;
  const made = scene.make(waiters);
  const part = (/** @type {import("./channel-scenes.js").Role} */ role) => (scene.part === undefined ? made : scene.part(made, role));
  const stage = Stage.create();
  stage.expected.store(waiters);
  const others = scene.take === undefined ? [spawn(keeper, name, part("keeper"), stage)] : [];
  const guard = spawn(warden, name, way, part("victim"), stage);
  const own = Array.from({ length: waiters }, () => part("waiter"));
  scene.close?.(made);
  /** @type {Told[]} */
  let ends;
  if (kind === "main") ends = [waiter(name, own[0], stage)];
  else if (kind === "awaiting") ends = [await waiterAwaiting(name, own[0], stage)];
  else {
    const threads = own.map((shared) => spawn(waiter, name, shared, stage));
    ends = await Promise.all(threads.map((thread) => thread.joinAsync()));
  }
  await Promise.all(others.map((thread) => thread.joinAsync()));
  return { told: ends, victim: await guard.joinAsync(), left: scene.look?.(made) ?? "free" };
}

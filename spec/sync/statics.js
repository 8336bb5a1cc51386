// @ts-check
/** Statics, each declared once, and tasks that look at them from other threads. */
import { AtomicI32, AtomicI64, AtomicU32, lazyStatic, Mutex, spawn, staticAtomic, struct, task, u32 } from "ferrous";

const url = import.meta.url;

/** How often the initialisers below ran, in all threads together. */
export const RUNS = staticAtomic("spec/RUNS", AtomicI32, 0);
export const SERVED = staticAtomic("spec/SERVED", AtomicU32, 5);
export const BIG = staticAtomic("spec/BIG", AtomicI64, -(2n ** 40n));

export const Config = struct("StaticsConfig", { hits: u32 });

/** Four threads race for it: whoever makes it stays inside until all four are on their way. */
export const CONFIG = lazyStatic("spec/CONFIG", () => {
  RUNS.fetchAdd(1);
  while (ARRIVED.load() < 4);
  return new Mutex(Config.create({ hits: 100 }), { name: "config" });
});
const ARRIVED = staticAtomic("spec/ARRIVED", AtomicI32, 0);

export const PLAIN = lazyStatic("spec/PLAIN", () => ({ list: [1, 2, 3], map: new Map([["a", 1]]) }));

/** Throws at the first two tries. */
const TRIES = staticAtomic("spec/TRIES", AtomicI32, 0);
export const MOODY = lazyStatic("spec/MOODY", () => {
  const tries = TRIES.fetchAdd(1) + 1;
  if (tries <= 2) throw Object.assign(new RangeError(`try ${String(tries)}`), { code: "E_MOODY" });
  return tries;
});

/** Kills the first thread that makes it, while others wait: see {@link begun}. */
const DEATHS = staticAtomic("spec/DEATHS", AtomicI32, 0);
export const DEADLY = lazyStatic("spec/DEADLY", () => {
  if (DEATHS.fetchAdd(1) > 0) return "made by the next";
  DEATHS.notify();
  process.exit(3);
});
export const deadlyBegun = () => {
  while (DEATHS.load() === 0) DEATHS.wait(0);
};

export const bump = task(url, "bump", (/** @type {number} */ by) => {
  BIG.fetchSub(1n);
  return SERVED.fetchAdd(by);
});

export const bumpNested = task(url, "bumpNested", (/** @type {number} */ by, /** @type {number} */ depth) => {
  /** @type {number} */
  const before = depth === 0 ? SERVED.fetchAdd(by) : spawn(bumpNested, by, depth - 1).join();
  return before;
});

/** Declares a static that nobody has declared, and waits to be told that another thread saw it. */
export const declare = task(url, "declare", (/** @type {string} */ name, /** @type {AtomicI32} */ stage) => {
  staticAtomic(name, AtomicU32, 7).store(8);
  stage.store(1);
  stage.notify();
  while (stage.load() !== 2) stage.wait(1);
  return staticAtomic(name, AtomicU32, 7).load();
});

export const redeclare = task(url, "redeclare", (/** @type {string} */ name, /** @type {number} */ initial) => {
  try {
    staticAtomic(name, AtomicU32, initial);
    return "fine";
  } catch (error) {
    return /** @type {{ code: string }} */ (error).code;
  }
});

export const hit = task(url, "hit", (/** @type {number} */ times) => {
  ARRIVED.fetchAdd(1);
  const config = CONFIG.get();
  for (let time = 0; time < times; time++) config.with((value) => void value.hits++);
  return config === CONFIG.get();
});

/** Changes its own copy of the plain value, and tells what it saw before. */
export const spoil = task(url, "spoil", async (/** @type {boolean} */ awaits) => {
  const value = awaits ? await PLAIN.getAsync() : PLAIN.get();
  const seen = { list: [...value.list], a: value.map.get("a") ?? 0 };
  value.list.push(4);
  value.map.set("a", 2);
  return seen;
});

export const askMoody = task(url, "askMoody", async (/** @type {boolean} */ awaits) => {
  try {
    return String(awaits ? await MOODY.getAsync() : MOODY.get());
  } catch (error) {
    return /** @type {Error} */ (error).message;
  }
});

export const askDeadly = task(url, "askDeadly", () => DEADLY.get());

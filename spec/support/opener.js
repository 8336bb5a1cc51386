// @ts-check
/**
 * Opens handles that come by a plain postMessage, in a worker that somebody else started, and does to each object what the main
 * thread can see in its memory.
 */
import { parentPort, Worker } from "node:worker_threads";
import {
  AtomicBool,
  AtomicI32,
  AtomicI64,
  AtomicU32,
  AtomicU64,
  CancelFlag,
  f64,
  fromHandle,
  Mutex,
  struct,
  Thread,
  toHandle,
  u32,
  unpark,
} from "ferrous";

export const Point = struct("HandlePoint", { x: f64, y: f64, hits: AtomicU32 });
export const Account = struct("HandleAccount", { id: u32, total: f64 });

/** @typedef {{ make: () => object, poke: (object: any) => void, seen: (object: any) => unknown, before: unknown, after: unknown }} Case */

/** @param {() => object} make @param {(object: any) => void} poke @param {(object: any) => unknown} seen @param {unknown} before @param {unknown} after @returns {Case} */
const pokes = (make, poke, seen, before, after) => ({ make, poke, seen, before, after });
const poison = (/** @type {any} */ mutex) => {
  const guard = mutex.lock({ allowPoisoned: true });
  guard.poison();
  guard.release();
};
const locked = (/** @type {any} */ mutex) => mutex.with((/** @type {unknown} */ value) => value);

/** For each kind: what to make, what the other thread does to it, and what this one sees of it. @type {Readonly<Record<string, Case>>} */
export const CASES = {
  "a Mutex of nothing": pokes(
    () => new Mutex(),
    poison,
    (mutex) => mutex.poisoned,
    false,
    true,
  ),
  "a Mutex with a name": pokes(
    () => new Mutex(undefined, { name: "till" }),
    poison,
    (mutex) => toHandle(mutex).name + String(mutex.poisoned),
    "tillfalse",
    "tilltrue",
  ),
  "a Mutex of a struct": pokes(
    () => new Mutex(Point.create({ x: 1 })),
    (m) => m.with((/** @type {any} */ p) => void (p.x = 2)),
    (m) => locked(m).x,
    1,
    2,
  ),
  "a Mutex of a typed array": pokes(
    () => new Mutex(new Float64Array(new SharedArrayBuffer(16))),
    (m) => m.with((/** @type {any} */ a) => void (a[1] = 3)),
    (m) => locked(m)[1],
    0,
    3,
  ),
  "a Mutex of a Mutex of a struct": pokes(
    () => new Mutex(new Mutex(Account.create())),
    (m) => locked(m).with((/** @type {any} */ account) => void (account.total = 5)),
    (m) => locked(locked(m)).total,
    0,
    5,
  ),
  "Mutex.of(f64)": pokes(
    () => Mutex.of(f64, 1),
    (m) => {
      const guard = m.lock();
      guard.value *= 2;
      guard.release();
    },
    locked,
    1,
    2,
  ),
  "Mutex.of(struct)": pokes(
    () => Mutex.of(Account, { total: 1 }),
    (m) => m.with((/** @type {any} */ a) => void (a.total = 2)),
    (m) => locked(m).total,
    1,
    2,
  ),
  "an AtomicI32": pokes(
    () => new AtomicI32(-1),
    (atomic) => atomic.fetchSub(1),
    (atomic) => atomic.load(),
    -1,
    -2,
  ),
  "an AtomicU32": pokes(
    () => new AtomicU32(1),
    (atomic) => atomic.fetchSub(2),
    (atomic) => atomic.load(),
    1,
    0xffff_ffff,
  ),
  "an AtomicI64": pokes(
    () => new AtomicI64(1n),
    (atomic) => atomic.fetchSub(2n),
    (atomic) => atomic.load(),
    1n,
    -1n,
  ),
  "an AtomicU64": pokes(
    () => new AtomicU64(1n),
    (atomic) => atomic.fetchAdd(1n << 40n),
    (atomic) => atomic.load(),
    1n,
    (1n << 40n) + 1n,
  ),
  "an AtomicBool": pokes(
    () => new AtomicBool(),
    (atomic) => atomic.store(true),
    (atomic) => atomic.load(),
    false,
    true,
  ),
  "a struct": pokes(
    () => Point.create({ y: 1 }),
    (point) => void point.hits.store(point.y++),
    (point) => [point.y, point.hits.load()],
    [1, 0],
    [2, 1],
  ),
  "an array of structs": pokes(
    () => Account.array(3),
    (accounts) => void (accounts.at(2).total = 4),
    (accounts) => [accounts.length, accounts.at(2).total],
    [3, 0],
    [3, 4],
  ),
  "an array of structs with atomics": pokes(
    () => Point.array(2),
    (points) => points.at(1).hits.store(6),
    (points) => points.at(1).hits.load(),
    0,
    6,
  ),
  "a CancelFlag": pokes(
    () => new CancelFlag(),
    (flag) => flag.cancel("enough"),
    (flag) => [flag.cancelled, flag.reason],
    [false, undefined],
    [true, "enough"],
  ),
};

/** @param {Thread} thread */
const wake = (thread) => {
  unpark(thread);
};

/** @returns {Worker} */
export const startOpener = () => new Worker(new URL(import.meta.url));

// A task's thread has a parent too, which is the supervisor and posts nothing.
parentPort?.on("message", ({ name, handle }) => {
  const object = fromHandle(handle);
  if (object instanceof Thread) wake(object);
  else CASES[name]?.poke(object);
  parentPort?.postMessage(toHandle(object).kind);
});

// @ts-check
/**
 * What can be held or slept on when a thread dies, one scene each. Threads find a scene by its name, since functions do not cross.
 *
 * In a scene with `take` the victim has it when the waiters come. In a scene with `sleepAsync` the victim is one of those who sleep;
 * the keeper has what they sleep on, and lets go of it once the victim is dead.
 */
import { Barrier, Condvar, Latch, Mutex, Once, OnceLock, ReentrantMutex, RwLock, Semaphore, toHandle } from "ferrous";
import {
  flavours,
  insideGate,
  onlyReceiverOfSelect,
  onlySender,
  onlySenderOfSelect,
  selectingReceiver,
  sleepingReceiver,
  sleepingSender,
  streamReceiver,
  streamSender,
} from "./channel-scenes.js";
import { until, untilAsync } from "./lockers.js";

/**
 * @template M what is made for it
 * @template [S=M] what each thread is given of that
 * @typedef {object} Scene
 * @property {(waiters: number) => M} make
 * @property {(made: M, role: import("./channel-scenes.js").Role) => S} [part] of what moves, or is not for everybody; without it, all
 * @property {(made: M) => void} [close] everybody has his part: the main thread lets go of the rest
 * @property {(shared: S) => void} [enter] each waiter and the victim do this first, together
 * @property {(shared: S, waiters: number) => void | Promise<void>} [take] the victim takes it, and never lets go
 * @property {(shared: S) => void} [sleep] the victim blocks on it
 * @property {(shared: S) => Promise<unknown>} [sleepAsync] the victim awaits it
 * @property {(shared: S, waiters: number) => void} [last] what the victim does right before it dies, when everybody waits
 * @property {(shared: S) => (waiters: number) => void} [keep] the keeper takes it; returns how it lets go
 * @property {boolean} [freesItself] the victim's death lets the waiters go, not the keeper, who waits for them instead
 * @property {(shared: S, number: number) => string | void} wait waiter `number`, from 0, waits, and leaves: "got in" if it says nothing
 * @property {(shared: S, number: number) => Promise<string | void>} waitAsync
 * @property {(made: M) => string} [look] what is left of it: "free" if it says nothing
 */

/** Lets TypeScript infer what a scene's threads share. @template M @template [S=M] @param {Scene<M, S>} made @returns {Scene<M, S>} */
const scene = (made) => made;

const mutex = {
  make: () => new Mutex(undefined, { name: "the lock" }),
  wait: (/** @type {Mutex} */ lock) => lock.lock().release(),
  waitAsync: async (/** @type {Mutex} */ lock) => (await lock.lockAsync()).release(),
  look: (/** @type {Mutex} */ lock) => (lock.poisoned ? "poisoned" : "free"),
};

const reentrant = {
  make: () => new ReentrantMutex(undefined, { name: "the lock" }),
  wait: (/** @type {ReentrantMutex} */ lock) => lock.lock().release(),
  waitAsync: async (/** @type {ReentrantMutex} */ lock) => (await lock.lockAsync()).release(),
  look: (/** @type {ReentrantMutex} */ lock) => (lock.poisoned ? "poisoned" : "free"),
};

/** @typedef {{ lock: Mutex, changed: Condvar }} Bell */
const condvar = {
  make: () => ({ lock: new Mutex(undefined, { name: "the lock" }), changed: new Condvar({ name: "changed" }) }),
  wait: (/** @type {Bell} */ { lock, changed }) => {
    const guard = lock.lock();
    const outcome = changed.wait(guard);
    guard.release();
    return outcome;
  },
  waitAsync: async (/** @type {Bell} */ { lock, changed }) => {
    const guard = await lock.lockAsync();
    const outcome = await changed.waitAsync(guard);
    guard.release();
    return outcome;
  },
  look: (/** @type {Bell} */ { lock }) => mutex.look(lock),
};
/** Waits before it returns, as an awaited lock would not. @param {Bell} bell */
const fallAsleep = ({ lock, changed }) => changed.waitAsync(lock.lock());
const times = (/** @type {number} */ count, /** @type {() => unknown} */ act) => {
  for (let n = 0; n < count; n++) act();
};

const rwLock = {
  make: () => new RwLock(undefined, { name: "the lock" }),
  /** Even waiters read, odd ones write. */
  wait: (/** @type {RwLock} */ lock, /** @type {number} */ number) => {
    const guard = number % 2 === 0 ? lock.read() : lock.write();
    guard.release();
  },
  waitAsync: async (/** @type {RwLock} */ lock, /** @type {number} */ number) => {
    const guard = number % 2 === 0 ? await lock.readAsync() : await lock.writeAsync();
    guard.release();
  },
  look: (/** @type {RwLock} */ lock) => (lock.poisoned ? "poisoned" : "free"),
};
/**
 * Has a writer that waits shut the slots of a lock of its own? They begin at word 16, a cache line each: see lib/sync/rw-words.ts.
 * @param {RwLock} lock
 */
const isShut = (lock) => {
  const words = new Int32Array(toHandle(lock).buffer);
  const [OPEN, LINE] = [8, 16];
  for (let slot = LINE; slot < words.length; slot += LINE) if ((Atomics.load(words, slot) & OPEN) !== 0) return false;
  return true;
};
const rwLockWriters = {
  ...rwLock,
  wait: (/** @type {RwLock} */ lock) => lock.write().release(),
  waitAsync: async (/** @type {RwLock} */ lock) => (await lock.writeAsync()).release(),
};

const forEver = () => new Promise(() => {});
const once = {
  make: () => new Once({ name: "the once" }),
  wait: (/** @type {Once} */ it) => it.run(() => {}),
  waitAsync: (/** @type {Once} */ it) => it.runAsync(() => {}),
  look: (/** @type {Once} */ it) => (it.poisoned ? "poisoned" : it.done ? "done" : "free"),
};

const onceLock = {
  make: () => /** @type {OnceLock<number>} */ (new OnceLock({ name: "the value" })),
  wait: (/** @type {OnceLock<number>} */ it) => `the value is ${it.getOrInit(() => 7)}`,
  waitAsync: async (/** @type {OnceLock<number>} */ it) => `the value is ${await it.getOrInitAsync(() => 7)}`,
};

const barrier = {
  wait: (/** @type {Barrier} */ it) => void it.wait(),
  waitAsync: async (/** @type {Barrier} */ it) => void (await it.waitAsync()),
  look: (/** @type {Barrier} */ it) => (it.broken ? "broken" : "free"),
};

const PERMITS = 3;
const semaphore = {
  make: () => new Semaphore(PERMITS, { name: "permits" }),
  wait: (/** @type {Semaphore} */ permits) => permits.acquire().release(),
  waitAsync: async (/** @type {Semaphore} */ permits) => (await permits.acquireAsync()).release(),
  look: (/** @type {Semaphore} */ permits) => `${permits.available} free`,
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
  "a reentrant mutex is held twice": scene({
    ...reentrant,
    take: (lock) => {
      lock.lock();
      lock.lock();
    },
  }),
  "a reentrant mutex is slept on": scene({
    ...reentrant,
    sleep: (lock) => void lock.lock(),
    sleepAsync: (lock) => lock.lockAsync(),
    keep: (lock) => {
      const guard = lock.lock();
      return () => guard.release();
    },
  }),
  "a condvar is slept on": scene({
    ...condvar,
    sleep: (bell) => void condvar.wait(bell),
    sleepAsync: fallAsleep,
    keep:
      ({ changed }) =>
      (waiters) =>
        times(waiters, () => changed.notifyOne()),
  }),
  // The victim was notified as often as there are waiters, and never goes on.
  "a condvar has notified": scene({
    ...condvar,
    take: (bell, waiters) => {
      times(waiters, () => void fallAsleep(bell));
      times(waiters, () => bell.changed.notifyOne());
    },
  }),
  "a condvar has notified, and its lock is held": scene({
    ...condvar,
    take: () => {},
    last: ({ lock, changed }) => {
      lock.lock();
      changed.notifyAll();
    },
  }),
  "an rwlock is written": scene({ ...rwLock, take: (lock) => void lock.write() }),
  "an rwlock is written, and writers wait": scene({ ...rwLockWriters, take: (lock) => void lock.write() }),
  "an rwlock is read, and writers wait": scene({ ...rwLockWriters, take: (lock) => void lock.read() }),
  "an rwlock is slept on": scene({
    ...rwLock,
    sleep: (lock) => void lock.write(),
    sleepAsync: (lock) => lock.writeAsync(),
    keep: (lock) => {
      const guard = lock.write();
      return () => guard.release();
    },
  }),
  // The keeper reads, the victim waits to write, and those who come to read wait for the victim.
  "an rwlock is read, and a writer waits": scene({
    make: (waiters) => ({ lock: rwLock.make(), inside: new Latch(waiters) }),
    sleep: ({ lock }) => void lock.write(),
    sleepAsync: ({ lock }) => lock.writeAsync(),
    keep: ({ lock, inside }) => {
      const guard = lock.read();
      return () => {
        inside.wait({ timeout: 10_000 });
        guard.release();
      };
    },
    freesItself: true,
    wait: ({ lock, inside }) => {
      // From now on its slot is open, so that it could come in again by one step.
      lock.tryRead()?.release();
      until(() => isShut(lock));
      const guard = lock.read();
      inside.countDown();
      guard.release();
    },
    waitAsync: async ({ lock, inside }) => {
      lock.tryRead()?.release();
      await untilAsync(() => isShut(lock));
      const guard = await lock.readAsync();
      inside.countDown();
      guard.release();
    },
    look: ({ lock }) => rwLock.look(lock),
  }),
  "a semaphore's permits are held": scene({ ...semaphore, take: (permits) => void permits.acquire(PERMITS) }),
  "a semaphore is slept on": scene({
    ...semaphore,
    sleep: (permits) => void permits.acquire(2),
    sleepAsync: (permits) => permits.acquireAsync(2),
    keep: (permits) => {
      const permit = permits.acquire(PERMITS);
      return () => permit.release();
    },
  }),
  "a once runs": scene({ ...once, take: (it) => void it.runAsync(() => /** @type {Promise<void>} */ (forEver())) }),
  "a once lock is initialised": scene({
    ...onceLock,
    take: (it) => void it.getOrInitAsync(() => /** @type {Promise<number>} */ (forEver())),
  }),
  // One place more than there are threads, so that it stays closed.
  "a barrier is waited at": scene({
    ...barrier,
    make: (waiters) => new Barrier(waiters + 2),
    sleep: (it) => void it.wait(),
    sleepAsync: (it) => it.waitAsync(),
  }),
  // The victim took part in the first round, and dies on the way to the second.
  "a barrier was passed": scene({
    ...barrier,
    make: (waiters) => new Barrier(waiters + 1),
    enter: (it) => void it.wait(),
    take: () => {},
  }),
  "a channel's only sender is held, unbounded": scene(onlySender(flavours.unbounded)),
  "a channel's only sender is held, bounded": scene(onlySender(flavours["encoded bounded"])),
  "a channel's only sender is held, rendezvous": scene(onlySender(flavours.rendezvous)),
  "a channel's only sender sends, unbounded": scene(streamSender(flavours.encoded)),
  "a channel's only sender sends, bounded": scene(streamSender(flavours.bounded)),
  "a channel's only sender sends, rendezvous": scene(streamSender(flavours["encoded rendezvous"])),
  "a channel's only sender is held, and a select waits": scene(onlySenderOfSelect(flavours.unbounded)),
  "a channel's only sender is held, and a select waits, rendezvous": scene(onlySenderOfSelect(flavours["encoded rendezvous"])),
  "a channel's only receiver receives, bounded": scene(streamReceiver(flavours.bounded)),
  "a channel's only receiver receives, encoded": scene(streamReceiver(flavours["encoded bounded"])),
  "a channel's only receiver receives, rendezvous": scene(streamReceiver(flavours.rendezvous)),
  "a channel's only receiver is held, and a select waits": scene(onlyReceiverOfSelect(flavours["encoded bounded"])),
  "a channel's only receiver is held, and a select waits, rendezvous": scene(onlyReceiverOfSelect(flavours.rendezvous)),
  "an empty channel is slept on, unbounded": scene(sleepingReceiver(flavours.unbounded)),
  "an empty channel is slept on, bounded": scene(sleepingReceiver(flavours["encoded bounded"])),
  "an empty channel is slept on, rendezvous": scene(sleepingReceiver(flavours.rendezvous)),
  "an empty channel is slept on by a select": scene(selectingReceiver(flavours.bounded)),
  "a full channel is slept on, bounded": scene(sleepingSender(flavours.bounded)),
  "a full channel is slept on, rendezvous": scene(sleepingSender(flavours["encoded rendezvous"])),
  "a channel's senders' gate is passed": scene(insideGate(flavours.unbounded, "tx")),
  "a channel's receivers' gate is passed": scene(insideGate(flavours.encoded, "rx")),
};
/** @typedef {keyof typeof SCENES} SceneName */

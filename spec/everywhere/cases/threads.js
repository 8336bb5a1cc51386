import {
  AtomicI32,
  AtomicU32,
  availableParallelism,
  CancelFlag,
  channel,
  fromHandle,
  i32,
  lazyStatic,
  Mutex,
  park,
  scopeAsync,
  scope,
  sleep,
  sleepAsync,
  spawn,
  staticAtomic,
  struct,
  task,
  Thread,
  ThreadBuilder,
  threadLocal,
  toHandle,
  u32,
  unpark,
} from "../ferrous.js";
import { codeOf, codeOfAsync, describe, equal, ok } from "../suite.js";

const Pair = struct("EverywhereThreadPair", { a: u32, b: u32 });

const spawning = describe("spawn and join");
export const double = task(import.meta.url, "double", (/** @type {number} */ n) => n * 2);
export const later = task(import.meta.url, "later", async (/** @type {number} */ n) => {
  await sleepAsync(1);
  return n * 2;
});
export const identity = task(import.meta.url, "identity", (/** @type {any} */ value) => value);
spawning.here("gives the result", async () => {
  const handle = spawn(double, 21);
  equal([await handle.joinAsync(), await handle.joinAsync(), handle.isFinished], [42, 42, true]);
});
spawning.inThread("gives the result to who blocks", () => {
  equal(spawn(double, 21).join(), 42);
});
spawning.here("awaits a task", async () => {
  equal(await spawn(later, 21).joinAsync(), 42);
});
spawning.here("a task is called in place, too", () => {
  equal(double(4), 8);
});
spawning.here("an inline function", async () => {
  equal(await spawn((/** @type {number} */ a, /** @type {number} */ b) => a * b, 6, 7).joinAsync(), 42);
});
spawning.here("an inline function that captures is refused", () => {
  // Not simply 3: Bun would write that into the function.
  const captured = Number("3");
  equal(
    codeOf(() => spawn(() => captured)),
    "CAPTURE",
  );
});
spawning.here("a throw is a PanicError with its cause", async () => {
  try {
    await spawn(throws, "ouch").joinAsync();
    throw new Error("it returned");
  } catch (error) {
    const { code, cause } = /** @type {any} */ (error);
    equal([code, cause instanceof RangeError, cause.message, cause.code], ["PANIC", true, "ouch", "E_OUCH"]);
  }
});
export const throws = task(import.meta.url, "throws", (/** @type {string} */ message) => {
  throw Object.assign(new RangeError(message), { code: "E_OUCH" });
});
spawning.inThread("a throw reaches who joins by blocking", () => {
  equal(
    codeOf(() => spawn(throws, "ouch").join()),
    "PANIC",
  );
});
spawning.here("a task that is not there is a TaskError", async () => {
  const gone = task(new URL("./nowhere.js", import.meta.url).href, "gone", () => 1);
  equal(await codeOfAsync(spawn(gone).joinAsync()), "TASK");
});
spawning.here("an argument that cannot be sent is refused", () => {
  equal(
    codeOf(() => spawn(identity, /** @type {any} */ (() => 1))),
    "NOT_SENDABLE",
  );
});
spawning.here("a result that cannot be sent is refused", async () => {
  equal(await codeOfAsync(spawn(returnsFunction).joinAsync()), "NOT_SENDABLE");
});
export const returnsFunction = task(import.meta.url, "returnsFunction", () => /** @type {any} */ ([() => 1]));
for (const [name, make] of /** @type {[string, () => any][]} */ ([
  ["plain data", () => ({ a: [1, "x", null, undefined, true], b: { c: 1n } })],
  ["Map, Set and Date", () => new Map([["a", new Set([1, 2])]])],
  ["typed arrays", () => new Float32Array([0.5, 2])],
]))
  spawning.here(`${name} cross, there and back`, async () => {
    equal(await spawn(identity, make()).joinAsync(), make());
  });
spawning.here("shared memory is shared", async () => {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  await spawn(writes, cells, 7).joinAsync();
  equal(cells[1], 7);
});
export const writes = task(import.meta.url, "writes", (/** @type {Int32Array} */ cells, /** @type {number} */ value) => {
  cells[1] = value;
});
spawning.here("a struct, an atomic and a lock come back as what they are", async () => {
  const given = { pair: Pair.create({ a: 1, b: 2 }), cell: new AtomicI32(3), lock: Mutex.of(i32, 4) };
  const got = await spawn(identity, given).joinAsync();
  got.pair.a = 10;
  got.cell.store(30);
  got.lock.with(() => undefined);
  equal([given.pair.a, given.cell.load(), got.lock instanceof Mutex], [10, 30, true]);
});
spawning.here("a thread has a name", async () => {
  equal(await new ThreadBuilder({ name: "fred" }).spawn(tellsName).joinAsync(), "fred");
});
export const tellsName = task(import.meta.url, "tellsName", () => Thread.current().name);
spawning.here("a thread is not the main thread", async () => {
  equal([Thread.isMain, await spawn(tellsMain).joinAsync()], [true, false]);
});
export const tellsMain = task(import.meta.url, "tellsMain", () => Thread.isMain);
spawning.here("a thread spawns threads", async () => {
  equal(await spawn(spawnsTwo, 5).joinAsync(), 20);
});
export const spawnsTwo = task(import.meta.url, "spawnsTwo", (/** @type {number} */ n) => {
  const [one, two] = [spawn(double, n), spawn(double, n)];
  return one.join() + two.join();
});
spawning.here("many threads, one after the other", async () => {
  for (let n = 0; n < 10; n++) equal(await spawn(double, n).joinAsync(), 2 * n);
});
spawning.here("scopeAsync waits for its threads", async () => {
  const count = new AtomicU32(0);
  await scopeAsync(async (s) => {
    s.spawn(adds, count, 2);
    s.spawn(adds, count, 3);
  });
  equal(count.load(), 5);
});
spawning.inThread("scope waits for its threads", () => {
  const count = new AtomicU32(0);
  scope((s) => {
    s.spawn(adds, count, 2);
    s.spawn(adds, count, 3);
  });
  equal(count.load(), 5);
});
export const adds = task(import.meta.url, "adds", (/** @type {AtomicU32} */ count, /** @type {number} */ n) => void count.fetchAdd(n));
spawning.inThread("sleep sleeps, and park is unparked", () => {
  const started = performance.now();
  sleep(10);
  ok(performance.now() - started >= 9, "it slept");
  const me = Thread.current();
  const thread = spawn(unparks, me);
  equal(park({ timeout: 10_000 }), "ok");
  thread.join();
});
export const unparks = task(import.meta.url, "unparks", (/** @type {Thread} */ thread) => unpark(thread));
spawning.here("there is at least one core", () => {
  ok(availableParallelism() >= 1, "there is a core");
});
spawning.here("a threadLocal is each thread's own", async () => {
  LOCAL.get().push("here");
  equal([LOCAL.get(), await spawn(tellsLocal).joinAsync()], [["fresh", "here"], ["fresh"]]);
});
const LOCAL = threadLocal(() => ["fresh"]);
export const tellsLocal = task(import.meta.url, "tellsLocal", () => LOCAL.get());
spawning.here("a CancelFlag is seen in a thread, as a signal too", async () => {
  const stop = new CancelFlag();
  const thread = spawn(untilCancelled, stop);
  stop.cancel("stop");
  equal([await thread.joinAsync(), stop.cancelled], ["stop", true]);
});
export const untilCancelled = task(
  import.meta.url,
  "untilCancelled",
  (/** @type {CancelFlag} */ stop) =>
    new Promise((resolve) => {
      const { signal } = stop;
      if (signal.aborted) resolve(signal.reason);
      else signal.addEventListener("abort", () => resolve(signal.reason));
    }),
);

const statics = describe("statics");
const HITS = () => staticAtomic("everywhere/HITS", AtomicU32, 10);
const CONFIG = lazyStatic("everywhere/CONFIG", () => new Mutex(Pair.create({ a: 1, b: 2 })));
statics.here("a static atomic is one in all threads", async () => {
  const before = HITS().load();
  await spawn(hits, 3).joinAsync();
  equal(HITS().load() - before, 3);
});
export const hits = task(import.meta.url, "hits", (/** @type {number} */ n) => void HITS().fetchAdd(n));
statics.here("a lazy static is one in all threads", async () => {
  const config = await CONFIG.getAsync();
  await spawn(setsConfig, 77).joinAsync();
  equal(
    config.with((pair) => pair.a),
    77,
  );
});
export const setsConfig = task(import.meta.url, "setsConfig", async (/** @type {number} */ a) => {
  const config = await CONFIG.getAsync();
  config.with((pair) => void (pair.a = a));
});
statics.here("another first value is refused", () => {
  HITS();
  equal(
    codeOf(() => staticAtomic("everywhere/HITS", AtomicU32, 11)),
    "LAYOUT",
  );
});

const handles = describe("handles");
handles.here("are posted, and opened again", async () => {
  const lock = Mutex.of(i32, 5, { name: "posted" });
  const { port1, port2 } = new MessageChannel();
  const heard = new Promise((resolve) => {
    port2.onmessage = (/** @type {{ data: unknown }} */ { data }) => resolve(data);
  });
  port1.postMessage(toHandle(lock));
  const same = /** @type {Mutex<number>} */ (fromHandle(/** @type {any} */ (await heard)));
  const guard = lock.lock();
  equal(same.tryLock(), undefined);
  guard.release();
  port1.close();
  port2.close();
});
handles.here("that are forged are refused", () => {
  equal([codeOf(() => fromHandle(/** @type {any} */ ({}))), codeOf(() => fromHandle(/** @type {any} */ ("x")))], ["HANDLE", "HANDLE"]);
});

/** A thread in which nothing can happen any more would end. */
const forEver = () => new Promise(() => setInterval(() => undefined, 1000));

const deaths = describe("deaths");
/** @type {[string, string, string[]][]} how it dies, and what its joiner is told */
const WAYS = [
  ["throw", "PANIC", []],
  ["reject", "THREAD_DIED", ["unhandled-rejection"]],
  ["overflow", "THREAD_DIED", ["stack-overflow"]],
  ["return", "no error", []],
  ["terminate busy", "THREAD_DIED", ["terminated"]],
  ["terminate asleep", "THREAD_DIED", ["terminated"]],
  ["terminate idle", "THREAD_DIED", ["terminated"]],
];
for (const [way, code, reasons] of WAYS) {
  const isEnded = way.startsWith("terminate");
  /** Starts a thread that takes the lock, and dies of it once all is told. @param {Mutex<number>} lock */
  const doomed = async (lock) => {
    /** @type {[any, any]} */
    const [tx, rx] = channel();
    const handle = spawn(holds, lock, way, tx);
    await rx.recvAsync();
    return handle;
  };
  deaths.here(`(${way}) who awaits its lock is told, and its joiner`, async () => {
    const lock = Mutex.of(i32, 0, { name: "held" });
    const handle = await doomed(lock);
    const waiting = codeOfAsync(lock.lockAsync());
    if (isEnded) void handle.terminate();
    equal(await waiting, "POISONED");
    const ended = await handle.joinAsync().then(
      () => ["no error"],
      (error) => [error.code, ...("reason" in error ? [error.reason] : [])],
    );
    equal(ended, [code, ...reasons]);
    await lock.recoverAsync(() => undefined);
    lock.lock().release();
  });
  deaths.here(`(${way}) who blocks for its lock is told`, async () => {
    const lock = Mutex.of(i32, 0, { name: "held" });
    const handle = await doomed(lock);
    const thread = spawn(blocksForIt, lock);
    if (isEnded) void handle.terminate();
    equal(await thread.joinAsync(), "POISONED");
    await handle.joinAsync().catch(() => undefined);
  });
}
export const blocksForIt = task(import.meta.url, "blocksForIt", (/** @type {Mutex<number>} */ lock) => codeOf(() => lock.lock()));
export const holds = task(
  import.meta.url,
  "holds",
  /** @param {Mutex<number>} lock @param {string} way @param {any} tx */
  async (lock, way, tx) => {
    lock.lock();
    tx.send("held");
    switch (way) {
      case "throw":
        throw new Error("thrown");
      case "reject":
        void Promise.reject(new Error("nobody catches it"));
        return forEver();
      case "overflow":
        return endless();
      case "terminate busy":
        for (;;);
      case "terminate asleep":
        return void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      case "terminate idle":
        return forEver();
      default:
        return undefined;
    }
  },
);
/** @type {() => number} */
const endless = () => endless() + 1;

deaths.here("a dead reader stops counting", async () => {
  const { RwLock } = await import("../ferrous.js");
  const it = RwLock.of(i32, 0);
  /** @type {[any, any]} */
  const [tx, rx] = channel();
  const handle = spawn(keeps, it, "read", tx);
  await rx.recvAsync();
  equal(it.tryWrite(), undefined);
  await handle.terminate();
  (await it.writeAsync()).release();
});
deaths.here("a dead thread's permits return", async () => {
  const { Semaphore } = await import("../ferrous.js");
  const it = new Semaphore(2);
  /** @type {[any, any]} */
  const [tx, rx] = channel();
  const handle = spawn(keeps, it, "acquire", tx);
  await rx.recvAsync();
  equal(it.available, 1);
  await handle.terminate();
  (await it.acquireAsync(2)).release();
});
export const keeps = task(import.meta.url, "keeps", async (/** @type {any} */ it, /** @type {string} */ take, /** @type {any} */ tx) => {
  it[take]();
  tx.send("has");
  await forEver();
});
deaths.here("a dead sender's receivers are told", async () => {
  /** @type {[any, any]} */
  const [tx, rx] = channel();
  const handle = spawn(sendsAndStays, tx);
  equal(await rx.recvAsync(), "one");
  const waiting = codeOfAsync(rx.recvAsync());
  await handle.terminate();
  equal(await waiting, "DISCONNECTED");
});
export const sendsAndStays = task(import.meta.url, "sendsAndStays", async (/** @type {any} */ tx) => {
  tx.send("one");
  await forEver();
  // An end that is not needed any more may be collected, and closes.
  tx.close();
});
deaths.here("a dead receiver's senders are told", async () => {
  /** @type {[any, any]} */
  const [tx, rx] = channel({ capacity: 1 });
  /** @type {[any, any]} */
  const [told, heard] = channel();
  const handle = spawn(receivesAndStays, rx, told);
  tx.send("one");
  await heard.recvAsync();
  tx.send("two");
  const waiting = codeOfAsync(tx.sendAsync("three"));
  await handle.terminate();
  equal(await waiting, "DISCONNECTED");
});
export const receivesAndStays = task(import.meta.url, "receivesAndStays", async (/** @type {any} */ rx, /** @type {any} */ told) => {
  rx.recv();
  told.send("received");
  await forEver();
  rx.close();
});
deaths.here("a barrier whose participant died is broken", async () => {
  const { Barrier } = await import("../ferrous.js");
  const it = new Barrier(2);
  // It takes part once, so that the barrier knows it.
  const handle = spawn(meetsAndStays, it);
  await it.waitAsync();
  const waiting = codeOfAsync(it.waitAsync());
  await handle.terminate();
  equal(await waiting, "BROKEN_BARRIER");
});
export const meetsAndStays = task(import.meta.url, "meetsAndStays", async (/** @type {any} */ it) => {
  await it.waitAsync();
  await forEver();
});

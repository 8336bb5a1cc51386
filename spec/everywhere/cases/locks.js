import {
  Barrier,
  CancelFlag,
  Condvar,
  f64,
  i32,
  Latch,
  Lazy,
  Mutex,
  Once,
  OnceLock,
  ReentrantMutex,
  RwLock,
  Semaphore,
  spawn,
  struct,
  task,
  u32,
} from "../ferrous.js";
import { codeOf, codeOfAsync, describe, equal, ok } from "../suite.js";

const Pair = struct("EverywherePair", { a: u32, b: u32 });

// --- the same for each lock ---

/** @type {[string, () => any, string, string, string][]} how to take it: blocking, trying, awaiting */
const LOCKS = [
  ["Mutex", () => Mutex.of(i32, 0, { name: "it" }), "lock", "tryLock", "lockAsync"],
  ["RwLock, writing", () => RwLock.of(i32, 0, { name: "it" }), "write", "tryWrite", "writeAsync"],
  ["ReentrantMutex", () => new ReentrantMutex(undefined, { name: "it" }), "lock", "tryLock", "lockAsync"],
  ["Semaphore of 1", () => new Semaphore(1, { name: "it" }), "acquire", "tryAcquire", "acquireAsync"],
];
for (const [name, make, lock, tryLock, lockAsync] of LOCKS) {
  const group = describe(name);
  const isReentrant = name === "ReentrantMutex";
  group.both("is taken and released", () => {
    const it = make();
    for (let n = 0; n < 3; n++) it[lock]().release();
    const guard = it[tryLock]();
    ok(guard !== undefined, "it can be had");
    guard.release();
    guard.release();
  });
  group.both("is released by a disposer", () => {
    const it = make();
    it[lock]()[Symbol.dispose]();
    it[tryLock]().release();
  });
  group.here("is awaited", async () => {
    const it = make();
    const guard = await it[lockAsync]();
    guard.release();
    (await it[lockAsync]()).release();
  });
  group.here("is awaited in the order of asking", async () => {
    const it = make();
    const guard = await it[lockAsync]();
    /** @type {number[]} */
    const order = [];
    const waiting = [1, 2, 3].map((n) => it[lockAsync]().then((/** @type {any} */ got) => (order.push(n), got.release())));
    guard.release();
    await Promise.all(waiting);
    equal(order, [1, 2, 3]);
  });
  if (!isReentrant) {
    group.both("cannot be had twice by trying", () => {
      const it = make();
      const guard = it[lock]();
      equal(it[tryLock](), undefined);
      guard.release();
    });
    group.here("is awaited for so long only", async () => {
      const it = make();
      const guard = it[lock]();
      equal(await codeOfAsync(it[lockAsync]({ timeout: 5 })), "TIMEOUT");
      guard.release();
      (await it[lockAsync]({ timeout: 5 })).release();
    });
    group.here("is no more waited for when that is called off", async () => {
      const it = make();
      const guard = it[lock]();
      const stop = new AbortController();
      const waiting = codeOfAsync(it[lockAsync]({ signal: stop.signal }));
      stop.abort("enough");
      equal(await waiting, "enough");
      guard.release();
      it[tryLock]().release();
    });
  }
  group.inThread("keeps another thread out", () => {
    const it = make();
    const guard = it[lock]();
    equal(spawn(triesWhile, it, tryLock).join(), false);
    guard.release();
    equal(spawn(triesWhile, it, tryLock).join(), true);
  });
  group.inThread("is waited for by blocking, for so long only", () => {
    const it = make();
    const guard = it[lock]();
    equal(spawn(blocksFor, it, lock, 5).join(), "TIMEOUT");
    guard.release();
    equal(spawn(blocksFor, it, lock, 1000).join(), "no error");
  });
  group.inThread("counts right in two threads", () => {
    const it = make();
    const cells = new Int32Array(new SharedArrayBuffer(4));
    const threads = [1, 2].map(() => spawn(countsUnder, it, lock, cells, 2000));
    for (const thread of threads) thread.join();
    equal(cells[0], 4000);
  });
}
export const triesWhile = task(
  import.meta.url,
  "triesWhile",
  (/** @type {any} */ it, /** @type {string} */ tryLock) => it[tryLock]() !== undefined,
);
export const blocksFor = task(
  import.meta.url,
  "blocksFor",
  (/** @type {any} */ it, /** @type {string} */ lock, /** @type {number} */ timeout) => codeOf(() => it[lock]({ timeout }).release()),
);
export const countsUnder = task(
  import.meta.url,
  "countsUnder",
  /** @param {any} it @param {string} lock @param {Int32Array} cells @param {number} times */
  (it, lock, cells, times) => {
    for (let n = 0; n < times; n++) {
      const guard = it[lock]();
      // PLAIN: under the lock.
      cells[0] = /** @type {number} */ (cells[0]) + 1;
      guard.release();
    }
  },
);

// --- Mutex ---

const mutex = describe("Mutex, its own");
mutex.both("protects a value", () => {
  const it = Mutex.of(f64, 1.5);
  const guard = it.lock();
  guard.value += 1;
  guard.release();
  equal(
    it.with((value) => value),
    2.5,
  );
});
mutex.both("a guard that was released is refused", () => {
  const guard = Mutex.of(i32, 0).lock();
  guard.release();
  equal(
    codeOf(() => guard.value),
    "RELEASED",
  );
});
mutex.both("a throw inside with() poisons it, and recover() repairs", () => {
  const it = new Mutex(Pair.create({ a: 1, b: 1 }));
  equal(
    codeOf(() => it.with((pair) => void ((pair.a = 2), /** @type {any} */ (undefined).x))),
    "TypeError",
  );
  equal([it.poisoned, codeOf(() => it.lock()), codeOf(() => it.tryLock())], [true, "POISONED", "POISONED"]);
  equal(
    it.recover((pair) => void (pair.a = pair.b)),
    true,
  );
  equal([it.poisoned, it.with((pair) => pair.a), it.recover(() => undefined)], [false, 1, false]);
});
mutex.both("a poisoned one can be had as it is", () => {
  const it = Mutex.of(i32, 4);
  const first = it.lock();
  first.poison();
  first.release();
  equal(it.poisoned, true);
  const guard = it.lock({ allowPoisoned: true });
  equal([guard.value, guard.poisoned], [4, true]);
  guard.release();
  it.clearPoison();
  it.lock().release();
});
mutex.here("withAsync awaits its function", async () => {
  const it = Mutex.of(i32, 1);
  const result = await it.withAsync(async (value) => {
    await Promise.resolve();
    equal(it.tryLock(), undefined);
    return value + 1;
  });
  equal(result, 2);
  it.lock().release();
});
mutex.here("with() refuses an async function", () => {
  const it = Mutex.of(i32, 1);
  equal(
    codeOf(() => it.with(/** @type {any} */ (async () => 1))),
    "TypeError",
  );
});
mutex.inThread("locking again is a DeadlockError", () => {
  const it = Mutex.of(i32, 0, { name: "again" });
  const guard = it.lock();
  equal(
    codeOf(() => it.lock()),
    "DEADLOCK",
  );
  guard.release();
});
mutex.inThread("a CancelFlag calls a blocking wait off", () => {
  const it = Mutex.of(i32, 0);
  const guard = it.lock();
  const stop = new CancelFlag();
  const thread = spawn(locksUntil, it, stop);
  stop.cancel("stop");
  equal(thread.join(), "stop");
  guard.release();
});
export const locksUntil = task(import.meta.url, "locksUntil", (/** @type {Mutex<number>} */ it, /** @type {CancelFlag} */ stop) =>
  codeOf(() => it.lock({ signal: stop })),
);
mutex.inThread("a deadlock of two threads is found", () => {
  const [a, b] = [Mutex.of(i32, 0, { name: "a" }), Mutex.of(i32, 0, { name: "b" })];
  const both = new Barrier(2);
  const [one, two] = [spawn(locksBoth, a, b, both), spawn(locksBoth, b, a, both)];
  equal([one.join(), two.join()].sort(), ["DEADLOCK", "no error"]);
});
export const locksBoth = task(
  import.meta.url,
  "locksBoth",
  /** @param {Mutex<number>} first @param {Mutex<number>} second @param {Barrier} both */
  (first, second, both) => {
    const guard = first.lock();
    both.wait();
    const told = codeOf(() => second.lock().release());
    guard.release();
    return told;
  },
);

// --- RwLock ---

const rw = describe("RwLock, its own");
rw.both("has many readers", () => {
  const it = RwLock.of(i32, 7);
  const [one, two] = [it.read(), it.read()];
  equal([one.value, two.value, it.tryWrite()], [7, 7, undefined]);
  one.release();
  two.release();
  it.write().release();
});
rw.both("a writer keeps readers out", () => {
  const it = RwLock.of(i32, 7);
  const guard = it.write();
  guard.value = 8;
  equal(it.tryRead(), undefined);
  guard.release();
  equal(
    it.withRead((value) => value),
    8,
  );
});
rw.both("is downgraded without a gap", () => {
  const it = RwLock.of(i32, 1);
  const writer = it.write();
  const reader = writer.downgrade();
  equal([it.tryWrite(), it.tryRead() !== undefined], [undefined, true]);
  reader.release();
});
rw.both("is upgraded", () => {
  const it = RwLock.of(i32, 1);
  const guard = it.upgradable();
  const writer = guard.upgrade();
  writer.value = 5;
  writer.release();
  equal(
    it.withRead((value) => value),
    5,
  );
});
rw.here("readers and writers are awaited", async () => {
  const it = RwLock.of(i32, 1);
  const writer = await it.writeAsync();
  const reading = [it.readAsync(), it.readAsync()];
  writer.value = 2;
  writer.release();
  const readers = await Promise.all(reading);
  equal(
    readers.map(({ value }) => value),
    [2, 2],
  );
  for (const reader of readers) reader.release();
});
rw.both("a throw inside withWrite() poisons it", () => {
  const it = RwLock.of(i32, 1);
  equal(
    codeOf(() => it.withWrite(() => void (/** @type {any} */ (undefined).x))),
    "TypeError",
  );
  equal([codeOf(() => it.read()), it.recover(() => undefined)], ["POISONED", true]);
  it.read().release();
});

// --- waiting for something ---

const condvar = describe("Condvar");
condvar.inThread("wakes who waits for a change", () => {
  const it = Mutex.of(i32, 0);
  const changed = new Condvar();
  const thread = spawn(waitsFor, it, changed, 3);
  for (let n = 1; n <= 3; n++) {
    const guard = it.lock();
    guard.value = n;
    guard.release();
    changed.notifyAll();
  }
  equal(thread.join(), 3);
});
export const waitsFor = task(
  import.meta.url,
  "waitsFor",
  /** @param {Mutex<number>} it @param {Condvar} changed @param {number} least */
  (it, changed, least) => {
    const guard = it.lock();
    changed.waitWhile(guard, (value) => value < least);
    const { value } = guard;
    guard.release();
    return value;
  },
);
condvar.inThread("waits for so long only", () => {
  const it = Mutex.of(i32, 0);
  const guard = it.lock();
  equal(new Condvar().wait(guard, { timeout: 5 }), "timed-out");
  guard.release();
});
condvar.here("is awaited", async () => {
  const it = Mutex.of(i32, 0);
  const changed = new Condvar();
  const guard = await it.lockAsync();
  const waiting = changed.waitWhileAsync(guard, (value) => value === 0);
  const other = await it.lockAsync();
  other.value = 1;
  other.release();
  changed.notifyOne();
  await waiting;
  equal(guard.value, 1);
  guard.release();
});
condvar.inThread("a guard that was released is refused", () => {
  const guard = Mutex.of(i32, 0).lock();
  guard.release();
  equal(
    codeOf(() => new Condvar().wait(guard)),
    "RELEASED",
  );
});

const semaphore = describe("Semaphore");
semaphore.both("gives so many permits", () => {
  const it = new Semaphore(3);
  const two = it.acquire(2);
  equal([it.available, it.tryAcquire(2)], [1, undefined]);
  two.release();
  equal(it.available, 3);
});
semaphore.both("refuses counts that make no sense", () => {
  const it = new Semaphore(3);
  equal(
    [codeOf(() => it.acquire(4)), codeOf(() => it.acquire(-1)), codeOf(() => it.acquire(0.5)), codeOf(() => new Semaphore(-1))],
    Array(4).fill("RangeError"),
  );
});
semaphore.here("permits are awaited", async () => {
  const it = new Semaphore(2);
  const one = await it.acquireAsync(2);
  const waiting = it.acquireAsync(1);
  one.release();
  (await waiting).release();
  equal(it.available, 2);
});

const barrier = describe("Barrier and Latch");
barrier.inThread("all pass together, one of them the leader", () => {
  const it = new Barrier(3);
  const threads = [1, 2].map(() => spawn(meets, it));
  const leaders = [it.wait().leader, ...threads.map((thread) => thread.join())];
  equal(leaders.filter(Boolean).length, 1);
});
export const meets = task(import.meta.url, "meets", (/** @type {Barrier} */ it) => it.wait().leader);
barrier.here("a barrier is awaited, again and again", async () => {
  const it = new Barrier(2);
  for (let n = 0; n < 3; n++) {
    const both = await Promise.all([it.waitAsync(), it.waitAsync()]);
    equal(both.filter(({ leader }) => leader).length, 1);
  }
});
barrier.both("a latch opens once", () => {
  const it = new Latch(2);
  it.countDown();
  it.countDown();
  it.wait();
});
barrier.here("a latch is awaited", async () => {
  const it = new Latch(1);
  const waiting = it.waitAsync();
  it.countDown();
  await waiting;
});
barrier.inThread("a latch is waited for by blocking", () => {
  const it = new Latch(1);
  const thread = spawn(opens, it);
  it.wait();
  thread.join();
});
export const opens = task(import.meta.url, "opens", (/** @type {Latch} */ it) => it.countDown());

const once = describe("Once, OnceLock and Lazy");
once.both("Once runs once", () => {
  const it = new Once();
  let runs = 0;
  for (let n = 0; n < 3; n++) it.run(() => runs++);
  equal(runs, 1);
});
once.both("a Once whose function threw is poisoned", () => {
  const it = new Once();
  equal(
    codeOf(() => it.run(() => void (/** @type {any} */ (undefined).x))),
    "TypeError",
  );
  equal(
    codeOf(() => it.run(() => undefined)),
    "POISONED",
  );
});
once.both("OnceLock is set once, and frozen", () => {
  /** @type {OnceLock<{ a: number }>} */
  const it = new OnceLock();
  equal(
    [it.get(), it.getOrInit(() => ({ a: 1 })), it.getOrInit(() => ({ a: 2 })), Object.isFrozen(it.get())],
    [undefined, { a: 1 }, { a: 1 }, true],
  );
});
once.here("a thread has the value of a OnceLock, too", async () => {
  /** @type {OnceLock<{ a: number }>} */
  const it = new OnceLock();
  it.getOrInit(() => ({ a: 1 }));
  equal(await spawn(getsOnce, it).joinAsync(), { a: 1 });
});
export const getsOnce = task(import.meta.url, "getsOnce", (/** @type {OnceLock<{ a: number }>} */ it) =>
  it.getOrInitAsync(() => ({ a: 2 })),
);
once.both("Lazy makes its value when it is asked for", () => {
  let made = 0;
  const it = new Lazy(() => ++made);
  equal([made, it.get(), it.get()], [0, 1, 1]);
});

/** What the threads of the cases do. */
import {
  AtomicI32,
  lazyStatic,
  Mutex,
  park,
  scope,
  spawn,
  staticAtomic,
  struct,
  task,
  Thread,
  threadLocal,
  u32,
  unpark,
} from "./ferrous.js";
import { told } from "./suite.js";

const url = import.meta.url;

/** @typedef {import("ferrous").CancelFlag} CancelFlag */
/** @typedef {import("ferrous").Receiver<number>} Numbers */
/** @typedef {import("ferrous").Sender<number>} ToNumbers */
/** @typedef {import("ferrous").Mutex<undefined> | import("ferrous").RwLock<undefined> | import("ferrous").ReentrantMutex<undefined>} AnyLock */

// --- Where a thread has got to: a number that only grows. ---

/** @param {AtomicI32} stage @param {number} to */
export function reach(stage, to) {
  stage.store(to);
  stage.notify();
}

/** Blocks until `stage` has got so far. @param {AtomicI32} stage @param {number} to */
export function until(stage, to) {
  for (let seen = stage.load(); seen < to; seen = stage.load()) stage.wait(seen);
}

/** As `until`, awaiting. @param {AtomicI32} stage @param {number} to */
export async function untilAsync(stage, to) {
  for (let seen = stage.load(); seen < to; seen = stage.load()) await stage.waitAsync(seen);
}

/** A thread that awaits nothing else must be kept alive in some runtimes. */
const idle = () => {
  setInterval(() => undefined, 1000);
  return /** @type {Promise<never>} */ (new Promise(() => undefined));
};

// --- Locks ---

export const Account = struct("Account", { begun: u32, done: u32 });

export const double = task(url, "double", (/** @type {number} */ n) => 2 * n);

/** @param {AnyLock} lock */
const take = (lock) => ("write" in lock ? lock.write() : lock.lock());

/** Holds a lock alone until it is told to let go. */
export const hold = task(url, "hold", (/** @type {AnyLock} */ lock, /** @type {AtomicI32} */ stage) => {
  const guard = take(lock);
  reach(stage, 1);
  until(stage, 2);
  guard.release();
});

export const holdRead = task(url, "holdRead", (/** @type {import("ferrous").RwLock} */ lock, /** @type {AtomicI32} */ stage) => {
  const guard = lock.read();
  reach(stage, 1);
  until(stage, 2);
  guard.release();
});

/** Blocks for a lock: "got in", or the code of the error. */
export const lockIt = task(url, "lockIt", (/** @type {AnyLock} */ lock, /** @type {AtomicI32 | undefined} */ stage) => {
  stage?.fetchAdd(1);
  stage?.notify();
  try {
    take(lock).release();
    return "got in";
  } catch (error) {
    return told(error);
  }
});

export const lockUntilCalledOff = task(url, "lockUntilCalledOff", (/** @type {Mutex} */ lock, /** @type {CancelFlag} */ flag) => {
  try {
    lock.lock({ signal: flag }).release();
    return "got in";
  } catch (error) {
    return String(error);
  }
});

/** Adds in two steps, of which nobody may see one alone. */
export const deposit = task(
  url,
  "deposit",
  (/** @type {Mutex<import("ferrous").Infer<typeof Account>>} */ lock, /** @type {number} */ times) => {
    for (let n = 0; n < times; n++) {
      lock.with((account) => {
        account.begun += 1;
        account.done += 1;
      });
    }
  },
);

export const depositAsync = task(
  url,
  "depositAsync",
  async (/** @type {Mutex<import("ferrous").Infer<typeof Account>>} */ lock, /** @type {number} */ times) => {
    for (let n = 0; n < times; n++) {
      await lock.withAsync(async (account) => {
        account.begun += 1;
        await undefined;
        account.done += 1;
      });
    }
  },
);

/** Writes two equal numbers, or reads them: how often it saw them differ. */
export const readOrWrite = task(
  url,
  "readOrWrite",
  (
    /** @type {import("ferrous").RwLock<import("ferrous").Infer<typeof Account>>} */ lock,
    /** @type {number} */ times,
    /** @type {boolean} */ writes,
  ) => {
    let torn = 0;
    for (let n = 0; n < times; n++) {
      if (writes) {
        lock.withWrite((account) => {
          account.begun += 1;
          account.done += 1;
        });
      } else if (lock.withRead(({ begun, done }) => begun !== done)) torn++;
    }
    return torn;
  },
);

export const nest = task(
  url,
  "nest",
  (/** @type {import("ferrous").ReentrantMutex} */ lock, /** @type {AtomicI32} */ count, /** @type {number} */ times) => {
    for (let n = 0; n < times; n++) {
      const outer = lock.lock();
      const inner = lock.lock();
      // In two steps: a lock that lets two in loses some.
      count.store(count.load() + 1);
      inner.release();
      outer.release();
    }
  },
);

/** Takes one lock, meets the other threads, and blocks for the next: the way into a deadlock. */
export const lockBoth = task(
  url,
  "lockBoth",
  (/** @type {Mutex} */ first, /** @type {Mutex} */ second, /** @type {import("ferrous").Barrier} */ both) => {
    const guard = first.lock();
    both.wait();
    try {
      second.lock().release();
      return "got both";
    } catch (error) {
      return `${String(told(error))}: ${String(error)}`;
    } finally {
      guard.release();
    }
  },
);

/** Locks what its joiner holds. */
export const lockWhatIsHeld = task(url, "lockWhatIsHeld", (/** @type {Mutex} */ lock) => {
  try {
    lock.lock().release();
    return "got in";
  } catch (error) {
    return told(error);
  }
});

// --- Deaths ---

/** The ways in which a thread ends without giving back what it holds. */
export const WAYS = /** @type {const} */ ([
  "a throw",
  "a rejection",
  "an uncaught error",
  "an unhandled rejection",
  "a stack overflow",
  "a return",
  "terminate() while it is idle",
  "terminate() while it blocks",
  "terminate() while it is busy",
]);
/** @typedef {typeof WAYS[number]} Way */

/** @param {Way} way @returns {string | Promise<string>} */
function end(way) {
  switch (way) {
    case "a throw":
      throw new RangeError("thrown");
    case "a rejection":
      return Promise.reject(new RangeError("rejected"));
    case "an uncaught error":
      setTimeout(() => {
        throw new RangeError("uncaught");
      });
      return idle();
    case "an unhandled rejection":
      void Promise.reject(new RangeError("unhandled"));
      return idle();
    case "a stack overflow": {
      /** @returns {number} */
      const deeper = () => deeper() + 1;
      return String(deeper());
    }
    case "a return":
      return "returned";
    case "terminate() while it is idle":
      return idle();
    case "terminate() while it blocks":
      new AtomicI32(0).wait(0);
      return "woken";
    case "terminate() while it is busy":
      for (;;);
  }
}

/** Takes a lock, and ends with it when it is told to. */
export const dieHolding = task(
  url,
  "dieHolding",
  async (/** @type {AnyLock} */ lock, /** @type {AtomicI32} */ stage, /** @type {Way} */ way) => {
    take(lock);
    reach(stage, 1);
    await untilAsync(stage, 2);
    return end(way);
  },
);

/** Ends in this way, holding nothing. */
export const die = task(url, "die", async (/** @type {Way} */ way, /** @type {AtomicI32 | undefined} */ stage) => {
  if (stage !== undefined) reach(stage, 1);
  return end(way);
});

export const dieReading = task(url, "dieReading", (/** @type {import("ferrous").RwLock} */ lock, /** @type {AtomicI32} */ stage) => {
  lock.read();
  reach(stage, 1);
  return idle();
});
export const dieWithPermits = task(
  url,
  "dieWithPermits",
  (/** @type {import("ferrous").Semaphore} */ permits, /** @type {number} */ count, /** @type {AtomicI32} */ stage) => {
    permits.acquire(count);
    reach(stage, 1);
    return idle();
  },
);
export const dieInOnce = task(url, "dieInOnce", (/** @type {import("ferrous").Once} */ once, /** @type {AtomicI32} */ stage) =>
  once.runAsync(() => {
    reach(stage, 1);
    return idle();
  }),
);
export const dieInOnceLock = task(
  url,
  "dieInOnceLock",
  (/** @type {import("ferrous").OnceLock<number>} */ cell, /** @type {AtomicI32} */ stage) =>
    cell.getOrInitAsync(() => {
      reach(stage, 1);
      return idle();
    }),
);
/** Waits at the barrier, and is to die there or afterwards. */
export const dieAfterBarrier = task(
  url,
  "dieAfterBarrier",
  async (/** @type {import("ferrous").Barrier} */ barrier, /** @type {AtomicI32} */ stage) => {
    await barrier.waitAsync();
    reach(stage, 1);
    return idle();
  },
);
export const dieWithEnd = task(url, "dieWithEnd", (/** @type {ToNumbers | Numbers} */ end, /** @type {AtomicI32} */ stage) => {
  reach(stage, 1);
  return idle();
});

/** Throws one thing of each kind. */
export const fail = task(url, "fail", (/** @type {string} */ how) => {
  switch (how) {
    case "an error":
      throw Object.assign(new RangeError("out of range", { cause: new TypeError("why") }), { code: "E_RANGE" });
    case "a text":
      throw "just text";
    case "nothing":
      throw undefined;
    case "a function":
      throw () => 1;
  }
});

// --- Waiting for events ---

/** @typedef {import("ferrous").Mutex<Int32Array<SharedArrayBuffer>>} Box */

/** Takes what is put into the box. */
export const takeFromBox = task(
  url,
  "takeFromBox",
  (/** @type {Box} */ box, /** @type {import("ferrous").Condvar} */ filled, /** @type {AtomicI32 | undefined} */ stage) => {
    const guard = box.lock();
    if (stage !== undefined) {
      stage.fetchAdd(1);
      stage.notify();
    }
    filled.waitWhile(guard, (cells) => cells[0] === 0);
    const [taken = 0] = guard.value;
    guard.value[0] = 0;
    guard.release();
    return taken;
  },
);

/** Puts 1 to `count` into the box, one after the other. */
export const putIntoBox = task(
  url,
  "putIntoBox",
  (/** @type {Box} */ box, /** @type {import("ferrous").Condvar} */ changed, /** @type {number} */ count) => {
    for (let n = 1; n <= count; n++) {
      const guard = box.lock();
      changed.waitWhile(guard, (cells) => cells[0] !== 0);
      guard.value[0] = n;
      changed.notifyAll();
      guard.release();
    }
  },
);

export const useSemaphore = task(
  url,
  "useSemaphore",
  (
    /** @type {import("ferrous").Semaphore} */ permits,
    /** @type {AtomicI32} */ inside,
    /** @type {AtomicI32} */ most,
    /** @type {number} */ times,
  ) => {
    for (let n = 0; n < times; n++) {
      const permit = permits.acquire();
      most.fetchMax(inside.fetchAdd(1) + 1);
      inside.fetchSub(1);
      permit.release();
    }
  },
);

/** How often it led. */
export const meet = task(url, "meet", (/** @type {import("ferrous").Barrier} */ barrier, /** @type {number} */ rounds) => {
  let led = 0;
  for (let round = 0; round < rounds; round++) if (barrier.wait().leader) led++;
  return led;
});

export const countDown = task(url, "countDown", (/** @type {import("ferrous").Latch} */ latch) => latch.countDown());

export const runOnce = task(url, "runOnce", (/** @type {import("ferrous").Once} */ once, /** @type {AtomicI32} */ runs) => {
  once.run(() => {
    runs.fetchAdd(1);
  });
  return runs.load();
});

export const getOrInit = task(
  url,
  "getOrInit",
  (/** @type {import("ferrous").OnceLock<number>} */ cell, /** @type {AtomicI32} */ runs, /** @type {number} */ mine) =>
    cell.getOrInit(() => {
      runs.fetchAdd(1);
      return mine;
    }),
);

export const parkOnce = task(url, "parkOnce", (/** @type {number | undefined} */ timeout) =>
  park(timeout === undefined ? undefined : { timeout }),
);
export const answerUnparks = task(url, "answerUnparks", (/** @type {Thread} */ other, /** @type {number} */ times) => {
  for (let n = 0; n < times; n++) {
    park();
    unpark(other);
  }
});

/** Sleeps on a word until it is another one. */
export const sleepOn = task(url, "sleepOn", (/** @type {AtomicI32} */ word) => word.wait(0));

export const add = task(url, "add", (/** @type {AtomicI32} */ word, /** @type {number} */ times) => {
  for (let n = 0; n < times; n++) word.fetchAdd(1);
});

export const addBig = task(url, "addBig", (/** @type {import("ferrous").AtomicI64} */ word, /** @type {number} */ times) => {
  for (let n = 0; n < times; n++) word.fetchAdd(1n);
});

/** Loops until it is called off; how often it looked. */
export const loopUntilCalledOff = task(url, "loopUntilCalledOff", (/** @type {CancelFlag} */ flag, /** @type {AtomicI32} */ stage) => {
  reach(stage, 1);
  while (!flag.cancelled);
  return String(flag.reason);
});
/** Resolves with the reason when its AbortSignal is aborted. */
export const listen = task(url, "listen", async (/** @type {CancelFlag} */ flag, /** @type {AtomicI32} */ stage) => {
  const { signal } = flag;
  const aborted = new Promise((resolve) => signal.addEventListener("abort", resolve));
  const alive = setInterval(() => undefined, 1000);
  reach(stage, 1);
  await aborted;
  clearInterval(alive);
  return String(signal.reason);
});

// --- Threads ---

export const whoAmI = task(url, "whoAmI", () => ({ ...Thread.current(), isMain: Thread.isMain }));
export const idOfMe = task(url, "idOfMe", () => Thread.current().id);

export const spawnDouble = task(url, "spawnDouble", (/** @type {number} */ n) => spawn(double, n).join());
export const spawnDoubleAsync = task(url, "spawnDoubleAsync", (/** @type {number} */ n) => spawn(double, n).joinAsync());
/** Leaves a thread behind that sets the word when it is told to. */
export const leaveThread = task(url, "leaveThread", (/** @type {AtomicI32} */ stage) => {
  spawn(setWhenTold, stage);
});
export const setWhenTold = task(url, "setWhenTold", async (/** @type {AtomicI32} */ stage) => {
  await untilAsync(stage, 1);
  reach(stage, 2);
});
export const sumInScope = task(url, "sumInScope", (/** @type {number} */ n) =>
  scope((s) => s.spawn(double, n).join() + s.spawn(double, n + 1).join()),
);

/** Leaves a timer behind that would set the word. */
export const leaveTimer = task(url, "leaveTimer", (/** @type {AtomicI32} */ stage) => {
  setTimeout(() => reach(stage, 9), 30);
});

export const makeLock = task(url, "makeLock", () => Mutex.of(u32, 3, { name: "made" }));
export const giveBack = task(url, "giveBack", (/** @type {unknown} */ value) => value);
export const kindsOf = task(url, "kindsOf", (/** @type {readonly unknown[]} */ values) =>
  values.map((value) => /** @type {{ constructor?: { name?: string } } | null | undefined} */ (value)?.constructor?.name ?? String(value)),
);
export const bumpStruct = task(url, "bumpStruct", (/** @type {import("ferrous").Infer<typeof Account>} */ account) => {
  account.begun += 1;
});
export const fill = task(url, "fill", (/** @type {Int32Array<SharedArrayBuffer>} */ cells, /** @type {number} */ value) => {
  cells.fill(value);
});

let locals = 0;
export const LOCAL = threadLocal(() => ({ count: ++locals }));

// --- Statics ---

export const SERVED = staticAtomic("everywhere/SERVED", AtomicI32, 5);
export const RUNS = staticAtomic("everywhere/RUNS", AtomicI32, 0);
export const CONFIG = lazyStatic("everywhere/SHARED_CONFIG", () => {
  RUNS.fetchAdd(1);
  return new Mutex(Account.create({ begun: 100 }), { name: "config" });
});
export const PLAIN = lazyStatic("everywhere/PLAIN", () => ({ list: [1, 2, 3], map: new Map([["a", 1]]) }));

export const configure = task(url, "configure", async () => (await CONFIG.getAsync()).with((value) => (value.begun += 1)));
export const readPlain = task(url, "readPlain", async () => {
  const { list, map } = await PLAIN.getAsync();
  return [list.length, map.get("a")];
});
export const declareOther = task(url, "declareOther", (/** @type {string} */ name, /** @type {number} */ value) => {
  try {
    return staticAtomic(name, AtomicI32, value).load();
  } catch (error) {
    return told(error);
  }
});

// --- Channels ---

export const countTo = task(url, "countTo", (/** @type {ToNumbers} */ tx, /** @type {number} */ end) => {
  for (let n = 0; n < end; n++) tx.send(n);
});
export const countToAsync = task(url, "countToAsync", async (/** @type {ToNumbers} */ tx, /** @type {number} */ end) => {
  for (let n = 0; n < end; n++) await tx.sendAsync(n);
});
export const sum = task(url, "sum", (/** @type {Numbers} */ rx) => {
  let total = 0;
  for (const n of rx) total += n;
  return total;
});
export const sumAsync = task(url, "sumAsync", async (/** @type {Numbers} */ rx) => {
  let total = 0;
  for await (const n of rx) total += n;
  return total;
});
/** Answers each request with its square, on the sender that the request carries. */
export const answer = task(url, "answer", async (/** @type {import("ferrous").Receiver<{ n: number, reply: ToNumbers }>} */ rx) => {
  for await (const { n, reply } of rx) reply.send(n * n);
});
export const returnEnd = task(url, "returnEnd", (/** @type {Numbers} */ rx) => rx);
export const sendFate = task(url, "sendFate", (/** @type {ToNumbers} */ tx, /** @type {AtomicI32} */ stage) => {
  reach(stage, 1);
  try {
    for (;;) tx.send(1);
  } catch (error) {
    return told(error);
  }
});
export const recvFate = task(url, "recvFate", (/** @type {Numbers} */ rx, /** @type {AtomicI32} */ stage) => {
  reach(stage, 1);
  try {
    for (;;) rx.recv();
  } catch (error) {
    return told(error);
  }
});

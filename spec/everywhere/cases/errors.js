import {
  AtomicI32,
  attach,
  Barrier,
  channel,
  Condvar,
  FerrousError,
  fromHandle,
  Latch,
  Mutex,
  RwLock,
  Semaphore,
  spawn,
  Thread,
  TimeoutError,
  toHandle,
  u32,
} from "../ferrous.js";
import { describe, equal, matches, ok, rejects, throws } from "../suite.js";
import { double, whoAmI } from "../tasks.js";

const { here } = describe("an error");

here("of ferrous is a FerrousError, with a code, a name and what to do", async () => {
  const lock = new Mutex(undefined, { name: "slow" });
  const guard = await lock.lockAsync();
  const error = await rejects(lock.lockAsync({ timeout: 1 }), "TIMEOUT");
  ok(error instanceof TimeoutError && error instanceof FerrousError && error instanceof Error);
  equal(error.name, "TimeoutError");
  matches(error.message, /mutex "slow".*within 1 ms.*Nothing is held/);
  guard.release();
});

here("tells wrong timeouts, signals and names", async () => {
  const lock = new Mutex();
  await rejects(lock.lockAsync({ timeout: -1 }), "RangeError");
  await rejects(lock.lockAsync({ signal: /** @type {never} */ ({}) }), "TypeError");
  throws(() => new Mutex(undefined, { name: /** @type {never} */ (7) }), "TypeError");
});

here("tells a blocking call that an AbortSignal is of no use to it", () => {
  throws(() => new Mutex().lock({ signal: /** @type {never} */ (new AbortController().signal) }), "TypeError");
});

here("tells a handle that was forged or damaged", () => {
  const handle = structuredClone(toHandle(Mutex.of(u32)));
  throws(() => fromHandle({ ...handle, byteOffset: 3 }), "HANDLE");
  throws(() => fromHandle(/** @type {never} */ ({ ferrous: "no such" })), "HANDLE");
  throws(() => fromHandle(/** @type {never} */ (5)), "HANDLE");
});

here("tells tasks without a module, a name or a function", () => {
  throws(() => spawn(/** @type {never} */ (7)), "TypeError");
});

here("of a thread crosses with its class and its code", async () => {
  const error = await rejects(spawn(double, /** @type {never} */ (1n)).joinAsync(), "PANIC");
  equal(/** @type {Error} */ (error.cause).name, "TypeError");
});

const where = describe("this thread");

where.here("is the main thread, or one that knows that it is not", async () => {
  const { isMain } = await spawn(whoAmI).joinAsync();
  equal(isMain, false);
});

where.here("attaches, as often as it likes", async () => {
  await attach();
  await attach();
  ok(Thread.current().id > 0);
});

where.blocking("may block", () => {
  equal(new AtomicI32(0).wait(0, { timeout: 1 }), "timed-out");
});

/** Blocking calls that would have to wait, one of each kind; and the awaiting form that a page's main thread is told of. */
const CALLS = {
  "a Mutex": async () => {
    const lock = new Mutex();
    const guard = await lock.lockAsync();
    return { call: () => lock.lock({ timeout: 1 }), form: "lockAsync", end: () => guard.release() };
  },
  "an RwLock": async () => {
    const lock = new RwLock();
    const guard = await lock.readAsync();
    return { call: () => lock.write({ timeout: 1 }), form: "writeAsync", end: () => guard.release() };
  },
  "a Semaphore": async () => {
    const permits = new Semaphore(1);
    const permit = await permits.acquireAsync();
    return { call: () => permits.acquire({ timeout: 1 }), form: "acquireAsync", end: () => permit.release() };
  },
  "a Barrier": async () => ({ call: () => new Barrier(2).wait({ timeout: 1 }), form: "waitAsync", end: () => undefined }),
  "a Latch": async () => ({ call: () => new Latch(1).wait({ timeout: 1 }), form: "waitAsync", end: () => undefined }),
  "a Condvar": async () => {
    const lock = new Mutex();
    const guard = await lock.lockAsync();
    return { call: () => new Condvar().wait(guard, { timeout: 1 }), form: "waitAsync", end: () => guard.release() };
  },
  "an atomic": async () => ({ call: () => new AtomicI32(0).wait(0, { timeout: 1 }), form: "waitAsync", end: () => undefined }),
  "a Receiver": async () => {
    const [tx, rx] = channel();
    return { call: () => rx.recv({ timeout: 1 }), form: "recvAsync", end: () => tx.close() };
  },
};

for (const [what, prepare] of Object.entries(CALLS)) {
  describe(`a blocking call of ${what}`).here("waits where that is allowed, and else names the awaiting form", async () => {
    const { call, form, end } = await prepare();
    let said = "went on";
    try {
      said = String(call());
    } catch (error) {
      const { code, message } = /** @type {Error & { code: string }} */ (error);
      said = code;
      if (code === "BLOCKING_NOT_ALLOWED") matches(message, new RegExp(`${form}\\(\\)`));
    }
    end();
    ok(["TIMEOUT", "timed-out", "DEADLOCK", "BLOCKING_NOT_ALLOWED"].includes(said), `it is ${said}`);
    // A thread of ours may block anywhere.
    ok(said !== "BLOCKING_NOT_ALLOWED" || "document" in globalThis, "it may not block here");
  });
}

import { AtomicI32, CancelFlag, Mutex, ReentrantMutex, RwLock, spawn } from "../ferrous.js";
import { describe, equal, fateOf, matches, ok, rejects, throws } from "../suite.js";
import { Account, dieHolding, dieReading, lockIt, reach, until, untilAsync, WAYS } from "../tasks.js";

const { here } = describe("a poisoned lock");
const boom = () => {
  throw new RangeError("boom");
};

here("is one in whose withAsync() something was thrown", async () => {
  const lock = new Mutex();
  await rejects(
    lock.withAsync(async () => boom()),
    "RangeError",
  );
  await rejects(lock.lockAsync(), "POISONED");
  equal(await lock.recoverAsync(async () => undefined), true);
  (await lock.lockAsync()).release();
});

here("is none after a throw through a guard that was released in finally", async () => {
  const lock = new Mutex();
  const guard = await lock.lockAsync();
  throws(() => {
    try {
      boom();
    } finally {
      guard.release();
    }
  }, "RangeError");
  equal(lock.poisoned, false);
});

here("stays poisoned if its repair throws", () => {
  const lock = new Mutex();
  throws(() => lock.with(boom), "RangeError");
  throws(() => lock.recover(boom), "RangeError");
  equal(lock.poisoned, true);
});

here("is told to those who wait already", async () => {
  const lock = new Mutex();
  const guard = await lock.lockAsync();
  const waiting = fateOf(lock.lockAsync());
  guard.poison();
  guard.release();
  equal(await waiting, "POISONED");
});

here("is an RwLock whose writer failed, for readers and writers", () => {
  const lock = new RwLock(Account.create());
  throws(() => lock.withRead(boom), "RangeError");
  equal(lock.poisoned, false);
  throws(() => lock.withWrite(boom), "RangeError");
  throws(() => lock.read(), "POISONED");
  throws(() => lock.write(), "POISONED");
  equal(
    lock.recover(() => undefined),
    true,
  );
  lock.read().release();
});

here("is a ReentrantMutex whose holder failed", () => {
  const lock = new ReentrantMutex();
  throws(() => lock.with(boom), "RangeError");
  throws(() => lock.lock(), "POISONED");
  lock.clearPoison();
  lock.lock().release();
});

const death = describe("a thread that ends with a lock");

/** What its joiner is told, in Node and in pages. @type {Record<typeof WAYS[number], RegExp>} */
const TOLD = {
  "a throw": /^PANIC RangeError: thrown/,
  "a rejection": /^PANIC RangeError: rejected/,
  "an uncaught error": /^PANIC RangeError: uncaught/,
  "an unhandled rejection": /^THREAD_DIED unhandled-rejection/,
  "a stack overflow": /^THREAD_DIED stack-overflow/,
  "a return": /^returned/,
  "terminate() while it is idle": /^THREAD_DIED terminated/,
  "terminate() while it blocks": /^THREAD_DIED terminated/,
  "terminate() while it is busy": /^THREAD_DIED terminated/,
};

/** @param {import("ferrous").JoinHandle<unknown>} thread */
const endOf = (thread) =>
  thread.joinAsync().then(String, (error) => `${error.code} ${error.code === "PANIC" ? String(error.cause) : String(error.reason)}`);

for (const way of WAYS) {
  death.here(`by ${way} poisons it, and who awaits it is told; so is who joins`, async () => {
    const [lock, stage] = [new Mutex(undefined, { name: "left" }), new AtomicI32(0)];
    const victim = spawn(dieHolding, lock, stage, way);
    await untilAsync(stage, 1);
    const waiting = fateOf(lock.lockAsync());
    reach(stage, 2);
    if (way.startsWith("terminate")) await victim.terminate();
    equal(await waiting, "POISONED");
    matches(await endOf(victim), TOLD[way]);
    equal(
      lock.recover(() => undefined),
      true,
    );
  });

  death.here(`by ${way} poisons it, and threads that block for it are told`, async () => {
    const [lock, stage, asked] = [new Mutex(), new AtomicI32(0), new AtomicI32(0)];
    const victim = spawn(dieHolding, lock, stage, way);
    await untilAsync(stage, 1);
    const waiters = [spawn(lockIt, lock, asked), spawn(lockIt, lock, asked)];
    await untilAsync(asked, 2);
    reach(stage, 2);
    if (way.startsWith("terminate")) await victim.terminate();
    equal(await Promise.all(waiters.map((waiter) => waiter.joinAsync())), ["POISONED", "POISONED"]);
    await endOf(victim);
  });
}

death.blocking("is told of to a thread that blocks for it and started it", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const victim = spawn(dieHolding, lock, stage, "an uncaught error");
  until(stage, 1);
  reach(stage, 2);
  throws(() => lock.lock(), "POISONED");
  await endOf(victim);
});

death.here("that it only read takes nothing with it: writers go on", async () => {
  const [lock, stage] = [new RwLock(), new AtomicI32(0)];
  const victim = spawn(dieReading, lock, stage);
  await untilAsync(stage, 1);
  const waiting = lock.writeAsync();
  await victim.terminate();
  (await waiting).release();
  equal(lock.poisoned, false);
});

death.here("that it wrote poisons an RwLock for readers", async () => {
  const [lock, stage] = [new RwLock(), new AtomicI32(0)];
  const victim = spawn(dieHolding, lock, stage, "terminate() while it is idle");
  await untilAsync(stage, 1);
  const waiting = fateOf(lock.readAsync());
  await victim.terminate();
  equal(await waiting, "POISONED");
});

death.here("that was reentrant poisons it", async () => {
  const [lock, stage] = [new ReentrantMutex(), new AtomicI32(0)];
  const victim = spawn(dieHolding, lock, stage, "a throw");
  await untilAsync(stage, 1);
  reach(stage, 2);
  equal(await fateOf(lock.lockAsync()), "POISONED");
  await endOf(victim);
});

death.here("while it only waited for it leaves it as it was", async () => {
  const [lock, stage, flag] = [new Mutex(), new AtomicI32(0), new CancelFlag()];
  const guard = await lock.lockAsync();
  const victim = spawn(lockIt, lock, stage);
  await untilAsync(stage, 1);
  await victim.terminate();
  const waiter = spawn(lockIt, lock, undefined);
  guard.release();
  equal(await waiter.joinAsync(), "got in");
  equal([lock.poisoned, flag.cancelled], [false, false]);
});

death.here("by terminate() while it is busy is told of within a second", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const victim = spawn(dieHolding, lock, stage, "terminate() while it is busy");
  await untilAsync(stage, 1);
  reach(stage, 2);
  const waiting = fateOf(lock.lockAsync());
  const since = performance.now();
  void victim.terminate();
  equal(await waiting, "POISONED");
  const took = performance.now() - since;
  ok(took < 1000, `it took ${Math.round(took)} ms`);
});

import { AtomicI32, AtomicU32, Mutex, sleepAsync, spawn, task, Thread, ThreadBuilder, u32 } from "../ferrous.js";
import { describe, equal, matches, ok, rejects, throws } from "../suite.js";
import {
  die,
  double,
  fail,
  fill,
  giveBack,
  hold,
  idOfMe,
  kindsOf,
  leaveThread,
  leaveTimer,
  lockWhatIsHeld,
  makeLock,
  reach,
  spawnDouble,
  spawnDoubleAsync,
  untilAsync,
  WAYS,
  whoAmI,
} from "../tasks.js";

const { here, blocking } = describe("a thread");

here("is not started for an inline function that captures a variable, which is named", () => {
  // Not simply 3: Bun would write that into the function.
  const factor = Number("3");
  const error = throws(() => spawn((/** @type {number} */ n) => n * factor, 14), "CAPTURE");
  equal(error.variables, ["factor"]);
});

blocking("is joined by who blocks, and then by who awaits", async () => {
  const handle = spawn(double, 4);
  equal([handle.join(), await handle.joinAsync()], [8, 8]);
});

blocking("is joined within a time, or not, and runs on", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const holder = spawn(hold, lock, stage);
  throws(() => holder.join({ timeout: 5 }), "TIMEOUT");
  await untilAsync(stage, 1);
  reach(stage, 2);
  equal(await holder.joinAsync(), undefined);
});

here("is joined twice, and by several tasks, with the same result", async () => {
  const handle = spawn(double, 5);
  equal(await Promise.all([handle.joinAsync(), handle.joinAsync()]), [10, 10]);
  equal(await handle.joinAsync(), 10);
  equal(handle.isFinished, true);
});

here("is one of eight at once", async () => {
  const all = Array.from({ length: 8 }, (_, n) => spawn(double, n).joinAsync());
  equal(await Promise.all(all), [0, 2, 4, 6, 8, 10, 12, 14]);
});

here("is started by a thread, which blocks for it", async () => {
  equal(await spawn(spawnDouble, 6).joinAsync(), 12);
});

here("is started by a thread, which awaits it", async () => {
  equal(await spawn(spawnDoubleAsync, 7).joinAsync(), 14);
});

here("outlives the thread that started it", async () => {
  const stage = new AtomicI32(0);
  await spawn(leaveThread, stage).joinAsync();
  reach(stage, 1);
  await untilAsync(stage, 2);
});

here("is started, even if all who start one end at once", async () => {
  const starters = Array.from({ length: 8 }, () => ({ stage: new AtomicI32(0) }));
  await Promise.all(starters.map(({ stage }) => spawn(leaveThread, stage).joinAsync()));
  for (const { stage } of starters) reach(stage, 1);
  for (const { stage } of starters) await untilAsync(stage, 2);
});

here("ends with its task: pending timers are dropped", async () => {
  const stage = new AtomicI32(0);
  await spawn(leaveTimer, stage).joinAsync();
  await sleepAsync(60);
  equal(stage.load(), 0);
});

here("has an id and a name, and is not the main thread", async () => {
  const handle = new ThreadBuilder({ name: "worker bee" }).spawn(whoAmI);
  const { id, name } = handle.thread;
  equal(await handle.joinAsync(), { id, name, isMain: false });
  equal(name, "worker bee");
});

here("has an id that no other thread has", async () => {
  const ids = await Promise.all([1, 2, 3].map(() => spawn(idOfMe).joinAsync()));
  equal(new Set([...ids, Thread.current().id]).size, 4);
});

here("that throws an error is a panic, with the error and its cause", async () => {
  const error = await rejects(spawn(fail, "an error").joinAsync(), "PANIC");
  const { name, message, code, cause } = /** @type {Error & { code: string, cause: Error }} */ (error.cause);
  equal([name, message, code, cause.name, cause.message], ["RangeError", "out of range", "E_RANGE", "TypeError", "why"]);
});

here("that throws something else is a panic too", async () => {
  equal((await rejects(spawn(fail, "a text").joinAsync(), "PANIC")).cause, "just text");
  equal((await rejects(spawn(fail, "nothing").joinAsync(), "PANIC")).cause, undefined);
  matches((await rejects(spawn(fail, "a function").joinAsync(), "PANIC")).cause, /cannot cross/);
});

blocking("that throws is a panic for who blocks to join it", () => {
  throws(() => spawn(fail, "an error").join(), "PANIC");
});

for (const way of WAYS.filter((name) => name.startsWith("terminate"))) {
  here(`is ended by ${way}`, async () => {
    const stage = new AtomicI32(0);
    const handle = spawn(die, way, stage);
    await untilAsync(stage, 1);
    equal(handle.isFinished, false);
    await handle.terminate();
    equal((await rejects(handle.joinAsync(), "THREAD_DIED")).reason, "terminated");
    equal(handle.thread.isAlive, false);
  });
}

here("is ended by terminate() before it has begun", async () => {
  const handle = spawn(double, 1);
  await handle.terminate();
  const ended = await handle.joinAsync().catch((error) => error.reason);
  ok(ended === "terminated" || ended === 2, `it is ${String(ended)}`);
});

here("that is terminated after its end has its result", async () => {
  const handle = spawn(double, 3);
  await handle.joinAsync();
  await handle.terminate();
  equal(await handle.joinAsync(), 6);
});

here("of a name that its module does not have is told", async () => {
  // The thread evaluates the module, but does not call this function.
  const hidden = task(import.meta.url, "hidden", () => 1);
  matches((await rejects(spawn(hidden).joinAsync(), "TASK")).message, /hidden/);
});

const crossing = describe("what crosses");

crossing.here("is copied as structured clone does it", async () => {
  const value = {
    map: new Map([["a", new Date(5)]]),
    set: new Set([1]),
    big: 2n ** 70n,
    list: [1, undefined, null],
    bytes: new Uint8Array([1, 2]),
  };
  equal(await spawn(giveBack, value).joinAsync(), value);
});

crossing.here("keeps cycles, and what is there twice", async () => {
  /** @type {{ self?: unknown, twice: unknown[] }} */
  const value = { twice: [] };
  const part = { n: 1 };
  value.self = value;
  value.twice.push(part, part);
  const got = /** @type {typeof value} */ (await spawn(giveBack, value).joinAsync());
  ok(got.self === got && got.twice[0] === got.twice[1]);
});

crossing.here("is shared if it is shared memory", async () => {
  const cells = new Int32Array(new SharedArrayBuffer(12));
  await spawn(fill, cells, 3).joinAsync();
  equal([...cells], [3, 3, 3]);
});

crossing.here("arrives as what it is, wherever it stands in the value", async () => {
  const values = [Mutex.of(u32), new AtomicU32(0), Thread.current(), new Map([["lock", new Mutex()]])];
  equal(await spawn(kindsOf, values).joinAsync(), ["Mutex", "AtomicU32", "Thread", "Map"]);
});

crossing.here("comes back as what it is", async () => {
  const lock = /** @type {Mutex<number>} */ (await spawn(makeLock).joinAsync());
  equal(
    lock.with((value) => value),
    3,
  );
});

crossing.here("is refused with its place in the value, before any thread starts", () => {
  const error = throws(() => spawn(giveBack, { deep: [1, () => 1] }), "NOT_SENDABLE");
  matches(error.message, /deep/);
});

crossing.here("is refused if it is a guard, or an instance of a user's class", () => {
  class Mine {}
  const lock = new Mutex();
  const guard = lock.lock();
  throws(() => spawn(giveBack, guard), "NOT_SENDABLE");
  throws(() => spawn(giveBack, new Mine()), "NOT_SENDABLE");
  guard.release();
});

const deadlock = describe("a deadlock");

deadlock.blocking("of a joiner that holds what its thread locks is found, in the one or in the other", async () => {
  const lock = new Mutex(undefined, { name: "mine" });
  const guard = lock.lock();
  const handle = spawn(lockWhatIsHeld, lock);
  let said;
  try {
    said = handle.join();
  } catch (error) {
    said = /** @type {{ code: unknown }} */ (error).code;
  }
  equal(said, "DEADLOCK");
  guard.release();
  await handle.joinAsync();
});

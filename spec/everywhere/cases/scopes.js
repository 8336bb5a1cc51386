import {
  AtomicI32,
  Barrier,
  CancelFlag,
  Mutex,
  park,
  parkAsync,
  scope,
  scopeAsync,
  sleepAsync,
  spawn,
  Thread,
  unpark,
} from "../ferrous.js";
import { describe, equal, fateOf, matches, rejects, throws } from "../suite.js";
import { add, answerUnparks, double, fail, listen, lockBoth, loopUntilCalledOff, parkOnce, sumInScope, untilAsync } from "../tasks.js";

const { here, blocking } = describe("a scope");

blocking("that blocks returns when every thread has ended", () => {
  const word = new AtomicI32(0);
  scope((s) => {
    s.spawn(add, word, 1000);
    s.spawn(add, word, 1000);
  });
  equal(word.load(), 2000);
});

here("throws what a thread threw that nobody joined", async () => {
  await rejects(
    scopeAsync(async (s) => {
      s.spawn(fail, "an error");
    }),
    "PANIC",
  );
});

here("throws what its body threw, when its threads have ended", async () => {
  const word = new AtomicI32(0);
  await rejects(
    scopeAsync(async (s) => {
      s.spawn(add, word, 1000);
      throw new RangeError("body");
    }),
    "RangeError",
  );
  equal(word.load(), 1000);
});

here("is used in a thread", async () => {
  equal(await spawn(sumInScope, 3).joinAsync(), 14);
});

here("spawns no more when it has returned", async () => {
  const old = await scopeAsync(async (s) => {
    await s.spawn(double, 1).joinAsync();
    return s;
  });
  throws(() => old.spawn(double, 1), "TypeError");
});

const parked = describe("park()");

parked.here("returns at once when there is a token, which does not add up", async () => {
  unpark(Thread.current());
  unpark(Thread.current());
  equal(await parkAsync(), "ok");
  equal(await parkAsync({ timeout: 5 }), "timed-out");
});

parked.here("in a thread is ended by unpark", async () => {
  const handle = spawn(parkOnce, undefined);
  unpark(handle.thread);
  equal(await handle.joinAsync(), "ok");
});

parked.here("in a thread lasts its time", async () => {
  equal(await spawn(parkOnce, 10).joinAsync(), "timed-out");
});

parked.blocking("takes turns with another thread, a hundred times", async () => {
  const other = spawn(answerUnparks, Thread.current(), 100);
  for (let n = 0; n < 100; n++) {
    unpark(other.thread);
    equal(park(), "ok");
  }
  await other.joinAsync();
});

const sleeping = describe("sleepAsync()");

sleeping.here("lasts its time, unless it is called off", async () => {
  const since = performance.now();
  await sleepAsync(20);
  // Clocks of a page are coarse.
  equal(performance.now() - since > 15, true);
  const flag = new CancelFlag();
  const asleep = fateOf(sleepAsync(60_000, { signal: flag }));
  flag.cancel(new Error("up"));
  equal(await asleep, "Error: up");
});

const flag = describe("a CancelFlag");

flag.here("is cancelled once, with the first reason", () => {
  const stop = new CancelFlag();
  equal(stop.cancelled, false);
  stop.cancel(new RangeError("first"));
  stop.cancel(new RangeError("second"));
  equal([stop.cancelled, String(stop.reason)], [true, "RangeError: first"]);
  throws(() => stop.throwIfCancelled(), "RangeError");
});

flag.here("is seen by a thread that loops", async () => {
  const [stop, stage] = [new CancelFlag(), new AtomicI32(0)];
  const looping = spawn(loopUntilCalledOff, stop, stage);
  await untilAsync(stage, 1);
  stop.cancel("enough");
  equal(await looping.joinAsync(), "enough");
});

flag.here("is an AbortSignal, live in another thread", async () => {
  const [stop, stage] = [new CancelFlag(), new AtomicI32(0)];
  const listener = spawn(listen, stop, stage);
  await untilAsync(stage, 1);
  stop.cancel(new RangeError("closing"));
  matches(await listener.joinAsync(), /RangeError: closing/);
});

flag.here("is an AbortSignal here", async () => {
  const stop = new CancelFlag();
  const aborted = new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
  stop.cancel("now");
  await aborted;
  equal([stop.signal.aborted, stop.signal.reason], [true, "now"]);
});

const deadlock = describe("a deadlock");

deadlock.here("of two threads is told to one of them, with the names of the locks", async () => {
  const [a, b, both] = [new Mutex(undefined, { name: "a" }), new Mutex(undefined, { name: "b" }), new Barrier(2)];
  const ends = await Promise.all([spawn(lockBoth, a, b, both).joinAsync(), spawn(lockBoth, b, a, both).joinAsync()]);
  const [told, other] = ends.sort();
  equal(other, "got both");
  matches(told, /^DEADLOCK: .*mutex "[ab]".*mutex "[ab]"/);
});

deadlock.here("of three threads is told to one of them", async () => {
  const [a, b, c, all] = [new Mutex(), new Mutex(), new Mutex(), new Barrier(3)];
  const threads = [spawn(lockBoth, a, b, all), spawn(lockBoth, b, c, all), spawn(lockBoth, c, a, all)];
  const ends = await Promise.all(threads.map((thread) => thread.joinAsync()));
  equal(ends.filter((end) => end.startsWith("DEADLOCK")).length, 1);
});

import { describe, expect, it } from "@jest/globals";
import { CancelFlag, Condvar, fromHandle, Latch, Mutex, spawn, struct, toHandle, u32 } from "ferrous";
import { until, words } from "../support/lockers.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";
import { consume, pingPong, produce, takeToken } from "./condvars.js";

const fresh = () => {
  const cells = words(8);
  return { cells, lock: new Mutex(cells, { name: "data" }), changed: new Condvar({ name: "changed" }) };
};
/** Blocks until so many threads have come to wait: they say so under the lock, and release it only by waiting. */
const untilWaiting = (lock: Mutex<Int32Array<SharedArrayBuffer>>, count: number): void => {
  until(() => lock.with((cells) => cells[1] === count));
};

describe("a Condvar", () => {
  it("loses a notification that comes while nobody waits", () => {
    const { lock, changed } = fresh();
    expect(changed.notifyOne()).toBe(0);
    expect(changed.notifyAll()).toBe(0);
    const guard = lock.lock();
    expect(changed.wait(guard, { timeout: 5 })).toBe("timed-out");
    guard.release();
  });

  it("says how many it woke: one, then the other two of three", async () => {
    const { lock, changed } = fresh();
    const takers = Array.from({ length: 3 }, () => spawn(takeToken, lock, changed, undefined));
    untilWaiting(lock, 3);
    const guard = lock.lock();
    guard.value[0] = 3;
    expect(changed.notifyOne()).toBe(1);
    expect(changed.notifyAll()).toBe(2);
    expect(changed.notifyAll()).toBe(0);
    guard.release();
    expect(await Promise.all(takers.map((taker) => taker.joinAsync()))).toEqual(["ok", "ok", "ok"]);
  });

  it("says how many awaiting tasks it woke, and wakes them in the order in which they came", async () => {
    const { cells, lock, changed } = fresh();
    const order: number[] = [];
    const tasks = [0, 1, 2].map(async (n) => {
      const guard = await lock.lockAsync();
      expect(await changed.waitAsync(guard)).toBe("ok");
      order.push(n);
      guard.release();
    });
    for (let waiting = 0; waiting < 3; waiting++) await (await lock.lockAsync()).release();
    expect(cells[0]).toBe(0);
    expect(changed.notifyOne()).toBe(1);
    await tasks[0];
    expect(order).toEqual([0]);
    expect(changed.notifyAll()).toBe(2);
    await Promise.all(tasks);
    expect(order).toEqual([0, 1, 2]);
  });

  it("waitWhile with no time at all is ok if the condition is met already, else timed out", async () => {
    const { lock, changed } = fresh();
    const guard = lock.lock();
    expect(changed.waitWhile(guard, () => false, { timeout: 0 })).toBe("ok");
    expect(changed.waitWhile(guard, () => true, { timeout: 0 })).toBe("timed-out");
    expect(await changed.waitWhileAsync(guard, () => false, { timeout: 0 })).toBe("ok");
    expect(await changed.waitWhileAsync(guard, () => true, { timeout: 0 })).toBe("timed-out");
    guard.release();
  });

  it("holds the lock again after a notification, a timeout and an abort; while it waits the guard is none", async () => {
    const { lock, changed } = fresh();
    const guard = lock.lock();
    expect(changed.wait(guard, { timeout: 1 })).toBe("timed-out");
    expect(lock.tryLock()).toBeUndefined();
    const controller = new AbortController();
    const waiting = changed.waitAsync(guard, { signal: controller.signal });
    expect(thrownBy(() => guard.value)).toMatchObject({ code: "RELEASED" });
    const other = lock.tryLock();
    expect(other).toBeDefined();
    other?.release();
    controller.abort(new Error("enough"));
    expect(await rejectionOf(waiting)).toMatchObject({ message: "enough" });
    expect(guard.value).toBeDefined();
    expect(lock.tryLock()).toBeUndefined();
    guard.release();
  });

  it("is called off by a CancelFlag from another thread's point of view too", async () => {
    const { lock, changed } = fresh();
    const stop = new CancelFlag();
    const taker = spawn(takeToken, lock, changed, { signal: stop });
    untilWaiting(lock, 1);
    stop.cancel(new Error("closing time"));
    expect(await rejectionOf(taker.joinAsync())).toMatchObject({ code: "PANIC", cause: { message: "closing time" } });
    expect(lock.tryLock()).toBeDefined();
  });

  it("is called off with another wait's TimeoutError, which tells nothing of its own time", async () => {
    const { lock, changed } = fresh();
    const guard = lock.lock();
    const reason = thrownBy(() => new Latch(1).wait({ timeout: 0 }));
    const controller = new AbortController();
    const waiting = changed.waitAsync(guard, { signal: controller.signal });
    controller.abort(reason);
    expect(await rejectionOf(waiting)).toBe(reason);
    expect(guard.value).toBeDefined();
    guard.release();
  });

  it("gives a PoisonedError, and no lock, if the data came into doubt meanwhile", async () => {
    const { lock, changed } = fresh();
    const guard = await lock.lockAsync();
    const waiting = changed.waitAsync(guard);
    const other = lock.lock();
    other.poison();
    other.release();
    changed.notifyAll();
    expect(await rejectionOf(waiting)).toMatchObject({ code: "POISONED" });
    expect(thrownBy(() => guard.value)).toMatchObject({ code: "RELEASED" });
    expect(lock.tryLock({ allowPoisoned: true })).toBeDefined();
  });

  it("comes back to data that was in doubt before, for who was let in in spite of that", () => {
    const { lock, changed } = fresh();
    const first = lock.lock();
    first.poison();
    first.release();
    const inside = lock.lock({ allowPoisoned: true });
    expect(changed.wait(inside, { timeout: 1 })).toBe("timed-out");
    expect(inside.poisoned).toBe(true);
    inside.release();
  });

  it("refuses a second lock while others wait with the first, and takes it afterwards", async () => {
    const { cells, lock, changed } = fresh();
    const taker = spawn(takeToken, lock, changed, undefined);
    untilWaiting(lock, 1);
    const second = new Mutex(words(1), { name: "second" });
    const guard = second.lock();
    expect(() => changed.wait(guard, { timeout: 10 })).toThrow(/condvar "changed" is used with mutex "second" while others wait/);
    expect(guard.value).toBeDefined();
    lock.with(() => {
      cells[0] = 1;
      changed.notifyOne();
    });
    expect(await taker.joinAsync()).toBe("ok");
    expect(changed.wait(guard, { timeout: 1 })).toBe("timed-out");
    guard.release();
  });

  it("refuses what is no guard, a released one, wrong limits and wrong predicates, before it releases anything", async () => {
    const { lock, changed } = fresh();
    const guard = lock.lock();
    expect(() => changed.wait(undefined as never)).toThrow(TypeError);
    expect(() => changed.wait(lock as never)).toThrow(/needs the guard of the lock/);
    expect(() => changed.wait(guard, { timeout: Number.NaN })).toThrow(RangeError);
    expect(() => changed.wait(guard, { signal: new AbortController().signal as never })).toThrow(TypeError);
    expect(() => changed.waitWhile(guard, true as never)).toThrow(/needs a function/);
    const later = (async () => Promise.resolve(false)) as never;
    expect(() => changed.waitWhile(guard, later, { timeout: 1 })).toThrow(/returned a promise/);
    expect(await rejectionOf(changed.waitWhileAsync(guard, later, { timeout: 1 }))).toMatchObject({ name: "TypeError" });
    expect(guard.value).toBeDefined();
    guard.release();
    expect(thrownBy(() => changed.wait(guard))).toMatchObject({ code: "RELEASED" });
    for (const waiters of [0, -1, 1.5, Number.NaN, 1025]) expect(() => new Condvar({ waiters })).toThrow(RangeError);
    expect(() => new Condvar(null as never)).toThrow(TypeError);
  });

  it("counts no wait that could not begin, because its lock was freed behind its back", async () => {
    const { lock, changed } = fresh();
    const { buffer, byteOffset } = toHandle(lock);
    const free = (): void => {
      new Int32Array(buffer)[byteOffset >> 2] = 0;
    };
    const guard = lock.lock();
    free();
    expect(thrownBy(() => changed.wait(guard))).toMatchObject({ code: "RELEASED" });
    expect(changed.notifyAll()).toBe(0);
    const next = lock.lock();
    free();
    expect(await rejectionOf(changed.waitAsync(next))).toMatchObject({ code: "RELEASED" });
    expect(changed.notifyAll()).toBe(0);
    // Nobody waits with the first lock, so a second one may take its place.
    const second = new Mutex(words(1), { name: "second" }).lock();
    expect(changed.wait(second, { timeout: 1 })).toBe("timed-out");
    second.release();
  });

  it("leaves the guard with the caller whose predicate throws", () => {
    const { lock, changed } = fresh();
    const guard = lock.lock();
    const fail = (): never => {
      throw new Error("no idea");
    };
    expect(() => changed.waitWhile(guard, fail)).toThrow("no idea");
    expect(guard.value).toBeDefined();
    guard.release();
  });

  it("lies in a struct, and crosses to other threads with its name and its slots", () => {
    const Box = struct("Box", { lock: Mutex, changed: Condvar, count: u32 });
    const box = Box.create({});
    const guard = box.lock.lock();
    expect(box.changed.wait(guard, { timeout: 1 })).toBe("timed-out");
    guard.release();
    const opened = fromHandle<Condvar>(toHandle(new Condvar({ name: "far", waiters: 3 })));
    expect(toHandle(opened)).toMatchObject({ name: "far", type: 3 });
    expect(() => fromHandle({ ...toHandle(new Condvar()), type: 5000 })).toThrow(/waiters/);
  });

  it("with more threads than slots still wakes all", async () => {
    const { lock } = fresh();
    const changed = new Condvar({ waiters: 1 });
    const takers = Array.from({ length: 3 }, () => spawn(takeToken, lock, changed, undefined));
    untilWaiting(lock, 3);
    lock.with((cells) => {
      cells[0] = 3;
    });
    while (takers.length > 0) {
      changed.notifyAll();
      if (lock.with((cells) => cells[0] === 0)) break;
      until(() => true);
    }
    expect(await Promise.all(takers.map((taker) => taker.joinAsync()))).toEqual(["ok", "ok", "ok"]);
  });
});

describe("a Condvar with tasks in a slot and without one", () => {
  it("wakes each when it is notified, whichever of them came first", async () => {
    const lock = new Mutex();
    const changed = new Condvar({ waiters: 1 });
    const wait = async (condvar: Condvar): Promise<string> => {
      const guard = await lock.lockAsync();
      const end = await condvar.waitAsync(guard, { timeout: 10_000 });
      guard.release();
      return end;
    };
    const begun = async (condvar: Condvar): Promise<{ end: Promise<string> }> => {
      const end = wait(condvar);
      await (await lock.lockAsync()).release();
      return { end };
    };
    // As another thread's: it has the only slot.
    const other = await begun(fromHandle<Condvar>(toHandle(changed)));
    const crowded = await begun(changed);
    expect(changed.notifyOne()).toBe(1);
    expect(await other.end).toBe("ok");
    const slotted = await begun(changed);
    const start = performance.now();
    expect(changed.notifyOne()).toBe(1);
    expect(await slotted.end).toBe("ok");
    expect(changed.notifyOne()).toBe(1);
    expect(await crowded.end).toBe("ok");
    expect(performance.now() - start).toBeLessThan(5000);
  }, 20_000);
});

describe("under real threads, a Condvar", () => {
  it("hands a ball over 20,000 times", async () => {
    const { lock, changed } = fresh();
    const players = [0, 1].map((me) => spawn(pingPong, lock, changed, me, 10_000));
    for (const player of players) await player.joinAsync();
  });

  it("moves every number through a small queue, once", async () => {
    const { lock } = fresh();
    const [room, items] = [new Condvar({ name: "room" }), new Condvar({ name: "items" })];
    const [count, sides] = [4000, 2];
    const producers = Array.from({ length: sides }, () => spawn(produce, lock, room, items, count));
    const consumers = Array.from({ length: sides }, () => spawn(consume, lock, room, items, count));
    await Promise.all(producers.map((producer) => producer.joinAsync()));
    const sums = await Promise.all(consumers.map((consumer) => consumer.joinAsync()));
    expect(sums.reduce((a, b) => a + b, 0)).toBe((sides * count * (count + 1)) / 2);
  });
});

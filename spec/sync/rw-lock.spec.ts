import { describe, expect, it } from "@jest/globals";
import { CancelFlag, Condvar, f64, fromHandle, RwLock, spawn, struct, toHandle, u32 } from "ferrous";
import { until, words } from "../support/lockers.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";
import { come, holdAndWant, holdFor, holdRead, mix, overlap, readOnce, readTwice, reserveOnce, writeOnce, writeWithin } from "./sharers.js";

const fresh = (options?: { readers?: number }) => new RwLock(words(4), { name: "rw", ...options });
type Lock = ReturnType<typeof fresh>;
const WAITERS = 1;
/** Does somebody wait for this lock? It stands in its first word. */
const isWaitedFor = (lock: Lock): boolean => {
  const { buffer } = toHandle(lock);
  return (Atomics.load(new Int32Array(buffer), 0) & WAITERS) !== 0;
};
const isShutting = (lock: Lock): boolean => Atomics.load(new Int32Array(toHandle(lock).buffer), 0) >>> 4 !== 0;

describe("an RwLock", () => {
  it("holds back new readers from a waiting writer's first step on, also those whose slots were open", async () => {
    const lock = new RwLock(words(2), { name: "shared" });
    const again = fromHandle<typeof lock>(toHandle(lock));
    const first = lock.read();
    again.read().release();
    const order: string[] = [];
    const writing = lock.writeAsync().then((guard) => {
      order.push("wrote");
      guard.release();
    });
    const reading = again.readAsync().then((guard) => {
      order.push("read");
      guard.release();
    });
    first.release();
    await Promise.all([writing, reading]);
    expect(order).toEqual(["wrote", "read"]);
  });

  it("admits many readers, of one thread and of several, and no writer among them", async () => {
    const lock = fresh();
    const stage = words(2);
    const first = lock.read();
    const second = lock.read();
    const other = spawn(holdRead, lock, stage);
    until(() => Atomics.load(stage, 0) === 1);
    expect(lock.tryWrite()).toBeUndefined();
    first.release();
    second.release();
    expect(lock.tryWrite()).toBeUndefined();
    Atomics.store(stage, 1, 1);
    Atomics.notify(stage, 1);
    await other.joinAsync();
    const writer = lock.tryWrite();
    expect(writer).toBeDefined();
    expect(lock.tryRead()).toBeUndefined();
    expect(lock.tryWrite()).toBeUndefined();
    writer?.release();
    writer?.release();
    expect(lock.tryRead()).toBeDefined();
  });

  it("try_read while a writer waits behind a reader: would block", async () => {
    const lock = fresh();
    const stage = words(2);
    const reader = spawn(holdRead, lock, stage);
    until(() => Atomics.load(stage, 0) === 1);
    const writer = spawn(writeOnce, lock);
    until(() => isShutting(lock));
    expect(lock.tryRead()).toBeUndefined();
    Atomics.store(stage, 1, 1);
    Atomics.notify(stage, 1);
    expect(await writer.joinAsync()).toBe(0);
    await reader.joinAsync();
    expect(lock.tryRead()).toBeDefined();
  });

  it("lets readers that waited through a writer in before the next writer", async () => {
    const lock = fresh();
    const guard = lock.write();
    const reader = spawn(readOnce, lock);
    until(() => isWaitedFor(lock));
    const slots = new Int32Array(toHandle(lock).buffer);
    // A reader that waits says so in a slot.
    until(() => slots.subarray(16).some((slot) => slot >>> 4 !== 0));
    const writer = spawn(writeOnce, lock);
    until(() => isWaitedFor(lock));
    guard.release();
    expect(await reader.joinAsync()).toBe(0);
    expect(await writer.joinAsync()).toBe(0);
  });

  it("downgrades without a gap: other readers come in, writers do not", () => {
    const lock = fresh();
    const writer = lock.write();
    writer.value[0] = 7;
    const reader = writer.downgrade();
    expect(thrownBy(() => writer.value)).toMatchObject({ code: "RELEASED" });
    expect(reader.value[0]).toBe(7);
    const other = lock.tryRead();
    expect(other).toBeDefined();
    expect(lock.tryWrite()).toBeUndefined();
    other?.release();
    reader.release();
    expect(lock.tryWrite()).toBeDefined();
  });

  it("upgradable held: read, upgradable, write", () => {
    const lock = fresh();
    const upgradable = lock.upgradable();
    expect(lock.tryRead()?.release()).toBeUndefined();
    expect(lock.tryUpgradable()).toBeUndefined();
    expect(lock.tryWrite()).toBeUndefined();
    upgradable.release();
    expect(lock.tryWrite()).toBeDefined();
  });

  it("upgradable: try_upgrade with another reader fails and stays, without one writes", () => {
    const lock = fresh();
    const upgradable = lock.upgradable();
    const reader = lock.read();
    expect(upgradable.tryUpgrade()).toBeUndefined();
    expect(upgradable.value[0]).toBe(0);
    expect(lock.tryRead()?.release()).toBeUndefined();
    reader.release();
    const writer = upgradable.upgrade();
    writer.value[0] = 1;
    expect(thrownBy(() => upgradable.value)).toMatchObject({ code: "RELEASED" });
    expect(lock.tryRead()).toBeUndefined();
    writer.release();
    expect(lock.withRead((cells) => cells[0])).toBe(1);
  });

  it("reads again while only reading, and refuses to once a writer waits", async () => {
    const lock = fresh();
    const reader = lock.read();
    lock.read().release();
    const writer = spawn(writeOnce, lock);
    until(() => isShutting(lock));
    expect(thrownBy(() => lock.read())).toMatchObject({ code: "DEADLOCK", message: expect.stringContaining('RwLock "rw"') as unknown });
    expect(lock.tryRead()).toBeUndefined();
    reader.release();
    expect(await writer.joinAsync()).toBe(0);
  });

  it("refuses to block this thread on itself: reading while it writes, writing while it reads, writing twice", () => {
    const lock = fresh();
    const writer = lock.write();
    expect(thrownBy(() => lock.read())).toMatchObject({ code: "DEADLOCK" });
    expect(thrownBy(() => lock.write({ timeout: 50 }))).toMatchObject({ code: "DEADLOCK" });
    expect(thrownBy(() => lock.upgradable())).toMatchObject({ code: "DEADLOCK" });
    writer.release();
    const reader = lock.read();
    expect(thrownBy(() => lock.write())).toMatchObject({ code: "DEADLOCK" });
    // Nobody is held back by the writer that gave up.
    expect(lock.tryRead()?.release()).toBeUndefined();
    reader.release();
    lock.write().release();
  });

  it("lets the tasks of one thread read together and write one after another", async () => {
    const lock = fresh();
    const readers = await Promise.all([lock.readAsync(), lock.readAsync(), lock.readAsync()]);
    const order: string[] = [];
    const task = async (name: string, how: "read" | "write"): Promise<void> => {
      const guard = how === "read" ? await lock.readAsync() : await lock.writeAsync();
      order.push(name);
      await undefined;
      guard.release();
    };
    const tasks = [task("w1", "write"), task("w2", "write"), task("r", "read")];
    await undefined;
    expect(order).toEqual([]);
    for (const reader of readers) reader.release();
    await Promise.all(tasks);
    expect(order.sort()).toEqual(["r", "w1", "w2"]);
    expect(lock.tryWrite()).toBeDefined();
  });

  it("holds nothing after a timeout or an abort, and holds nobody back", async () => {
    const lock = fresh();
    const stage = words(2);
    const other = spawn(holdRead, lock, stage);
    until(() => Atomics.load(stage, 0) === 1);
    expect(thrownBy(() => lock.write({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    expect(lock.tryRead()?.release()).toBeUndefined();
    expect(await rejectionOf(lock.writeAsync({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    expect(lock.tryRead()?.release()).toBeUndefined();
    const controller = new AbortController();
    const writing = lock.writeAsync({ signal: controller.signal });
    controller.abort(new Error("enough"));
    expect(await rejectionOf(writing)).toMatchObject({ message: "enough" });
    expect(lock.tryRead()?.release()).toBeUndefined();
    const upgradable = lock.upgradable();
    expect(thrownBy(() => upgradable.upgrade({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    expect(await rejectionOf(upgradable.upgradeAsync({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    expect(upgradable.value[0]).toBe(0);
    upgradable.release();
    Atomics.store(stage, 1, 1);
    Atomics.notify(stage, 1);
    await other.joinAsync();
    const writer = lock.write();
    expect(await rejectionOf(lock.readAsync({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    const flag = new CancelFlag();
    const reading = spawn(readOnce, lock);
    flag.cancel(new Error("over"));
    expect(await rejectionOf(lock.readAsync({ signal: flag }))).toMatchObject({ message: "over" });
    writer.release();
    expect(await reading.joinAsync()).toBe(0);
    expect(lock.tryWrite()).toBeDefined();
  });

  it("panic under a read guard: not poisoned; under a write guard: poisoned, for readers too", () => {
    const lock = fresh();
    const boom = (): never => {
      throw new Error("boom");
    };
    expect(() => lock.withRead(boom)).toThrow("boom");
    expect(lock.poisoned).toBe(false);
    expect(() => lock.withWrite(boom)).toThrow("boom");
    expect(lock.poisoned).toBe(true);
    for (const take of [() => lock.read(), () => lock.write(), () => lock.tryRead(), () => lock.tryWrite(), () => lock.upgradable()]) {
      expect(thrownBy(take)).toMatchObject({ code: "POISONED", message: expect.stringContaining("main") as unknown });
    }
    const inside = [lock.read({ allowPoisoned: true }), lock.read({ allowPoisoned: true })];
    expect(lock.tryWrite({ allowPoisoned: true })).toBeUndefined();
    for (const guard of inside) guard.release();
    expect(
      lock.recover((cells) => {
        cells[0] = 1;
      }),
    ).toBe(true);
    expect(lock.recover(() => undefined)).toBe(false);
    expect(lock.withRead((cells) => cells[0])).toBe(1);
  });

  it("clears poison while it is free and while somebody reads in spite of it", () => {
    const lock = fresh();
    lock.write().poison();
    const held = fresh();
    const writer = held.write();
    writer.poison();
    writer.release();
    const reader = held.read({ allowPoisoned: true });
    held.clearPoison();
    expect(held.read().release()).toBeUndefined();
    expect(held.tryWrite()).toBeUndefined();
    reader.release();
    expect(held.tryWrite()).toBeDefined();
  });

  it("has its value in its own place with of(), whose guard may set it", () => {
    const lock = RwLock.of(f64, 1.5, { name: "rate" });
    const writer = lock.write();
    writer.value = 2.5;
    writer.release();
    expect(lock.withRead((value) => value)).toBe(2.5);
    expect(fromHandle<typeof lock>(toHandle(lock)).withRead((value) => value)).toBe(2.5);
    const other = fresh().write();
    expect(() => (other.value = words(4))).toThrow(/RwLock.of/);
  });

  it("lies in a struct in 64 bytes, alone and with a value", () => {
    const Config = struct("Config", { lock: RwLock, limit: RwLock.of(u32), last: u32 });
    expect(Config.byteLength).toBe(64 + 68 + 4);
    const config = Config.create({});
    config.limit.withWrite(() => undefined);
    const writer = config.limit.write();
    writer.value = 9;
    writer.release();
    expect(config.limit.withRead((value) => value)).toBe(9);
    expect(config.lock.tryWrite()).toBeDefined();
  });

  it("with fewer slots than readers lets them in one after another", async () => {
    const lock = fresh({ readers: 1 });
    const stage = words(2);
    const first = spawn(holdRead, lock, stage);
    until(() => Atomics.load(stage, 0) === 1);
    expect(lock.tryRead()).toBeUndefined();
    const second = spawn(readOnce, lock);
    expect(await rejectionOf(lock.readAsync({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    Atomics.store(stage, 1, 1);
    Atomics.notify(stage, 1);
    await first.joinAsync();
    expect(await second.joinAsync()).toBe(0);
  });

  it("works with a Condvar: wait releases the write lock and takes it again", async () => {
    const lock = fresh();
    const changed = new Condvar();
    const guard = lock.write();
    const waiting = changed.waitWhileAsync(guard, (cells) => cells[0] === 0);
    lock.withWrite((cells) => {
      cells[0] = 3;
    });
    changed.notifyOne();
    expect(await waiting).toBe("ok");
    expect(guard.value[0]).toBe(3);
    expect(lock.tryRead()).toBeUndefined();
    guard.release();
  });

  it("maps its guards to a part of the value", () => {
    const lock = fresh();
    const reader = lock.read().map((cells) => cells[0]);
    expect(reader.value).toBe(0);
    expect(lock.tryWrite()).toBeUndefined();
    reader.release();
    const writer = lock.write().map((cells) => cells.subarray(1, 2));
    expect(lock.tryRead()).toBeUndefined();
    writer.release();
    expect(lock.tryRead()).toBeDefined();
  });

  it("refuses values that are not shared, async functions, wrong places and numbers of readers", () => {
    expect(() => new RwLock({} as never)).toThrow(TypeError);
    expect(() => fresh().withRead((async () => undefined) as never)).toThrow(TypeError);
    expect(() => fresh().withWrite((async () => undefined) as never)).toThrow(TypeError);
    for (const readers of [0, -1, 1.5, 1025, Number.NaN]) expect(() => fresh({ readers })).toThrow(RangeError);
    expect(() => RwLock.at(new SharedArrayBuffer(60), 0)).toThrow(RangeError);
    expect(() => RwLock.at(new SharedArrayBuffer(128), 2)).toThrow(RangeError);
    expect(() => RwLock.at(new ArrayBuffer(64) as never, 0)).toThrow(TypeError);
    expect(() => fromHandle({ ...toHandle(fresh()), type: [99999, 16] })).toThrow(/readers/);
    expect(thrownBy(() => toHandle(fresh().read() as never))).toMatchObject({ code: "NOT_SENDABLE" });
    expect(() => fresh().tryRead(null as never)).toThrow(TypeError);
  });
});

describe("under real threads, an RwLock", () => {
  it.each([5, 50])("shows nobody a half-written value with %i %% writes, and starves nobody", async (writes) => {
    const lock = fresh();
    const arrivals = words(1);
    const handles = [1, 2, 3].map((seed) => spawn(mix, lock, arrivals, 3, 400, writes, seed));
    const counts = await Promise.all(handles.map((handle) => handle.joinAsync()));
    for (const count of counts) expect(count).toBeGreaterThan(100);
    expect(lock.tryWrite()).toBeDefined();
  });

  it("takes nobody for deadlocked who was let in and has not woken yet", async () => {
    const lock = fresh();
    const arrivals = words(1);
    const handles = [1, 2, 3, 4, 5, 6].map((seed) => spawn(mix, lock, arrivals, 6, 1000, 20, seed));
    // A DeadlockError would come as a PanicError.
    for (const handle of handles) expect(await handle.joinAsync()).toBeGreaterThan(0);
  });

  describe("takes nobody for deadlocked whose wait somebody else is going to end:", () => {
    it("one for whom no slot is left, while another reader is about to leave", async () => {
      const lock = fresh({ readers: 2 });
      const stage = words(2);
      const mine = lock.read();
      const other = spawn(holdFor, lock, stage, "read", 60);
      until(() => Atomics.load(stage, 0) === 1);
      // Blocked, and a reader itself: it seems to be in the way.
      expect(spawn(readOnce, lock).join({ timeout: 4000 })).toBe(0);
      mine.release();
      Atomics.store(stage, 1, 1);
      Atomics.notify(stage, 1);
      await other.joinAsync();
    });

    it("a reader behind a writer who is going to give up", async () => {
      const lock = fresh();
      const mine = lock.read();
      const writer = spawn(writeWithin, lock, 60);
      until(() => isShutting(lock));
      expect(spawn(readOnce, lock).join()).toBe(0);
      expect(await writer.joinAsync()).toBe("TIMEOUT");
      mine.release();
    });

    it("one who waits to be the one who may upgrade, which readers need not leave for", async () => {
      const lock = fresh();
      const stage = words(2);
      const mine = lock.read();
      const other = spawn(holdFor, lock, stage, "upgradable", 60);
      until(() => Atomics.load(stage, 0) === 1);
      spawn(reserveOnce, lock).join();
      mine.release();
      Atomics.store(stage, 1, 1);
      Atomics.notify(stage, 1);
      await other.joinAsync();
    });
  });

  it.each([
    ["a writer", "write", "read"],
    ["a reader", "read", "write"],
  ] as const)("keeps %s out for few sections of 3 others that overlap without pause", async (_, how, others) => {
    const sections: number[] = [];
    for (let round = 0; round < 10; round++) {
      const lock = fresh();
      const stage = words(4);
      const crowd = [0, 1, 2].map(() => spawn(overlap, lock, stage, others, 2));
      until(() => Atomics.load(stage, 0) === 3);
      await spawn(come, lock, stage, how).joinAsync();
      const counts = await Promise.all(crowd.map((one) => one.joinAsync()));
      sections.push(counts.reduce((a, b) => a + b, 0));
    }
    // Counted from before its call.
    expect(sections.sort((a, b) => a - b)[5]).toBeLessThanOrEqual(10);
  });

  it.each(["read", "write"] as const)("finds a cycle: each of two holds one to %s, and wants to write the other", async (how) => {
    const [a, b, arrivals] = [fresh(), fresh(), words(1)];
    const both = [spawn(holdAndWant, a, b, arrivals, how), spawn(holdAndWant, b, a, arrivals, how)];
    const ends = await Promise.all(both.map((one) => one.joinAsync()));
    expect(ends.sort()).toEqual(["DEADLOCK", "in"]);
  });

  it("finds that a thread waits for slots that are all its own, through other objects at the same place", () => {
    const { buffer } = words(64);
    const held = Array.from({ length: 12 }, () => RwLock.at(buffer, 0).read());
    expect(thrownBy(() => RwLock.at(buffer, 0).read())).toMatchObject({ code: "DEADLOCK" });
    for (const guard of held) guard.release();
    RwLock.at(buffer, 0).write().release();
  });

  it("finds a cycle: each of two reads in one of two slots, and wants the other's through another object", async () => {
    const lock = new RwLock(words(4), { readers: 2 });
    const arrivals = words(1);
    const both = [1, 2].map(() => spawn(readTwice, toHandle(lock), arrivals));
    const ends = await Promise.all(both.map((one) => one.joinAsync()));
    expect(ends.sort()).toEqual(["DEADLOCK", "in"]);
  });

  it("lets in a reader for whom there is no slot as soon as one is left, however many write and read without pause", async () => {
    const sections: number[] = [];
    for (let round = 0; round < 10; round++) {
      const lock = new RwLock(words(4), { readers: 1 });
      const stage = words(4);
      const crowd = (["write", "write", "read", "read"] as const).map((how) => spawn(overlap, lock, stage, how, 2));
      until(() => Atomics.load(stage, 0) === 4);
      await spawn(come, lock, stage, "read").joinAsync();
      const counts = await Promise.all(crowd.map((one) => one.joinAsync()));
      sections.push(counts.reduce((a, b) => a + b, 0));
    }
    // Several hundreds in most rounds, while it waited for the writers only.
    expect(Math.max(...sections)).toBeLessThanOrEqual(100);
  });
});

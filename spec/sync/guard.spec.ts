import { describe, expect, it } from "@jest/globals";
import * as ferrous from "ferrous";
import {
  AtomicBool,
  AtomicI32,
  AtomicU64,
  Condvar,
  Latch,
  Mutex,
  Once,
  ReentrantMutex,
  RwLock,
  scope,
  scopeAsync,
  task,
  type MutexGuard,
  type ReadGuard,
} from "ferrous";
import { words } from "../support/lockers.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

const rwLock = () => new RwLock(words(2), { name: "rw" });
const exclusive = () => {
  const mutex = new Mutex(words(2), { name: "m" });
  const lock = rwLock();
  return [
    { kind: "MutexGuard", take: () => mutex.lock(), isFree: () => isFree(mutex.tryLock()) },
    { kind: "WriteGuard", take: () => lock.write(), isFree: () => isFree(lock.tryWrite()) },
  ];
};
function isFree(guard: { release(): void } | undefined): boolean {
  guard?.release();
  return guard !== undefined;
}
/** Both kinds. */
const GENERATORS: readonly unknown[] = [
  function* () {
    yield 1;
  },
  async function* () {
    yield await Promise.resolve(1);
  },
];
function poison(lock: Mutex | ReentrantMutex | RwLock): void {
  const guard = lock instanceof RwLock ? lock.write() : lock.lock();
  guard.poison();
  guard.release();
}
const untilAwaited = async (isFreeNow: () => boolean): Promise<void> => {
  while (!isFreeNow()) await undefined;
};

describe.each(exclusive())("a $kind", ({ take, isFree: free }) => {
  it("that is released while a Condvar waits with it is released when the wait ends", async () => {
    const changed = new Condvar({ name: "changed" });
    const guard = take();
    const waiting = changed.waitAsync(guard);
    await untilAwaited(free);
    guard.release();
    expect(thrownBy(() => guard.value)).toMatchObject({ code: "RELEASED" });
    expect(changed.notifyOne()).toBe(1);
    expect(await waiting).toBe("ok");
    expect(free()).toBe(true);
    expect(thrownBy(() => guard.value)).toMatchObject({ code: "RELEASED" });
  });

  it("whose part releases it is released, and gives no other guard", () => {
    const guard = take();
    const thrown = thrownBy(() =>
      (guard as MutexGuard<Int32Array>).map((cells) => {
        guard.release();
        return cells;
      }),
    );
    expect(thrown).toMatchObject({ code: "RELEASED" });
    expect(free()).toBe(true);
  });

  it("refuses a part that is no function, and stays", () => {
    const guard = take() as MutexGuard<Int32Array>;
    expect(thrownBy(() => guard.map(1 as never))).toMatchObject({
      name: "TypeError",
      message: "map() needs a function; it was given number 1.",
    });
    expect(free()).toBe(false);
    guard.release();
    expect(free()).toBe(true);
  });
});

describe("a ReadGuard", () => {
  it("whose part releases it is released, and gives no other guard", () => {
    const lock = rwLock();
    const first = lock.read();
    const guard = lock.read();
    const thrown = thrownBy(() =>
      guard.map((cells) => {
        guard.release();
        return cells;
      }),
    );
    expect(thrown).toMatchObject({ code: "RELEASED" });
    expect(lock.tryWrite()).toBeUndefined();
    first.release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });
});

describe("an UpgradableGuard", () => {
  it("gives one WriteGuard, however often it is asked", async () => {
    const lock = rwLock();
    const reader = lock.read();
    const guard = lock.upgradable();
    const upgrading = guard.upgradeAsync();
    const message = 'this guard of RwLock "rw" is being upgraded: await the guard that upgradeAsync() gives, and use that.';
    expect(await rejectionOf(guard.upgradeAsync())).toMatchObject({ code: "RELEASED", message });
    for (const misuse of [() => guard.upgrade(), () => guard.tryUpgrade(), () => guard.map((cells) => cells), () => guard.value]) {
      expect(thrownBy(misuse)).toMatchObject({ code: "RELEASED", message });
    }
    reader.release();
    const writer = await upgrading;
    expect(lock.tryRead()).toBeUndefined();
    guard.release();
    expect(lock.tryRead()).toBeUndefined();
    writer.release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });

  it("that is released while it awaits the readers' leaving leaves the writer what it gives", async () => {
    const lock = rwLock();
    const reader = lock.read();
    const guard = lock.upgradable();
    const upgrading = guard.upgradeAsync();
    guard.release();
    reader.release();
    const writer = await upgrading;
    expect(lock.tryRead()).toBeUndefined();
    writer.release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });

  it("that is released while it awaits the readers' leaving holds nothing if that is called off", async () => {
    const lock = rwLock();
    const reader = lock.read();
    const guard = lock.upgradable();
    const stop = new AbortController();
    const upgrading = rejectionOf(guard.upgradeAsync({ signal: stop.signal }));
    guard.release();
    stop.abort();
    expect(await upgrading).toMatchObject({ name: "AbortError" });
    reader.release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });

  it("is held on when an upgrade is called off, and upgrades later", async () => {
    const lock = rwLock();
    const reader = lock.read();
    const guard = lock.upgradable();
    expect(await rejectionOf(guard.upgradeAsync({ timeout: 1 }))).toMatchObject({ code: "TIMEOUT" });
    expect(lock.tryUpgradable()).toBeUndefined();
    reader.release();
    guard.upgrade().release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });

  it("that was mapped or upgraded is spent: its successor alone holds the lock", () => {
    const lock = rwLock();
    const mapped = lock.upgradable();
    const part: ReadGuard<number | undefined> = mapped.map((cells) => cells[0]);
    for (const misuse of [() => mapped.upgrade(), () => mapped.tryUpgrade(), () => mapped.value]) {
      expect(thrownBy(misuse)).toMatchObject({ code: "RELEASED" });
    }
    expect(lock.tryUpgradable()).toBeUndefined();
    part.release();
    const upgraded = lock.upgradable();
    const writer = upgraded.upgrade();
    expect(thrownBy(() => upgraded.map((cells) => cells))).toMatchObject({ code: "RELEASED" });
    upgraded.release();
    expect(lock.tryRead()).toBeUndefined();
    writer.release();
    expect(isFree(lock.tryWrite())).toBe(true);
  });
});

describe.each([
  { kind: "Mutex", lock: new Mutex(undefined, { name: "x" }), verbs: ["with", "withAsync", "recover", "recoverAsync"] },
  { kind: "ReentrantMutex", lock: new ReentrantMutex(undefined, { name: "x" }), verbs: ["with", "withAsync", "recover", "recoverAsync"] },
  {
    kind: "RwLock",
    lock: new RwLock(undefined, { name: "x" }),
    verbs: ["withRead", "withReadAsync", "withWrite", "withWriteAsync", "recover", "recoverAsync"],
  },
])("a $kind", ({ lock, verbs }) => {
  it.each(verbs)("refuses what is no function before it locks: %s", async (verb) => {
    const call = (lock as unknown as Record<string, (fn: unknown) => unknown>)[verb] as (fn: unknown) => unknown;
    const thrown = await rejectionOf((async () => await call.call(lock, { not: "a function" }))());
    expect(thrown).toMatchObject({ name: "TypeError", message: `${verb}() needs a function; it was given an Object.` });
    expect(lock.poisoned).toBe(false);
  });

  it.each(verbs)("refuses a generator function, of which nothing would run, before it locks: %s", async (verb) => {
    const call = (lock as unknown as Record<string, (fn: unknown) => unknown>)[verb] as (fn: unknown) => unknown;
    for (const generator of GENERATORS) {
      const thrown = await rejectionOf((async () => await call.call(lock, generator))());
      expect(thrown).toMatchObject({ name: "TypeError", message: expect.stringContaining(`given to ${verb}() is a generator`) as unknown });
    }
    expect(lock.poisoned).toBe(false);
  });

  it("stays poisoned when the repair is a generator function", async () => {
    poison(lock);
    for (const generator of GENERATORS) {
      expect(thrownBy(() => lock.recover(generator as never)).name).toBe("TypeError");
      expect((await rejectionOf(lock.recoverAsync(generator as never))).name).toBe("TypeError");
    }
    expect(lock.poisoned).toBe(true);
    lock.clearPoison();
  });
});

describe("a generator function", () => {
  it("is refused too where nothing is locked", async () => {
    const mutex = new Mutex();
    const message = expect.stringContaining("is a generator function") as unknown as string;
    for (const given of GENERATORS as readonly never[]) {
      const once = new Once();
      const changed = new Condvar();
      const guard = mutex.lock();
      for (const call of [
        () => once.run(given),
        () => guard.map(given),
        () => changed.waitWhile(guard, given),
        () => new AtomicI32(0).fetchUpdate(given),
        () => scope(given),
        () => task(import.meta.url, "a generator", given),
      ]) {
        expect(thrownBy(call)).toMatchObject({ name: "TypeError", message });
      }
      for (const call of [() => once.runAsync(given), () => scopeAsync(given), () => changed.waitWhileAsync(guard, given)]) {
        expect(await rejectionOf(call())).toMatchObject({ name: "TypeError", message });
      }
      expect([once.done, once.poisoned, mutex.poisoned]).toEqual([false, false, false]);
      guard.release();
    }
  });
});

describe("what was misused", () => {
  it("is told of by name, with what was given instead", () => {
    const update = { name: "TypeError", message: "fetchUpdate() needs a function; it was given number 5." };
    for (const atomic of [new AtomicI32(0), new AtomicU64(0n), new AtomicBool(false)]) {
      expect(thrownBy(() => atomic.fetchUpdate(5 as never))).toMatchObject(update);
    }
    const changed = new Condvar();
    const message = expect.stringMatching(/a MutexGuard or a WriteGuard; it was given (undefined|a ReadGuard)/) as unknown as string;
    for (const guard of [undefined, rwLock().read()] as never[]) {
      expect(thrownBy(() => changed.wait(guard))).toMatchObject({ name: "TypeError", message });
      expect(thrownBy(() => changed.waitWhile(guard, () => true))).toMatchObject({ name: "TypeError", message });
    }
    const latch = new Latch(1, { name: "loaded" });
    latch.countDown();
    expect(
      thrownBy(() => {
        latch.countDown();
      }),
    ).toMatchObject({ name: "RangeError", message: 'latch "loaded" is open already: more is counted down than its 1.' });
  });

  it("is of a class that bears the name under which it is exported", () => {
    const classes = Object.entries(ferrous as Record<string, unknown> as Record<string, { readonly name: string }>).filter(([, value]) =>
      /^class\b/.test(String(value)),
    );
    expect(classes.length).toBeGreaterThan(30);
    expect(classes.map(([, { name }]) => name)).toEqual(classes.map(([name]) => name));
  });
});

/** Scopes: every thread has ended when they return, however they return. */
import { describe, expect, it } from "@jest/globals";
import { AtomicI32, Mutex, scope, scopeAsync, type JoinHandle, type Scope } from "ferrous";
import { hasSleepers, until } from "../support/lockers.js";
import { end, fail, lockOrEnd, untilStarted, wait } from "../support/tasks.js";
import { thrownBy } from "../support/thrown.ts";

/** Both kinds, as one: a scope that blocks does so inside a promise. */
const KINDS = {
  scope: <R>(body: (s: Scope) => R): Promise<R> => new Promise((resolve) => { resolve(scope(body)); }), // prettier-ignore
  scopeAsync: <R>(body: (s: Scope) => R): Promise<R> => scopeAsync(async (s) => Promise.resolve(body(s))),
};

describe.each(Object.entries(KINDS))("a %s", (_, scoped) => {
  it("returns what its body returned, when every thread has ended", async () => {
    const counter = new AtomicI32(0);
    const result = await scoped((s) => {
      for (let thread = 0; thread < 4; thread++) s.spawn((given: AtomicI32) => void given.fetchAdd(1), counter);
      return "done";
    });
    expect([result, counter.load()]).toEqual(["done", 4]);
  });

  it("throws what an unjoined thread threw", async () => {
    await expect(scoped((s) => void s.spawn(fail, "an error"))).rejects.toMatchObject({ code: "PANIC", cause: { code: "E_RANGE" } });
  });

  it("throws the first failure, when all have ended", async () => {
    const counter = new AtomicI32(0);
    const failing = scoped((s) => {
      s.spawn(fail, "a string");
      s.spawn(fail, "an error");
      s.spawn((given: AtomicI32) => void given.store(1), counter);
    });
    await expect(failing).rejects.toMatchObject({ cause: "just text" });
    expect(counter.load()).toBe(1);
  });

  it("is content when the body caught it from join()", async () => {
    const result = await scoped((s) => {
      try {
        return s.spawn(fail, "an error").join();
      } catch (error) {
        return (error as { code: string }).code;
      }
    });
    expect(result).toBe("PANIC");
  });

  it("throws what its body threw, when every thread has ended, failed ones too", async () => {
    const counter = new AtomicI32(0);
    const failing = scoped((s) => {
      s.spawn((given: AtomicI32) => void given.store(1), counter);
      s.spawn(fail, "an error");
      throw new Error("the body");
    });
    await expect(failing).rejects.toThrow("the body");
    expect(counter.load()).toBe(1);
  });

  it("spawns with a name", async () => {
    expect(await scoped((s) => s.spawnWith({ name: "scoped" }, (n: number) => n, 1).thread.name)).toBe("scoped");
  });

  it("spawns no more when it has returned", async () => {
    const leaked = await scoped((s) => s);
    expect(() => leaked.spawn(() => 1)).toThrow("this scope has returned");
  });
});

it("a scope refuses an async body, when its threads have ended", () => {
  const counter = new AtomicI32(0);
  const body = async (s: Scope): Promise<void> => {
    s.spawn((given: AtomicI32) => void given.store(1), counter);
    return Promise.resolve();
  };
  expect(() => scope(body)).toThrow("await scopeAsync() instead");
  expect(counter.load()).toBe(1);
});

it("a scope whose wait is a deadlock terminates what still runs, and throws it when all have ended", () => {
  const mutex = new Mutex(undefined, { name: "held around the scope" });
  const stage = new AtomicI32(0);
  const handles: JoinHandle<unknown>[] = [];
  const held = mutex.lock();
  const error = thrownBy(() =>
    scope((s) => {
      handles.push(s.spawn(lockOrEnd, mutex, stage), s.spawn(wait, stage));
      untilStarted(stage);
      until(() => hasSleepers(mutex));
    }),
  );
  expect(handles.map((handle) => handle.isFinished)).toEqual([true, true]);
  // Whoever blocks last is told, most likely this thread: it then holds the lock all the same.
  const told = error.code === "PANIC" ? (error as { cause?: unknown }).cause : error;
  expect(told).toMatchObject({ code: "DEADLOCK", message: expect.stringContaining("held around the scope") as unknown });
  held.release();
  expect(mutex.poisoned).toBe(false);
});

it("a scopeAsync waits for threads that are spawned while others end", async () => {
  const stage = new AtomicI32(0);
  const counter = new AtomicI32(0);
  await scopeAsync(async (s) => {
    const first = s.spawn(wait, stage);
    void first.joinAsync().then(() => s.spawn((given: AtomicI32) => void given.store(1), counter));
    untilStarted(stage);
    end(stage);
    await Promise.resolve();
  });
  expect(counter.load()).toBe(1);
});

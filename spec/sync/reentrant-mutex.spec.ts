import { describe, expect, it } from "@jest/globals";
import { CancelFlag, fromHandle, PoisonedError, ReentrantMutex, ReleasedError, spawn, struct, toHandle, u32 } from "ferrous";
import { words } from "../support/lockers.js";
import { rejectionOf } from "../support/thrown.ts";
import { deep, diesDeep, isFree, reachReentrant } from "./semaphore.js";

describe("a ReentrantMutex", () => {
  it("is locked again by its owner, and is free once each guard was released", () => {
    const mutex = new ReentrantMutex();
    const [one, two] = [mutex.lock(), mutex.lock()];
    // ReentrantMutex: other thread while held twice | false
    expect(spawn(isFree, mutex).join()).toBe(false);
    one.release();
    one.release();
    expect(spawn(isFree, mutex).join()).toBe(false);
    two.release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("gives its value to each guard, until that is released", () => {
    const mutex = new ReentrantMutex(words(1), { name: "sum" });
    const [one, two] = [mutex.lock(), mutex.tryLock()];
    one.value[0] = 3;
    one.release();
    expect(() => one.value).toThrow(ReleasedError);
    expect(two?.value[0]).toBe(3);
    two?.release();
    expect(mutex.with((value) => mutex.with(() => value[0]))).toBe(3);
  });

  it("counts all objects of one thread at one place together", () => {
    const mutex = new ReentrantMutex();
    const other = fromHandle<ReentrantMutex>(structuredClone(toHandle(mutex)));
    const [one, two] = [mutex.lock(), other.lock()];
    one.release();
    expect(spawn(isFree, mutex).join()).toBe(false);
    two.release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("lets in all tasks of the thread that holds it", async () => {
    const mutex = new ReentrantMutex();
    const outer = await mutex.lockAsync();
    (await mutex.lockAsync()).release();
    await mutex.withAsync(async () => {
      await mutex.withAsync(async () => Promise.resolve());
    });
    outer.release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("looks at the options of who awaits it again, as of who locks it", async () => {
    const mutex = new ReentrantMutex();
    const outer = mutex.lock();
    expect(await rejectionOf(mutex.lockAsync({ signal: AbortSignal.abort("enough") }))).toBe("enough");
    const flag = new CancelFlag();
    flag.cancel("no more");
    expect(await rejectionOf(mutex.lockAsync({ signal: flag }))).toBe("no more");
    expect(await rejectionOf(mutex.lockAsync({ timeout: -1 }))).toBeInstanceOf(RangeError);
    expect(await rejectionOf(mutex.lockAsync(5 as never))).toBeInstanceOf(TypeError);
    outer.release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("counts who locks between a grant and its arrival", async () => {
    const mutex = new ReentrantMutex();
    const arriving = mutex.lockAsync();
    mutex.lock().release();
    expect(spawn(isFree, mutex).join()).toBe(false);
    const guard = await arriving;
    expect(spawn(isFree, mutex).join()).toBe(false);
    guard.release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("tells of poison that came between a grant and its arrival", async () => {
    const mutex = new ReentrantMutex();
    const arriving = mutex.lockAsync();
    expect(() => {
      mutex.with(() => {
        throw new Error("on purpose");
      });
    }).toThrow("on purpose");
    expect(await rejectionOf(arriving)).toBeInstanceOf(PoisonedError);
    mutex.clearPoison();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("is poisoned by a throw inside with, at whatever depth, and repaired", async () => {
    const mutex = new ReentrantMutex(words(1), { name: "sum" });
    expect(() => {
      mutex.with(() => {
        mutex.with(() => {
          throw new Error("on purpose");
        });
      });
    }).toThrow("on purpose");
    expect(mutex.poisoned).toBe(true);
    expect(() => mutex.lock()).toThrow(PoisonedError);
    const guard = mutex.lock({ allowPoisoned: true });
    expect(() => mutex.lock()).toThrow(/mutex "sum" is poisoned/);
    expect(guard.poisoned).toBe(true);
    guard.release();
    expect(mutex.recover((value) => void value.fill(0))).toBe(true);
    expect(await mutex.recoverAsync(() => undefined)).toBe(false);
    mutex.lock().release();
    mutex.lock().poison();
    mutex.clearPoison();
    expect(mutex.poisoned).toBe(false);
  });

  it("is poisoned by a thread that ends while it holds it twice, and its successor starts from one", () => {
    const mutex = new ReentrantMutex();
    spawn(diesDeep, mutex).join();
    expect(() => mutex.lock()).toThrow(PoisonedError);
    expect(mutex.poisoned).toBe(true);
    mutex.clearPoison();
    mutex.lock().release();
    expect(spawn(isFree, mutex).join()).toBe(true);
  });

  it("refuses an async function, which it would unlock at its first await", () => {
    const mutex = new ReentrantMutex();
    // @ts-expect-error no promises
    expect(() => mutex.with(async () => Promise.resolve())).toThrow(TypeError);
    expect(() => new ReentrantMutex([1] as never)).toThrow(TypeError);
  });

  it("lies in a struct's field, as zeroed bytes", () => {
    const Tree = struct("ReentrantTree", { lock: ReentrantMutex, size: u32 });
    const tree = Tree.create();
    tree.lock.with(() => {
      tree.lock.with(() => {
        tree.size++;
      });
    });
    expect(tree.size).toBe(1);
  });
});

describe("on real threads, a ReentrantMutex", () => {
  it("loses no addition", async () => {
    const [mutex, sum] = [new ReentrantMutex(), words(1)];
    const threads = [1, 2].map(() => spawn(deep, mutex, sum, 20_000));
    for (const thread of threads) await thread.joinAsync();
    expect(sum[0]).toBe(40_000);
  });

  it("waits for as long as it is told", () => {
    const mutex = new ReentrantMutex(undefined, { name: "busy" });
    mutex.lock();
    const told = spawn((other: ReentrantMutex) => {
      try {
        other.lock({ timeout: 5 });
        return "in";
      } catch (error) {
        return (error as Error).message;
      }
    }, mutex).join();
    expect(told).toContain(`mutex "busy"`);
    expect(told).toContain("5 ms");
  });

  it("tells one thread of a cycle by a DeadlockError", async () => {
    const [ants, bees] = [new ReentrantMutex(undefined, { name: "ants" }), new ReentrantMutex(undefined, { name: "bees" })];
    const arrivals = words(1);
    const threads = [spawn(reachReentrant, ants, bees, arrivals, 2), spawn(reachReentrant, bees, ants, arrivals, 2)];
    const told = await Promise.all(threads.map((thread) => thread.joinAsync()));
    expect(told.filter((end) => end === "went on")).toHaveLength(1);
    expect(told.find((end) => end !== "went on")).toContain("DEADLOCK");
  });
});

/** Threads as values, how they are made, and what is left of them: nothing. */
import { describe, expect, it } from "@jest/globals";
import { AtomicI32, availableParallelism, scope, spawn, Thread, ThreadBuilder, TooManyThreadsError } from "ferrous";
import { currentThread } from "../../lib/thread/current.ts";
import { MAX_THREADS } from "../../lib/thread/registry.ts";
import { double, end, name, untilStarted, wait } from "../support/tasks.js";

describe("Thread.current()", () => {
  it("names this thread", () => {
    expect(Thread.current()).toEqual(Thread.current());
    expect([Thread.isMain, Thread.current().name, Thread.current().isAlive]).toEqual([true, "main", true]);
  });

  it("is, in a spawned thread, what its handle says", () => {
    const handle = new ThreadBuilder({ name: "crew" }).spawn(name);
    expect(handle.join()).toEqual({ id: handle.thread.id, name: "crew", isMain: false });
    expect(handle.thread.isAlive).toBe(false);
    expect(spawn(name).join().name).toBe("");
  });

  it("crosses, and says whether its thread lives", () => {
    const stage = new AtomicI32(0);
    const handle = spawn(wait, stage);
    untilStarted(stage);
    const tell = (thread: Thread): unknown => [thread.id, thread.isAlive];
    expect(spawn(tell, handle.thread).join()).toEqual([handle.thread.id, true]);
    end(stage);
    handle.join();
    expect(spawn(tell, handle.thread).join()).toEqual([handle.thread.id, false]);
  });

  it("has an id that is never used again", () => {
    const ids = Array.from({ length: 5 }, () => spawn(double, 1)).map((handle) => (handle.join(), handle.thread.id));
    expect(new Set([...ids, Thread.current().id]).size).toBe(6);
  });
});

describe("a ThreadBuilder", () => {
  it("keeps 64 bytes of the name, in whole characters", () => {
    const inside = (given: string): string => new ThreadBuilder({ name: given }).spawn(name).join().name;
    expect(inside("x".repeat(100))).toBe("x".repeat(64));
    expect(inside(`${"x".repeat(63)}é`)).toBe("x".repeat(63));
    expect(inside("läuft 🚂")).toBe("läuft 🚂");
  });

  it("spawns as often as you like", () => {
    const builder = new ThreadBuilder({ name: "twin" });
    expect([builder.spawn(double, 1).join(), builder.spawn(double, 2).join()]).toEqual([2, 4]);
  });

  it("limits the memory of a thread, and of no other", () => {
    const hoard = (megabytes: number): number => Array.from({ length: megabytes }, () => new Array(131_072).fill(0)).length;
    const limited = new ThreadBuilder({ resourceLimits: { maxOldGenerationSizeMb: 24 } });
    expect(() => limited.spawn(hoard, 200).join()).toThrow(expect.objectContaining({ reason: "out-of-memory" }) as never);
    expect(spawn(hoard, 40).join()).toBe(40);
  });
});

it("availableParallelism() is a number of cores", () => {
  expect(availableParallelism()).toBeGreaterThanOrEqual(1);
});

it(`more than ${String(MAX_THREADS)} threads are a TooManyThreadsError, until one has ended`, () => {
  const { registry, id } = currentThread();
  const claimed: number[] = [];
  try {
    expect(() => {
      for (;;) claimed.push(registry.claim(id));
    }).toThrow(/there are already 1024 threads/);
    expect(() => spawn(double, 1)).toThrow(TooManyThreadsError);
    registry.markDead(claimed.pop() ?? 0);
    expect(spawn(double, 1).join()).toBe(2);
  } finally {
    for (const one of claimed) registry.markDead(one);
  }
});

it("200 threads one after another leave nothing behind", () => {
  const living = (): number => [...currentThread().registry.living()].length;
  spawn(double, 1).join();
  const [threads, resources] = [living(), process.getActiveResourcesInfo().length];
  for (let thread = 0; thread < 200; thread++) scope((s) => s.spawn(double, thread));
  expect(living()).toBe(threads);
  // Fewer, if a port was still being closed then.
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
});

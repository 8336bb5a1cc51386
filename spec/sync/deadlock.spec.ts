/** Deadlocks of real threads: told to exactly one of them, within milliseconds, and to nobody else. */
import { describe, expect, it } from "@jest/globals";
import { CancelFlag, type DeadlockError, Mutex, sleepAsync, spawn, ThreadBuilder, type JoinHandle } from "ferrous";
import { joinHolding } from "../support/joiners.js";
import { asyncReacher, hasSleepers, reach, reacher, takeInOrder, untilAsync, words } from "../support/lockers.js";

const locks = (count: number): Mutex[] => ["ants", "bees", "crows", "ducks"].slice(0, count).map((name) => new Mutex(undefined, { name }));
const after = <T>(list: readonly T[], n: number): T => list[(n + 1) % list.length] as T;

type Reach = (name: string, mine: Mutex, next: Mutex, arrivals: Int32Array<SharedArrayBuffer>, parties: number) => JoinHandle<string>;
const byThreads: Reach = (name, ...args) => new ThreadBuilder({ name }).spawn(reacher, ...args);
const byTasks: Reach = (name, ...args) => new ThreadBuilder({ name }).spawn(asyncReacher, ...args);

/** Threads "t0", "t1", ... that each hold their lock, meet, and reach for the next one's. */
function circle(mutexes: readonly Mutex[], start: Reach): JoinHandle<string>[] {
  const arrivals = words(1);
  return mutexes.map((mine, n) => start(`t${String(n)}`, mine, after(mutexes, n), arrivals, mutexes.length));
}
const ends = (handles: readonly JoinHandle<string>[]): Promise<string[]> => Promise.all(handles.map((handle) => handle.joinAsync()));
const victims = (told: readonly string[]): string[] => told.filter((end) => end !== "went on");

/** One victim, whose message tells the whole story, starting at itself. */
function expectStory(told: readonly string[], threads: readonly string[], mutexes: readonly string[]): void {
  expect(victims(told)).toHaveLength(1);
  const victim = told.findIndex((end) => end !== "went on");
  const steps = threads.map((_, n) => {
    const at = (victim + n) % threads.length;
    return `thread "${String(threads[at])}" waits for mutex "${after(mutexes, at)}", held by thread "${after(threads, at)}"`;
  });
  expect(told[victim]).toContain(`DEADLOCK: deadlock: ${steps.join("; ")}.`);
  expect(told[victim]).toContain("You do not hold the lock.");
}

describe("a DeadlockError tells of a Mutex", () => {
  describe.each([
    ["held by threads", byThreads],
    ["held by tasks of the blocked threads", byTasks],
  ])("%s", (_kind, start) => {
    it.each([2, 3, 4])("in a cycle of %i, to one thread, naming all threads and locks of the cycle", async (count) => {
      const mutexes = locks(count);
      const told = await ends(circle(mutexes, start));
      expectStory(
        told,
        mutexes.map((_, n) => `t${String(n)}`),
        ["ants", "bees", "crows", "ducks"].slice(0, count),
      );
      for (const mutex of mutexes) {
        expect(mutex.poisoned).toBe(false);
        expect(mutex.tryLock()).toBeDefined();
      }
    });
  });

  it("within milliseconds of the moment when the cycle closed", async () => {
    const latencies: number[] = [];
    for (let round = 0; round < 5; round++) {
      const mutexes = locks(2);
      const arrivals = words(1);
      const [mine, next] = mutexes as [Mutex, Mutex];
      const other = spawn(reacher, next, mine, arrivals, 2);
      const guard = mine.lock();
      await untilAsync(() => Atomics.load(arrivals, 0) === 1);
      Atomics.add(arrivals, 0, 1);
      Atomics.notify(arrivals, 0);
      await untilAsync(() => hasSleepers(mine));
      const start = performance.now();
      // Whose wait is reported last is the victim: the other's report may come after this one's. Either way both are told now.
      let end = "went on";
      try {
        next.lock().release();
      } catch (error) {
        end = (error as DeadlockError).message;
      }
      latencies.push(performance.now() - start);
      guard.release();
      expect(victims([end, await other.joinAsync()])).toEqual([expect.stringMatching(/held by thread/)]);
    }
    expect(Math.min(...latencies)).toBeLessThan(50);
    expect(Math.max(...latencies)).toBeLessThan(1000);
  });

  it("to the main thread as to any other, though it is blocked", async () => {
    const mutexes = locks(2);
    const arrivals = words(1);
    const [mine, theirs] = mutexes as [Mutex, Mutex];
    const other = new ThreadBuilder({ name: "t1" }).spawn(reacher, theirs, mine, arrivals, 2);
    const end = reach(mine, theirs, arrivals, 2);
    expectStory([end, await other.joinAsync()], ["main", "t1"], ["ants", "bees"]);
  });

  it("whose waiter is joined by its holder", async () => {
    const mutex = new Mutex(undefined, { name: "ants" });
    const parent = new ThreadBuilder({ name: "parent" }).spawn(joinHolding, mutex);
    const told = await parent.joinAsync();
    expect(victims(told)).toHaveLength(1);
    const story = victims(told)[0];
    expect(story).toContain(`thread "child" waits for mutex "ants", held by thread "parent"`);
    expect(story).toContain(`thread "parent" waits for`);
    expect(mutex.tryLock()).toBeDefined();
  });

  it("to one thread only, in each of several cycles at once", async () => {
    const cycles = [locks(2), locks(2), locks(3)];
    const told = await Promise.all(cycles.map((mutexes) => ends(circle(mutexes, byThreads))));
    for (const cycle of told) expect(victims(cycle)).toHaveLength(1);
  });

  it("again and again, if threads go on as before", async () => {
    for (let round = 0; round < 10; round++) expect(victims(await ends(circle(locks(2), byThreads)))).toHaveLength(1);
  });
});

describe("no DeadlockError tells of a Mutex", () => {
  it.each([2, 3])("in a cycle of %i of which one waits with a timeout, which ends it", async (count) => {
    const mutexes = locks(count);
    const arrivals = words(1);
    const others = mutexes.slice(1).map((mine, n) => spawn(reacher, mine, after(mutexes, n + 1), arrivals, count));
    const [mine, next] = mutexes as [Mutex, Mutex];
    // Long enough for a verdict that must not come.
    expect(reach(mine, next, arrivals, count, { timeout: 60 })).toMatch(/^TIMEOUT/);
    expect(await ends(others)).toEqual(others.map(() => "went on"));
  });

  it("in a cycle of which one can be cancelled, and is", async () => {
    const mutexes = locks(2);
    const arrivals = words(1);
    const flag = new CancelFlag();
    const [ants, bees] = mutexes as [Mutex, Mutex];
    const cancellable = spawn(reacher, ants, bees, arrivals, 2, { signal: flag });
    const other = spawn(reacher, bees, ants, arrivals, 2);
    await untilAsync(() => hasSleepers(ants) && hasSleepers(bees));
    // Nothing is awaited but a verdict that must not come.
    await sleepAsync(60);
    flag.cancel("enough");
    expect(await ends([cancellable, other])).toEqual(["enough", "went on"]);
  });

  it("for which the holder awaits another one, which a task may release", async () => {
    const [ants, bees] = locks(2) as [Mutex, Mutex];
    const arrivals = words(1);
    const mine = await ants.lockAsync();
    const other = spawn(reacher, bees, ants, arrivals, 2);
    await untilAsync(() => Atomics.load(arrivals, 0) === 1);
    const awaited = bees.lockAsync({ timeout: 10_000 });
    Atomics.add(arrivals, 0, 1);
    Atomics.notify(arrivals, 0);
    await untilAsync(() => hasSleepers(ants));
    await sleepAsync(60);
    mine.release();
    expect(await other.joinAsync()).toBe("went on");
    (await awaited).release();
  });

  it("whose waiter is joined by its holder for a limited time", async () => {
    const [joined, child] = await spawn(joinHolding, new Mutex(), { timeout: 500 }).joinAsync();
    expect(joined).toMatch(/^TIMEOUT/);
    expect(child).toBe("went on");
  });

  it("in 200,000 takings by 4 threads of 4 locks in one order", async () => {
    const arrivals = words(1);
    const mutexes = locks(4);
    const handles = [1, 2, 3, 4].map((seed) => spawn(takeInOrder, mutexes, arrivals, 4, 50_000, seed));
    expect((await Promise.all(handles.map((handle) => handle.joinAsync()))).flat()).toEqual([]);
  });
});

/** What a Mutex promises, whatever the mix of those who take it. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Mutex as AsyncMutex } from "async-mutex";
import fc from "fast-check";
import { Mutex, spawn, toHandle, type JoinHandle, type MutexGuard } from "ferrous";
import { Field, Registry } from "../../lib/thread/registry.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { heapWithoutGarbage } from "../support/garbage.ts";
import { board, COUNTER, DONE, MAX_STEPS, performer, ROUND, scriptOf, STEPS, untilChanged } from "../support/scripts.js";

/** Nobody holds it, nobody waits for it, and nobody has died. */
function expectUntouched(mutex: Mutex): void {
  expect(mutex.poisoned).toBe(false);
  const guard = mutex.tryLock();
  expect(guard).toBeDefined();
  guard?.release();
  expect(tasksInLine()).toBe(0);
}
/** How many lines of tasks of this thread wait for something. */
function tasksInLine(): number {
  const { registry } = toHandle(new Mutex());
  return new Registry(registry).field(currentThread().id, Field.AWAITING).load();
}
const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await undefined;
};

describe("a Mutex among tasks of one thread", () => {
  const stay = fc.record({ arrives: fc.nat(6), stays: fc.nat(6) });

  it("admits one at a time, in the order of asking, as async-mutex does", () =>
    fc.assert(
      fc.asyncProperty(fc.array(stay, { maxLength: 12 }), async (tasks) => {
        const orderOf = async (lock: () => Promise<() => void>): Promise<number[]> => {
          const order: number[] = [];
          let inside = 0;
          await Promise.all(
            tasks.map(async ({ arrives, stays }, n) => {
              await ticks(arrives);
              const release = await lock();
              order.push(n);
              expect(++inside).toBe(1);
              await ticks(stays);
              inside--;
              release();
            }),
          );
          return order;
        };
        const mutex = new Mutex();
        const oracle = new AsyncMutex();
        const order = await orderOf(async () => {
          const guard = await mutex.lockAsync();
          return () => guard.release();
        });
        expect(order).toEqual(await orderOf(() => oracle.acquire()));
        expectUntouched(mutex);
      }),
    ));

  const acquisition = fc.record({
    arrives: fc.nat(6),
    stays: fc.nat(6),
    way: fc.oneof(
      fc.constantFrom("lockAsync" as const, "withAsync" as const, "tryLock" as const, "lock" as const, "with" as const),
      fc.record({ timeout: fc.constantFrom(0, 1, 50, Infinity) }),
      fc.record({ abortedAfter: fc.nat(8) }),
    ),
  });

  it("admits one at a time and loses no update in a mix of sync, async, try, timed and aborted ones", () =>
    fc.assert(
      fc.asyncProperty(fc.array(acquisition, { maxLength: 12 }), async (tasks) => {
        const mutex = new Mutex();
        let inside = 0;
        let counter = 0;
        let admitted = 0;
        const section = async (stays: number): Promise<void> => {
          expect(++inside).toBe(1);
          admitted++;
          const seen = counter;
          await ticks(stays);
          counter = seen + 1;
          inside--;
        };
        const visit = async (guard: MutexGuard<undefined> | undefined, stays: number): Promise<void> => {
          if (guard === undefined) return;
          await section(stays);
          guard.release();
        };
        const ends = await Promise.allSettled(
          tasks.map(async ({ arrives, stays, way }) => {
            await ticks(arrives);
            if (way === "lockAsync") return visit(await mutex.lockAsync(), stays);
            if (way === "withAsync") return mutex.withAsync(() => section(stays));
            if (way === "tryLock") return visit(mutex.tryLock(), stays);
            if (way === "lock") return visit(mutex.lock(), stays);
            if (way === "with") {
              return mutex.with(() => {
                expect(inside).toBe(0);
                admitted++;
                counter++;
              });
            }
            if ("timeout" in way) return visit(await mutex.lockAsync(way), stays);
            const controller = new AbortController();
            void ticks(way.abortedAfter).then(() => {
              controller.abort();
            });
            return visit(await mutex.lockAsync({ signal: controller.signal }), stays);
          }),
        );
        expect(counter).toBe(admitted);
        ends.forEach((end, n) => {
          if (end.status === "fulfilled") return;
          const { code, name } = end.reason as { code?: string; name: string };
          const way = tasks[n]?.way;
          // Who blocks while a task of the same thread holds the lock would wait for ever; nobody else is told so.
          if (way === "lock" || way === "with") expect(code).toBe("DEADLOCK");
          else expect(typeof way === "object" ? ("timeout" in way ? code : name) : name).toMatch(/^(TIMEOUT|AbortError)$/);
        });
        expectUntouched(mutex);
      }),
    ));
});

describe("a Mutex among threads", () => {
  const THREADS = 3;
  const mutex = new Mutex(undefined, { name: "the counter's" });
  const cells = board(THREADS);
  let pool: JoinHandle<void>[] = [];
  beforeAll(() => {
    pool = Array.from({ length: THREADS }, (_, party) => spawn(performer, party, mutex, cells));
  });
  afterAll(async () => {
    Atomics.store(cells, ROUND, -1);
    Atomics.notify(cells, ROUND);
    await Promise.all(pool.map((thread) => thread.joinAsync()));
  });

  it("loses no update in a mix of sync, async, try, timed and aborted acquisitions, and is free afterwards", () => {
    const script = fc.array(fc.nat(STEPS.length - 1), { maxLength: MAX_STEPS, size: "max" });
    fc.assert(
      fc.property(fc.array(script, { minLength: THREADS, maxLength: THREADS }), (scripts) => {
        cells[COUNTER] = 0;
        scripts.forEach((steps, party) => scriptOf(cells, party).set([steps.length, 0, ...steps]));
        Atomics.store(cells, DONE, 0);
        Atomics.add(cells, ROUND, 1);
        Atomics.notify(cells, ROUND);
        for (let done = 0; done < THREADS; done = Atomics.load(cells, DONE)) untilChanged(cells, DONE, done);
        const succeeded = scripts.map((_, party) => scriptOf(cells, party)[1] ?? 0);
        expect(cells[COUNTER]).toBe(succeeded.reduce((sum, count) => sum + count, 0));
        // Those without a limit always succeed.
        scripts.forEach((steps, party) => {
          const unlimited = steps.filter((step) => ["lock", "with", "lockAsync", "withAsync"].includes(STEPS[step] ?? ""));
          expect(succeeded[party]).toBeGreaterThanOrEqual(unlimited.length);
        });
        expectUntouched(mutex);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });
});

describe("a Mutex that 100,000 lockAsync calls gave up", () => {
  const COUNT = 100_000;
  const BATCH = 1000;

  it.each([
    ["one signal each", 1],
    ["one signal for 1,000", BATCH],
  ])("(%s) keeps nothing of them", async (_kind, shared) => {
    const mutex = new Mutex();
    const guard = mutex.lock();
    const giveUp = async (): Promise<void> => {
      const controllers = Array.from({ length: BATCH / shared }, () => new AbortController());
      const asked = controllers.flatMap(({ signal }) => Array.from({ length: shared }, () => mutex.lockAsync({ signal })));
      expect(tasksInLine()).toBe(1);
      for (const controller of controllers) controller.abort();
      const ends = await Promise.allSettled(asked);
      expect(ends.every(({ status }) => status === "rejected")).toBe(true);
      expect(tasksInLine()).toBe(0);
    };
    const giveUpMany = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += BATCH) await giveUp();
    };
    // The engine's own tables grow now and then, with or without a lock; a leak would show each time.
    const growths: number[] = [];
    for (let round = 0; round < 2 || (round < 6 && Math.min(...growths) / (COUNT / 2) >= 4); round++) {
      const before = await heapWithoutGarbage();
      await giveUpMany(COUNT / 2);
      growths.push((await heapWithoutGarbage()) - before);
    }
    expect(Math.min(...growths) / (COUNT / 2)).toBeLessThan(4);
    guard.release();
    (await mutex.lockAsync()).release();
    expectUntouched(mutex);
  });
});

/** What modelled threads do with two primitives that are used together; whoever may die in it, all others must come to an end. */
import { expect } from "@jest/globals";
import type { Scenario } from "../../lib/check/index.ts";
import { BrokenBarrierError, PoisonedError, TimeoutError } from "../../lib/errors.ts";
import type { WaitOptions } from "../../lib/park/limits.ts";
import { Barrier } from "../../lib/sync/barrier.ts";
import { Condvar } from "../../lib/sync/condvar.ts";
import { Latch } from "../../lib/sync/latch.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { Once } from "../../lib/sync/once.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

/** Two words change together; whoever sees them different without a warning has seen half of it. */
const change = (cells: Int32Array): void => {
  expect(cells[0]).toBe(cells[1]);
  cells[0] = (cells[0] ?? 0) + 1;
  Atomics.load(words(1), 0);
  cells[1] = (cells[1] ?? 0) + 1;
};
const look = (cells: Readonly<Int32Array>): void => {
  const first = cells[0];
  Atomics.load(words(1), 0);
  expect(cells[1]).toBe(first);
};
/** "done", or what it was told of a death. */
const told = (act: () => void): string => {
  try {
    act();
    return "done";
  } catch (error) {
    if (error instanceof PoisonedError) return "poisoned";
    if (error instanceof BrokenBarrierError) return "broken";
    if (error instanceof TimeoutError) return "late";
    throw error;
  }
};

/** One scenario for so many threads. */
interface Pair<S> {
  readonly setup: (threads: number) => S;
  /** What thread `me`, from 0, does; `limits` are for waits that the death of another may make endless. */
  readonly body: (state: S, me: number, limits?: WaitOptions) => void;
  /** When all have ended: what whoever is left must find in order. */
  readonly after: (state: S) => void;
}
const pair = <S>(made: Pair<S>): Pair<S> => made;
const lockInOrder = (lock: Mutex<Int32Array>, cells: Int32Array): void => {
  if (cells[0] !== cells[1]) expect(lock.poisoned).toBe(true);
  lock.lock({ allowPoisoned: true }).release();
};

export const PAIRS = {
  "Semaphore + Mutex": pair({
    setup: () => {
      const cells = words(2);
      return { cells, permits: new Semaphore(1, { holders: 1 }), lock: new Mutex(cells) };
    },
    body: ({ permits, lock }) => {
      const permit = permits.acquire();
      try {
        lock.with(change);
      } finally {
        permit.release();
      }
    },
    after: ({ permits, lock, cells }) => {
      permits.acquire().release();
      lockInOrder(lock, cells);
    },
  }),
  // The first one writes, the others read.
  "RwLock + Semaphore": pair({
    setup: (threads) => {
      const cells = words(2);
      return { cells, permits: new Semaphore(1, { holders: 1 }), lock: new RwLock(cells, { readers: threads }) };
    },
    body: ({ permits, lock }, me) => {
      const permit = permits.acquire();
      try {
        if (me === 0) lock.withWrite(change);
        else lock.withRead(look as never);
      } finally {
        permit.release();
      }
    },
    after: ({ permits, lock, cells }) => {
      permits.acquire().release();
      if (cells[0] !== cells[1]) expect(lock.poisoned).toBe(true);
      lock.write({ allowPoisoned: true }).release();
    },
  }),
  // The last one ends all waits; whoever comes later need not wait.
  "Mutex + Condvar": pair({
    setup: (threads) => ({ lock: new Mutex(words(1)), changed: new Condvar({ waiters: threads }), last: threads - 1 }),
    body: ({ lock, changed, last }, me, limits) => {
      const guard = lock.lock();
      if (me === last) {
        guard.value[0] = 1;
        changed.notifyAll();
      } else changed.waitWhile(guard, (cells) => cells[0] === 0, limits);
      guard.release();
    },
    after: ({ lock }) => {
      lock.lock({ allowPoisoned: true }).release();
    },
  }),
  "RwLock + Condvar": pair({
    setup: (threads) => ({ lock: new RwLock(words(1), { readers: 1 }), changed: new Condvar({ waiters: threads }), last: threads - 1 }),
    body: ({ lock, changed, last }, me, limits) => {
      const guard = lock.write();
      if (me === last) {
        guard.value[0] = 1;
        changed.notifyAll();
      } else changed.waitWhile(guard, (cells) => cells[0] === 0, limits);
      guard.release();
    },
    after: ({ lock }) => {
      lock.write({ allowPoisoned: true }).release();
    },
  }),
  // Each does its part under the lock; when all have met, it is complete.
  "Mutex + Barrier": pair({
    setup: (threads) => {
      const cells = words(2);
      return { cells, threads, lock: new Mutex(cells), barrier: new Barrier(threads) };
    },
    body: ({ lock, barrier, cells, threads }, _, limits) => {
      lock.with(change);
      barrier.wait(limits);
      expect(Array.from(cells)).toEqual([threads, threads]);
    },
    after: ({ lock, cells }) => {
      lockInOrder(lock, cells);
    },
  }),
  // So many come in, and meet there.
  "Semaphore + Barrier": pair({
    setup: (threads) => ({ threads, permits: new Semaphore(threads), barrier: new Barrier(threads), inside: words(1) }),
    body: ({ permits, barrier, inside, threads }, _, limits) => {
      const permit = permits.acquire();
      try {
        Atomics.add(inside, 0, 1);
        barrier.wait(limits);
        expect(Atomics.load(inside, 0)).toBe(threads);
      } finally {
        permit.release();
      }
    },
    after: ({ permits, threads }) => {
      expect(permits.available).toBe(threads);
    },
  }),
  "Mutex + Latch": pair({
    setup: (threads) => {
      const cells = words(2);
      return { cells, threads, lock: new Mutex(cells), latch: new Latch(threads) };
    },
    body: ({ lock, latch, cells, threads }, _, limits) => {
      try {
        lock.with(change);
      } finally {
        latch.countDown();
      }
      latch.wait(limits);
      expect(cells[0]).toBe(threads);
    },
    after: ({ lock, cells }) => {
      lockInOrder(lock, cells);
    },
  }),
  // Whoever comes first makes what the lock protects.
  "Once + Mutex": pair({
    setup: () => {
      const cells = words(2);
      return { cells, once: new Once(), lock: new Mutex(cells) };
    },
    body: ({ once, lock, cells }) => {
      once.run(() => {
        change(cells);
      });
      lock.with((value) => {
        expect(value[0]).toBeGreaterThan(0);
        change(value);
      });
    },
    after: ({ once, lock, cells }) => {
      once.run(() => undefined, { allowPoisoned: true });
      if (cells[0] !== cells[1] && !lock.poisoned) expect(cells[0]).toBe(1);
      lock.lock({ allowPoisoned: true }).release();
    },
  }),
  "OnceLock + Mutex": pair({
    setup: () => {
      const cells = words(2);
      return { cells, made: new OnceLock<number>(), lock: new Mutex(cells) };
    },
    body: ({ made, lock }, me) => {
      const first = made.getOrInit(() => {
        lock.with(change);
        return me + 1;
      });
      expect(first).toBe(made.get());
    },
    after: ({ made, lock, cells }) => {
      lockInOrder(lock, cells);
      expect(made.getOrInit(() => 9)).toBe(made.get());
    },
  }),
};
export type PairName = keyof typeof PAIRS;

/** The pair as a scenario; `ends` collects what became of the threads. */
export function scenarioOf(name: PairName, threads: number, ends: Set<string>, limits?: WaitOptions): Scenario<unknown> {
  const { setup, body, after } = PAIRS[name] as Pair<unknown>;
  const bodyOf =
    (me: number) =>
    (state: unknown): string =>
      told(() => {
        body(state, me, limits);
      });
  return {
    setup: () => setup(threads),
    threads: Array.from({ length: threads }, (_, me) => bodyOf(me)),
    after: (state, results) => {
      ends.add(results.map(String).join());
      after(state);
    },
  };
}

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, explore, type CheckOptions } from "../../lib/check/index.ts";
import { PoisonedError } from "../../lib/errors.ts";
import { Condvar } from "../../lib/sync/condvar.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { Forgetful, Hasty, LateComer, Silent, Twin } from "./condvar.broken.ts";

/** A condvar in a struct's field takes 15 words: its slots begin at word 3, two words each. The lock's words come behind it, and another's. */
const LOCK = 15;
const SLOTS = 3;
const notifiedIn = (counts: number): number => counts >>> 15;

interface Shared {
  readonly lock: Mutex;
  readonly changed: Condvar;
  readonly cells: Int32Array;
  readonly words: Int32Array;
}
const setup = (): Shared => {
  const words = new Int32Array(new SharedArrayBuffer(4 * (LOCK + 6)));
  const buffer = words.buffer as SharedArrayBuffer;
  return {
    words,
    cells: new Int32Array(new SharedArrayBuffer(8)),
    lock: Mutex.at(buffer, 4 * LOCK, { name: "m" }),
    changed: Condvar.at(buffer, 0, { name: "changed" }),
  };
};

type Body = (s: Shared) => unknown;
const careful =
  (body: Body): Body =>
  (s) => {
    try {
      return body(s);
    } catch (error) {
      if (error instanceof PoisonedError) return "poisoned";
      throw error;
    }
  };
/** Waits for a token and takes it. */
const take = careful(({ lock, changed, cells }) => {
  const guard = lock.lock();
  changed.waitWhile(guard, () => cells[0] === 0);
  cells[0] = (cells[0] ?? 0) - 1;
  guard.release();
  return "took";
});
/** Waits until a token is there, leaves it, and lets the next one know. */
const see = (timeout?: number): Body =>
  careful(({ lock, changed, cells }) => {
    const guard = lock.lock();
    const seen = changed.waitWhile(guard, () => cells[0] === 0, timeout === undefined ? undefined : { timeout });
    guard.release();
    if (seen === "ok") changed.notifyOne();
    return seen;
  });
const give = (tokens: number, notify: (changed: Condvar) => number): Body =>
  careful(({ lock, changed, cells }) => {
    const guard = lock.lock();
    cells[0] = (cells[0] ?? 0) + tokens;
    const count = notify(changed);
    guard.release();
    return count;
  });
const one = (changed: Condvar): number => changed.notifyOne();
const all = (changed: Condvar): number => changed.notifyAll();

/** Checks, and gives all the ends that were met. */
function endsOf(threads: Body[], options: CheckOptions = {}, begin = setup): string[] {
  const seen = new Set<string>();
  const report = check(
    { setup: begin, threads, after: (_, results) => seen.add(results.map(String).join()) },
    { time: 60_000, ...options },
  );
  expectPassed(report);
  expect(report.complete).toBe(options.preemptions === undefined);
  return [...seen].sort();
}

describe("in every interleaving, a Condvar", () => {
  it("loses no notification between unlocking and sleeping, and counts whom it woke", () => {
    expect(endsOf([take, give(1, one)])).toEqual(["took,0", "took,1"]);
  });

  it("wakes all, however many wait", () => {
    expect(endsOf([take, take, give(2, all)], { preemptions: 1 })).toEqual(["took,took,0", "took,took,1", "took,took,2"]);
  });

  it("wakes one at a time", () => {
    expect(endsOf([see(), see(), give(1, one)], { preemptions: 1 })).toEqual(["ok,ok,0", "ok,ok,1"]);
  });

  it("with one slot for two threads loses no notification either: neither one for all, nor one that is passed on", () => {
    const crowded = (): Shared => ({ ...setup(), changed: new Condvar({ waiters: 1, name: "changed" }) });
    expect(endsOf([take, take, give(2, all)], { preemptions: 1 }, crowded)).toEqual(["took,took,0", "took,took,1", "took,took,2"]);
    const ends = endsOf([see(50), see(), give(1, one)], { timeouts: true, preemptions: 1 }, crowded);
    expect(ends).toEqual(["ok,ok,0", "ok,ok,1", "timed-out,ok,0", "timed-out,ok,1"]);
  });

  it("gives on what came for a waiter whose time was over", () => {
    const ends = endsOf([see(50), see(), give(1, one)], { timeouts: true, preemptions: 1 });
    expect(ends).toEqual(["ok,ok,0", "ok,ok,1", "timed-out,ok,0", "timed-out,ok,1"]);
  });

  it("leaves no notification with a dead thread while another waits, whenever it died", () => {
    let unclaimed = 0;
    let shared: Shared | undefined;
    const scenario = { setup: () => (shared = setup()), threads: [see(), see(), give(1, one)] };
    for (const { ending, failure } of explore(scenario, { deaths: 1, mortal: [0], preemptions: 1, executions: 1500 })) {
      // Thread 1 may have died after it had gone on and before it let the next one know: nobody can make up for that.
      if (ending === "failed") expect(["lost wake-up", "deadlock"]).toContain(failure?.kind);
      const words = shared?.words ?? new Int32Array(LOCK);
      const waits = (slot: number): boolean => words[SLOTS + 2 * slot] !== 0;
      const slots = Array.from({ length: 6 }, (_, slot) => slot).filter(waits);
      const left = slots.filter((slot) => notifiedIn(words[SLOTS + 1 + 2 * slot] ?? 0) > 0);
      if (left.length > 0) unclaimed++;
      if (ending === "failed") expect(left).toEqual([]);
    }
    // It does happen that it died with a notification: then nobody else was waiting.
    expect(unclaimed).toBeGreaterThan(0);
  });

  it("passes on the notification of a waiter that died before it had the lock again", () => {
    // From there on its death poisons the lock, of which all are told.
    const pass = careful(({ lock, changed, cells }) => {
      const guard = lock.lock();
      changed.waitWhile(guard, () => cells[0] === 0);
      changed.notifyOne();
      guard.release();
      return "passed";
    });
    const ends = endsOf([pass, pass, give(1, one)], { deaths: 1, mortal: [0], preemptions: 1 });
    expect(ends).toContain("undefined,passed,1");
  });

  it("ends no wait that nobody notified, also if the lock was poisoned and repaired meanwhile", () => {
    const wait = careful(({ lock, changed }) => changed.wait(lock.lock()));
    const holds = careful(({ lock }) => {
      lock.lock().release();
    });
    const ends = new Set<unknown>();
    const scenario = {
      setup,
      threads: [wait, holds, ({ lock }: Shared): unknown => lock.recover(() => undefined)],
      after: (_: Shared, results: readonly unknown[]) => ends.add(results[0]),
    };
    // Whoever did not see the poison waits for ever.
    for (const { ending, failure } of explore(scenario, { deaths: 1, mortal: [1], preemptions: 1, executions: 2500 })) {
      if (ending === "failed") expect(failure?.kind).toMatch(/lost wake-up|deadlock/);
    }
    expect([...ends]).toEqual(["poisoned"]);
  });

  it("never waits with two locks at once", () => {
    const waits =
      (at: number): Body =>
      ({ changed, words }) => {
        const guard = Mutex.at(words.buffer as SharedArrayBuffer, 4 * at).lock();
        try {
          return changed.wait(guard);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          changed.notifyAll();
          return "refused";
        } finally {
          guard.release();
        }
      };
    const ends = endsOf([waits(LOCK), waits(LOCK + 3)], { preemptions: 2 });
    expect(ends).toEqual(["ok,refused", "refused,ok"]);
  });

  it("ends all waits when the holder of its lock died: nobody may be left to notify", () => {
    let shared: Shared | undefined;
    const ends = new Set<string>();
    const scenario = {
      setup: () => (shared = setup()),
      threads: [take, give(1, one)],
      after: (_: Shared, results: readonly unknown[]) => ends.add(results.map(String).join()),
    };
    for (const { ending } of explore(scenario, { deaths: 1, mortal: [1], preemptions: 2 })) {
      // A giver that died before it had the lock, or when it was done, left the lock in order; and the wait goes on for ever.
      if (ending === "failed") expect(shared?.words[LOCK]).toBe(0);
    }
    expect([...ends].sort()).toEqual(["poisoned,undefined", "took,0", "took,1", "took,undefined"]);
  });
});

describe("the checker catches a condvar that", () => {
  interface Twins {
    readonly lock: Mutex<Int32Array>;
    readonly twin: Twin;
  }
  const verdict = (Broken: new (cells: Int32Array) => Twin, options: CheckOptions = {}): string => {
    const taker =
      (at: number, timed: boolean) =>
      ({ lock, twin }: Twins): void => {
        let guard = lock.lock();
        while (guard.value[0] === 0) {
          const held = guard;
          const outcome = twin.wait(
            lock,
            () => {
              held.release();
            },
            at,
            timed,
          );
          guard = lock.lock();
          if (outcome === "timed-out") break;
        }
        guard.release();
        // It takes nothing, so the next one is to know too, unless it gave up.
        if (guard !== undefined && !timed) twin.notifyOne();
      };
    const giver = ({ lock, twin }: Twins): void => {
      const guard = lock.lock();
      guard.value[0] = 1;
      guard.release();
      twin.notifyOne();
    };
    const threads = options.timeouts === true ? [taker(0, true), taker(1, false), giver] : [taker(0, false), giver];
    const report = check<Twins>(
      {
        setup: () => ({
          lock: new Mutex(new Int32Array(new SharedArrayBuffer(4))),
          twin: new Broken(new Int32Array(new SharedArrayBuffer(8))),
        }),
        threads,
      },
      { time: 30_000, ...options },
    );
    return report.failure?.kind ?? report.verdict;
  };

  it.each([
    ["is counted only after unlocking", LateComer],
    ["forgets to wake", Silent],
    ["wakes before it notifies", Hasty],
  ])("%s", (_, Broken) => {
    expect(verdict(Broken)).toMatch(/lost wake-up|deadlock/);
    expect(verdict(Twin)).toBe("passed");
  });
  it("gives up without looking for a notification", () => {
    expect(verdict(Forgetful, { timeouts: true, preemptions: 2 })).toMatch(/lost wake-up|deadlock/);
  });
});

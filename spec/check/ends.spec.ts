/** How threads end in the checker's world: by a death between any two writes, or with their body. */
import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, explore, type CheckOptions } from "../../lib/check/index.ts";
import { channel } from "../../lib/channel/channel.ts";
import { PoisonedError } from "../../lib/errors.ts";
import { i32 } from "../../lib/memory/layout.ts";
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";

const words = (count = 4): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
interface Guarded {
  readonly mutex: Mutex;
  readonly data: Int32Array;
}
const guarded = (): Guarded => ({ mutex: new Mutex(undefined, { name: "m" }), data: words() });
const seen = ({ data }: Guarded): string => data.slice(0, 2).join("");

describe("a thread that may die", () => {
  const writes = ({ mutex, data }: Guarded): void => {
    const guard = mutex.lock();
    data[0] = 1;
    data[1] = 2;
    data[0] = 3;
    guard.release();
  };

  it("dies before each of its plain writes, and others see half of them", () => {
    const states = new Set<string>();
    const report = check(
      {
        setup: guarded,
        threads: [
          writes,
          (shared: Guarded) => {
            const guard = shared.mutex.lock({ allowPoisoned: true });
            const state = `${seen(shared)}${shared.mutex.poisoned ? " poisoned" : ""}`;
            guard.release();
            return state;
          },
        ],
        after: (_, [, state]) => {
          states.add(String(state));
        },
      },
      { deaths: 1, mortal: [0] },
    );
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect(states).toEqual(new Set(["00", "00 poisoned", "10 poisoned", "12 poisoned", "32 poisoned", "32"]));
  });

  it("dies before a write whose failure names it, in a trace and in a replay string", () => {
    const scenario = {
      setup: guarded,
      threads: { writer: writes },
      after: (shared: Guarded) => {
        if (seen(shared) === "12") throw new Error("half of it");
      },
    };
    const { failure } = check(scenario, { deaths: 1 });
    expect(failure?.message).toContain("half of it");
    expect(failure?.trace).toContain("dies before its last plain write");
    const again = check(scenario, { deaths: 1, replay: String(failure?.replay) });
    expect([again.failure?.message, again.failure?.trace]).toEqual([failure?.message, failure?.trace]);
  });

  it("dies after its last step, too, and before what it writes there", () => {
    const ends = new Set<string>();
    const scenario = {
      setup: guarded,
      threads: [
        ({ data }: Guarded) => {
          Atomics.store(data, 3, 1);
          data[0] = 1;
          data[1] = 1;
          return "returned";
        },
      ],
      after: (shared: Guarded, [result]: readonly unknown[]) => {
        ends.add(`${String(shared.data[3])} ${seen(shared)} ${String(result)}`);
      },
    };
    expectPassed(check(scenario, { deaths: 1 }));
    expect(ends).toEqual(new Set(["0 00 undefined", "1 00 undefined", "1 10 undefined", "1 11 undefined", "1 11 returned"]));
  });

  it("dies with what it holds after its last step, and others see that while they go on", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup: guarded,
        threads: {
          holder: ({ mutex }) => {
            mutex.lock();
            return "returned";
          },
          next: ({ mutex }) => {
            try {
              const guard = mutex.tryLock();
              guard?.release();
              return guard === undefined ? "busy" : "got in";
            } catch (error) {
              return error instanceof PoisonedError ? "poisoned" : error;
            }
          },
        },
        after: (_, { holder, next }) => {
          ends.add(`${String(holder)}, ${String(next)}`);
        },
      },
      { deaths: 1, mortal: [0] },
    );
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect(ends).toEqual(new Set(["returned, busy", "returned, got in", "undefined, got in", "undefined, poisoned"]));
  });

  it("does not die in the midst of what a DataView writes at once", () => {
    const states = new Set<unknown>();
    const report = check(
      {
        setup: () => ({ mutex: new Mutex(), header: new DataView(new SharedArrayBuffer(16)) }),
        threads: [
          ({ mutex, header }) => {
            const guard = mutex.lock();
            header.setUint32(1, 0x01020304);
            header.setUint16(0, 0xff01);
            guard.release();
          },
          ({ mutex, header }) => {
            const guard = mutex.lock({ allowPoisoned: true });
            const seen = header.getUint32(0).toString(16);
            guard.release();
            return seen;
          },
        ],
        after: (_, [, seen]) => {
          states.add(seen);
        },
      },
      { deaths: 1, mortal: [0] },
    );
    expectPassed(report);
    expect(states).toEqual(new Set(["0", "10203", "ff010203"]));
    const { failure } = check(
      {
        setup: () => new DataView(new SharedArrayBuffer(8)),
        threads: [
          (header) => {
            header.setFloat64(0, 1.5);
            header.setUint16(0, 1);
            Atomics.load(words(), 0);
          },
        ],
        after: (header) => {
          expect(header.getFloat64(0)).not.toBe(0);
        },
      },
      { deaths: 1 },
    );
    expect(failure?.trace).toContain("dies before its last 2 plain writes");
  });

  it("is not said to have died everywhere if it wrote too often in a row", () => {
    const many = (count: number) =>
      check(
        {
          setup: () => words(count),
          threads: [
            (cells) => {
              cells.fill(1);
            },
          ],
        },
        { deaths: 1, time: 25_000 },
      );
    expect(many(900)).toMatchObject({ verdict: "passed", complete: true, executions: 902, notes: [] });
    const { verdict, complete, notes } = many(1100);
    expect({ verdict, complete }).toEqual({ verdict: "passed", complete: false });
    expect(notes.join()).toContain("more than 1,000 plain writes");
  });
});

describe("a thread that returns", () => {
  it("while it holds a lock has poisoned it, as a real one", () => {
    const ends = new Set<unknown>();
    const report = check({
      setup: guarded,
      threads: {
        forgetful: ({ mutex }) => {
          mutex.lock();
        },
        next: ({ mutex }) => {
          try {
            mutex.lock().release();
            return "got in";
          } catch (error) {
            return error instanceof PoisonedError ? "poisoned" : error;
          }
        },
      },
      after: ({ mutex }, { next }) => {
        ends.add(next);
        expect(mutex.poisoned || next === "got in").toBe(true);
      },
    });
    expectPassed(report);
    expect(ends).toEqual(new Set(["got in", "poisoned"]));
  });

  it("while it holds a lock is told to all that wait, also if the one has changed the word that the other sleeps on", () => {
    const next = ({ mutex }: Guarded): void => {
      mutex.lock({ allowPoisoned: true }).release();
    };
    const report = check({ setup: guarded, threads: [({ mutex }) => void mutex.lock(), next, next] }, { time: 50_000 });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("has ended when after looks, and what it held is free", () => {
    expectPassed(
      check({
        setup: () => ({ semaphore: new Semaphore(1, { holders: 2 }) }),
        threads: [({ semaphore }) => void semaphore.acquire()],
        after: ({ semaphore }) => {
          semaphore.acquire().release();
        },
      }),
    );
  });

  it("has ended when after looks, even if only after shows that it is a thread of ferrous", () => {
    const lockOf = (cells: Int32Array): Mutex => Mutex.at(cells.buffer as SharedArrayBuffer, 0);
    const report = check({
      setup: () => words(),
      threads: [(cells) => void lockOf(cells).lock()],
      after: (cells) => {
        lockOf(cells).lock({ allowPoisoned: true }).release();
        expect(lockOf(cells).poisoned).toBe(true);
      },
    });
    expectPassed(report);
  });

  it("closes its end of a channel, and who receives is told", () => {
    const report = check({
      setup: () => channel({ of: i32 }),
      moves: ([tx, rx]) => [[tx], [rx]],
      threads: [
        ([tx]) => {
          tx.send(1);
        },
        ([, rx]) => [...rx],
      ],
      after: (_, [, got]) => {
        expect(got).toEqual([1]);
      },
    });
    expectPassed(report);
  });

  it("does not heal what it forgot to do for those that live on", () => {
    // Sleeps on a word that does not change: only what it waits for does, and nobody is woken.
    const { failure } = check({
      setup: guarded,
      threads: {
        forgetful: ({ data }) => Atomics.store(data, 0, 1),
        next: ({ data }) => {
          const word = new Word(data as Int32Array<SharedArrayBuffer>, 1);
          wait(() => (Atomics.load(data, 0) === 1 ? undefined : { word, value: 0 }), { describe: () => "a twin" }, "wait", undefined);
        },
      },
    });
    expect(failure?.message).toMatch(/"next" slept although it could have gone on/);
    expect(failure?.kind).toBe("lost wake-up");
  });

  it("lets who is made to look sleep again on another word", () => {
    // The reader waits for the only slot, until it finds that a writer came first.
    const report = check(
      {
        setup: () => new RwLock(undefined, { readers: 1 }),
        threads: {
          keeper: (lock) => void lock.read(),
          reader: (lock) => {
            lock.read().release();
          },
          writer: (lock) => {
            lock.write().release();
          },
        },
      },
      { preemptions: 1, time: 50_000 },
    );
    expectPassed(report);
  });

  it("does not heal what wakes another before it sleeps again", () => {
    const asleep = ({ data }: Guarded, at: number, until: number): void => {
      const word = new Word(data as Int32Array<SharedArrayBuffer>, at);
      wait(() => (Atomics.load(data, until) === 1 ? undefined : { word, value: 0 }), { describe: () => "a twin" }, "wait", undefined);
    };
    const { failure } = check({
      setup: guarded,
      threads: {
        forgetful: ({ mutex, data }) => {
          mutex.lock();
          Atomics.store(data, 0, 1);
        },
        relay: (shared) => {
          asleep(shared, 1, 0);
          Atomics.store(shared.data, 3, 1);
          Atomics.notify(shared.data, 2, 1);
          // Until the end of the forgetful one is told.
          expect(() => shared.mutex.lock()).toThrow(PoisonedError);
        },
        next: (shared) => {
          asleep(shared, 2, 3);
        },
      },
    });
    expect(failure?.kind).toBe("lost wake-up");
    expect(failure?.message).toMatch(/"relay" slept although it could have gone on/);
  });

  it("leaves a deadlock of those that live on what it is", () => {
    const { failure } = check({
      setup: () => ({ one: new Mutex(), two: new Mutex() }),
      threads: {
        a: ({ one, two }) => {
          const guard = one.lock();
          two.lock().release();
          guard.release();
        },
        b: ({ one, two }) => {
          const guard = two.lock();
          one.lock().release();
          guard.release();
        },
        c: ({ one }) => one.tryLock()?.release(),
      },
    });
    expect(failure?.kind).toBe("deadlock");
  });
});

describe("a death is told", () => {
  const flagged = (more: object) => ({
    setup: () => ({ flag: words(), ...more }),
    threads: {
      setter: ({ flag }: { flag: Int32Array }) => {
        Atomics.store(flag, 0, 1);
        Atomics.notify(flag, 0);
      },
      waiter: ({ flag }: { flag: Int32Array }) => Atomics.wait(flag, 0, 0),
    },
  });
  const mortal: CheckOptions = { deaths: 1, mortal: [0] };

  it("to ferrous' own sleepers only, whatever else the state holds", () => {
    expect(check(flagged({}), mortal).failure?.kind).toBe("lost wake-up");
    expect(check(flagged({ mutex: new Mutex() }), mortal).failure?.kind).toBe("lost wake-up");
  });

  it("in every execution, or in none: also if a thread uses ferrous only in some", () => {
    const scenario = {
      setup: () => words(),
      threads: [
        (cells: Int32Array) => {
          Mutex.at(cells.buffer as SharedArrayBuffer, 0)
            .lock()
            .release();
        },
        (cells: Int32Array) => {
          if (Atomics.load(cells, 3) === 1) return "early";
          try {
            Mutex.at(cells.buffer as SharedArrayBuffer, 0)
              .lock({ timeout: 5 })
              .release();
            return "got in";
          } catch (error) {
            return (error as Error).name;
          }
        },
        (cells: Int32Array) => Atomics.store(cells, 3, 1),
      ],
    };
    const options: CheckOptions = { deaths: 1, timeouts: true };
    let count = 0;
    for (const { ending, replay } of explore(scenario, options)) {
      if (ending === "complete" && ++count % 7 === 0) expectPassed(check(scenario, { ...options, replay }));
    }
    expect(count).toBeGreaterThan(50);
  });
});

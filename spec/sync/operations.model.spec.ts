/** Each primitive beside a plain object that does the same when nobody else is there: some order of the calls explains every history. */
import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { checkOperations, type OperationsOptions, type OperationsProgram } from "../../lib/check/index.ts";
import { PoisonedError } from "../../lib/errors.ts";
import { Barrier } from "../../lib/sync/barrier.ts";
import { Condvar } from "../../lib/sync/condvar.ts";
import { Latch } from "../../lib/sync/latch.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { Once } from "../../lib/sync/once.ts";
import { ReentrantMutex } from "../../lib/sync/reentrant-mutex.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import type { WaitOptions } from "../../lib/park/limits.ts";
import { explored } from "../support/executions.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const one = fc.tuple(fc.integer({ min: 1, max: 3 }));
const fail = (): never => {
  throw new RangeError("on purpose");
};
const poisoned = (): never => {
  throw new PoisonedError("the model", "somebody");
};
const SIZES = [
  { threads: 2, length: 2, programs: 20, preemptions: 3 },
  { threads: 3, length: 1, programs: 10, preemptions: 2 },
] as const;

/** A sum behind a lock, and whether it is in doubt. */
const lockModel = () => {
  let sum = 0;
  let inDoubt = false;
  const add = (n: number): number => (sum += n);
  return {
    add: (n: number) => (inDoubt ? poisoned() : add(n)),
    addAnyway: add,
    sum: () => (inDoubt ? poisoned() : sum),
    fail: () => {
      if (inDoubt) poisoned();
      inDoubt = true;
      fail();
    },
    poisoned: () => inDoubt,
    clear: () => {
      inDoubt = false;
    },
    recover: (n: number) => {
      if (!inDoubt) return false;
      sum = n;
      inDoubt = false;
      return true;
    },
  };
};
const add =
  (n: number) =>
  (cells: Int32Array): number =>
    (cells[0] = (cells[0] ?? 0) + n);
const become =
  (n: number) =>
  (cells: Int32Array): void => {
    cells[0] = n;
  };

/** One place for a number, put there and taken under a lock; two condvars tell of it. */
interface Queue {
  readonly lock: Mutex<Int32Array>;
  readonly filled: Condvar;
  readonly emptied: Condvar;
}
const queue = (): Queue => ({
  lock: new Mutex(words(1)),
  filled: new Condvar({ waiters: 2, name: "filled" }),
  emptied: new Condvar({ waiters: 2, name: "emptied" }),
});
const queueModel = () => {
  let place = 0;
  return {
    put: (n: number) => (place === 0 ? ((place = n), "ok") : "timed-out"),
    take: () => {
      const taken = place;
      place = 0;
      return taken;
    },
  };
};
const queueOperations = (opts?: WaitOptions) => ({
  put: {
    args: one,
    run: ({ lock, filled, emptied }: Queue, n: number) => {
      const guard = lock.lock();
      const outcome = emptied.waitWhile(guard, (cells) => cells[0] !== 0, opts);
      if (outcome === "ok") become(n)(guard.value);
      guard.release();
      if (outcome === "ok") filled.notifyOne();
      return outcome;
    },
  },
  take: {
    run: ({ lock, filled, emptied }: Queue) => {
      const guard = lock.lock();
      filled.waitWhile(guard, (cells) => cells[0] === 0, opts);
      const taken = guard.value[0] ?? 0;
      become(0)(guard.value);
      guard.release();
      if (taken !== 0) emptied.notifyAll();
      return taken;
    },
  },
});

describe.each(SIZES)("in random programs, %j, a plain object explains", (size) => {
  const options = { ...size, time: 60_000 };
  // What is drawn at random heeds no bound on preemptions.
  const { preemptions: _, ...drawn } = options;

  it.each<[string, (cells: Int32Array) => Mutex<Int32Array> | ReentrantMutex<Int32Array>]>([
    ["Mutex", (cells) => new Mutex(cells)],
    ["ReentrantMutex", (cells) => new ReentrantMutex(cells)],
  ])("a %s", (name, make) => {
    type Lock = ReturnType<typeof make>;
    const report = checkOperations(
      {
        setup: () => make(words(1)),
        model: lockModel,
        operations: {
          add: { args: one, run: (lock: Lock, n: number) => lock.with(add(n)) },
          addAnyway: { args: one, run: (lock: Lock, n: number) => lock.with(add(n), { allowPoisoned: true }) },
          fail: { run: (lock: Lock) => lock.with(fail) },
          poisoned: { run: (lock: Lock) => lock.poisoned },
          clear: {
            run: (lock: Lock) => {
              lock.clearPoison();
            },
          },
          recover: { args: one, run: (lock: Lock, n: number) => lock.recover(become(n)) },
        },
      },
      // Each hold of a ReentrantMutex has twice the steps of a Mutex.
      { ...options, preemptions: name === "Mutex" ? size.preemptions : size.preemptions - 1 },
    );
    explored(name, size, report);
  });

  it("an RwLock", () => {
    type Lock = RwLock<Int32Array>;
    const report = checkOperations(
      {
        setup: () => new RwLock(words(1), { readers: 2 }),
        model: () => {
          const model = lockModel();
          return { ...model, downgrade: model.add, upgrade: model.add };
        },
        operations: {
          add: { args: one, run: (lock: Lock, n: number) => lock.withWrite(add(n)) },
          sum: { run: (lock: Lock) => lock.withRead((cells) => cells[0]) },
          fail: { run: (lock: Lock) => lock.withWrite(fail) },
          poisoned: { run: (lock: Lock) => lock.poisoned },
          recover: { args: one, run: (lock: Lock, n: number) => lock.recover(become(n)) },
          downgrade: {
            args: one,
            run: (lock: Lock, n: number) => {
              const writer = lock.write();
              add(n)(writer.value);
              const reader = writer.downgrade();
              const sum = reader.value[0];
              reader.release();
              return sum;
            },
          },
          upgrade: {
            args: one,
            run: (lock: Lock, n: number) => {
              const writer = lock.upgradable().upgrade();
              const sum = add(n)(writer.value);
              writer.release();
              return sum;
            },
          },
        },
      },
      { ...options, preemptions: 1 },
    );
    explored("RwLock", { ...size, preemptions: 1 }, report);
  });

  it("a queue of one place, which a Mutex and two Condvars make", () => {
    const report = checkOperations(
      {
        setup: queue,
        // Who comes too late has looked again, under the lock.
        model: queueModel,
        operations: queueOperations({ timeout: 50 }),
      },
      // A wait has many steps at which its time may be over: drawn here, all of them for few threads in condvar.model.spec.ts.
      { ...drawn, strategy: "random", executions: 50, timeouts: size.length },
    );
    explored("Mutex + Condvar, drawn", size, report);
  });

  it("a Latch", () => {
    const report = checkOperations(
      {
        setup: () => new Latch(3),
        model: () => {
          let left = 3;
          return {
            count: () => left,
            open: () => left === 0,
            down: (n: number) => {
              if (n > left) fail();
              left -= n;
            },
          };
        },
        operations: {
          count: { run: (latch: Latch) => latch.count },
          open: { run: (latch: Latch) => latch.tryWait() },
          down: {
            args: one,
            run: (latch: Latch, n: number) => {
              latch.countDown(n);
            },
          },
        },
      },
      options,
    );
    explored("Latch", size, report);
  });

  it("a Once", () => {
    const report = checkOperations(
      {
        setup: () => ({ once: new Once(), cells: words(1) }),
        model: () => {
          let state: "empty" | "poisoned" | "done" = "empty";
          let ran = 0;
          const run = (): number => {
            if (state === "poisoned") poisoned();
            if (state !== "done") ran++;
            state = "done";
            return ran;
          };
          return {
            run,
            runAnyway: () => {
              if (state === "poisoned") state = "empty";
              return run();
            },
            fail: () => {
              if (state === "done") return;
              if (state === "poisoned") poisoned();
              state = "poisoned";
              fail();
            },
            done: () => state === "done",
            poisoned: () => state === "poisoned",
          };
        },
        operations: {
          run: { run: ({ once, cells }: OnceAndCells) => (once.run(() => void add(1)(cells)), cells[0]) },
          runAnyway: { run: ({ once, cells }: OnceAndCells) => (once.run(() => void add(1)(cells), { allowPoisoned: true }), cells[0]) },
          fail: {
            run: ({ once }: OnceAndCells) => {
              once.run(fail);
            },
          },
          done: { run: ({ once }: OnceAndCells) => once.done },
          poisoned: { run: ({ once }: OnceAndCells) => once.poisoned },
        },
      },
      options,
    );
    explored("Once", size, report);
  });

  it.each([0, 1])("a OnceLock, with %i deaths", (deaths) => {
    type Lock = OnceLock<number>;
    const report = checkOperations(
      {
        setup: (): Lock => new OnceLock<number>(),
        model: () => {
          let value: number | undefined;
          return {
            get: () => value,
            set: (n: number) => (value === undefined ? ((value = n), true) : false),
            getOrInit: (n: number) => (value ??= n),
            fail: () => value ?? fail(),
          };
        },
        operations: {
          get: { run: (lock: Lock) => lock.get() },
          set: { args: one, run: (lock: Lock, n: number) => lock.set(n) },
          getOrInit: { args: one, run: (lock: Lock, n: number) => lock.getOrInit(() => n) },
          fail: { run: (lock: Lock) => lock.getOrInit(fail) },
        },
      },
      // Who dies in a call has had its effect or not.
      { ...options, preemptions: size.preemptions - deaths, deaths },
    );
    explored("OnceLock", { ...size, deaths }, report);
  });
});
interface OnceAndCells {
  readonly once: Once;
  readonly cells: Int32Array;
}

/** Random programs would hang where nothing limits a wait. */
describe("in every interleaving of programs that end, a plain object explains", () => {
  it.each<[number, number, OperationsOptions]>([
    [2, 1, {}],
    [2, 2, { preemptions: 2 }],
    [3, 1, { preemptions: 1 }],
  ])("a Barrier that %i threads meet at, %i times", (count, rounds, options) => {
    interface Meeting {
      readonly barrier: Barrier;
      readonly come: Int32Array;
    }
    const program: OperationsProgram = Array.from({ length: count }, () =>
      Array.from({ length: rounds }, () => ({ name: "meet", args: [] })),
    );
    const report = checkOperations(
      {
        setup: (): Meeting => ({ barrier: new Barrier(count), come: words(1) }),
        // Each counts when it comes; the last one of a round leads.
        model: () => {
          let come = 0;
          return { meet: () => ++come % count === 0 };
        },
        operations: {
          meet: {
            run: ({ barrier, come }: Meeting) => {
              const round = Math.floor(Atomics.add(come, 0, 1) / count) + 1;
              const { leader } = barrier.wait();
              // What no sequential object can tell: nobody goes on before all have come.
              expect(Atomics.load(come, 0)).toBeGreaterThanOrEqual(round * count);
              return leader;
            },
          },
        },
      },
      { program, time: 60_000, ...options },
    );
    explored("Barrier", { threads: count, rounds, ...options }, report);
  });

  it.each<[string, OperationsProgram]>([
    ["one counts, one waits", [[call("down", 2)], [call("wait")]]],
    [
      "two count, each waits",
      [
        [call("down", 1), call("wait")],
        [call("down", 1), call("wait"), call("count")],
      ],
    ],
    ["two wait, one counts twice", [[call("wait")], [call("wait")], [call("down", 1), call("count"), call("down", 1)]]],
  ])("a Latch, when %s", (title, program) => {
    const report = checkOperations(
      {
        setup: () => new Latch(2),
        model: () => {
          let left = 2;
          return {
            down: (n: number) => {
              left -= n;
            },
            count: () => left,
            // Nobody can wait while something is left.
            wait: () => (left === 0 ? "open" : fail()),
          };
        },
        operations: {
          count: { run: (latch: Latch) => latch.count },
          wait: { run: (latch: Latch) => (latch.wait(), "open") },
          down: {
            args: one,
            run: (latch: Latch, n: number) => {
              latch.countDown(n);
            },
          },
        },
      },
      { program, time: 60_000 },
    );
    explored(`Latch, ${title}`, {}, report);
    expect(report.complete).toBe(true);
  });

  it.each<[string, OperationsProgram, OperationsOptions]>([
    ["one puts, one takes", [[call("put", 1)], [call("take")]], {}],
    [
      "one puts twice, one takes twice",
      [
        [call("put", 1), call("put", 2)],
        [call("take"), call("take")],
      ],
      { preemptions: 1 },
    ],
    ["two put, one takes twice", [[call("put", 1)], [call("put", 2)], [call("take"), call("take")]], { preemptions: 1 }],
  ])("a queue of one place, without limits of time, when %s", (title, program, options) => {
    const report = checkOperations(
      { setup: queue, model: queueModel, operations: queueOperations() },
      { program, time: 60_000, ...options },
    );
    explored(`Mutex + Condvar, ${title}`, options, report);
  });
});
function call(name: string, ...args: unknown[]): { name: string; args: unknown[] } {
  return { name, args };
}

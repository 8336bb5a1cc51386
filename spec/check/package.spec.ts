/**
 * A published package, unmodified, as npm installed it: `multithreading` 0.3.52, whose locks block with Atomics.wait.
 */
import { beforeAll, describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";

interface Guard {
  dispose(): void;
}
interface Package {
  readonly Mutex: new (data?: Int32Array) => { blockingLock(): Guard & { value: Int32Array } };
  readonly RwLock: new (data: Int32Array) => {
    blockingRead(): Guard & { value: Int32Array };
    blockingWrite(): Guard & { value: Int32Array };
  };
  readonly Semaphore: new (permits: number) => { blockingAcquire(amount?: number): Guard };
  readonly Condvar: new () => { blockingWait(guard: Guard): void; notifyOne(): void };
  readonly Barrier: new (size: number) => { blockingWait(): { isLeader: boolean } };
}

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const increment = (cells: Int32Array): void => {
  cells[0] = (cells[0] ?? 0) + 1;
};

describe("the locks of the package multithreading, as npm installed them", () => {
  let npm: Package;
  beforeAll(async () => {
    // Its index starts a pool of workers; the modules of the locks are imported by their files.
    const from = "../../node_modules/multithreading/src/lib/sync";
    const modules: object[] = [];
    for (const name of ["mutex", "rwlock", "semaphore", "condvar", "barrier"]) modules.push((await import(`${from}/${name}.js`)) as object);
    npm = Object.assign({}, ...modules) as Package;
  });

  it.each([2, 3])("a Mutex of %i threads is right", (threads) => {
    const report = check({
      setup: () => new npm.Mutex(words(1)),
      threads: Array.from({ length: threads }, () => (mutex: InstanceType<Package["Mutex"]>) => {
        const guard = mutex.blockingLock();
        increment(guard.value);
        guard.dispose();
      }),
      after: (mutex) => {
        expect(mutex.blockingLock().value[0]).toBe(threads);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("a Mutex whose holder dies hangs everybody", () => {
    const { failure } = check(
      {
        setup: () => new npm.Mutex(),
        threads: Array.from({ length: 2 }, () => (mutex: InstanceType<Package["Mutex"]>) => {
          mutex.blockingLock().dispose();
        }),
      },
      { deaths: 1 },
    );
    expect(failure?.kind).toMatch(/deadlock|lost wake-up/);
    expect(failure?.trace).toMatch(/dies[^]*never woken/);
  });

  it("an RwLock of two readers and a writer is right", () => {
    const read = (lock: InstanceType<Package["RwLock"]>): unknown => {
      const guard = lock.blockingRead();
      const seen = guard.value[0];
      guard.dispose();
      return seen;
    };
    const report = check({
      setup: () => new npm.RwLock(words(1)),
      threads: [
        read,
        read,
        (lock) => {
          const guard = lock.blockingWrite();
          increment(guard.value);
          guard.dispose();
        },
      ],
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("a Condvar hands over, and a Barrier meets", () => {
    const handing = check({
      setup: () => ({ mutex: new npm.Mutex(words(1)), ready: new npm.Condvar() }),
      threads: {
        producer: ({ mutex, ready }) => {
          const guard = mutex.blockingLock();
          increment(guard.value);
          guard.dispose();
          ready.notifyOne();
        },
        consumer: ({ mutex, ready }) => {
          const guard = mutex.blockingLock();
          while (guard.value[0] === 0) ready.blockingWait(guard);
          guard.dispose();
        },
      },
    });
    expectPassed(handing);
    const meeting = check({
      setup: () => new npm.Barrier(2),
      threads: Array.from({ length: 2 }, () => (barrier: InstanceType<Package["Barrier"]>) => [
        barrier.blockingWait().isLeader,
        barrier.blockingWait().isLeader,
      ]),
      after: (_, results) => {
        for (const round of [0, 1]) expect(results.filter((leads) => (leads as boolean[])[round])).toHaveLength(1);
      },
    });
    expectPassed(meeting);
  });

  it("a Semaphore spends its wake-up on who needs more than there is: who needs one sleeps beside a free permit", () => {
    const { failure } = check({
      setup: () => ({ semaphore: new npm.Semaphore(2), turn: words(1) }),
      threads: {
        // Gives back one permit, and the other one once "small" has had its turn.
        holder: ({ semaphore, turn }) => {
          const [first, second] = [semaphore.blockingAcquire(), semaphore.blockingAcquire()];
          first.dispose();
          while (Atomics.load(turn, 0) === 0) Atomics.wait(turn, 0, 0);
          second.dispose();
        },
        large: ({ semaphore }) => {
          semaphore.blockingAcquire(2).dispose();
        },
        small: ({ semaphore, turn }) => {
          const permit = semaphore.blockingAcquire(1);
          Atomics.store(turn, 0, 1);
          Atomics.notify(turn, 0);
          permit.dispose();
        },
      },
    });
    expect(failure?.kind).toBe("lost wake-up");
    expect(failure?.trace).toMatch(/small/);
  });
});

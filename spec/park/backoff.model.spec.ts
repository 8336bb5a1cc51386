/** Locks and channels whose threads look again before they sleep, as they do on several cores: in every interleaving. */
import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions, type Report, type Scenario } from "../../lib/check/index.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";
import { bounded, consumer, look, moves, producer, setup as streams, unbounded, type Make, type Shared } from "../support/streams.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

interface Locked<L> {
  readonly lock: L;
  /** How many are inside. */
  readonly inside: Int32Array;
}
/** Alone inside. */
const alone = (inside: Int32Array): void => {
  expect(Atomics.add(inside, 0, 1)).toBe(0);
  Atomics.sub(inside, 0, 1);
};
const locked = <L>(make: () => L, ...bodies: ((state: Locked<L>) => void)[]): Scenario<Locked<L>> => ({
  setup: () => ({ lock: make(), inside: words(1) }),
  threads: bodies,
});

const lockIt = ({ lock, inside }: Locked<Mutex>): void => {
  const guard = lock.lock();
  alone(inside);
  guard.release();
};
const writeIt = ({ lock, inside }: Locked<RwLock>): void => {
  const guard = lock.write();
  alone(inside);
  guard.release();
};
const readIt = ({ lock, inside }: Locked<RwLock>): void => {
  const guard = lock.read();
  expect(Atomics.load(inside, 0)).toBe(0);
  guard.release();
};
/** The second time by its own slot, which a writer may have shut, and may open again while this thread looks. */
const readTwice = (state: Locked<RwLock>): void => {
  readIt(state);
  readIt(state);
};
const acquireIt =
  (count: number) =>
  ({ lock, inside }: Locked<Semaphore>): void => {
    const permit = lock.acquire(count);
    alone(inside);
    permit.release();
  };
/** As those above, for who may die inside: what is left there is not looked at. */
const onlyLock = ({ lock }: Locked<Mutex>): void => {
  lock.lock({ allowPoisoned: true }).release();
};
const onlyWrite = ({ lock }: Locked<RwLock>): void => {
  lock.write({ allowPoisoned: true }).release();
};
const onlyRead = ({ lock }: Locked<RwLock>): void => {
  lock.read({ allowPoisoned: true }).release();
};
const onlyAcquire = ({ lock }: Locked<Semaphore>): void => {
  lock.acquire().release();
};

const mutex = (): Mutex => new Mutex(undefined, { name: "m" });
const rwLock = (): RwLock => new RwLock(undefined, { name: "rw", readers: 2 });
const semaphore = (): Semaphore => new Semaphore(2, { name: "s", holders: 3 });
const oneSemaphore = (): Semaphore => new Semaphore(1, { name: "s", holders: 3 });

const explored = <S>(scenario: Scenario<S>, options: CheckOptions): Report => {
  const report = check(scenario, { time: 50_000, ...options, spins: true });
  expectPassed(report);
  return report;
};

describe("in every interleaving, if threads look again before they sleep,", () => {
  it.each<[string, Scenario<never>, CheckOptions]>([
    ["two lock a Mutex", locked(mutex, lockIt, lockIt), {}],
    ["three lock a Mutex", locked(mutex, lockIt, lockIt, lockIt), { preemptions: 2 }],
    ["two lock a Mutex, one of whom may die", locked(mutex, onlyLock, onlyLock), { deaths: 1 }],
    ["two write an RwLock", locked(rwLock, writeIt, writeIt), {}],
    ["one reads an RwLock that one writes", locked(rwLock, readIt, writeIt), {}],
    ["one reads an RwLock twice that one writes", locked(rwLock, readTwice, writeIt), { preemptions: 3 }],
    ["two read an RwLock that one writes", locked(rwLock, readIt, readIt, writeIt), { preemptions: 1 }],
    ["two write an RwLock that one reads", locked(rwLock, readIt, writeIt, writeIt), { preemptions: 1 }],
    ["one reads an RwLock that one writes, and one may die", locked(rwLock, onlyRead, onlyWrite), { deaths: 1, preemptions: 2 }],
    ["two take the last permit of a Semaphore", locked(oneSemaphore, acquireIt(1), acquireIt(1)), {}],
    ["two take different amounts of a Semaphore", locked(semaphore, acquireIt(2), acquireIt(2)), {}],
    ["three take the last permit of a Semaphore", locked(oneSemaphore, acquireIt(1), acquireIt(1), acquireIt(1)), { preemptions: 1 }],
    ["two take the last permit of a Semaphore, one of whom may die", locked(oneSemaphore, onlyAcquire, onlyAcquire), { deaths: 1 }],
  ] as unknown as [string, Scenario<never>, CheckOptions][])("%s", (_, scenario, options) => {
    expect(explored(scenario, options).complete).toBe(options.preemptions === undefined);
  });

  it("they do look: there are more executions than without", () => {
    const scenario = locked(mutex, lockIt, lockIt);
    expect(explored(scenario, {}).executions).toBeGreaterThan(check(scenario).executions);
  });

  it.each<[string, Make, number, CheckOptions]>([
    ["bounded(1)", bounded(1), 2, { preemptions: 1 }],
    ["bounded(1), of whose ends one may die,", bounded(1), 1, { preemptions: 1, deaths: 1 }],
    ["unbounded", unbounded, 2, { preemptions: 1 }],
    ["rendezvous", bounded(0), 1, { preemptions: 1 }],
  ])("a channel, %s, carries all messages", (_, make, messages, options) => {
    explored<Shared>(
      {
        setup: streams(make, 1, 1),
        moves,
        threads: [producer(0, messages), consumer(0)],
        after: (_state, results) => {
          look(1, messages, results);
        },
      },
      options,
    );
  });
});

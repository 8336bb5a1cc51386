/**
 * The bounded buffer (E. W. Dijkstra, 1965): producers wait while it is full, consumers while it is empty.
 *
 *     broken   one condvar for both, and notifyOne: the one that is woken may be of the wrong kind, and sleeps on with the wake-up
 *     right    a condvar for each
 */
import { array, Condvar, Mutex, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

const CAPACITY = 1;
const CONSUMERS = 2;

const Ring = struct("ClassicRing", { head: u32, count: u32, slots: array(u32, CAPACITY) });
type Ring = Infer<typeof Ring>;

interface Buffer {
  readonly rounds: number;
  readonly ring: Mutex<Ring>;
  readonly notFull: Condvar;
  readonly notEmpty: Condvar;
}

function put({ ring, notFull, notEmpty }: Buffer, item: number): void {
  const guard = ring.lock();
  notFull.waitWhile(guard, ({ count }) => count === CAPACITY);
  const { slots, head, count } = guard.value;
  slots[(head + count) % CAPACITY] = item;
  guard.value.count += 1;
  guard.release();
  notEmpty.notifyOne();
}

function take({ ring, notFull, notEmpty }: Buffer): number {
  const guard = ring.lock();
  notEmpty.waitWhile(guard, ({ count }) => count === 0);
  const { slots, head } = guard.value;
  const item = slots[head] ?? 0;
  guard.value.head = (head + 1) % CAPACITY;
  guard.value.count -= 1;
  guard.release();
  notFull.notifyOne();
  return item;
}

const produce = (buffer: Buffer): void => {
  for (let item = 1; item <= CONSUMERS * buffer.rounds; item++) put(buffer, item);
};
const consume = (buffer: Buffer): number => {
  let sum = 0;
  for (let round = 0; round < buffer.rounds; round++) sum += take(buffer);
  return sum;
};

const trade = (rounds: number, condvars: () => Pick<Buffer, "notFull" | "notEmpty">): Scenario<Buffer> => ({
  setup: () => ({ rounds, ring: new Mutex(Ring.create(), { name: "ring" }), ...condvars() }),
  threads: { producer: produce, first: consume, second: consume },
  after: ({ ring }, { first, second }) => {
    const items = CONSUMERS * rounds;
    expectEqual("the sum of what was taken", Number(first) + Number(second), (items * (items + 1)) / 2);
    expectEqual("items left", ring.lock().value.count, 0);
  },
});

const condvar = (name: string): Condvar => new Condvar({ name, waiters: CONSUMERS + 1 });

export const right = (rounds = 1): Scenario<Buffer> =>
  trade(rounds, () => ({ notFull: condvar("not full"), notEmpty: condvar("not empty") }));

export const broken = (rounds = 1): Scenario<Buffer> =>
  trade(rounds, () => {
    const changed = condvar("changed");
    return { notFull: changed, notEmpty: changed };
  });

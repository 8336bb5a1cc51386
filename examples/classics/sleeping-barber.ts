/**
 * The sleeping barber (E. W. Dijkstra, 1965): without customers the barber sleeps; a customer wakes him, or waits on a chair, or leaves
 * if every chair is taken.
 *
 *     broken   the barber looks, sees nobody, and goes to sleep: whoever came in between rang in vain
 *     right    he looks and falls asleep in one step, under the lock
 */
import { Condvar, Mutex, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

const CHAIRS = 1;
const CUSTOMERS = 2;

const Room = struct("ClassicRoom", { waiting: u32, gone: u32, cut: u32 });
type Room = Infer<typeof Room>;

interface Shop {
  readonly rounds: number;
  readonly room: Mutex<Room>;
  readonly bell: Condvar;
}

/** Cuts until every customer was served or has left. */
function work({ room, bell, rounds }: Shop): void {
  const isOver = ({ gone, cut }: Room): boolean => gone + cut === CUSTOMERS * rounds;
  const guard = room.lock();
  for (;;) {
    bell.waitWhile(guard, (value) => value.waiting === 0 && !isOver(value));
    if (guard.value.waiting === 0) break;
    guard.value.waiting -= 1;
    guard.value.cut += 1;
  }
  guard.release();
}

function workHalfAsleep({ room, bell, rounds }: Shop): void {
  for (;;) {
    const over = room.with((value) => {
      const hasCustomer = value.waiting > 0;
      if (hasCustomer) {
        value.waiting -= 1;
        value.cut += 1;
      }
      return { hasCustomer, done: value.gone + value.cut === CUSTOMERS * rounds };
    });
    if (over.done) return;
    if (over.hasCustomer) continue;
    const guard = room.lock();
    bell.wait(guard);
    guard.release();
  }
}

function visit({ room, bell, rounds }: Shop): void {
  for (let round = 0; round < rounds; round++) {
    room.with((value) => {
      if (value.waiting === CHAIRS) value.gone += 1;
      else value.waiting += 1;
    });
    bell.notifyOne();
  }
}

const open = (rounds: number, barber: typeof work): Scenario<Shop> => ({
  setup: () => ({
    rounds,
    room: new Mutex(Room.create(), { name: "room" }),
    bell: new Condvar({ name: "bell", waiters: 1 }),
  }),
  threads: { barber, first: visit, second: visit },
  after: ({ room }) => {
    const { waiting, gone, cut } = room.lock().value;
    expectEqual("customers on chairs", waiting, 0);
    expectEqual("customers", gone + cut, CUSTOMERS * rounds);
  },
});

export const right = (rounds = 1): Scenario<Shop> => open(rounds, work);
export const broken = (rounds = 1): Scenario<Shop> => open(rounds, workHalfAsleep);

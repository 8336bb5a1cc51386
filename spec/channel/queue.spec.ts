/** The places of messages, by which ends of channels are known to be in a queue. */
import { expect, it } from "@jest/globals";
import { Queue, QUEUE_WORDS } from "../../lib/channel/queue.ts";
import { PackedStore, type Parcel } from "../../lib/channel/store.ts";
import type { Berth, Moves } from "../../lib/send/moving.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";

const fresh = (): Queue => {
  const ring = { buffer: new SharedArrayBuffer(4096), byteOffset: 0 };
  const shape = { capacity: 4, cells: 1024, mostCells: 1024 };
  return new Queue(new SharedArrayBuffer(4 * QUEUE_WORDS), shape, new PackedStore(ring));
};
const parcel: Parcel = { bytes: new Uint8Array(8), start: 0, end: 8, isSimple: true, cargo: 0 };
/** Puts a message, and gives the place that it was told to have; `before` it is in the queue, `fails` there. */
function put(queue: Queue, fails = false): Berth {
  let berth: Berth | undefined;
  const begin = (to: Berth): void => {
    berth = to;
    if (fails) throw new RangeError("no more");
  };
  const act = (): unknown => queue.put(parcel, { begin } as unknown as Moves);
  if (fails) expect(act).toThrow("no more");
  else act();
  return berth as Berth;
}
const take = (queue: Queue): void => {
  queue.available();
  queue.take();
};

it("a message is at its place from the instruction on that puts it there to the one that takes it", () => {
  const queue = fresh();
  const { place, ahead } = put(queue);
  const second = put(queue);
  expect([ahead(place), ahead(second.place)]).toEqual([0, 1]);
  take(queue);
  expect([ahead(place), ahead(second.place)]).toEqual([-1, 0]);
  take(queue);
  expect([ahead(place), ahead(second.place), ahead(0)]).toEqual([-1, -1, -1]);
});

it("one that was not put after all is not there when another one has its position", () => {
  const queue = fresh();
  put(queue);
  const { place, ahead } = put(queue, true);
  expect(ahead(place)).toBe(-1);
  const next = put(queue);
  expect([ahead(place), ahead(next.place)]).toEqual([-1, 1]);
});

it("so is one whose sender died: who passes the gate next begins an epoch, and all that was put before stays where it is", () => {
  const queue = fresh();
  const { registry } = currentThread();
  const dead = registry.claim();
  const first = put(queue);
  // What it would have told, at the position where the next one is put.
  const { place } = put(fresh());
  const died = place + 1;
  queue.tx.word.store(dead << 2);
  registry.begin(dead, 0);
  registry.markDead(dead);
  expect(queue.tx.tryEnter(currentId(), false)).toBeUndefined();
  expect(put(queue).place).not.toBe(died);
  expect([first.ahead(first.place), first.ahead(died)]).toEqual([0, -1]);
});

it("many epochs later it may seem to be there, and what is there is never overlooked", () => {
  const queue = fresh();
  const first = put(queue);
  const failed = Array.from({ length: 12 }, () => put(queue, true));
  const last = put(queue);
  expect([first.ahead(first.place), last.ahead(last.place)]).toEqual([0, 1]);
  expect(failed.slice(-7).map(({ place, ahead }) => ahead(place))).toEqual([-1, -1, -1, -1, -1, -1, -1]);
});

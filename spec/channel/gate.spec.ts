/** Gates that are held while others want to pass, on real threads. */
import { expect, it } from "@jest/globals";
import { channel, fromHandle, spawn, Thread, toHandle } from "ferrous";
import { isAsleep } from "../support/deaths.js";
import { until } from "../support/lockers.js";
import { selectsOnce } from "./gates.js";

/** See lib/channel/queue.ts. */
const RX = 16;

it("who slept at a gate in the midst of a select, and then goes on waiting, is known to wait: a death would be told to it", () => {
  const [tx, rx] = channel<number>();
  const handle = toHandle(tx.clone());
  (fromHandle(handle) as typeof tx).close();
  const queue = new Int32Array(handle.buffer);
  const selecting = spawn(selectsOnce, rx.clone());
  const { id } = selecting.thread;
  until(() => isAsleep(id));
  // This thread is inside, sends, which rings for the other, and takes the message away before it lets the other in.
  // The other may be inside for a last look: a sleep is noted before it.
  until(() => Atomics.compareExchange(queue, RX, 0, Thread.current().id << 2) === 0);
  tx.send(1);
  until(() => ((queue[RX] ?? 0) & 1) !== 0);
  expect(rx.tryRecv()).toEqual({ value: 1 });
  until(() => queue[RX] === 0);
  until(() => isAsleep(id));
  tx.send(2);
  expect(selecting.join()).toBe(2);
});

/** Ends of channels that are being sent: until there is room for them they are their thread's. */
import { expect, it } from "@jest/globals";
import { channel, DisconnectedError, spawn, type Sender } from "ferrous";
import { isFull, wordsOf } from "../support/channels.js";
import { untilAsync } from "../support/lockers.js";

it("an end is closed if the thread dies that waits to send it, whoever could have received it", async () => {
  const [carrier, carried] = channel<unknown>({ capacity: 1 });
  const [tx, rx] = channel<number>();
  carrier.send("in the way");
  const thread = spawn(
    (to: Sender<unknown>, end: Sender<number>) => {
      to.send({ end });
    },
    carrier.clone(),
    tx,
  );
  const words = wordsOf(carried);
  await untilAsync(() => isFull(words));
  expect(rx.disconnected).toBe(false);
  await thread.terminate();
  await expect(rx.recvAsync({ timeout: 3000 })).rejects.toThrow(DisconnectedError);
  expect([carried.recv(), carried.tryRecv()]).toEqual(["in the way", undefined]);
});

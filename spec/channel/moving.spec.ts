/** Ends of channels that are being sent: until there is room for them they are their thread's. */
import { expect, it } from "@jest/globals";
import { channel, DisconnectedError, spawn, TimeoutError, type Sender } from "ferrous";
import { isAsleep } from "../support/deaths.js";
import { untilAsync } from "../support/lockers.js";

const awaited = {
  "send()": (to: Sender<unknown>, end: Sender<number>) => {
    to.send({ end });
  },
  "sendAsync()": async (to: Sender<unknown>, end: Sender<number>) => to.sendAsync({ end }),
  "sendManyAsync()": async (to: Sender<unknown>, end: Sender<number>) => to.sendManyAsync([{ end }]),
  "select()": async (to: Sender<unknown>, end: Sender<number>) => {
    const { select } = await import("ferrous");
    select([to.sending({ end })]);
  },
  "selectAsync()": async (to: Sender<unknown>, end: Sender<number>) => {
    const { selectAsync } = await import("ferrous");
    await selectAsync([to.sending({ end })]);
  },
};

it.each(Object.entries(awaited))(
  "an end is closed if the thread dies that waits to send it by %s, whoever could have received it",
  async (_, send) => {
    const [carrier, carried] = channel<unknown>({ capacity: 1 });
    const [tx, rx] = channel<number>();
    carrier.send("in the way");
    const thread = spawn(send as (to: Sender<unknown>, end: Sender<number>) => void, carrier.clone(), tx);
    await untilAsync(() => isAsleep(thread.thread.id));
    expect(rx.disconnected).toBe(false);
    await thread.terminate();
    await expect(rx.recvAsync({ timeout: 3000 })).rejects.toThrow(DisconnectedError);
    expect([carried.recv(), carried.tryRecv()]).toEqual(["in the way", undefined]);
  },
);

it("an end that is closed while a task waits to send it arrives all the same, and closes if it was not sent", async () => {
  const [carrier, carried] = channel<{ end: Sender<number> }>({ capacity: 0 });
  const [tx, rx] = channel<number>();
  const given = tx.clone();
  tx.close();
  const late = carrier.sendAsync({ end: given }, { timeout: 20 });
  given.close();
  expect(rx.disconnected).toBe(false);
  await expect(late).rejects.toThrow(TimeoutError);
  expect(rx.disconnected).toBe(true);

  const [again, seen] = channel<number>();
  const sent = carrier.sendAsync({ end: again });
  again.close();
  const { end } = await carried.recvAsync();
  await sent;
  end.send(7);
  end.close();
  expect([...seen]).toEqual([7]);
});

/** A channel for one message: as other channels, as far as that goes. */
import { describe, expect, it } from "@jest/globals";
import {
  channel,
  DisconnectedError,
  fromHandle,
  oneshot,
  ReleasedError,
  select,
  selectAsync,
  spawn,
  TimeoutError,
  toHandle,
} from "ferrous";
import type { Receiver, Sender } from "ferrous";

describe("a oneshot channel", () => {
  const closed = /^the sender of channel "answer" was closed/;
  const ways: [string, (tx: Sender<number>) => unknown][] = [
    ["send", (tx) => { tx.send(1); }], // prettier-ignore
    ["trySend", (tx) => tx.trySend(1)],
    ["sendAsync", (tx) => tx.sendAsync(1)],
    ["select", (tx) => select([tx.sending(1)])],
    ["selectAsync", (tx) => selectAsync([tx.sending(1)])],
  ];
  it.each(ways)("gives one message sent by %s, and closes its sender by that", async (_way, send) => {
    const [tx, rx] = oneshot<number>({ name: "answer" });
    await send(tx);
    const again = async (): Promise<unknown> => await send(tx);
    await expect(again()).rejects.toThrow(ReleasedError);
    await expect(again()).rejects.toThrow(closed);
    expect([rx.length, rx.capacity, rx.disconnected]).toEqual([1, 1, true]);
    expect(rx.recv()).toBe(1);
    expect(() => rx.recv()).toThrow(DisconnectedError);
    tx.close();
  });

  it("is sent to once by two tasks of one thread, and the other is told", async () => {
    const [tx, rx] = oneshot<number>({ name: "answer" });
    const ends = await Promise.allSettled([tx.sendAsync(1), tx.sendAsync(2)]);
    expect(ends.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect([...rx]).toEqual([1]);
  });

  it("keeps its sender open while nothing was sent: after a refusal, and when it is called off", async () => {
    const [tx, rx] = oneshot<unknown>();
    expect(() => {
      tx.send((() => 1) as never);
    }).toThrow(/function/);
    await expect(tx.sendAsync(1, { signal: AbortSignal.abort("off") })).rejects.toBe("off");
    await expect(tx.sendAsync(1, { timeout: -1 })).rejects.toThrow(RangeError);
    expect(rx.disconnected).toBe(false);
    tx.send(2);
    expect(rx.recv()).toBe(2);
  });

  it("is for one message: it is not cloned, and sends no list; its receiver may be cloned", () => {
    const [tx, rx] = oneshot<number>({ name: "answer" });
    const why = /channel "answer" sends one message only/;
    expect(() => tx.clone()).toThrow(why);
    expect(() => {
      tx.sendMany([1]);
    }).toThrow(why);
    const other = rx.clone();
    rx.close();
    tx.send(4);
    expect(other.recv()).toBe(4);
  });

  it("gives the value back when there is no receiver any more", async () => {
    const value = { n: 1 };
    for (const send of [
      (tx: Sender<object>) => tx.sendAsync(value),
      (tx: Sender<object>) => Promise.resolve(value).then(() => tx.trySend(value)),
    ]) {
      const [tx, rx] = oneshot<object>();
      rx.close();
      const error = (await send(tx).catch((reason: unknown) => reason)) as DisconnectedError;
      expect(error).toBeInstanceOf(DisconnectedError);
      expect(error.value).toBe(value);
    }
  });

  it("times out who waits for it, who may go on waiting", async () => {
    const [tx, rx] = oneshot<number>();
    expect(() => rx.recv({ timeout: 2 })).toThrow(TimeoutError);
    await expect(rx.recvAsync({ timeout: 2 })).rejects.toThrow(TimeoutError);
    tx.send(3);
    expect(await rx.recvAsync()).toBe(3);
  });

  it("ends without a message when its sender is closed, or ends with its thread", async () => {
    const [tx, rx] = oneshot<number>();
    tx.close();
    expect([...rx]).toEqual([]);
    const [dropped, never] = oneshot<number>();
    const thread = spawn((end: Sender<number>) => {
      if (end.disconnected) throw new Error("too early");
    }, dropped);
    await expect(never.recvAsync()).rejects.toThrow(DisconnectedError);
    await thread.joinAsync();
  });

  it("stays one for a single message wherever its sender goes", async () => {
    const [tx, rx] = oneshot<number>({ name: "answer" });
    const [carrier, carried] = channel<{ readonly reply: Sender<number> }>();
    carrier.send({ reply: fromHandle<Sender<number>>(structuredClone(toHandle(tx))) });
    const thread = spawn((requests: Receiver<{ readonly reply: Sender<number> }>) => {
      const { reply } = requests.recv();
      reply.send(7);
      try {
        reply.send(8);
      } catch (error) {
        return (error as Error).message;
      }
      return "sent twice";
    }, carried);
    expect(rx.recv()).toBe(7);
    expect(await thread.joinAsync()).toMatch(closed);
  });

  it.each([[undefined], [null], [Number.NaN], [-0], [""], [0n]])("gives %p as it is", (value) => {
    const [tx, rx] = oneshot<unknown>();
    tx.send(value as never);
    expect(rx.tryRecv()).toEqual({ value });
  });
});

/** Rust's channels, case by case: std's mpsc and sync_channel, and crossbeam's. The titles say what Rust does. */
import { describe, expect, it } from "@jest/globals";
import {
  after,
  channel,
  DisconnectedError,
  i32,
  never,
  select,
  spawn,
  tick,
  TimeoutError,
  trySelect,
  type Receiver,
  type Sender,
} from "ferrous";
import { isFull, sendsOn, wordsOf } from "../support/channels.js";
import { untilAsync } from "../support/lockers.js";

const typed = (capacity: number): [Sender<number>, Receiver<number>] => channel({ of: i32, capacity });
const encoded = (capacity: number): [Sender<number>, Receiver<number>] => channel<number>({ capacity });

describe.each([
  ["of i32", typed],
  ["of any values", encoded],
])("a channel as Rust's, %s", (_kind, make) => {
  it("sync_channel(0): try_send with no receiver waiting is full", () => {
    const [tx, rx] = make(0);
    expect(tx.trySend(1)).toBe(false);
    expect(rx.tryRecv()).toBeUndefined();
  });

  it("sync_channel(0): send returns only once received", async () => {
    const [tx, rx] = make(0);
    let isSent = false;
    const sending = tx.sendAsync(1).then(() => (isSent = true));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(isSent).toBe(false);
    expect(rx.recv()).toBe(1);
    await sending;
    const stage = new Int32Array(new SharedArrayBuffer(4));
    const words = wordsOf(rx);
    const thread = spawn(
      (end: Sender<number>, sent: Int32Array<SharedArrayBuffer>) => {
        end.send(2);
        Atomics.store(sent, 0, 1);
      },
      tx,
      stage,
    );
    await untilAsync(() => isFull(words));
    expect(Atomics.load(stage, 0)).toBe(0);
    expect(rx.recv()).toBe(2);
    await thread.joinAsync();
    expect(Atomics.load(stage, 0)).toBe(1);
  });

  it("mpsc: recv after all senders gone, one queued: Ok(1), then Err", () => {
    const [tx, rx] = make(Infinity);
    tx.send(1);
    tx.close();
    expect(rx.recv()).toBe(1);
    expect(() => rx.recv()).toThrow(DisconnectedError);
  });

  it("mpsc: send after the receiver has gone gives the value back", () => {
    const [tx, rx] = make(Infinity);
    rx.close();
    expect(() => {
      tx.send(9);
    }).toThrow(expect.objectContaining({ code: "DISCONNECTED", value: 9 }) as never);
  });

  it("mpsc: try_recv open and empty: Empty; closed and empty: Disconnected", () => {
    const [tx, rx] = make(Infinity);
    expect(rx.tryRecv()).toBeUndefined();
    tx.close();
    expect(() => rx.tryRecv()).toThrow(DisconnectedError);
  });

  it("mpsc: recv_timeout open and empty: Timeout; on a closed channel it returns at once", () => {
    const [tx, rx] = make(Infinity);
    expect(() => rx.recv({ timeout: 2 })).toThrow(TimeoutError);
    tx.close();
    const start = performance.now();
    expect(() => rx.recv({ timeout: 60_000 })).toThrow(DisconnectedError);
    expect(performance.now() - start).toBeLessThan(30_000);
  });

  it("mpsc: queued values are dropped when the last receiver goes, though a sender lives", () => {
    const [carrier, carried] = channel<Sender<number>>();
    const other = carried.clone();
    const [tx, rx] = make(Infinity);
    carrier.send(tx);
    carried.close();
    expect(rx.disconnected).toBe(false);
    other.close();
    expect(() => rx.recv()).toThrow(DisconnectedError);
    expect(carrier.disconnected).toBe(true);
  });

  it("sync_channel: a blocked send fails when the receiver goes", async () => {
    const [tx, rx] = make(1);
    const words = wordsOf(rx);
    const thread = spawn(sendsOn, tx as Sender<unknown>, "i32", undefined);
    await untilAsync(() => isFull(words));
    rx.close();
    expect(await thread.joinAsync()).toEqual([expect.stringMatching(/^DISCONNECTED/), 1, 1]);
  });

  it("bounded(1): try_send when full and disconnected: Disconnected", () => {
    const [tx, rx] = make(1);
    tx.send(1);
    expect(tx.trySend(2)).toBe(false);
    rx.close();
    expect(() => tx.trySend(2)).toThrow(DisconnectedError);
  });

  it("bounded(2): capacity, len", () => {
    const [tx, rx] = make(2);
    expect([tx.capacity, tx.length, rx.capacity, rx.length]).toEqual([2, 0, 2, 0]);
    tx.send(1);
    tx.send(2);
    expect([tx.length, rx.length, tx.trySend(3)]).toEqual([2, 2, false]);
  });

  it("select!: two ready receivers: the first in 4000 to 6000 of 10,000", () => {
    const [[a, ar], [b, br]] = [make(1), make(1)];
    let first = 0;
    for (let n = 0; n < 10_000; n++) {
      a.trySend(n);
      b.trySend(n);
      if (select([ar, br]).index === 0) first++;
    }
    expect(first).toBeGreaterThan(4000);
    expect(first).toBeLessThan(6000);
  });

  it("select!: a disconnected channel counts as ready", () => {
    const [[, ar], [b, br]] = [make(1), make(1)];
    b.close();
    expect(() => select([ar, br])).toThrow(expect.objectContaining({ code: "DISCONNECTED", index: 1 }) as never);
    expect(() => trySelect([ar, br])).toThrow(expect.objectContaining({ index: 1 }) as never);
  });

  it("select!: default when nothing is ready; so with a send on zero capacity, with or without its own receiver", () => {
    const [[, ar], [z, zr]] = [make(1), make(0)];
    expect(trySelect([ar])).toBeUndefined();
    expect(trySelect([z.sending(1)])).toBeUndefined();
    expect(trySelect([z.sending(1), zr])).toBeUndefined();
    expect(zr.tryRecv()).toBeUndefined();
  });

  it("Select: a dynamic list", () => {
    const ends = Array.from({ length: 20 }, () => make(1));
    ends[13]?.[0].send(5);
    expect(select(ends.map(([, rx]) => rx))).toEqual({ index: 13, value: 5 });
  });
});

describe("Rust's receivers of the time", () => {
  const rest = (ms: number): void => {
    select([after(ms)]);
  };
  it("after(30ms): counts from creation", () => {
    const start = performance.now();
    const timer = after(30);
    rest(35);
    expect(timer.tryRecv()?.value).toBeGreaterThanOrEqual(start + 30);
  });
  it("tick(10ms): one message waits after 55 ms", () => {
    const ticks = tick(10);
    rest(55);
    expect(ticks.length).toBe(1);
    expect(ticks.tryRecv()).toBeDefined();
    expect(ticks.tryRecv()).toBeUndefined();
  });
  it("never(): is_empty, and try_recv: Empty", () => {
    expect(never().length).toBe(0);
    expect(never().tryRecv()).toBeUndefined();
  });
});

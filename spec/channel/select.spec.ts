import { describe, expect, it } from "@jest/globals";
import {
  CancelFlag,
  DisconnectedError,
  NotSendableError,
  TimeoutError,
  after,
  channel,
  i32,
  never,
  oneshot,
  select,
  selectAsync,
  spawn,
  tick,
  toHandle,
  trySelect,
  type Receiver,
  type Sender,
} from "ferrous";
import { countTo, holdThenLeave, selectBoth, takeTurns } from "../support/messengers.js";

const numbers = (capacity: number): [Sender<number>, Receiver<number>] => channel({ of: i32, capacity });

describe("a select", () => {
  it("does what can be done, and tells which it was", () => {
    const [[a, ar], [b, br]] = [numbers(1), channel<string>({ capacity: 1 })];
    b.send("hi");
    expect(select([ar, br])).toEqual({ index: 1, value: "hi" });
    expect(select([ar, a.sending(7)])).toEqual({ index: 1, value: undefined });
    expect(select([ar, br])).toEqual({ index: 0, value: 7 });
  });

  it("does nothing if nothing can be done at the moment", () => {
    const [[a, ar], [z, zr]] = [numbers(1), numbers(0)];
    a.send(1);
    expect(trySelect([a.sending(2), z.sending(3), zr])).toBeUndefined();
    expect(ar.recv()).toBe(1);
    expect(trySelect([ar])).toBeUndefined();
  });

  it("picks at random among what can be done", () => {
    const [[a, ar], [b, br]] = [numbers(2), numbers(2)];
    const picked = [0, 0];
    for (let n = 0; n < 10_000; n++) {
      a.trySend(1);
      b.trySend(1);
      const { index } = select([ar, br]);
      picked[index] = (picked[index] ?? 0) + 1;
    }
    expect(picked[0]).toBeGreaterThan(4000);
    expect(picked[0]).toBeLessThan(6000);
  });

  it("takes the end of the other side for something that can be done, and says of which", () => {
    const [[a, ar], [b, br]] = [numbers(1), numbers(1)];
    b.close();
    expect(() => select([ar, br])).toThrow(expect.objectContaining({ code: "DISCONNECTED", index: 1 }));
    ar.close();
    expect(() => select([never(), a.sending(5)])).toThrow(expect.objectContaining({ code: "DISCONNECTED", index: 1, value: 5 }));
  });

  it("is woken by a message, by room, and by the last end's going, from another thread", () => {
    const [[a, ar], [b, br]] = [numbers(4), numbers(4)];
    const handle = spawn(countTo, a, 50);
    let got = 0;
    try {
      for (;;) {
        const { index, value } = select([ar, br]);
        expect([index, value]).toEqual([0, got++]);
      }
    } catch (error) {
      expect(error).toBeInstanceOf(DisconnectedError);
    }
    expect(got).toBe(50);
    handle.join();
    const leaving = spawn(holdThenLeave, br);
    expect(() => {
      for (;;) select([never(), b.sending(1)]);
    }).toThrow(DisconnectedError);
    leaving.join();
  });

  it("meets receivers over channels without capacity, and sends each value once", () => {
    const [[a, ar], [b, br]] = [numbers(0), numbers(0)];
    const handle = spawn(takeTurns, ar, br, 200);
    let sum = 0;
    for (let n = 0; n < 200; n++) {
      select([a.sending(n), b.sending(n)]);
      sum += n;
    }
    expect(handle.join()).toBe(sum);
  });

  it("meets another select over channels without capacity, even by what is not the first of either", () => {
    const [[a, ar], [b, br], [c, cr]] = [numbers(0), numbers(0), numbers(0)];
    const handle = spawn(selectBoth, br, cr, 100);
    let sum = 0;
    for (let n = 0; n < 100; n++) {
      select([a.sending(n), b.sending(n), c.sending(n)]);
      sum += n;
    }
    expect(handle.join()).toBe(sum);
    expect(ar.tryRecv()).toBeUndefined();
  });

  it("gives up when the time is over or when it is called off, and has sent nothing", async () => {
    const [[a, ar]] = [numbers(0)];
    expect(() => select([a.sending(1)], { timeout: 5 })).toThrow(TimeoutError);
    await expect(selectAsync([a.sending(1)], { timeout: 5 })).rejects.toThrow(TimeoutError);
    const flag = new CancelFlag();
    const waiting = selectAsync([a.sending(1), never()], { signal: flag });
    flag.cancel(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    expect(ar.tryRecv()).toBeUndefined();
  });

  it("can be awaited, by several tasks of one thread", async () => {
    const [[a, ar], [b, br]] = [numbers(1), numbers(1)];
    const all = Promise.all([selectAsync([ar, br]), selectAsync([ar, br]), selectAsync([never(), after(10)])]);
    a.send(1);
    b.send(2);
    const [first, second, third] = await all;
    expect([first.value, second.value].sort()).toEqual([1, 2]);
    expect(third.index).toBe(1);
  });

  it("keeps what it was to send, if something else was done", () => {
    const [carrier] = channel<Sender<number>>({ capacity: 0 });
    const [reply, answer] = oneshot<number>();
    expect(select([carrier.sending(reply), after(1)]).index).toBe(1);
    reply.send(3);
    expect(answer.recv()).toBe(3);
  });

  it.each([[[]], [undefined], [[7]], [[numbers(1)[0]]], [[undefined]]])("cannot be made of %p", (operations) => {
    expect(() => select(operations as never)).toThrow(TypeError);
  });
});

describe("a receiver of the time", () => {
  it("tells once, after so many ms", () => {
    const start = performance.now();
    const once = after(20);
    expect(once.tryRecv()).toBeUndefined();
    expect(once.recv()).toBeGreaterThanOrEqual(start + 20);
    expect(() => once.recv({ timeout: 5 })).toThrow(TimeoutError);
  });

  it("tells again and again, and leaves out what nobody was there for", async () => {
    const ticks = tick(5);
    const [first, second] = [ticks.recv(), await ticks.recvAsync()];
    expect(second - first).toBeGreaterThanOrEqual(4);
    select([after(30)]);
    expect(ticks.tryRecv()).toBeDefined();
    expect(ticks.tryRecv()).toBeUndefined();
    const seen = [];
    for await (const moment of ticks) if (seen.push(moment) === 3) break;
    expect(seen).toHaveLength(3);
  });

  it("stays in its thread", () => {
    expect(() => toHandle(after(1))).toThrow(NotSendableError);
    const [tx] = channel<unknown>();
    expect(() => {
      tx.send(tick(1) as never);
    }).toThrow(NotSendableError);
  });

  it.each([[() => after(-1)], [() => after(Number.NaN)], [() => tick(0)], [() => after("1" as never)]])("cannot be made by %p", (make) => {
    expect(make).toThrow(RangeError);
  });
});

describe("a select that is awaited while the end it was made with is closed", () => {
  it.each([1, 0])("goes on, as what is received and sent does (capacity %p)", async (capacity) => {
    const [[tx, rx], [, other]] = [channel<string>({ capacity }), numbers(1)];
    const receiving = selectAsync([other, rx]);
    rx.close();
    expect(tx.disconnected).toBe(false);
    await tx.sendAsync("to the select");
    expect(await receiving).toEqual({ index: 1, value: "to the select" });
    expect(tx.disconnected).toBe(true);
  });
  it("sends what it was told to, and says so", async () => {
    const [[tx, rx], [, other]] = [channel<string>({ capacity: 1 }), numbers(1)];
    tx.send("first");
    const sending = selectAsync([tx.sending("second"), other]);
    tx.close();
    expect(rx.disconnected).toBe(false);
    expect(rx.recv()).toBe("first");
    expect(await sending).toEqual({ index: 0, value: undefined });
    expect([...rx]).toEqual(["second"]);
  });
  it("closes it for good when it is called off", async () => {
    const [[tx, rx], [given, taken]] = [channel<number>(), numbers(0)];
    const stop = new AbortController();
    const waiting = selectAsync([rx, given.sending(1)], { signal: stop.signal });
    rx.close();
    given.close();
    expect([tx.disconnected, taken.disconnected]).toEqual([false, false]);
    stop.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    expect([tx.disconnected, taken.disconnected]).toEqual([true, true]);
  });
});

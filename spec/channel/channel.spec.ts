import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import {
  CancelFlag,
  DisconnectedError,
  FullError,
  NotSendableError,
  ReleasedError,
  TimeoutError,
  channel,
  f64,
  fromHandle,
  i32,
  oneshot,
  spawn,
  struct,
  toHandle,
  u8,
  utf8,
  type Receiver,
  type Sender,
} from "ferrous";
import { difference } from "../support/graphs.ts";
import { countTo, drain, giveBackEnds, holdThenLeave, sumOf, takeSlowly } from "../support/messengers.js";

interface Flavour {
  readonly name: string;
  readonly capacity: number;
  readonly make: () => [Sender<number>, Receiver<number>];
}
/** Some of those that flavours.spec.ts has all of. */
const flavours: Flavour[] = (
  [
    [Infinity, undefined],
    [1, i32],
    [1024, undefined],
    [0, i32],
  ] as const
).map(([capacity, of]) => ({
  name: `${capacity === Infinity ? "unbounded" : capacity === 0 ? "rendezvous" : `bounded(${String(capacity)})`} ${of === undefined ? "encoded" : "of i32"}`,
  capacity,
  make: () =>
    channel<number>({ name: "c", ...(capacity === Infinity ? {} : { capacity }), ...(of === undefined ? {} : { of }) } as object) as [
      Sender<number>,
      Receiver<number>,
    ],
}));

describe.each(flavours)("a channel, $name,", ({ capacity, make }) => {
  it("carries messages to another thread in order, and ends when the last sender has closed", () => {
    const [tx, rx] = make();
    const handle = spawn(countTo, tx, 300);
    expect([...rx]).toEqual(Array.from({ length: 300 }, (_, n) => n));
    handle.join();
    expect(() => rx.recv()).toThrow(DisconnectedError);
    expect(() => rx.tryRecv()).toThrow('channel "c" is empty');
    expect(rx.disconnected).toBe(true);
  });

  it("carries messages from another thread's tasks, awaited", async () => {
    const [tx, rx] = make();
    const handle = spawn(drain, rx);
    for (let n = 0; n < 100; n++) await tx.sendAsync(n);
    tx.close();
    expect(await handle.joinAsync()).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });

  it("carries messages between the tasks of one thread, in the order in which they asked", async () => {
    const [tx, rx] = make();
    const got = Promise.all(Array.from({ length: 5 }, () => rx.recvAsync()));
    for (let n = 0; n < 5; n++) await tx.sendAsync(n);
    expect(await got).toEqual([0, 1, 2, 3, 4]);
  });

  it("has nothing to take, and no room, at the moment", () => {
    const [tx, rx] = make();
    expect(rx.tryRecv()).toBeUndefined();
    let sent = 0;
    while (sent < 2000 && tx.trySend(sent)) sent++;
    expect(sent).toBe(Math.min(capacity, 2000));
    expect(tx.length).toBe(sent);
    expect(tx.capacity).toBe(capacity);
    for (let n = 0; n < sent; n++) expect(rx.tryRecv()).toEqual({ value: n });
    expect(rx.length).toBe(0);
  });

  it("gives up when the time is over, or when it is called off, and has done nothing", async () => {
    const [tx, rx] = make();
    expect(() => rx.recv({ timeout: 5 })).toThrow(TimeoutError);
    await expect(rx.recvAsync({ timeout: 5 })).rejects.toThrow(TimeoutError);
    const flag = new CancelFlag();
    const waiting = rx.recvAsync({ signal: flag });
    flag.cancel(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    const abort = new AbortController();
    const aborted = rx.recvAsync({ signal: abort.signal });
    abort.abort(new Error("stop"));
    await expect(aborted).rejects.toThrow("stop");
    if (capacity !== Infinity) {
      for (let n = 0; n < capacity; n++) tx.send(n);
      expect(() => {
        tx.send(9, { timeout: 5 });
      }).toThrow(TimeoutError);
      await expect(tx.sendAsync(9, { timeout: 5 })).rejects.toThrow(TimeoutError);
      expect(tx.length).toBe(capacity);
    }
    tx.close();
    expect([...rx]).toHaveLength(capacity === Infinity ? 0 : capacity);
  });

  it("gives the value back when nobody can receive it any more", async () => {
    const [tx, rx] = make();
    rx.close();
    expect(tx.disconnected).toBe(true);
    for (const send of [() => tx.send(7), () => tx.trySend(7)])
      expect(send).toThrow(expect.objectContaining({ code: "DISCONNECTED", value: 7 }));
    await expect(tx.sendAsync(7)).rejects.toMatchObject({ code: "DISCONNECTED", value: 7 });
  });

  it("wakes a blocked sender when the receiver's thread ends, and a blocked receiver when the sender's does", () => {
    const [tx, rx] = make();
    const handle = spawn(holdThenLeave, rx);
    expect(() => {
      for (;;) tx.send(1);
    }).toThrow(DisconnectedError);
    handle.join();
    const [tx2, rx2] = make();
    const other = spawn(holdThenLeave, tx2);
    expect(() => rx2.recv()).toThrow(DisconnectedError);
    other.join();
  });

  it("sends and receives many at once", async () => {
    const [tx, rx] = make();
    const handle = spawn(sumOf, rx);
    const values = Array.from({ length: 3000 }, (_, n) => n);
    tx.sendMany(values);
    tx.sendMany(Float64Array.from(values));
    await tx.sendManyAsync(values);
    tx.close();
    expect(handle.join()).toEqual({ count: 9000, sum: 3 * 4_498_500 });
  });

  it("loses and doubles nothing with 3 senders and 3 receivers that come and go", () => {
    const [tx, rx] = make();
    const senders = Array.from({ length: 3 }, () => spawn(countTo, tx.clone(), 400));
    tx.close();
    const receivers = Array.from({ length: 3 }, () => spawn(takeSlowly, rx.clone()));
    rx.close();
    for (const sender of senders) sender.join();
    const got = receivers.flatMap((receiver) => receiver.join());
    expect(got.sort((a, b) => a - b)).toEqual(Array.from({ length: 1200 }, (_, n) => Math.floor(n / 3)));
  });

  it("is closed once, by whatever way", () => {
    const [tx, rx] = make();
    tx.close();
    tx.close();
    tx[Symbol.dispose]();
    expect(() => tx.clone()).toThrow(ReleasedError);
    expect(() => {
      tx.send(1);
    }).toThrow('the sender of channel "c" was closed');
    expect(() => rx.recv()).toThrow(DisconnectedError);
  });

  it("moves its ends: to a thread, back with its result, through a handle", () => {
    const [tx, rx] = make();
    const handle = spawn(giveBackEnds, tx, rx);
    expect(() => {
      tx.send(1);
    }).toThrow(/^the sender of channel "c" was moved to thread \d+/);
    expect(() => rx.recv()).toThrow(ReleasedError);
    const [tx2, rx2] = handle.join();
    const pending = spawn(countTo, tx2, 3);
    expect([...rx2]).toEqual([0, 1, 2]);
    pending.join();
    const [tx3, rx3] = make();
    const there = fromHandle<Receiver<number>>(structuredClone(toHandle(rx3)));
    expect(() => rx3.recv()).toThrow("was moved into a handle");
    const counting = spawn(countTo, tx3, 3);
    expect([...there]).toEqual([0, 1, 2]);
    counting.join();
  });
});

describe("a channel", () => {
  it("carries any value that is Send, copied when it is sent", () => {
    const [tx, rx] = channel<unknown>();
    const cyclic: Record<string, unknown> = { list: [1, undefined, null] };
    cyclic["self"] = cyclic;
    const values = [undefined, null, -0, "", "a\ud800b", 10n ** 30n, [1, , 3], new Map([[{ k: 1 }, new Set([1])]]), new Date(5), /a/g]; // eslint-disable-line no-sparse-arrays
    const more = [new Float64Array([1, 2]), new Uint8Array([3]), JSON.parse('{"__proto__": 1, "toJSON": 2}'), cyclic] as unknown[];
    for (const value of [...values, ...more]) {
      tx.send(value as never);
      expect(rx.recv()).toEqual(structuredClone(value));
    }
    const changed = { n: 1 };
    tx.send(changed);
    changed.n = 2;
    expect(rx.recv()).toEqual({ n: 1 });
    const error = Object.assign(new RangeError("r", { cause: new TypeError("t") }), { code: "X" });
    tx.send(error);
    expect(rx.recv()).toMatchObject({ name: "RangeError", message: "r", code: "X", cause: { name: "TypeError" } });
  });

  it("carries what structured clone copies, exactly", () => {
    const [tx, rx] = channel<unknown>();
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true }),
        (value) => {
          tx.send(value as never);
          // Not toEqual, which fails on a Map of another realm if anything in it differs by being NaN.
          expect(difference(structuredClone(value), rx.recv())).toBeUndefined();
        },
      ),
    );
  });

  it("of structs takes instances and plain objects, and gives fresh ones that nobody shares", () => {
    const Point = struct("Point", { x: f64, id: u8, tag: utf8(8) });
    const [tx, rx] = channel({ of: Point, capacity: 4 });
    const point = Point.create({ x: 1.5, id: 7, tag: "a" });
    tx.send(point);
    tx.send({ x: 2.5, id: 8, tag: "b" });
    point.x = 99;
    const first = rx.recv();
    expect([first.x, first.id, first.tag]).toEqual([1.5, 7, "a"]);
    rx.recvInto(point);
    expect([point.x, point.id, point.tag]).toEqual([2.5, 8, "b"]);
    tx.send({ x: 3, id: 9, tag: "c" });
    expect(first.x).toBe(1.5);
    expect(() => {
      tx.send({ x: 3, id: 256, tag: "c" });
    }).toThrow(RangeError);
  });

  it("refuses what cannot be sent, and says what of it", () => {
    const [tx] = channel<unknown>();
    expect(() => {
      tx.send({ list: [() => 1] } as never);
    }).toThrow(NotSendableError);
    const [numbers] = channel({ of: i32 });
    expect(() => {
      numbers.send(1.5);
    }).toThrow(RangeError);
    expect(() => {
      numbers.send("1" as never);
    }).toThrow(TypeError);
  });

  it.each([
    [{ capacity: -1 }, RangeError],
    [{ capacity: 1.5 }, RangeError],
    [{ capacity: Number.NaN }, RangeError],
    [{ capacity: 1e9 }, RangeError],
    [{ capacity: "1" }, TypeError],
    [{ maxBytes: 0 }, RangeError],
    [{ maxBytes: 1e12 }, RangeError],
    [{ of: 7 }, TypeError],
    [{ name: 7 }, TypeError],
    [null, TypeError],
  ])("cannot be made with %p", (options, kind) => {
    expect(() => channel(options as never)).toThrow(kind);
  });

  it("that is full of bytes holds senders up if it is bounded, and else tells them", () => {
    const [tx, rx] = channel<string>({ maxBytes: 1024, name: "small" });
    let sent = 0;
    expect(() => {
      for (;;) {
        tx.send("x".repeat(90));
        sent++;
      }
    }).toThrow(FullError);
    expect(sent).toBeGreaterThan(5);
    for (let n = 0; n < sent; n++) expect(rx.recv()).toBe("x".repeat(90));
    expect(() => {
      tx.send("x".repeat(2000));
    }).toThrow('the message is larger than channel "small"');
    const [bounded] = channel<string>({ maxBytes: 1024, capacity: 100 });
    while (bounded.trySend("y".repeat(90)));
    expect(() => {
      bounded.send("y".repeat(90), { timeout: 5 });
    }).toThrow(TimeoutError);
  });

  it("behaves as a queue in an array", () => {
    const commands = fc.array(
      fc.oneof(
        fc.record({ send: fc.integer() }),
        fc.constant("recv"),
        fc.record({ many: fc.array(fc.integer(), { maxLength: 9 }) }),
        fc.record({ max: fc.integer({ min: 1, max: 9 }) }),
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.boolean(), commands, (capacity, typed, program) => {
        const [tx, rx] = (typed ? channel({ of: i32, capacity }) : channel<number>({ capacity })) as [Sender<number>, Receiver<number>];
        const model: number[] = [];
        for (const command of program) {
          if (command === "recv") expect(rx.tryRecv()?.value).toBe(model.shift());
          else if (typeof command === "object" && "send" in command) {
            expect(tx.trySend(command.send)).toBe(model.length < capacity);
            if (model.length < capacity) model.push(command.send);
          } else if (typeof command === "object" && "many" in command) {
            if (model.length + command.many.length > capacity) continue;
            tx.sendMany(command.many);
            model.push(...command.many);
          } else if (typeof command === "object" && model.length > 0) {
            expect([...rx.recvMany(command.max)]).toEqual(model.splice(0, command.max));
          }
          expect(tx.length).toBe(model.length);
        }
      }),
    );
  });
});

describe("a channel's call that waits", () => {
  it("keeps its own end open, so that closing the one that it was made on loses nothing", async () => {
    const [tx, rx] = channel({ of: i32, capacity: 1 });
    tx.send(1);
    const waiting = tx.sendAsync(2);
    tx.close();
    expect(rx.recv()).toBe(1);
    expect(await rx.recvAsync()).toBe(2);
    await waiting;
    await expect(rx.recvAsync()).rejects.toThrow(DisconnectedError);
    const [tx2, rx2] = channel({ of: i32, capacity: 1 });
    const got = rx2.recvAsync();
    rx2.close();
    tx2.send(3);
    expect(await got).toBe(3);
    expect(() => {
      tx2.send(4);
    }).toThrow(DisconnectedError);
  });

  it("sends what the list held when it was called", async () => {
    const [tx, rx] = channel({ of: i32, capacity: 1 });
    const list = [1, 2];
    const waiting = tx.sendManyAsync(list);
    list[1] = 99;
    expect([await rx.recvAsync(), await rx.recvAsync()]).toEqual([1, 2]);
    await waiting;
  });
});

describe("a oneshot channel", () => {
  it("carries one message, and closes its sender by that", () => {
    const [tx, rx] = oneshot<string>({ name: "answer" });
    tx.send("yes");
    expect(() => {
      tx.send("no");
    }).toThrow(ReleasedError);
    expect(rx.recv()).toBe("yes");
    expect(() => rx.recv()).toThrow(DisconnectedError);
    expect(() => oneshot()[0].clone()).toThrow(TypeError);
  });

  it("answers requests that carry its sender, each time", () => {
    const [requests, served] = channel<{ n: number; reply: Sender<number> }>();
    const server = spawn((rx: Receiver<{ n: number; reply: Sender<number> }>) => {
      for (const { n, reply } of rx) reply.send(2 * n);
    }, served);
    for (let n = 0; n < 500; n++) {
      const [reply, answer] = oneshot<number>();
      requests.send({ n, reply });
      expect(answer.recv({ timeout: 5000 })).toBe(2 * n);
    }
    requests.close();
    server.join();
  });

  it("is closed with the queue in which its sender lies", () => {
    const [carrier, carried] = channel<Sender<number>>({ name: "carrier" });
    const [reply, answer] = oneshot<number>();
    carrier.send(reply);
    expect(() => {
      reply.send(1);
    }).toThrow('was moved through channel "carrier"');
    expect(answer.disconnected).toBe(false);
    carried.close();
    expect(() => answer.recv({ timeout: 5000 })).toThrow(DisconnectedError);
  });

  it("is closed when the thread dies that could have received its sender", () => {
    const [carrier, carried] = channel<Sender<number>>();
    const [reply, answer] = oneshot<number>();
    carrier.send(reply);
    const handle = spawn(holdThenLeave, carried);
    expect(() => answer.recv({ timeout: 5000 })).toThrow(DisconnectedError);
    handle.join();
  });
});

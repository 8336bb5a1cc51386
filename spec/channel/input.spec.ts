/** What channels and selects say to wrong arguments; and that they keep nothing of them. */
import { describe, expect, it } from "@jest/globals";
import {
  after,
  AtomicI32,
  array,
  channel,
  bool,
  f32,
  f64,
  i16,
  i32,
  i8,
  Mutex,
  never,
  NotSendableError,
  oneshot,
  select,
  selectAsync,
  Semaphore,
  struct,
  tick,
  trySelect,
  u16,
  u32,
  u8,
  utf8,
  type Receiver,
  type Sender,
} from "ferrous";

const Point = struct("InputPoint", { x: f64, y: f64 });
const Locked = struct("InputLocked", { lock: Mutex, x: f64 });

describe("a channel's capacity", () => {
  it.each([-1, 0.5, 1.5, Number.NaN, -Infinity, 2 ** 25, 1e12, Number.MAX_VALUE])("is not %p", (capacity) => {
    expect(() => channel({ capacity })).toThrow(RangeError);
    expect(() => channel({ capacity, of: i32 })).toThrow(/capacity of a channel is a whole number from 0 to 33554431; it was given/);
  });
  it.each([["4"], [null], [4n], [true], [[4]], [{}], [() => 4]])("is a number, not %p", (capacity) => {
    expect(() => channel({ capacity: capacity as never })).toThrow(TypeError);
    expect(() => channel({ capacity: capacity as never })).toThrow(/^capacity of a channel is a number; it was given /);
  });
  it.each([0, 1, 7, 2 ** 25 - 1, Infinity])("may be %p", (capacity) => {
    expect(channel({ capacity })[0].capacity).toBe(capacity);
  });
  it("is for so many messages as there is memory for", () => {
    const Huge = struct("InputHuge", { bytes: array(u8, 100) });
    expect(() => channel({ capacity: 2 ** 25 - 1, of: Huge })).toThrow(RangeError);
    expect(() => channel({ capacity: 2 ** 25 - 1, of: Huge })).toThrow(/33554431 messages of InputHuge: \d+ bytes; .* 2147483648 at most/);
  });
});

describe("a channel's maxBytes", () => {
  it.each([-1, 0, 63, 100.5, Number.NaN, Infinity, 2 ** 31 + 1, 1e12])("is not %p", (maxBytes) => {
    expect(() => channel({ maxBytes })).toThrow(RangeError);
    expect(() => channel({ maxBytes })).toThrow(/^maxBytes of a channel is a whole number from 64 to 2147483648; it was given /);
  });
  it.each([["1k"], [null], [1024n], [{}]])("is a number, not %p", (maxBytes) => {
    expect(() => channel({ maxBytes: maxBytes as never })).toThrow(TypeError);
  });
  it("is enough for a message of its type", () => {
    const Hundred = struct("InputHundred", { bytes: array(u8, 100) });
    expect(() => channel({ maxBytes: 64, of: Hundred })).toThrow(/a message of InputHundred: 100 bytes; this channel holds 64 at most/);
    expect(channel({ maxBytes: 100, of: Hundred })[0].length).toBe(0);
  });
});

describe("the type of a channel's messages", () => {
  it.each([["i32"], [null], [7], [Number], [{}], [[]], [class {}]])("is not %p", (of) => {
    expect(() => channel({ of: of as never })).toThrow(TypeError);
    expect(() => channel({ of: of as never, capacity: 4 })).toThrow(/of needs a type, such as f64/);
  });
  it.each([
    ["a Mutex", Mutex],
    ["an atomic", AtomicI32],
    ["a struct with a lock in it", Locked],
    ["an array of atomics", array(AtomicI32, 4)],
  ])("is not %s, of which there are no copies", (_what, of) => {
    expect(() => channel({ of: of as never })).toThrow(TypeError);
    expect(() => channel({ of: of as never })).toThrow(/it has locks or atomics, of which there are no copies/);
  });
  it("is not what has no fixed length, nor a class of the user's", () => {
    expect(() => channel({ of: Semaphore as never })).toThrow(TypeError);
    expect(() => channel({ of: utf8 as never })).toThrow(TypeError);
  });
});

describe("the options of a channel", () => {
  it.each([["jobs"], [null], [7], [() => 1]])("are an object, not %p", (options) => {
    expect(() => channel(options as never)).toThrow(/^options are an object/);
    expect(() => oneshot(options as never)).toThrow(/^options are an object/);
  });
  it.each([[7], [null], [{}]])("have a name that is a string, not %p", (name) => {
    expect(() => channel({ name: name as never })).toThrow(/^the name of a channel is a string/);
    expect(() => oneshot({ name: name as never })).toThrow(/^the name of a channel is a string/);
  });
});

describe("a message", () => {
  const refused: [string, unknown, RegExp][] = [
    ["a function", () => 1, /a message cannot be sent to another thread: it is a function/],
    ["a function deep in it", { list: [{ call: () => 1 }] }, /a message \(list\[0\]\.call\) cannot be sent/],
    ["a symbol", Symbol("s"), /a message cannot be sent/],
    ["a Promise", Promise.resolve(), /a message cannot be sent/],
    ["a WeakMap", new WeakMap(), /a message cannot be sent/],
    ["a guard", { guard: new Mutex().lock() }, /a message \(guard\) cannot be sent/],
    ["a MessagePort", { port: new MessageChannel().port1 }, /a message.*MessagePort/],
    ["the time", after(5), /it tells the time of its thread: make another there/],
  ];
  it.each(refused)("that is %s is refused by every way to send, and nothing of it is sent", async (_what, value, words) => {
    for (const capacity of [Infinity, 4, 0]) {
      const [tx, rx] = channel<unknown>({ capacity });
      const bad = value as never;
      const sends = [() => { tx.send(bad); }, () => tx.trySend(bad), () => { tx.sendMany([bad]); }]; // prettier-ignore
      for (const send of sends) {
        expect(send).toThrow(NotSendableError);
        expect(send).toThrow(words);
      }
      await expect(tx.sendAsync(bad)).rejects.toThrow(words);
      await expect(tx.sendManyAsync([bad])).rejects.toThrow(words);
      expect(() => select([tx.sending(bad), never()])).toThrow(words);
      expect(rx.tryRecv()).toBeUndefined();
    }
  });

  it("keeps the ends that are in it, if it is refused", () => {
    const [tx, rx] = channel<unknown>();
    const [end, other] = channel<number>();
    expect(() => {
      tx.send({ end, call: () => 1 } as never);
    }).toThrow(NotSendableError);
    end.send(5);
    expect(other.recv()).toBe(5);
    end.close();
    expect(other.disconnected).toBe(true);
    expect(rx.length).toBe(0);
  });

  it("is refused that uses an end twice: it can be moved once", () => {
    const [tx, rx] = channel<unknown>();
    const [end, other] = channel<number>();
    tx.send([end, end] as never);
    const [one, same] = rx.recv() as Sender<number>[];
    expect(same).toBe(one);
    one?.close();
    expect(other.disconnected).toBe(true);
  });

  it.each([
    [i32, 1.5, RangeError],
    [i32, 2 ** 31, RangeError],
    [i32, "1", TypeError],
    [i32, undefined, TypeError],
    [u8, 256, RangeError],
    [f64, "1", TypeError],
    [f64, null, TypeError],
    [utf8(4), "too long", RangeError],
    [Point, { x: 1 }, TypeError],
    [Point, { x: 1, y: "2" }, TypeError],
    [Point, null, TypeError],
    [Point, 3, TypeError],
  ])("of a channel of %p is not %p", async (of, value, kind) => {
    for (const capacity of [Infinity, 4, 0]) {
      const [tx, rx] = channel({ of: of as never, capacity }) as unknown as [Sender<unknown>, Receiver<unknown>];
      const bad = value as never;
      const sends = [() => { tx.send(bad); }, () => tx.trySend(bad), () => { tx.sendMany([bad, bad]); }]; // prettier-ignore
      for (const send of sends) expect(send).toThrow(kind);
      await expect(tx.sendAsync(bad)).rejects.toThrow(kind);
      await expect(tx.sendManyAsync([bad])).rejects.toThrow(kind);
      expect(rx.tryRecv()).toBeUndefined();
    }
  });

  it("among many that is not of their type keeps all of them from being sent", () => {
    const [tx, rx] = channel({ of: i32 });
    expect(() => {
      tx.sendMany([1, 2, 3.5]);
    }).toThrow(RangeError);
    expect(() => {
      tx.sendMany(new Float64Array([1, 2, 3.5]));
    }).toThrow(RangeError);
    expect(rx.length).toBe(0);
    tx.sendMany(new Float64Array([1, 2]));
    expect([...rx.recvMany(9)]).toEqual([1, 2]);
  });
});

describe("what sendMany sends", () => {
  it.each([[undefined], [null], [7], [true], [{}], [{ length: "3" }], [{ length: -1 }], [{ length: 1.5 }], [(a: unknown) => a]])(
    "is a list, not %p",
    async (values) => {
      for (const of of [undefined, f64]) {
        const [tx, rx] = channel<unknown>({ of: of as never });
        expect(() => {
          tx.sendMany(values as never);
        }).toThrow(/^sendMany\(\) takes a list of messages, such as an array; it was given /);
        await expect(tx.sendManyAsync(values as never)).rejects.toThrow(TypeError);
        expect(rx.length).toBe(0);
      }
    },
  );
  it("may be anything that has a length or can be gone through", () => {
    const [tx, rx] = channel<unknown>();
    tx.sendMany([1]);
    tx.sendMany(new Set([2]));
    tx.sendMany({ length: 1, 0: 3 });
    tx.sendMany(new Uint8Array([4]));
    tx.sendMany("ab");
    tx.sendMany(new Map([["k", "v"]]) as Iterable<unknown> as Iterable<never>);
    expect(rx.recvMany(99)).toEqual([1, 2, 3, 4, "a", "b", ["k", "v"]]);
  });
});

it("what recvMany receives of numbers is a typed array of their kind, of other values an array", async () => {
  const kinds: [unknown, unknown][] = [
    [i8, Int8Array],
    [u8, Uint8Array],
    [i16, Int16Array],
    [u16, Uint16Array],
    [i32, Int32Array],
    [u32, Uint32Array],
    [f32, Float32Array],
    [f64, Float64Array],
  ];
  for (const [of, kind] of kinds) {
    const [tx, rx] = channel({ of: of as typeof i32, capacity: 8 });
    tx.sendMany([1, 2, 3, 4]);
    const [blocking, awaited] = [rx.recvMany(2), await rx.recvManyAsync(9)];
    expect([blocking.constructor, awaited.constructor]).toEqual([kind, kind]);
    expect([...blocking, ...awaited]).toEqual([1, 2, 3, 4]);
  }
  const [tx, rx] = channel({ of: bool });
  tx.sendMany([true, false]);
  expect(rx.recvMany(2)).toEqual([true, false]);
});

describe("how many recvMany receives", () => {
  it.each([0, -1, 1.5, Number.NaN, Infinity])("is not %p", async (max) => {
    const [tx, rx] = channel({ of: i32 });
    tx.send(1);
    expect(() => rx.recvMany(max)).toThrow(RangeError);
    expect(() => rx.recvMany(max)).toThrow(/^recvMany\(\) takes a whole number from 1; it was given /);
    await expect(rx.recvManyAsync(max)).rejects.toThrow(RangeError);
    expect(rx.length).toBe(1);
  });
  it.each([["3"], [null], [undefined], [3n], [[]]])("is a number, not %p", (max) => {
    expect(() => channel()[1].recvMany(max as never)).toThrow(TypeError);
  });
});

describe("what recvInto fills", () => {
  const Other = struct("InputOther", { x: f64, y: f64, z: f64 });
  it.each([[undefined], [null], [{}], [{ x: 1, y: 2 }], [7], [Other.create()], [new Mutex()]])("is not %p", (into) => {
    const [tx, rx] = channel({ of: Point, name: "points" });
    tx.send({ x: 1, y: 2 });
    expect(() => {
      rx.recvInto(into as never);
    }).toThrow(/^channel "points" carries InputPoint: recvInto\(\) takes an instance of it, and was given /);
    expect(rx.length).toBe(1);
  });
});

describe("the limits of a wait", () => {
  const bad: [unknown, RegExp][] = [
    [{ timeout: -1 }, /^a timeout is a number of milliseconds from 0/],
    [{ timeout: Number.NaN }, /^a timeout is a number of milliseconds from 0/],
    [{ timeout: "5" }, /^a timeout is a number of milliseconds from 0/],
    [{ signal: "stop" }, /^a signal is a CancelFlag/],
    [{ signal: null }, /^a signal is a CancelFlag/],
    [7, /^options are an object/],
    [null, /^options are an object/],
  ];
  it.each(bad)("are not %p, whether there is anything to wait for or not", async (opts, words) => {
    for (const capacity of [Infinity, 4, 0]) {
      const [tx, rx] = channel<number>({ capacity });
      const wrong = opts as never;
      for (let round = 0; round < 2; round++) {
        const calls = [
          () => rx.recv(wrong),
          () => rx.recvMany(1, wrong),
          () => { tx.send(1, wrong); }, // prettier-ignore
          () => { tx.sendMany([1], wrong); }, // prettier-ignore
          () => select([rx], wrong),
          () => select([tx.sending(1)], wrong),
        ];
        for (const call of calls) expect(call).toThrow(words);
        const promises = [
          () => rx.recvAsync(wrong),
          () => rx.recvManyAsync(1, wrong),
          () => selectAsync([rx], wrong),
          () => selectAsync([never(), rx], wrong),
          ...(round === 0 ? [() => tx.sendAsync(1, wrong), () => tx.sendManyAsync([1], wrong)] : []),
        ];
        for (const call of promises) await expect(call()).rejects.toThrow(words);
        // The second time there is a message.
        if (!tx.trySend(1)) break;
      }
      expect(rx.tryRecv()?.value).toBe(capacity === 0 ? undefined : 1);
    }
  });
  it("are no AbortSignal for one who blocks", () => {
    const [tx, rx] = channel<number>();
    const { signal } = new AbortController();
    expect(() => rx.recv({ signal } as never)).toThrow(/give a CancelFlag, or await recvAsync\(\)/);
    expect(() => {
      tx.send(1, { signal } as never);
    }).toThrow(/give a CancelFlag, or await sendAsync\(\)/);
    expect(() => select([rx], { signal } as never)).toThrow(/give a CancelFlag, or await selectAsync\(\)/);
    expect(rx.length).toBe(0);
  });
});

describe("what a select chooses from", () => {
  const bad: [string, unknown][] = [
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
    ["an empty list", []],
    ["a receiver itself", channel()[1]],
    ["a set", new Set([channel()[1]])],
  ];
  it.each(bad)("is not %s", async (_what, operations) => {
    const words = /^a select needs a list of receivers and of what sender\.sending\(value\) makes, at least one; it was given /;
    expect(() => select(operations as never)).toThrow(TypeError);
    expect(() => select(operations as never)).toThrow(words);
    expect(() => trySelect(operations as never)).toThrow(words);
    await expect(selectAsync(operations as never)).rejects.toThrow(words);
  });
  it.each([[7], [null], [undefined], [{}], [{ sender: 1, value: 2 }], [() => 1], [[]]])("is not a list with %p in it", (operation) => {
    const [, rx] = channel();
    expect(() => select([rx, operation as never])).toThrow(TypeError);
    expect(() => select([rx, operation as never])).toThrow(
      /^operation 1 of a select is a receiver, or what sender\.sending\(value\) makes/,
    );
  });
  it("is not a sender itself: it must be told what to send", () => {
    expect(() => select([channel()[0] as never])).toThrow(
      "operation 0 of a select is a receiver, or what sender.sending(value) makes; it was given a sender itself.",
    );
  });
  it("moves nothing if one of the operations is wrong", async () => {
    const [carrier, carried] = channel<Sender<number>>();
    const [tx, rx] = channel<number>();
    const wrong = () => [carrier.sending(tx), 7] as never;
    expect(() => select(wrong())).toThrow(TypeError);
    expect(() => trySelect(wrong())).toThrow(TypeError);
    await expect(selectAsync(wrong())).rejects.toThrow(TypeError);
    tx.send(5);
    expect(rx.recv()).toBe(5);
    tx.close();
    // Nobody has it on its way.
    expect(rx.disconnected).toBe(true);
    expect(carried.length).toBe(0);
  });
  it("has no closed ends in it", () => {
    const [tx, rx] = channel<number>({ name: "gone" });
    const [, open] = channel<number>();
    tx.close();
    rx.close();
    expect(() => select([open, rx])).toThrow(/the receiver of channel "gone" was closed/);
    expect(() => select([open, tx.sending(1)])).toThrow(/the sender of channel "gone" was closed/);
  });
});

describe("the time of a receiver of moments", () => {
  it.each([[-1], [Number.NaN], ["5"], [undefined], [null], [{}]])("is not %p", (ms) => {
    expect(() => after(ms as never)).toThrow(RangeError);
    expect(() => after(ms as never)).toThrow(/^after\(\) takes a number of milliseconds from 0; it was given /);
    expect(() => tick(ms as never)).toThrow(/^tick\(\) takes a number of milliseconds from 0; it was given /);
  });
  it("is more than 0 between two ticks", () => {
    expect(() => tick(0)).toThrow(RangeError);
  });
});

/** How much a channel holds, and what becomes of memory. */
import { describe, expect, it } from "@jest/globals";
import {
  array,
  channel,
  DisconnectedError,
  f64,
  FullError,
  HandleError,
  i32,
  Mutex,
  spawn,
  struct,
  TimeoutError,
  toHandle,
  u8,
  type Receiver,
  type Sender,
} from "ferrous";
import { Field, Registry } from "../../lib/thread/registry.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { isFull, wordsOf } from "../support/channels.js";
import { heapWithoutGarbage } from "../support/garbage.ts";
import { untilAsync } from "../support/lockers.js";

const KB = "x".repeat(1000);
/** How many are sent until one has no room. */
function fill<T>(tx: Sender<T>, value: T): number {
  let sent = 0;
  while (tx.trySend(value as never)) sent++;
  return sent;
}

describe("an unbounded channel", () => {
  it("that holds all the bytes that it may says so, and holds what it held", () => {
    const [tx, rx] = channel<string>({ maxBytes: 20_000, name: "lines" });
    const sent = fill(tx, KB);
    expect(sent).toBeGreaterThan(15);
    expect(sent).toBeLessThanOrEqual(20);
    const full = /^channel "lines" holds all that it may \(20000 bytes.*Give it a capacity/;
    const send = (): void => {
      tx.send(KB);
    };
    expect(send).toThrow(FullError);
    expect(send).toThrow(full);
    expect(() => {
      tx.sendMany([KB]);
    }).toThrow(full);
    expect(rx.length).toBe(sent);
    // What was received makes room, round and round.
    for (let n = 0; n < 100; n++) {
      expect(rx.recv()).toBe(KB);
      send();
    }
    expect(rx.length).toBe(sent);
  });
  it("says so when it is awaited, too", async () => {
    const [tx, rx] = channel<string>({ maxBytes: 4000 });
    fill(tx, KB);
    await expect(tx.sendAsync(KB)).rejects.toThrow(FullError);
    await expect(tx.sendManyAsync([KB, KB])).rejects.toThrow(FullError);
    rx.close();
  });
  it.each([
    ["i32", i32, 4],
    ["f64", f64, 8],
    ["structs", struct("RoomPair", { a: f64, b: u8 }), 16],
  ])("of %s says so", (_what, of, bytes) => {
    const [tx, rx] = channel({ of: of as never, maxBytes: 8000 }) as unknown as [Sender<unknown>, Receiver<unknown>];
    const value = bytes === 16 ? { a: 1, b: 2 } : 1;
    expect(fill(tx, value)).toBe(8000 / bytes);
    expect(() => {
      tx.send(value);
    }).toThrow(FullError);
    rx.recv();
    tx.send(value);
    expect(rx.length).toBe(8000 / bytes);
  });
  it("grows while messages lie across the end of what it had", () => {
    const [tx, rx] = channel<string>();
    let [sent, received] = [0, 0];
    for (let round = 1; round < 200; round++) {
      for (let n = 0; n < round; n++) tx.send(`${"y".repeat(sent % 97)}${String(sent++)}`);
      for (let n = 0; n < round - 3; n++) expect(rx.recv()).toBe(`${"y".repeat(received % 97)}${String(received++)}`);
    }
    expect(rx.length).toBe(sent - received);
  });
});

it("an unbounded channel that holds as many messages as it can says that, and not that its bytes are used up", async () => {
  const [tx, rx] = channel({ of: i32, name: "counts" });
  const many = new Int32Array(2 ** 22);
  for (let n = 0; n < 7; n++) tx.sendMany(many);
  tx.sendMany(new Int32Array(2 ** 22 - 1));
  expect(rx.length).toBe(2 ** 25 - 1);
  const words = /^channel "counts" holds all that it may \(33554431 messages, as many as a channel can\), .* so that senders wait\.$/;
  expect(() => {
    tx.send(1);
  }).toThrow(words);
  await expect(tx.sendAsync(1)).rejects.toThrow(words);
});

it("a send that was not done in time tells the time that it was given", () => {
  const [tx] = channel<number>({ capacity: 1 });
  tx.send(1);
  expect(() => {
    tx.send(2, { timeout: 20 });
  }).toThrow(/did not succeed within 20 ms/);
  const [some] = channel({ of: i32, capacity: 1 });
  expect(() => {
    some.sendMany([1, 2], { timeout: 20 });
  }).toThrow(/did not succeed within 20 ms/);
});

/** The words of the ring. CARGO, the second of a message, is the number by which the supervisor knows what is shared in it. */
const ringOf = (tx: Sender<unknown>): Int32Array => new Int32Array(toHandle(tx.clone()).type?.[5 as never] as unknown as SharedArrayBuffer);

describe("a message whose shared memory nobody knows any more", () => {
  it("is a HandleError, and the next one is received", () => {
    const [tx, rx] = channel<unknown>();
    tx.send({ lock: new Mutex() });
    tx.send("next");
    ringOf(tx)[1] = 0x7fff_0000;
    expect(() => rx.recv()).toThrow(HandleError);
    expect(rx.recv()).toBe("next");
  });
});

it("a message that was refused leaves nothing with the supervisor", () => {
  /** A message whose shared memory has that number, or the next one; gives the number. */
  const shelved = (number?: number): [number, Receiver<unknown>] => {
    const [tx, rx] = channel<unknown>();
    tx.send({ lock: new Mutex() });
    const ring = ringOf(tx);
    const own = ring[1] as number;
    ring[1] = number ?? own;
    return [own, rx];
  };
  const [tx, rx] = channel<unknown>();
  rx.close();
  const [before] = shelved();
  expect(() => tx.trySend({ lock: new Mutex() })).toThrow(DisconnectedError);
  const [after] = shelved();
  expect(after).toBeGreaterThan(before + 1);
  for (let number = before + 1; number < after; number++) expect(() => shelved(number)[1].recv()).toThrow(HandleError);
});

it("a large message is not kept by the receiver that gave it out", async () => {
  const [tx, rx] = channel<string>();
  // Once, for what is kept for ever: the ring that grew, and what encodes.
  for (const text of ["x".repeat(16 * 2 ** 20), "small"]) {
    tx.send(text);
    rx.recv();
  }
  await heapWithoutGarbage();
  const { arrayBuffers } = process.memoryUsage();
  tx.send("y".repeat(16 * 2 ** 20));
  rx.recv();
  let kept = Infinity;
  for (let n = 0; n < 20 && kept > 2 ** 20; n++) {
    await heapWithoutGarbage();
    kept = process.memoryUsage().arrayBuffers - arrayBuffers;
  }
  expect(kept).toBeLessThan(2 ** 20);
  rx.close();
});

describe("a channel without receivers", () => {
  const MB = 2 ** 20;
  /** How many MB of buffers there are more than at first, once it is less than `enough` of them. */
  const growth = async (before: number, enough: number): Promise<number> => {
    const now = (): number => (process.memoryUsage().arrayBuffers - before) / MB;
    for (let n = 0; n < 40 && now() >= enough; n++) await heapWithoutGarbage();
    return now();
  };
  it("keeps no shared memory of the messages that were lost in it", () => {
    const [tx, rx] = channel<unknown>();
    tx.send({ lock: new Mutex() });
    const lost = ringOf(tx)[1] as number;
    expect(lost).not.toBe(0);
    rx.close();
    const [asks, told] = channel<unknown>();
    asks.send({ lock: new Mutex() });
    ringOf(asks)[1] = lost;
    expect(() => told.recv()).toThrow(HandleError);
  });
  it("is not kept itself because ends of others have gone through it", async () => {
    await heapWithoutGarbage();
    const { arrayBuffers } = process.memoryUsage();
    for (let n = 0; n < 40; n++) {
      const [tx, rx] = channel<unknown>();
      tx.send("x".repeat(2 * MB));
      tx.send(channel()[0]);
      rx.recv();
      (rx.recv() as Sender<unknown>).close();
      rx.close();
    }
    expect(await growth(arrayBuffers, 40)).toBeLessThan(40);
  });
});

describe("a bounded channel", () => {
  it("that holds all the bytes that it may waits until some were received", async () => {
    const [tx, rx] = channel<string>({ capacity: 1000, maxBytes: 20_000 });
    const sent = fill(tx, KB);
    expect(sent).toBeLessThanOrEqual(20);
    expect(() => {
      tx.send(KB, { timeout: 2 });
    }).toThrow(TimeoutError);
    const words = wordsOf(rx);
    const thread = spawn(
      (end: Sender<string>, text: string) => {
        end.send(text + text);
      },
      tx.clone(),
      KB,
    );
    await untilAsync(() => isFull(words));
    const task = tx.sendAsync(`${KB}!`);
    const lengths: number[] = [];
    for (let n = 0; n < sent + 2; n++) lengths.push((await rx.recvAsync()).length);
    expect(lengths.slice(0, sent)).toEqual(Array.from({ length: sent }, () => 1000));
    expect(lengths.slice(sent).sort((a, b) => a - b)).toEqual([1001, 2000]);
    await Promise.all([task, thread.joinAsync()]);
  });
});

describe("a message that is too large for its channel", () => {
  it.each([Infinity, 4, 0])("(capacity %p) is refused by every way to send, and what fits is not", async (capacity) => {
    const [tx, rx] = channel<string>({ maxBytes: 1000, capacity, name: "small" });
    const words = /^the message is larger than channel "small" may ever hold \(1000 bytes\)/;
    const send = (): void => {
      tx.send(KB);
    };
    expect(send).toThrow(FullError);
    expect(send).toThrow(words);
    if (capacity !== 0) expect(() => tx.trySend(KB)).toThrow(words);
    await expect(tx.sendAsync(KB)).rejects.toThrow(words);
    expect(() => {
      tx.sendMany([KB]);
    }).toThrow(words);
    const receiving = rx.recvAsync();
    await tx.sendAsync("fits");
    expect(await receiving).toBe("fits");
  });
});

describe("a channel", () => {
  it.each([Infinity, 4])("(capacity %p) carries messages of a megabyte", async (capacity) => {
    const [tx, rx] = channel<Uint8Array>({ capacity });
    const thread = spawn((end: Sender<Uint8Array>) => {
      for (let n = 0; n < 12; n++) end.send(new Uint8Array(2 ** 20 + n).fill(n));
    }, tx);
    let expected = 0;
    for (const bytes of rx) {
      expect(bytes.length).toBe(2 ** 20 + expected);
      expect(bytes.every((byte) => byte === expected)).toBe(true);
      expected++;
    }
    expect(expected).toBe(12);
    await thread.joinAsync();
  });
  it("carries structs larger than a page", () => {
    const Large = struct("RoomLarge", { bytes: array(u8, 10_000), last: i32 });
    const [tx, rx] = channel({ of: Large });
    for (let n = 0; n < 20; n++) tx.send({ bytes: Array.from({ length: 10_000 }, (_, at) => (at + n) % 256), last: n });
    for (let n = 0; n < 20; n++) {
      const got = rx.recv();
      expect([got.bytes.at(0), got.bytes.at(9999), got.last]).toEqual([n, (9999 + n) % 256, n]);
    }
  });

  it.each([Infinity, 1, 0])("(capacity %p) carries undefined and null, which are no ends", async (capacity) => {
    const [tx, rx] = channel<unknown>({ capacity });
    const values = [undefined, null, false, 0, ""];
    const sending = (async () => {
      for (const value of values) await tx.sendAsync(value as never);
      tx.close();
    })();
    const got: unknown[] = [];
    for await (const value of rx) got.push(value);
    expect(got).toEqual(values);
    await sending;
  });
  it("gives undefined apart from nothing by tryRecv", () => {
    const [tx, rx] = channel<undefined>();
    tx.send(undefined);
    expect(rx.tryRecv()).toEqual({ value: undefined });
    expect(rx.tryRecv()).toBeUndefined();
  });
});

/** How many lines of tasks of this thread wait for something. */
function tasksInLine(): number {
  const { registry } = toHandle(new Mutex());
  return new Registry(registry).field(currentThread().id, Field.AWAITING).load();
}

/** 100,000 in the long run. */
const COUNT = process.env["FERROUS_LONG"] === undefined ? 20_000 : 100_000;

describe(`a channel of which ${String(COUNT)} recvAsync were called off`, () => {
  const BATCH = 1000;
  it.each([
    ["an unbounded one", Infinity],
    ["one without capacity", 0],
  ])("(%s) keeps nothing of them", async (_what, capacity) => {
    const [tx, rx] = channel<number>({ capacity });
    const giveUp = async (): Promise<void> => {
      const controllers = Array.from({ length: BATCH }, () => new AbortController());
      const asked = controllers.map(({ signal }) => rx.recvAsync({ signal }));
      expect(tasksInLine()).toBe(1);
      for (const controller of controllers) controller.abort();
      expect((await Promise.allSettled(asked)).every(({ status }) => status === "rejected")).toBe(true);
      expect(tasksInLine()).toBe(0);
    };
    const growths: number[] = [];
    // What the engine keeps for itself varies by 50 kB; what a call left would be there each time.
    for (let round = 0; round < 2 || (round < 6 && Math.min(...growths) / (COUNT / 2) >= 4); round++) {
      const before = await heapWithoutGarbage();
      for (let done = 0; done < COUNT / 2; done += BATCH) await giveUp();
      growths.push((await heapWithoutGarbage()) - before);
    }
    expect(Math.min(...growths) / (COUNT / 2)).toBeLessThan(4);
    const receiving = rx.recvAsync();
    await tx.sendAsync(1);
    expect(await receiving).toBe(1);
  });
});

describe("an end that was dropped without being closed", () => {
  it("is closed once it was collected", async () => {
    const [tx, rx] = channel<number>();
    const [, lone] = (() => {
      const pair = channel<number>();
      return [pair[0].length, pair[1]] as const;
    })();
    for (let n = 0; n < 200 && !lone.disconnected; n++) await heapWithoutGarbage();
    expect(lone.disconnected).toBe(true);
    expect(() => lone.recv()).toThrow(DisconnectedError);
    // Whoever still has its end keeps it open.
    expect(rx.disconnected).toBe(false);
    tx.send(1);
    expect(rx.recv()).toBe(1);
  });
  it("wakes who waits for it", async () => {
    const rx = (() => channel<number>()[1])();
    let told: unknown;
    const waiting = rx.recvAsync().catch((error: unknown) => (told = error));
    for (let n = 0; n < 200 && told === undefined; n++) await heapWithoutGarbage();
    await waiting;
    expect(told).toBeInstanceOf(DisconnectedError);
  });
  it("after it was closed is not closed once more", async () => {
    const [open, rx] = (() => {
      const [tx, receiver] = channel<number>();
      const clone = tx.clone();
      tx.close();
      return [clone, receiver] as const;
    })();
    for (let n = 0; n < 3; n++) await heapWithoutGarbage();
    expect(rx.disconnected).toBe(false);
    open.send(1);
    expect(rx.recv()).toBe(1);
  });
});

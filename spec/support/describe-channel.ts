/** What every channel promises, whatever its capacity and its messages: the same titles for each flavour. */
import { describe, expect, it } from "@jest/globals";
import {
  CancelFlag,
  channel,
  DisconnectedError,
  fromHandle,
  lazyStatic,
  OnceLock,
  ReleasedError,
  spawn,
  TimeoutError,
  toHandle,
  type Receiver,
  type Sender,
} from "ferrous";
import {
  isAwaited,
  isFull,
  makesOne,
  messageOf,
  Note,
  numberOf,
  receiveAll,
  receiver,
  receivesOn,
  sender,
  sendRange,
  sendsOn,
  wordsOf,
  type Kind,
  type RecvWay,
  type SendWay,
} from "./channels.js";
import { untilAsync } from "./lockers.js";

export interface Flavour {
  readonly capacity: number;
  readonly kind: Kind;
  make(name?: string): [Sender<unknown>, Receiver<unknown>];
}

let statics = 0;
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
const byNumber = (a: number, b: number): number => a - b;
const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;
/** What a call throws, or what a promise rejects with. */
function thrown(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("it threw nothing");
}
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => {
      throw new Error("it did not reject");
    },
    (error: unknown) => error,
  );

export function describeChannel(name: string, { capacity, kind, make }: Flavour): void {
  const message = (n: number): unknown => messageOf(kind, n);
  const number = (value: unknown): number => numberOf(kind, value);
  /** As many as wait in it at most, and at least two if there is no limit. */
  const room = capacity === Infinity ? 3 : capacity;
  /** A channel in which one more message would have to wait, and what is in it. */
  const full = (tx: Sender<unknown>): number[] => {
    for (let n = 0; n < room; n++) tx.send(message(n));
    return range(0, room);
  };
  /** All that is in it now. */
  const rest = (rx: Receiver<unknown>): number[] => {
    const got: number[] = [];
    for (let found = rx.tryRecv(); found !== undefined; found = rx.tryRecv()) got.push(number(found.value));
    return got;
  };
  /** All that comes until there is no sender any more. */
  const drained = (rx: Receiver<unknown>): number[] => [...rx].map(number);
  const isBounded = capacity !== Infinity;

  describe(name, () => {
    it("gives what one task sends to another in its order, and then ends", async () => {
      const [tx, rx] = make();
      const sending = sendRange(tx, kind, "sendAsync", 0, 50).then(() => {
        tx.close();
      });
      expect(await receiveAll(rx, kind, "for await")).toEqual(range(0, 50));
      await sending;
    });

    it.each<[SendWay, RecvWay]>([
      ["send", "for..of"],
      ["trySend", "recv"],
      ["sendAsync", "tryRecv"],
      ["sendMany", "recvMany"],
      ["sendManyAsync", "recvManyAsync"],
    ])("gives what a thread sends by %s in its order, received by %s", async (sendWay, recvWay) => {
      const [tx, rx] = make();
      const thread = spawn(sender, tx, kind, sendWay, 0, 100);
      expect(await receiveAll(rx, kind, recvWay)).toEqual(range(0, 100));
      await thread.joinAsync();
    });

    it("gives each message to one of several threads, and to each of them what one thread sent in its order", async () => {
      const [tx, rx] = make();
      const receivers = [spawn(receiver, rx.clone(), kind, "recv"), spawn(receiver, rx.clone(), kind, "recvMany")];
      rx.close();
      const senders = [spawn(sender, tx.clone(), kind, "send", 0, 200)];
      await sendRange(tx, kind, "sendAsync", 200, 400);
      tx.close();
      const got = await Promise.all(receivers.map((thread) => thread.joinAsync()));
      for (const one of got) {
        const [first, second] = [one.filter((n) => n < 200), one.filter((n) => n >= 200)];
        expect([first, second]).toEqual([[...first].sort(byNumber), [...second].sort(byNumber)]);
      }
      expect(got.flat().sort(byNumber)).toEqual(range(0, 400));
      await Promise.all(senders.map((thread) => thread.joinAsync()));
    });

    it("copies values out: what was sent may be changed after, and what was received never changes", async () => {
      const [tx, rx] = make();
      const received: unknown[] = [];
      const receiving = (async () => {
        for (let n = 0; n < 4; n++) received.push(await rx.recvAsync());
      })();
      for (let n = 0; n < 4; n++) {
        const sent = kind === "struct" ? Note.create(message(n) as object) : message(n);
        const sending = tx.sendAsync(sent);
        if (typeof sent === "object") Object.assign(sent as object, { id: 99 });
        await sending;
      }
      await receiving;
      expect(received.map(number)).toEqual(range(0, 4));
      const first = received[0];
      if (typeof first === "object") Object.assign(first as object, { id: 77 });
      expect(received.slice(1).map(number)).toEqual(range(1, 4));
    });

    it("gives nothing by tryRecv while it is empty, and takes no more by trySend than there is room for", () => {
      const [tx, rx] = make();
      expect(rx.tryRecv()).toBeUndefined();
      const tried = isBounded ? room + 3 : 3000;
      const sent = range(0, tried).filter((n) => tx.trySend(message(n)));
      expect(sent).toEqual(range(0, isBounded ? room : tried));
      expect(rest(rx)).toEqual(sent);
      expect(rx.tryRecv()).toBeUndefined();
      expect(tx.trySend(message(0))).toBe(capacity !== 0);
    });

    it("times out a receiver, which leaves nothing behind", async () => {
      const [tx, rx] = make("slow");
      const verb = (error: unknown): string => {
        expect(error).toBeInstanceOf(TimeoutError);
        return (error as Error).message;
      };
      expect(verb(thrown(() => rx.recv({ timeout: 2 })))).toContain('channel "slow"');
      verb(thrown(() => rx.recv({ timeout: 0 })));
      verb(thrown(() => rx.recvMany(3, { timeout: 2 })));
      verb(await rejection(rx.recvAsync({ timeout: 2 })));
      verb(await rejection(rx.recvAsync({ timeout: 0 })));
      verb(await rejection(rx.recvManyAsync(3, { timeout: 2 })));
      expect(tx.trySend(message(1))).toBe(capacity !== 0);
      expect(rest(rx)).toEqual(capacity === 0 ? [] : [1]);
    });

    it("times out a sender, which leaves nothing behind", async () => {
      if (!isBounded) return;
      const [tx, rx] = make("slow");
      const queued = full(tx);
      expect((thrown(() => tx.send(message(90), { timeout: 2 })) as Error).message).toContain('channel "slow"');
      for (const timeout of [0, 2]) {
        expect(thrown(() => tx.send(message(91), { timeout }))).toBeInstanceOf(TimeoutError);
        expect(await rejection(tx.sendAsync(message(92), { timeout }))).toBeInstanceOf(TimeoutError);
        expect(thrown(() => tx.sendMany([message(93), message(94)], { timeout }))).toBeInstanceOf(TimeoutError);
        expect(await rejection(tx.sendManyAsync([message(95)], { timeout }))).toBeInstanceOf(TimeoutError);
      }
      expect(rest(rx)).toEqual(queued);
    });

    it("is called off by an AbortSignal or a CancelFlag, before or meanwhile, which leaves nothing behind", async () => {
      const [tx, rx] = make();
      const flag = new CancelFlag();
      flag.cancel("off");
      const sources: [unknown, CancelFlag | AbortSignal][] = [
        ["off", flag],
        ["off", AbortSignal.abort("off")],
      ];
      for (const [reason, signal] of sources) {
        if (signal instanceof CancelFlag) {
          expect(thrown(() => rx.recv({ signal }))).toBe(reason);
          expect(thrown(() => rx.recvMany(2, { signal }))).toBe(reason);
          expect(thrown(() => { tx.send(message(80), { signal }); })).toBe(reason); // prettier-ignore
          expect(thrown(() => { tx.sendMany([message(81)], { signal }); })).toBe(reason); // prettier-ignore
        }
        expect(await rejection(rx.recvAsync({ signal }))).toBe(reason);
        expect(await rejection(rx.recvManyAsync(2, { signal }))).toBe(reason);
        expect(await rejection(tx.sendAsync(message(82), { signal }))).toBe(reason);
      }
      const later = new AbortController();
      const receiving = [rx.recvAsync({ signal: later.signal }), rx.recvManyAsync(2, { signal: later.signal })].map(rejection);
      later.abort("enough");
      expect(await Promise.all(receiving)).toEqual(["enough", "enough"]);
      expect(tx.trySend(message(5))).toBe(capacity !== 0);
      expect(rest(rx)).toEqual(capacity === 0 ? [] : [5]);
      if (!isBounded) return;
      const queued = full(tx);
      const stop = new AbortController();
      const sending = [90, 91].map((n) => rejection(tx.sendAsync(message(n), { signal: stop.signal })));
      stop.abort("enough");
      expect(await Promise.all(sending)).toEqual(["enough", "enough"]);
      expect(rest(rx)).toEqual(queued);
    });

    it("is called off by a CancelFlag in a thread that is blocked at it", async () => {
      const [tx, rx] = make();
      const flag = new CancelFlag();
      const words = wordsOf(rx);
      const receives = spawn(receivesOn, rx.clone(), flag);
      await untilAsync(() => isAwaited(words));
      const sends = isBounded ? make() : undefined;
      const sendsThere = sends && spawn(sendsOn, sends[0], kind, flag);
      const theirWords = sends && wordsOf(sends[1]);
      if (theirWords !== undefined) await untilAsync(() => isFull(theirWords));
      flag.cancel("enough");
      expect(await receives.joinAsync()).toEqual(["enough", 0]);
      expect(await sendsThere?.joinAsync()).toEqual(sends && ["enough", room, undefined]);
      if (sends !== undefined) expect(drained(sends[1])).toEqual(range(0, room));
      tx.close();
    });

    it("gives what was sent before its last sender was closed, and then says that nothing will ever come", async () => {
      const [tx, rx] = make("jobs");
      const queued = full(tx);
      tx.close();
      expect(drained(rx)).toEqual(queued);
      for (const error of [
        thrown(() => rx.recv()),
        thrown(() => rx.tryRecv()),
        thrown(() => rx.recvMany(3)),
        thrown(() => rx.recv({ timeout: 0 })),
        await rejection(rx.recvAsync()),
        await rejection(rx.recvManyAsync(3)),
      ]) {
        expect(error).toBeInstanceOf(DisconnectedError);
        expect((error as Error).message).toMatch(/^channel "jobs" is empty, and has no sender any more/);
      }
      expect([...rx]).toEqual([]);
      for await (const value of rx) throw new Error(`got ${String(value)}`);
    });

    it("gives the value back when there is no receiver any more", async () => {
      const [tx, rx] = make("jobs");
      if (room > 0) tx.send(message(0));
      rx.close();
      const value = message(7);
      for (const error of [
        thrown(() => { tx.send(value); }), // prettier-ignore
        thrown(() => tx.trySend(value)),
        await rejection(tx.sendAsync(value)),
      ]) {
        expect(error).toBeInstanceOf(DisconnectedError);
        expect((error as DisconnectedError).value).toBe(value);
        expect((error as Error).message).toMatch(/^channel "jobs" has no receiver any more/);
      }
      const values = [message(8), message(9)];
      for (const error of [
        thrown(() => { tx.sendMany(values); }), // prettier-ignore
        await rejection(tx.sendManyAsync(values)),
      ])
        expect(error).toMatchObject({ code: "DISCONNECTED", value: values });
    });

    it("wakes a thread and a task that wait for a message, when the last sender is closed", async () => {
      const [tx, rx] = make();
      const words = wordsOf(rx);
      const thread = spawn(receivesOn, rx.clone());
      const task = rejection(rx.recvAsync());
      await untilAsync(() => isAwaited(words));
      tx.close();
      expect(codeOf(await task)).toBe("DISCONNECTED");
      const [error, received] = await thread.joinAsync();
      expect(error).toMatch(/^DISCONNECTED: .*no sender/);
      expect(received).toBe(0);
    });

    it("wakes a thread and a task that wait for room, when the last receiver is closed; each has its value", async () => {
      if (!isBounded) return;
      const [tx, rx] = make();
      const words = wordsOf(rx);
      const thread = spawn(sendsOn, tx.clone(), kind);
      await untilAsync(() => isFull(words));
      const task = rejection(tx.sendAsync(message(500)));
      rx.close();
      expect(number((await task as DisconnectedError).value)).toBe(500); // prettier-ignore
      const [error, sent, unsent] = await thread.joinAsync();
      expect(error).toMatch(/^DISCONNECTED: .*no receiver/);
      expect([sent, unsent]).toEqual([room, room]);
    });

    it("knows how many messages wait in it, how many may, and whether the other side has gone", () => {
      const [tx, rx] = make();
      expect([tx.capacity, rx.capacity]).toEqual([capacity, capacity]);
      expect([tx.length, rx.length, tx.disconnected, rx.disconnected]).toEqual([0, 0, false, false]);
      const queued = full(tx).length;
      expect([tx.length, rx.length]).toEqual([queued, queued]);
      if (queued > 0) rx.recv();
      expect([tx.length, rx.length]).toEqual([Math.max(0, queued - 1), Math.max(0, queued - 1)]);
      const [other] = make();
      expect(other.disconnected).toBe(false);
      tx.close();
      expect(rx.disconnected).toBe(true);
      const [last, gone] = make();
      gone.close();
      expect(last.disconnected).toBe(true);
    });

    it("is connected until the last clone was closed; to close one twice is harmless", () => {
      const [tx, rx] = make();
      const [second, other] = [tx.clone(), rx.clone()];
      {
        using third = second.clone();
        expect(third.disconnected).toBe(false);
        third.close();
      }
      tx.close();
      tx.close();
      tx[Symbol.dispose]();
      expect(rx.disconnected).toBe(false);
      if (room > 0) {
        second.send(message(4));
        expect(number(other.recv())).toBe(4);
      }
      rx.close();
      rx.close();
      expect(second.disconnected).toBe(false);
      other.close();
      expect(second.disconnected).toBe(true);
      second.close();
      second[Symbol.dispose]();
    });

    it("tells who uses a closed end which it was", async () => {
      const [tx, rx] = make("jobs");
      tx.close();
      rx.close();
      const uses: [RegExp, () => unknown][] = [
        [/sender/, () => { tx.send(message(1)); }], // prettier-ignore
        [/sender/, () => tx.trySend(message(1))],
        [/sender/, () => { tx.sendMany([message(1)]); }], // prettier-ignore
        [/sender/, () => tx.clone()],
        [/sender/, () => tx.length],
        [/sender/, () => toHandle(tx)],
        [/sender/, () => spawn(sender, tx, kind, "send", 0, 1)],
        [/receiver/, () => rx.recv()],
        [/receiver/, () => rx.tryRecv()],
        [/receiver/, () => rx.recvMany(1)],
        [/receiver/, () => rx.clone()],
        [/receiver/, () => rx.disconnected],
        [/receiver/, () => [...rx]],
      ];
      for (const [end, use] of uses) {
        const error = thrown(use) as Error;
        expect(error).toBeInstanceOf(ReleasedError);
        expect(error.message).toMatch(end);
        expect(error.message).toMatch(/channel "jobs".* was closed/);
      }
      expect(await rejection(tx.sendAsync(message(1)))).toBeInstanceOf(ReleasedError);
      expect(await rejection(tx.sendManyAsync([message(1)]))).toBeInstanceOf(ReleasedError);
      expect(await rejection(rx.recvAsync())).toBeInstanceOf(ReleasedError);
      expect(await rejection(rx.recvManyAsync(1))).toBeInstanceOf(ReleasedError);
    });

    it("tells who uses an end that has moved where it went", async () => {
      const [tx, rx] = make("jobs");
      const [carrier, carried] = channel<Sender<unknown>>({ name: "carrier" });
      const use = (end: Sender<unknown>): string => {
        const error = thrown(() => end.trySend(message(1))) as Error;
        expect(error).toBeInstanceOf(ReleasedError);
        return error.message;
      };
      const [toThread, toChannel, toWire] = [tx.clone(), tx.clone(), tx.clone()];
      const thread = spawn(sender, toThread, kind, "send", 0, 0);
      expect(use(toThread)).toMatch(/the sender of channel "jobs" was moved to thread/);
      carrier.send(toChannel);
      expect(use(toChannel)).toMatch(/the sender of channel "jobs" was moved through channel "carrier"/);
      toHandle(toWire);
      expect(use(toWire)).toMatch(/the sender of channel "jobs" was moved into a handle/);
      const end = toHandle(rx);
      expect((thrown(() => rx.recv()) as Error).message).toMatch(/the receiver of channel "jobs" was moved into a handle/);
      await thread.joinAsync();
      fromHandle<Receiver<unknown>>(end).close();
      carried.close();
    });

    it("sends many and receives many, never more than was asked for, and waits for the first only", async () => {
      const [tx, rx] = make();
      const sending = tx.sendManyAsync(range(0, 20).map(message));
      const got: number[] = [];
      while (got.length < 20) {
        const some = await rx.recvManyAsync(6);
        expect(some.length).toBeGreaterThanOrEqual(1);
        expect(some.length).toBeLessThanOrEqual(6);
        if (kind === "i32") expect(some).toBeInstanceOf(Int32Array);
        if (kind === "f64") expect(some).toBeInstanceOf(Float64Array);
        if (kind === "encoded" || kind === "struct") expect(Array.isArray(some)).toBe(true);
        got.push(...Array.from(some as ArrayLike<unknown>, number));
      }
      await sending;
      expect(got).toEqual(range(0, 20));
      tx.sendMany([]);
      await tx.sendManyAsync([]);
      expect(rx.tryRecv()).toBeUndefined();
      if (room === 0) return;
      const values = range(0, Math.min(room, 5)).map(message);
      tx.sendMany(new Set(values));
      expect(Array.from(rx.recvMany(1000) as ArrayLike<unknown>, number)).toEqual(values.map(number));
    });

    it("receives structs into an instance of the user's, and says what else it carries", async () => {
      const [tx, rx] = make("jobs");
      const mine = Note.create({ id: 7 });
      if (kind !== "struct") {
        expect(() => rx.recvInto(mine)).toThrow(/channel "jobs" carries no structs/);
        return;
      }
      const thread = spawn(sender, tx, kind, "send", 3, 6);
      for (let n = 3; n < 6; n++) {
        rx.recvInto(mine);
        expect(number(mine)).toBe(n);
      }
      expect(codeOf(thrown(() => { rx.recvInto(mine); }))).toBe("DISCONNECTED"); // prettier-ignore
      expect(number(mine)).toBe(5);
      await thread.joinAsync();
    });

    it("moves with the arguments of a thread, and with its result", async () => {
      const [tx, rx] = await spawn(makesOne, kind).joinAsync();
      expect(rest(rx)).toEqual(range(0, 10));
      const thread = spawn(receiver, rx, kind, "recv");
      tx.sendMany([message(1), message(2)]);
      tx.close();
      expect(await thread.joinAsync()).toEqual([1, 2]);
    });

    it("moves through another channel, and is connected as long as one of its ends is on its way", async () => {
      const [tx, rx] = make();
      const [carrier, carried] = channel<{ readonly ends: readonly [Sender<unknown>, string] }>();
      carrier.send({ ends: [tx, "with others"] });
      expect(rx.disconnected).toBe(false);
      expect(rx.tryRecv()).toBeUndefined();
      const [moved] = carried.recv().ends;
      const sending = moved.sendAsync(message(3));
      expect(number(await rx.recvAsync())).toBe(3);
      await sending;
      carrier.send({ ends: [moved, "lost"] });
      // Nobody will ever receive it.
      carried.close();
      expect(rx.disconnected).toBe(true);
    });

    it("moves by a handle", async () => {
      const [tx, rx] = make();
      const handle = toHandle(tx);
      expect(rx.disconnected).toBe(false);
      const moved = fromHandle<Sender<unknown>>(structuredClone(handle));
      const sending = moved.sendAsync(message(3));
      expect(number(await rx.recvAsync())).toBe(3);
      await sending;
      moved.close();
      expect(rx.disconnected).toBe(true);
    });

    it("is found in a static and in a OnceLock, of which each thread has a clone", async () => {
      const [tx, rx] = make();
      const shared = lazyStatic(`spec/channel ${String(statics++)} ${String(Math.random())}`, () => tx.clone());
      const once = new OnceLock<Sender<unknown>>();
      once.set(tx as never);
      const thread = spawn(
        (lock: OnceLock<Sender<unknown>>, value: unknown) => {
          const here = lock.get();
          here?.send(value);
        },
        once,
        message(2) as never,
      );
      expect(number(rx.recv())).toBe(2);
      await thread.joinAsync();
      const sending = shared.get().sendAsync(message(5));
      expect(number(await rx.recvAsync())).toBe(5);
      await sending;
      expect(rx.disconnected).toBe(false);
    });

    it("serves the tasks of one thread in the order in which they asked", async () => {
      const [tx, rx] = make();
      const order: string[] = [];
      const receiving = range(0, 6).map(async (n) => order.push(`${String(n)} got ${String(number(await rx.recvAsync()))}`));
      const sending = range(0, 6).map((n) => tx.sendAsync(message(n)));
      await Promise.all([...receiving, ...sending]);
      expect(order).toEqual(range(0, 6).map((n) => `${String(n)} got ${String(n)}`));
      if (!isBounded) return;
      const queued = full(tx);
      const waiting = range(room, room + 5).map((n) => tx.sendAsync(message(n)));
      const got: number[] = [];
      for (let n = 0; n < room + 5; n++) got.push(number(await rx.recvAsync()));
      await Promise.all(waiting);
      expect(got).toEqual([...queued, ...range(room, room + 5)]);
    });
  });
}

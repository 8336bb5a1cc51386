/** A channel beside a plain array: whatever is done with it, in whatever order. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { channel, type Receiver, type Sender } from "ferrous";
import { messageOf, Note, numberOf, TYPES, type Kind } from "../support/channels.js";

/** What a channel is, in one thread. */
class Model {
  readonly queue: number[] = [];
  senders = 1;
  receivers = 1;
  readonly capacity: number;
  constructor(capacity: number) {
    this.capacity = capacity;
  }
  get room(): number {
    return this.receivers === 0 ? 0 : this.capacity - this.queue.length;
  }
}
/** The channel itself, all of its ends, and the number of the message to be sent next. */
class Real {
  readonly kind: Kind;
  readonly txs: Sender<unknown>[];
  readonly rxs: Receiver<unknown>[];
  next = 0;
  constructor(kind: Kind, capacity: number) {
    this.kind = kind;
    const [tx, rx] = channel({ capacity, of: TYPES[kind] as never }) as [Sender<unknown>, Receiver<unknown>];
    this.txs = [tx];
    this.rxs = [rx];
  }
  tx(which: number): Sender<unknown> {
    return this.txs[which % this.txs.length] as Sender<unknown>;
  }
  rx(which: number): Receiver<unknown> {
    return this.rxs[which % this.rxs.length] as Receiver<unknown>;
  }
  message(): unknown {
    return messageOf(this.kind, this.next);
  }
  numbers(values: unknown): number[] {
    return Array.from(values as ArrayLike<unknown>, (value) => numberOf(this.kind, value));
  }
  numbersOf(found: { readonly value: unknown } | undefined): number[] {
    return found === undefined ? [] : this.numbers([found.value]);
  }
}
type Command = fc.AsyncCommand<Model, Real>;

/** Compares what can be seen of it. */
function look(model: Model, real: Real): void {
  for (const end of [...real.txs, ...real.rxs]) {
    expect(end.length).toBe(model.queue.length);
    expect(end.capacity).toBe(model.capacity);
  }
  for (const tx of real.txs) expect(tx.disconnected).toBe(model.receivers === 0);
  for (const rx of real.rxs) expect(rx.disconnected).toBe(model.senders === 0);
}
const codeOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return "nothing thrown";
};

const command = (title: string, check: (model: Readonly<Model>) => boolean, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check,
  run: async (model, real) => {
    await run(model, real);
    look(model, real);
  },
  toString: () => title,
});

const trySend = (which: number): Command =>
  command(
    `trySend by ${String(which)}`,
    ({ senders }) => senders > 0,
    async (model, real) => {
      if (model.receivers === 0) expect(await codeOf(() => real.tx(which).trySend(real.message()))).toBe("DISCONNECTED");
      else {
        const fits = model.room > 0;
        expect(real.tx(which).trySend(real.message())).toBe(fits);
        if (fits) model.queue.push(real.next++);
      }
    },
  );
const send = (which: number, isAsync: boolean): Command =>
  command(
    `${isAsync ? "sendAsync" : "send"} by ${String(which)}`,
    ({ senders }) => senders > 0,
    async (model, real) => {
      const put = (): unknown => real.tx(which)[isAsync ? "sendAsync" : "send"](real.message(), { timeout: 0 });
      if (model.receivers === 0) expect(await codeOf(put)).toBe("DISCONNECTED");
      else if (model.room === 0) expect(await codeOf(put)).toBe("TIMEOUT");
      else {
        await put();
        model.queue.push(real.next++);
      }
    },
  );
const sendMany = (which: number, count: number, isAsync: boolean): Command =>
  command(
    `${isAsync ? "sendManyAsync" : "sendMany"} of ${String(count)} by ${String(which)}`,
    ({ senders, room, receivers }) => senders > 0 && (receivers === 0 ? count > 0 : room >= count),
    async (model, real) => {
      const values = Array.from({ length: count }, (_, n) => messageOf(real.kind, real.next + n));
      const put = (): unknown => real.tx(which)[isAsync ? "sendManyAsync" : "sendMany"](values);
      if (model.receivers === 0) expect(await codeOf(put)).toBe("DISCONNECTED");
      else {
        await put();
        for (let n = 0; n < count; n++) model.queue.push(real.next++);
      }
    },
  );
/** What receiving does when there is nothing. */
const onEmpty = ({ senders }: Model): string => (senders === 0 ? "DISCONNECTED" : "TIMEOUT");
const tryRecv = (which: number): Command =>
  command(
    `tryRecv by ${String(which)}`,
    ({ receivers }) => receivers > 0,
    async (model, real) => {
      if (model.queue.length === 0 && model.senders === 0) expect(await codeOf(() => real.rx(which).tryRecv())).toBe("DISCONNECTED");
      else expect(real.numbersOf(real.rx(which).tryRecv())).toEqual(model.queue.splice(0, 1));
    },
  );
const recv = (which: number, isAsync: boolean): Command =>
  command(
    `${isAsync ? "recvAsync" : "recv"} by ${String(which)}`,
    ({ receivers }) => receivers > 0,
    async (model, real) => {
      const take = (): unknown => real.rx(which)[isAsync ? "recvAsync" : "recv"]({ timeout: 0 });
      if (model.queue.length === 0) expect(await codeOf(take)).toBe(onEmpty(model));
      else expect(real.numbers([await take()])).toEqual(model.queue.splice(0, 1));
    },
  );
const recvMany = (which: number, max: number, isAsync: boolean): Command =>
  command(
    `${isAsync ? "recvManyAsync" : "recvMany"} of ${String(max)} by ${String(which)}`,
    ({ receivers }) => receivers > 0,
    async (model, real) => {
      const take = (): unknown => real.rx(which)[isAsync ? "recvManyAsync" : "recvMany"](max, { timeout: 0 });
      if (model.queue.length === 0) expect(await codeOf(take)).toBe(onEmpty(model));
      else expect(real.numbers(await take())).toEqual(model.queue.splice(0, max));
    },
  );
const recvInto = (which: number): Command =>
  command(
    `recvInto by ${String(which)}`,
    ({ receivers }) => receivers > 0,
    async (model, real) => {
      if (real.kind !== "struct") return;
      const note = Note.create();
      const take = (): void => {
        real.rx(which).recvInto(note, { timeout: 0 });
      };
      if (model.queue.length === 0) expect(await codeOf(take)).toBe(onEmpty(model));
      else {
        take();
        expect(real.numbers([note])).toEqual(model.queue.splice(0, 1));
      }
    },
  );
const cloneSender = (which: number): Command =>
  command(
    `clone of sender ${String(which)}`,
    ({ senders }) => senders > 0 && senders < 4,
    (model, real) => {
      real.txs.push(real.tx(which).clone());
      model.senders++;
      return Promise.resolve();
    },
  );
const cloneReceiver = (which: number): Command =>
  command(
    `clone of receiver ${String(which)}`,
    ({ receivers }) => receivers > 0 && receivers < 4,
    (model, real) => {
      real.rxs.push(real.rx(which).clone());
      model.receivers++;
      return Promise.resolve();
    },
  );
const closeSender = (which: number): Command =>
  command(
    `close of sender ${String(which)}`,
    ({ senders }) => senders > 0,
    async (model, real) => {
      const [tx] = real.txs.splice(which % real.txs.length, 1);
      tx?.close();
      expect(await codeOf(() => tx?.trySend(real.message()))).toBe("RELEASED");
      model.senders--;
    },
  );
const closeReceiver = (which: number): Command =>
  command(
    `close of receiver ${String(which)}`,
    ({ receivers }) => receivers > 0,
    async (model, real) => {
      const [rx] = real.rxs.splice(which % real.rxs.length, 1);
      rx?.close();
      expect(await codeOf(() => rx?.tryRecv())).toBe("RELEASED");
      model.receivers--;
    },
  );

const which = fc.nat(3);
const few = fc.nat(9);
const OFTEN = [
  which.map(trySend),
  fc.tuple(which, fc.boolean()).map(([by, isAsync]) => send(by, isAsync)),
  fc.tuple(which, few, fc.boolean()).map(([by, count, isAsync]) => sendMany(by, count, isAsync)),
  which.map(tryRecv),
  fc.tuple(which, fc.boolean()).map(([by, isAsync]) => recv(by, isAsync)),
  fc.tuple(which, fc.integer({ min: 1, max: 9 }), fc.boolean()).map(([by, max, isAsync]) => recvMany(by, max, isAsync)),
  which.map(recvInto),
];
const ENDS = [which.map(cloneSender), which.map(cloneReceiver), which.map(closeSender), which.map(closeReceiver)];
const capacity = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 300 }), fc.constant(Infinity));

describe.each<Kind>(["encoded", "i32", "f64", "struct"])("a channel of %s messages", (kind) => {
  const agrees = (programs: fc.Arbitrary<Iterable<Command>>, numRuns: number): Promise<void> =>
    fc.assert(
      fc.asyncProperty(capacity, programs, (room, program) =>
        fc.asyncModelRun(() => ({ model: new Model(room), real: new Real(kind, room) }), program),
      ),
      { numRuns },
    );
  it("does as a queue does, whatever is sent and received", () =>
    agrees(fc.commands([...OFTEN, ...OFTEN, ...OFTEN], { maxCommands: 60, size: "max" }), 50));
  it("does as a queue does whose ends are cloned and closed meanwhile", () =>
    agrees(fc.commands([...OFTEN, ...ENDS], { maxCommands: 40, size: "max" }), 100));
});

describe("a channel without capacity", () => {
  it("gives to waiting tasks, in their order, what others send in theirs, and keeps nothing of who gave up", () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Kind>("encoded", "i32", "struct"),
        fc.array(fc.constantFrom("send", "recv", "trySend", "tryRecv", "lost send", "lost recv"), { maxLength: 24 }),
        async (kind, program) => {
          const [tx, rx] = channel({ capacity: 0, of: TYPES[kind] as never }) as [Sender<unknown>, Receiver<unknown>];
          const stop = new AbortController();
          const sent: number[] = [];
          const waits: Promise<unknown>[] = [];
          const got: Promise<number>[] = [];
          const took: number[] = [];
          let next = 0;
          for (const step of program) {
            const n = next++;
            if (step === "send") waits.push(tx.sendAsync(messageOf(kind, n)).then(() => sent.push(n)));
            else if (step === "recv") got.push(rx.recvAsync().then((value) => numberOf(kind, value)));
            else if (step === "trySend") {
              if (tx.trySend(messageOf(kind, n))) sent.push(n);
            } else if (step === "tryRecv") {
              const found = rx.tryRecv();
              if (found !== undefined) took.push(numberOf(kind, found.value));
            } else if (step === "lost send")
              waits.push(tx.sendAsync(messageOf(kind, n), { signal: stop.signal }).then(() => sent.push(n), () => undefined)); // prettier-ignore
            else
              waits.push(
                rx.recvAsync({ signal: stop.signal }).then(
                  (value) => took.push(numberOf(kind, value)),
                  () => undefined,
                ),
              );
          }
          await new Promise((resolve) => setImmediate(resolve));
          stop.abort();
          // Whoever still waits gets what it waits for.
          for (let n = 0; n < got.length; n++) waits.push(tx.sendAsync(messageOf(kind, next + n)).then(() => sent.push(next + n)).catch(() => undefined)); // prettier-ignore
          took.push(...(await Promise.all(got)));
          for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
          for (let found = rx.tryRecv(); found !== undefined; found = rx.tryRecv()) {
            took.push(numberOf(kind, found.value));
            await new Promise((resolve) => setImmediate(resolve));
          }
          await Promise.all(waits);
          const inOrder = (list: readonly number[]): number[] => [...list].sort((a, b) => a - b);
          expect(inOrder(took)).toEqual(inOrder(sent));
          expect(rx.tryRecv()).toBeUndefined();
          expect(tx.trySend(messageOf(kind, 0))).toBe(false);
        },
      ),
      { numRuns: 300 },
    ));
});

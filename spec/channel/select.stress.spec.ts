/** Selects on real threads that compete: each completes exactly one of its operations, and nothing is lost. */
import { describe, expect, it } from "@jest/globals";
import { CancelFlag, channel, i32, never, select, selectAsync, spawn, TimeoutError, trySelect, type Receiver, type Sender } from "ferrous";
import { selectAll, selector, selectSender } from "../support/channels.js";
import { words } from "../support/lockers.js";

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
const byNumber = (a: number, b: number): number => a - b;
type Make = () => [Sender<number>, Receiver<number>];
const MAKES: readonly (readonly [string, Make])[] = [
  ["unbounded channels", () => channel<number>()],
  ["channels of capacity 1", () => channel({ of: i32, capacity: 1 })],
  ["channels without capacity", () => channel<number>({ capacity: 0 })],
  ["channels without capacity, of i32", () => channel({ of: i32, capacity: 0 })],
];

describe.each(MAKES)("selects among %s", (_what, make) => {
  const COUNT = 150;

  it("send each value once, through one channel, and receive it once, from that one", async () => {
    const pairs = [make(), make(), make()];
    const txs = (): Sender<number>[] => pairs.map(([tx]) => tx.clone());
    const rxs = (): Receiver<number>[] => pairs.map(([, rx]) => rx.clone());
    const arrivals = words(1);
    const PARTIES = 4;
    const sends = [0, COUNT].map((from) => spawn(selectSender, txs(), from, COUNT, arrivals, PARTIES));
    const receives = spawn(selector, rxs(), arrivals, PARTIES);
    const mine = rxs();
    for (const [tx, rx] of pairs) {
      tx.close();
      rx.close();
    }
    const here = selectAll(mine, arrivals, PARTIES);
    const there = await receives.joinAsync();
    const sent = await Promise.all(sends.map((thread) => thread.joinAsync()));
    for (let nth = 0; nth < pairs.length; nth++) {
      const received = [...(here[nth] ?? []), ...(there[nth] ?? [])].sort(byNumber);
      expect(received).toEqual(sent.flatMap((through) => through[nth] ?? []).sort(byNumber));
      for (const got of [here[nth] ?? [], there[nth] ?? []]) {
        // Each sender's in its order.
        for (const isFirst of [true, false]) {
          const ofOne = got.filter((n) => n < COUNT === isFirst);
          expect(ofOne).toEqual([...ofOne].sort(byNumber));
        }
      }
    }
    expect(sent.flat(2).sort(byNumber)).toEqual(range(0, 2 * COUNT));
  });

  it("and plain sends and receives meet, and lose nothing", async () => {
    const pairs = [make(), make()];
    const senders = pairs.map(([tx], nth) =>
      spawn(
        (end: Sender<number>, from: number, count: number) => {
          for (let n = from; n < from + count; n++) end.send(n);
        },
        tx,
        nth * COUNT,
        COUNT,
      ),
    );
    const got = selectAll(pairs.map(([, rx]) => rx), words(1), 1); // prettier-ignore
    expect(got).toEqual([range(0, COUNT), range(COUNT, 2 * COUNT)]);
    await Promise.all(senders.map((thread) => thread.joinAsync()));
  });

  it("that are called off or time out have done nothing, though others go on", async () => {
    const [[a, ar], [b, br]] = [make(), make()];
    const thread = spawn(
      (end: Sender<number>, count: number) => {
        for (let n = 0; n < count; n++) end.send(n);
      },
      a,
      COUNT,
    );
    const got: number[] = [];
    while (got.length < COUNT) {
      try {
        got.push(select([br, ar], { timeout: got.length % 3 === 0 ? 0 : 0.05 }).value);
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
      const stop = new AbortController();
      const waiting = selectAsync([ar, br], { signal: stop.signal }).then(
        ({ value }) => got.push(value),
        () => undefined,
      );
      stop.abort();
      await waiting;
    }
    expect(got).toEqual(range(0, COUNT));
    expect(b.disconnected).toBe(false);
    await thread.joinAsync();
  });

  it("that were not chosen leave nothing in their channels", async () => {
    const pairs = [make(), make()];
    const [[a, ar], [b, br]] = pairs as [[Sender<number>, Receiver<number>], [Sender<number>, Receiver<number>]];
    if (a.capacity === Infinity) return;
    for (let n = 0; n < a.capacity; n++) {
      a.send(-1);
      b.send(-1);
    }
    const flag = new CancelFlag();
    const waiting = [1, 2, 3].map((n) => selectAsync([a.sending(n), b.sending(n), never()], { signal: flag }));
    expect(() => select([a.sending(9), b.sending(9)], { timeout: 3 })).toThrow(TimeoutError);
    expect(trySelect([a.sending(8), b.sending(8)])).toBeUndefined();
    flag.cancel("off");
    for (const { status } of await Promise.allSettled(waiting)) expect(status).toBe("rejected");
    for (const rx of [ar, br]) {
      for (let n = 0; n < a.capacity; n++) expect(rx.recv()).toBe(-1);
      expect(rx.tryRecv()).toBeUndefined();
    }
  });
});

describe("a select", () => {
  it.each([2, 3, 5])("takes each of %p that are ready about as often", (count) => {
    const pairs = Array.from({ length: count }, () => channel({ of: i32, capacity: 1 }));
    const taken = pairs.map(() => 0);
    for (let n = 0; n < 2000 * count; n++) {
      for (const [tx] of pairs) tx.trySend(n);
      const { index } = select(pairs.map(([, rx]) => rx));
      taken[index] = (taken[index] ?? 0) + 1;
    }
    for (const times of taken) {
      expect(times).toBeGreaterThan(1600);
      expect(times).toBeLessThan(2400);
    }
  });

  it("awaited and tried takes both of two that are ready, too, and one that sends as often as one that receives", async () => {
    const [[a, ar], [b, br]] = [channel<number>({ capacity: 1 }), channel<number>({ capacity: 1 })];
    const taken = [0, 0, 0, 0];
    for (let n = 0; n < 2000; n++) {
      a.trySend(n);
      br.tryRecv();
      const done = n % 2 === 0 ? await selectAsync([ar, b.sending(n)]) : trySelect([ar, b.sending(n)]);
      const at = (done?.index ?? NaN) + 2 * (n % 2);
      taken[at] = (taken[at] ?? 0) + 1;
    }
    for (const times of taken) expect(times).toBeGreaterThan(400);
  });

  it("takes a receiver that is there twice as one", () => {
    const [tx, rx] = channel<number>();
    tx.send(1);
    expect(select([rx, rx]).value).toBe(1);
    expect(trySelect([rx, rx, rx.clone()])).toBeUndefined();
  });

  it("meets another select of its own thread, which awaits", async () => {
    const [[a, ar], [b, br]] = [channel<number>({ capacity: 0 }), channel<number>({ capacity: 0 })];
    for (let n = 0; n < 50; n++) {
      const [sent, received] = await Promise.all([selectAsync([a.sending(n), b.sending(n)]), selectAsync([br, ar])]);
      expect(received.value).toBe(n);
      expect(received.index).toBe(1 - sent.index);
    }
  });

  it("moves the end that it sends only if that is what was done", async () => {
    const [carrier, carried] = channel<Sender<number>>({ capacity: 1, name: "carrier" });
    const [tx, rx] = channel<number>();
    const [ready, isReady] = channel<number>();
    carrier.send(tx.clone());
    ready.send(1);
    expect(select([carrier.sending(tx), isReady]).index).toBe(1);
    tx.send(5);
    expect(rx.recv()).toBe(5);
    carried.recv().close();
    expect(select([carrier.sending(tx), isReady]).index).toBe(0);
    expect(() => {
      tx.send(6);
    }).toThrow(/was moved through channel "carrier"/);
    const moved = await carried.recvAsync();
    moved.close();
    expect(rx.disconnected).toBe(true);
  });
});

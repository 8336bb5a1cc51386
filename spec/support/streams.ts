/** Producers and consumers of the checks of channels. */
import { expect } from "@jest/globals";
import { channel } from "../../lib/channel/channel.ts";
import { makePipe } from "../../lib/channel/open.ts";
import { Receiver } from "../../lib/channel/receiver.ts";
import { Side } from "../../lib/channel/roll.ts";
import { Sender } from "../../lib/channel/sender.ts";
import { DisconnectedError } from "../../lib/errors.ts";
import { i32 } from "../../lib/memory/layout.ts";

export interface Shared {
  readonly txs: Sender<number>[];
  readonly rxs: Receiver<number>[];
}
export type Make = () => [Sender<number>, Receiver<number>];

export const bounded =
  (capacity: number): Make =>
  () =>
    channel({ of: i32, capacity, name: "c" });
export const unbounded: Make = () => channel({ of: i32, name: "c" });
export const encoded =
  (capacity?: number): Make =>
  () =>
    channel<number>({ ...(capacity === undefined ? {} : { capacity }), name: "c" });
/** A ring that begins with one message, and grows. */
export const growing: Make = () => {
  const pipe = makePipe({ capacity: Infinity, maxBytes: 64, firstBytes: 4, name: "c" }, i32);
  pipe.open(Side.SENDERS, false);
  pipe.open(Side.RECEIVERS, false);
  const state = { pipe, once: false, lent: false };
  return [new Sender(state), new Receiver(state)];
};

export const setup = (make: Make, producers: number, consumers: number) => (): Shared => {
  const [tx, rx] = make();
  return {
    txs: [tx, ...Array.from({ length: producers - 1 }, () => tx.clone())],
    rxs: [rx, ...Array.from({ length: consumers - 1 }, () => rx.clone())],
  };
};
export const moves = ({ txs, rxs }: Shared): object[][] => [...txs, ...rxs].map((end) => [end]);

/** Sends 10 n, 10 n + 1, ...; says how many were sent before nobody was there to receive them. */
export const producer =
  (nth: number, messages: number) =>
  ({ txs }: Shared): number => {
    const tx = txs[nth] as Sender<number>;
    let sent = 0;
    try {
      for (; sent < messages; sent++) tx.send(10 * nth + sent);
    } catch (error) {
      if (!(error instanceof DisconnectedError) || error.value !== 10 * nth + sent) throw error;
    }
    tx.close();
    return sent;
  };
export const consumer =
  (nth: number) =>
  ({ rxs }: Shared): number[] => {
    const rx = rxs[nth] as Receiver<number>;
    const got = [...rx];
    rx.close();
    return got;
  };

/** Nothing twice, and each sender's messages in order; nothing lost if nobody died, and nothing but what the dead held if somebody did. */
export function look(producers: number, messages: number, results: readonly unknown[]): void {
  const sent = results.slice(0, producers) as (number | undefined)[];
  const received = results.slice(producers) as (number[] | undefined)[];
  const all = received.flatMap((got) => got ?? []);
  expect(new Set(all).size).toBe(all.length);
  for (const got of received) {
    for (let nth = 0; nth < producers; nth++) {
      const mine = (got ?? []).filter((value) => Math.floor(value / 10) === nth);
      expect(mine).toEqual([...mine].sort((a, b) => a - b));
    }
  }
  if (results.every((result) => result !== undefined)) expect(all).toHaveLength(producers * messages);
  // Who lives was not told that nobody receives while somebody does.
  if (received.every((got) => got !== undefined)) for (const count of sent) expect(count ?? messages).toBe(messages);
}

/** Threads that send and receive ends of a channel through another one. */
import { expect } from "@jest/globals";
import type { Scenario } from "../../lib/check/index.ts";
import { channel } from "../../lib/channel/channel.ts";
import type { Receiver } from "../../lib/channel/receiver.ts";
import type { Sender } from "../../lib/channel/sender.ts";
import { DisconnectedError } from "../../lib/errors.ts";
import { i32 } from "../../lib/memory/layout.ts";

interface Parcel {
  readonly end: Sender<number>;
}
interface Given {
  readonly carriers: readonly Sender<Parcel>[];
  readonly carried: readonly Receiver<Parcel>[];
  /** Of another channel: what is sent through that one. */
  readonly own: readonly Sender<number>[];
  readonly rx: Receiver<number>;
}
const more = <E extends { clone(): unknown }>(end: E, count: number): E[] => [
  end,
  ...Array.from({ length: count - 1 }, () => end.clone() as E),
];
const make = (capacity: number | undefined, own: number, senders: number, receivers: number) => (): Given => {
  const [carrier, carried] = channel<Parcel>({ ...(capacity === undefined ? {} : { capacity }), name: "carrier" });
  const [tx, rx] = channel({ of: i32, capacity: 4, name: "end" });
  return { carriers: more(carrier, senders), carried: more(carried, receivers), own: more(tx, own), rx };
};
/** What comes of `act`; "gone" if the other side has nobody. */
function unlessGone<R>(act: () => R): R | "gone" {
  try {
    return act();
  } catch (error) {
    if (error instanceof DisconnectedError) return "gone";
    throw error;
  }
}

/** Uses each end that comes, until none can come. */
const uses =
  (nth: number) =>
  ({ carried }: Omit<Given, "own">): number => {
    let used = 0;
    for (const { end } of carried[nth] as Receiver<Parcel>) {
      unlessGone(() => {
        end.send(10 + nth);
      });
      end.close();
      used++;
    }
    return used;
  };
/** Receives until nobody can send; meanwhile the carrier has a sender. */
const waits =
  (nth: number) =>
  ({ carriers, rx }: Omit<Given, "own">): number[] => {
    const got = [...rx];
    carriers[nth]?.close();
    return got;
  };

/** Sends its own end. */
const sends =
  (nth: number) =>
  ({ carriers, own }: Given): string =>
    unlessGone(() => {
      carriers[nth]?.send({ end: own[nth] as Sender<number> });
      return "sent";
    });

/** One sends an end, which another one uses, and a third waits for what comes by it. */
export const sent = (capacity: number | undefined, ends: Set<string>): Scenario<Given> => ({
  setup: make(capacity, 1, 2, 1),
  moves: ({ carriers, carried, own, rx }) => [[carriers[0], own[0]], [carried[0]], [carriers[1], rx]] as object[][],
  threads: [sends(0), uses(0), waits(1)],
  after: (_, results) => ends.add(results.map(String).join()),
});
/** Two send an end each. */
export const sentTwice = (capacity: number | undefined, ends: Set<string>): Scenario<Given> => ({
  setup: make(capacity, 2, 3, 1),
  moves: ({ carriers, carried, own, rx }) => [[carriers[0], own[0]], [carriers[1], own[1]], [carried[0]], [carriers[2], rx]] as object[][],
  threads: [sends(0), sends(1), uses(0), waits(2)],
  after: (_, results) => ends.add(results.map(String).join()),
});
/** An end was sent, which one of two uses; and a third waits for what comes by it. */
export const received = (capacity: number | undefined, ends: Set<string>): Scenario<Omit<Given, "own">> => ({
  setup: () => {
    const { own, ...others } = make(capacity, 1, 1, 2)();
    others.carriers[0]?.send({ end: own[0] as Sender<number> });
    return others;
  },
  moves: ({ carriers, carried, rx }) => [[carried[0]], [carried[1]], [carriers[0], rx]] as object[][],
  threads: [uses(0), uses(1), waits(0)],
  after: (_, results) => {
    const [first, second, got] = results;
    ends.add(results.map(String).join());
    if (second === 1) expect(got).toEqual([11]);
    if (first === 1) expect(got).toEqual([10]);
  },
});

/** What the checker must catch: each line of a channel that its proof needs, with that line wrong. */
import { describe, expect, it } from "@jest/globals";
import { check, type CheckOptions, type FailureKind, type Scenario } from "../../lib/check/index.ts";
import { explored } from "../support/executions.ts";
import {
  Clearing,
  Early,
  ENDED,
  Forgetful,
  Grabbing,
  Handing,
  Hasty,
  InPlace,
  Lingering,
  Marking,
  NOT_NOW,
  Polite,
  Selfish,
  Slipping,
  Sparing,
  Storing,
  Turning,
  Twin,
  TWIN_WORDS,
  Unrepaired,
} from "./channel.broken.ts";

type Cells = Int32Array;
type Kind = new (cells: Cells, capacity: number) => Twin;
type HandingKind = new (cells: Cells) => Handing;

const fresh = (): Cells => new Int32Array(new SharedArrayBuffer(4 * TWIN_WORDS));
const opened = (Kind: Kind, capacity: number, receivers: number) => (): Cells => {
  const cells = fresh();
  new Kind(cells, capacity).begin(1, receivers);
  return cells;
};
const sendAndClose = (twin: Twin, messages: readonly number[]): void => {
  for (const message of messages) twin.send(message);
  twin.closeSender();
};
const receiveAll = (twin: Twin): number[] => {
  const all: number[] = [];
  for (let got = twin.recv(); got !== ENDED; got = twin.recv()) all.push(got);
  return all;
};

/** Two messages through one place, and the end. */
const carry = (Kind: Kind): Scenario<Cells> => ({
  setup: opened(Kind, 1, 1),
  threads: [
    (cells) => {
      sendAndClose(new Kind(cells, 1), [1, 2]);
    },
    (cells) => receiveAll(new Kind(cells, 1)),
  ],
  after: (_, [, got]) => {
    expect(got).toEqual([1, 2]);
  },
});
/** Messages for two receivers, who both go on to the end. */
const end =
  (messages: readonly number[]) =>
  (Kind: Kind): Scenario<Cells> => ({
    setup: opened(Kind, 1, 2),
    threads: [
      (cells) => {
        sendAndClose(new Kind(cells, 1), messages);
      },
      ...[0, 1].map(() => (cells: Cells) => receiveAll(new Kind(cells, 1))),
    ],
    after: (_, [, ...got]) => {
      expect(got.flat()).toEqual(messages);
    },
  });
/** One message for each of two receivers, and nobody closes. */
const share = (Kind: Kind): Scenario<Cells> => ({
  setup: opened(Kind, 2, 2),
  threads: [
    (cells) => {
      const twin = new Kind(cells, 2);
      twin.send(1);
      twin.send(2);
    },
    ...[0, 1].map(() => (cells: Cells) => new Kind(cells, 2).recv()),
  ],
  after: (_, [, ...got]) => {
    expect(got.sort()).toEqual([1, 2]);
  },
});
/** Two senders, the first of whom may die, and a receiver of one message. */
const inherit =
  (capacity: number) =>
  (Kind: Kind): Scenario<Cells> => ({
    setup: opened(Kind, capacity, 1),
    threads: [
      (cells) => {
        new Kind(cells, capacity).send(1);
      },
      (cells) => {
        new Kind(cells, capacity).send(2);
        return "sent";
      },
      (cells) => new Kind(cells, capacity).recv(),
    ],
    after: (cells, [, , got]) => {
      // Who lived has sent, whatever the dead had half done.
      expect([got, ...new Kind(cells, capacity).rest()]).toContain(2);
    },
  });
/** What was sent was received, and nothing else. */
const handOver =
  (send: (twin: Handing) => readonly unknown[]) =>
  (Kind: HandingKind): Scenario<Cells> => ({
    setup: opened(Kind, 1, 1),
    threads: [(cells) => send(new Kind(cells)), (cells) => new Kind(cells).await({ timeout: 5 })],
    after: (_, [sent, got]) => {
      expect((sent as unknown[]).filter((how) => how === true || how === "sent")).toHaveLength(got === NOT_NOW ? 0 : 1);
    },
  });

const lost: readonly FailureKind[] = ["lost wake-up", "deadlock"];
/** Found, and not found where the mistake is not. */
function tell<K>(
  title: string,
  scene: (Kind: K) => Scenario<Cells>,
  Broken: K,
  Right: K,
  options: CheckOptions,
  kinds: readonly FailureKind[],
): void {
  const found = check(scene(Broken), { time: 20_000, ...options });
  expect(kinds).toContain(found.failure?.kind);
  explored(`the right one of what ${title}`, options, check(scene(Right), { time: 20_000, ...options }));
}

describe("the checker finds a channel that", () => {
  it.each<[string, (Kind: Kind) => Scenario<Cells>, Kind, CheckOptions, readonly FailureKind[]]>([
    ["publishes a message before it is written", carry, Early, { preemptions: 2 }, ["data race"]],
    ["asks for senders before it marks", carry, Hasty, { preemptions: 2 }, lost],
    ["does not look once more when nobody can send", carry, Forgetful, { preemptions: 2 }, ["assertion"]],
    ["clears marks at the end, and leaves nothing that stays", end([]), Clearing, { preemptions: 1 }, lost],
    ["wakes at the end only if it finds a mark", end([1]), Polite, { preemptions: 1 }, lost],
    ["wakes one at the end", end([1]), Sparing, { preemptions: 1 }, lost],
    ["leaves a gate by a store", share, Storing, { preemptions: 1 }, lost],
    ["passes no wake-up on", share, Selfish, { preemptions: 1 }, lost],
    ["passes the mark on, and not the message", share, Marking, { preemptions: 1 }, lost],
    ["has one cursor for both parities", inherit(2), InPlace, { preemptions: 1, deaths: 1, mortal: [0] }, ["assertion"]],
    ["repairs nothing after a death", inherit(1), Unrepaired, { preemptions: 1, deaths: 1, mortal: [0] }, lost],
  ])("%s", (title, scene, Broken, options, kinds) => {
    tell(title, scene, Broken, Twin, options, kinds);
  });

  const timed: CheckOptions = { preemptions: 2, timeouts: true };
  const offers = handOver((twin) => [twin.offer(7, { timeout: 5 })]);
  const tries = handOver((twin) => [twin.trySend(7)]);
  it.each<[string, (Kind: HandingKind) => Scenario<Cells>, HandingKind, CheckOptions]>([
    ["takes an offer back without looking", offers, Grabbing, { preemptions: 1, timeouts: true }],
    ["leaves its demand outside the gate", tries, Slipping, timed],
    ["looks before it leaves its demand", tries, Turning, timed],
    ["frees the place before it demands no more", handOver((twin) => [twin.offer(7, {}), twin.trySend(8)]), Lingering, { preemptions: 2 }],
  ])("without capacity %s", (title, scene, Broken, options) => {
    tell(title, scene, Broken, Handing, options, ["assertion"]);
  });
});

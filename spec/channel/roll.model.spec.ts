import { describe, expect, it } from "@jest/globals";
import { check, type Scenario } from "../../lib/check/index.ts";
import { Roll, rollWords, Side } from "../../lib/channel/roll.ts";
import { Word } from "../../lib/memory/word.ts";
import { currentId } from "../../lib/thread/current.ts";
import { explored } from "../support/executions.ts";
import { Careless } from "./channel.broken.ts";

type Cells = Int32Array<SharedArrayBuffer>;
type Kind = new (first: Word) => Roll;
/** The place of a message in some queue, of which nothing is known but that it is there. */
const BERTH = { queue: 7, place: 1 << 30, ahead: () => -1 };
/** Takes it out of there. */
const unload = (roll: Roll): void => {
  const then: (() => void)[] = [];
  roll.disembark(Side.SENDERS, { queue: BERTH.queue, isAt: (place) => place === BERTH.place, then });
  for (const act of then) act();
};

interface Move {
  readonly title: string;
  /** Of `owner`, the second thread, to setup's, which is looked at first; or to a queue; or from there. */
  readonly before: (roll: Roll, owner: number) => void;
  readonly move: (roll: Roll, owner: number) => void;
}
const MOVES: readonly Move[] = [
  {
    title: "from thread to thread",
    before: (roll, owner) => {
      roll.add(owner, Side.SENDERS);
    },
    move: (roll, owner) => {
      roll.add(owner - 2, Side.SENDERS);
      roll.remove(owner, Side.SENDERS);
    },
  },
  {
    title: "into a queue",
    before: (roll, owner) => {
      roll.add(owner, Side.SENDERS);
    },
    move: (roll, owner) => {
      roll.embark(Side.SENDERS, BERTH);
      roll.remove(owner, Side.SENDERS);
    },
  },
  {
    title: "out of a queue",
    before: (roll) => {
      roll.embark(Side.SENDERS, BERTH);
    },
    move: (roll, owner) => {
      roll.add(owner - 2, Side.SENDERS);
      unload(roll);
    },
  },
];
const LOOKS: readonly (readonly [string, (roll: Roll) => boolean])[] = [
  ["is never taken for nobody's", (roll) => roll.has(Side.SENDERS)],
  ["is never overlooked by who asks whether it is alone", (roll) => !roll.isSole(currentId(), Side.SENDERS)],
];

const scene = (Kind: Kind, { before, move }: Move, isRight: (roll: Roll) => boolean): Scenario<Cells> => ({
  setup: () => {
    const cells = new Int32Array(new SharedArrayBuffer(4 * rollWords()));
    // The threads of a check are numbered on from setup's.
    before(new Roll(new Word(cells, 0)), currentId() + 2);
    return cells;
  },
  threads: [
    (cells) => {
      expect(isRight(new Kind(new Word(cells, 0)))).toBe(true);
    },
    (cells) => {
      move(new Roll(new Word(cells, 0)), currentId());
    },
  ],
});

describe.each(MOVES)("in every interleaving, an end that moves $title", (move) => {
  it.each(LOOKS)("%s", (what, isRight) => {
    const report = check(scene(Roll, move, isRight));
    explored(`an end that moves ${move.title} ${what}`, {}, report);
    expect(report.complete).toBe(true);
  });
});

it.each(LOOKS)("the checker finds an end that moves, and without MOVES not: it %s", (_, isRight) => {
  expect(check(scene(Careless, MOVES[0] as Move, isRight)).failure?.kind).toBe("assertion");
});

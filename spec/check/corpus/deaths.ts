/** Code whose threads may die at any step. */
import { equal, subject, times, words, type Subject } from "./subject.ts";

type Cells = Int32Array;

/** Two words that should be equal, changed under a lock that the living can take from nobody. */
const transfer = (move: (cells: Cells) => void) => ({
  setup: () => words(1),
  threads: times(2, move),
  after: (cells: Cells) => {
    // Both halves of the word move together.
    const word = Atomics.load(cells, 0);
    equal(word >> 16, word & 0xffff, "the upper half");
  },
});

/** Each thread counts itself in, and out again if it lives. */
const cleaning = (enter: (cells: Cells, me: number) => void, leave: (cells: Cells, me: number) => void) => ({
  setup: () => words(4),
  threads: times(2, (cells: Cells, me) => {
    enter(cells, me);
    try {
      Atomics.load(cells, 3);
    } finally {
      leave(cells, me);
    }
    return "lived";
  }),
});

const lock = (cells: Cells): void => {
  while (Atomics.compareExchange(cells, 0, 0, 1) !== 0) Atomics.wait(cells, 0, 1);
};
const unlock = (cells: Cells): void => {
  Atomics.store(cells, 0, 0);
  Atomics.notify(cells, 0, 1);
};

export const deaths: readonly Subject[] = [
  subject(
    "two halves in two steps, and a death between",
    "assertion",
    transfer((cells) => {
      for (let seen = Atomics.load(cells, 0); ;) {
        const was = Atomics.compareExchange(cells, 0, seen, seen + 0x1_0001);
        if (was === seen) return;
        seen = was;
      }
    }),
    transfer((cells) => {
      Atomics.add(cells, 0, 1);
      Atomics.add(cells, 0, 0x1_0000);
    }),
    { deaths: 1 },
  ),
  subject(
    "death while holding a lock",
    "lost wake-up",
    cleaning(
      (cells, me) => void Atomics.store(cells, me, 1),
      (cells, me) => void Atomics.store(cells, me, 0),
    ),
    cleaning(lock, unlock),
    { deaths: 1 },
  ),
  subject(
    "count that finally was to give back",
    "assertion",
    {
      ...cleaning(
        (cells) => void Atomics.add(cells, 1, 1),
        (cells) => void Atomics.sub(cells, 1, 1),
      ),
      after: (cells: Cells, results: readonly unknown[]) => {
        // Who died may still be counted; nobody else is.
        const dead = results.filter((result) => result === undefined).length;
        if (Atomics.load(cells, 1) > dead) throw new Error("a living thread is still counted");
      },
    },
    {
      ...cleaning(
        (cells) => void Atomics.add(cells, 1, 1),
        (cells) => void Atomics.sub(cells, 1, 1),
      ),
      after: (cells: Cells) => {
        equal(Atomics.load(cells, 1), 0, "the count");
      },
    },
    { deaths: 1 },
  ),
  subject(
    "waits for a thread that may be dead",
    "lost wake-up",
    {
      setup: () => words(1),
      threads: [
        (cells: Cells) => {
          Atomics.store(cells, 0, 1);
          Atomics.notify(cells, 0);
        },
        (cells: Cells) => Atomics.load(cells, 0),
      ],
    },
    {
      setup: () => words(1),
      threads: [
        (cells: Cells) => {
          Atomics.store(cells, 0, 1);
          Atomics.notify(cells, 0);
        },
        (cells: Cells) => {
          while (Atomics.load(cells, 0) === 0) Atomics.wait(cells, 0, 0);
        },
      ],
    },
    { deaths: 1 },
  ),
];

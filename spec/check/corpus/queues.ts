/** Rings, mailboxes and deques. */
import { equal, subject, words, type Subject } from "./subject.ts";

type Cells = Int32Array;

/** One sender, one receiver. Words: 0 HEAD, 1 TAIL, 2-3 slots. */
const SLOTS = 2;
interface Ring {
  send(cells: Cells, value: number): void;
  receive(cells: Cells): number;
}
const ring: Ring = {
  send(cells, value) {
    const tail = Atomics.load(cells, 1);
    for (let head = Atomics.load(cells, 0); tail - head === SLOTS; head = Atomics.load(cells, 0)) Atomics.wait(cells, 0, head);
    cells[2 + (tail % SLOTS)] = value;
    Atomics.store(cells, 1, tail + 1);
    Atomics.notify(cells, 1);
  },
  receive(cells) {
    const head = Atomics.load(cells, 0);
    while (Atomics.load(cells, 1) === head) Atomics.wait(cells, 1, head);
    const value = cells[2 + (head % SLOTS)] ?? 0;
    Atomics.store(cells, 0, head + 1);
    Atomics.notify(cells, 0);
    return value;
  },
};
const through = ({ send, receive }: Ring, count = 3) => ({
  setup: () => words(2 + SLOTS),
  threads: [
    (cells: Cells) => {
      for (let value = 1; value <= count; value++) send(cells, value);
    },
    (cells: Cells) => Array.from({ length: count }, () => receive(cells)).join(),
  ],
  after: (_: Cells, [, received]: readonly unknown[]) => {
    equal(received, Array.from({ length: count }, (__, at) => at + 1).join(), "what was received");
  },
});

/** Two senders. Words: 0 TAIL, 1 and 2 slots. */
const posts = (post: (cells: Cells, value: number) => void) => ({
  setup: () => words(3),
  threads: [1, 2].map((value) => (cells: Cells) => {
    post(cells, value);
  }),
  after: (cells: Cells) => {
    equal(Atomics.load(cells, 1) + Atomics.load(cells, 2), 3, "the sum of the messages");
  },
});

/** A box for one message: 0 empty, else the message. */
const box = (take: (cells: Cells) => number, put: (cells: Cells, value: number) => void = putBox) => ({
  setup: () => words(1),
  threads: [
    (cells: Cells) => {
      put(cells, 1);
      put(cells, 2);
    },
    (cells: Cells) => take(cells) + take(cells),
  ],
  after: (_: Cells, [, sum]: readonly unknown[]) => {
    equal(sum, 3, "the sum of the messages");
  },
});
function putBox(cells: Cells, value: number): void {
  for (let seen = Atomics.compareExchange(cells, 0, 0, value); seen !== 0; seen = Atomics.compareExchange(cells, 0, 0, value))
    Atomics.wait(cells, 0, seen);
  Atomics.notify(cells, 0);
}
const takeBox = (cells: Cells): number => {
  for (;;) {
    const seen = Atomics.exchange(cells, 0, 0);
    if (seen !== 0) {
      Atomics.notify(cells, 0);
      return seen;
    }
    Atomics.wait(cells, 0, 0);
  }
};

/** Chase-Lev, of fixed size. Words: 0 TOP, 1 BOTTOM, 2-5 slots. The owner pops at the bottom, thieves take at the top. */
const deque = (pop: (cells: Cells) => number, steal: (cells: Cells) => number, thieves = 1) => ({
  setup: () => {
    const cells = words(6);
    Atomics.store(cells, 1, 2);
    Atomics.store(cells, 2, 1);
    Atomics.store(cells, 3, 2);
    return cells;
  },
  threads: [(cells: Cells) => [pop(cells), pop(cells)].join(), ...Array.from({ length: thieves }, () => steal)],
  after: (_: Cells, [own, ...stolen]: readonly unknown[]) => {
    const taken = [...String(own).split(",").map(Number), ...(stolen as number[])].filter((job) => job !== 0);
    equal(new Set(taken).size, taken.length, `the number of different jobs in ${taken.join()}`);
  },
});
const popOwn = (cells: Cells): number => {
  const bottom = Atomics.sub(cells, 1, 1) - 1;
  const top = Atomics.load(cells, 0);
  if (top > bottom) {
    Atomics.store(cells, 1, top);
    return 0;
  }
  const job = Atomics.load(cells, 2 + bottom);
  if (top < bottom) return job;
  // The last one: a race with the thieves.
  const won = Atomics.compareExchange(cells, 0, top, top + 1) === top;
  Atomics.store(cells, 1, top + 1);
  return won ? job : 0;
};
const stealOne = (cells: Cells): number => {
  const top = Atomics.load(cells, 0);
  if (top >= Atomics.load(cells, 1)) return 0;
  const job = Atomics.load(cells, 2 + top);
  return Atomics.compareExchange(cells, 0, top, top + 1) === top ? job : 0;
};

export const queues: readonly Subject[] = [
  subject(
    "ring: index before the slot",
    "data race",
    through(ring),
    through({
      ...ring,
      send(cells, value) {
        const tail = Atomics.load(cells, 1);
        for (let head = Atomics.load(cells, 0); tail - head === SLOTS; head = Atomics.load(cells, 0)) Atomics.wait(cells, 0, head);
        Atomics.store(cells, 1, tail + 1);
        cells[2 + (tail % SLOTS)] = value;
        Atomics.notify(cells, 1);
      },
    }),
  ),
  subject(
    "ring: frees the slot before it reads",
    "data race",
    through(ring),
    through({
      ...ring,
      receive(cells) {
        const head = Atomics.load(cells, 0);
        while (Atomics.load(cells, 1) === head) Atomics.wait(cells, 1, head);
        Atomics.store(cells, 0, head + 1);
        Atomics.notify(cells, 0);
        return cells[2 + (head % SLOTS)] ?? 0;
      },
    }),
  ),
  subject(
    "ring: full means one more",
    "assertion",
    through(ring),
    through({
      ...ring,
      send(cells, value) {
        const tail = Atomics.load(cells, 1);
        for (let head = Atomics.load(cells, 0); tail - head === SLOTS + 1; head = Atomics.load(cells, 0)) Atomics.wait(cells, 0, head);
        cells[2 + (tail % SLOTS)] = value;
        Atomics.store(cells, 1, tail + 1);
        Atomics.notify(cells, 1);
      },
    }),
  ),
  subject(
    "ring: the receiver never says that there is room",
    "lost wake-up",
    through(ring),
    through({
      ...ring,
      receive(cells) {
        const head = Atomics.load(cells, 0);
        while (Atomics.load(cells, 1) === head) Atomics.wait(cells, 1, head);
        const value = cells[2 + (head % SLOTS)] ?? 0;
        Atomics.store(cells, 0, head + 1);
        return value;
      },
    }),
  ),
  subject(
    "ring: two senders draw one place",
    "assertion",
    posts((cells, value) => {
      Atomics.store(cells, 1 + Atomics.add(cells, 0, 1), value);
    }),
    posts((cells, value) => {
      const tail = Atomics.load(cells, 0);
      Atomics.store(cells, 1 + tail, value);
      Atomics.store(cells, 0, tail + 1);
    }),
  ),
  subject(
    "box: overwrites what is in it",
    "deadlock",
    box(takeBox),
    box(takeBox, (cells, value) => {
      Atomics.store(cells, 0, value);
      Atomics.notify(cells, 0);
    }),
  ),
  subject(
    "box: takes without saying so",
    "lost wake-up",
    box(takeBox),
    box((cells) => {
      for (let seen = Atomics.exchange(cells, 0, 0); ; seen = Atomics.exchange(cells, 0, 0)) {
        if (seen !== 0) return seen;
        Atomics.wait(cells, 0, 0);
      }
    }),
  ),
  subject(
    "Chase-Lev: the owner takes the last job without asking",
    "assertion",
    deque(popOwn, stealOne),
    deque((cells) => {
      const bottom = Atomics.sub(cells, 1, 1) - 1;
      const top = Atomics.load(cells, 0);
      if (top <= bottom) return Atomics.load(cells, 2 + bottom);
      Atomics.store(cells, 1, top);
      return 0;
    }, stealOne),
  ),
  subject(
    "Chase-Lev: the owner looks at the top first",
    "assertion",
    deque(popOwn, stealOne, 2),
    deque(
      (cells) => {
        const top = Atomics.load(cells, 0);
        const bottom = Atomics.load(cells, 1) - 1;
        if (top > bottom) return 0;
        Atomics.store(cells, 1, bottom);
        const job = Atomics.load(cells, 2 + bottom);
        if (top < bottom) return job;
        const won = Atomics.compareExchange(cells, 0, top, top + 1) === top;
        Atomics.store(cells, 1, top + 1);
        return won ? job : 0;
      },
      stealOne,
      2,
    ),
  ),
  subject(
    "Chase-Lev: a thief does not check again",
    "assertion",
    deque(popOwn, stealOne, 2),
    deque(
      popOwn,
      (cells) => {
        const top = Atomics.load(cells, 0);
        if (top >= Atomics.load(cells, 1)) return 0;
        Atomics.store(cells, 0, top + 1);
        return Atomics.load(cells, 2 + top);
      },
      2,
    ),
  ),
];

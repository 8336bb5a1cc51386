/** Locks of two and three threads around an increment that is not atomic. */
import { equal, subject, times, words, type Subject } from "./subject.ts";

type Cells = Int32Array;
/** Word 0 and 1: the lock's. Word 2: what it protects. */
const COUNT = 2;

interface Lock {
  lock(cells: Cells, me: number): void;
  unlock(cells: Cells, me: number): void;
}
const around = ({ lock, unlock }: Lock, threads = 2, rounds = 1) => ({
  setup: () => words(8),
  threads: times(threads, (cells: Cells, me) => {
    for (let round = 0; round < rounds; round++) {
      lock(cells, me);
      Atomics.store(cells, COUNT, Atomics.load(cells, COUNT) + 1);
      unlock(cells, me);
    }
  }),
  after: (cells: Cells) => {
    equal(Atomics.load(cells, COUNT), threads * rounds, "the count");
  },
});

const futex: Lock = {
  lock(cells) {
    if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
    while (Atomics.exchange(cells, 0, 2) !== 0) Atomics.wait(cells, 0, 2);
  },
  unlock(cells) {
    if (Atomics.exchange(cells, 0, 0) === 2) Atomics.notify(cells, 0, 1);
  },
};
const spin: Lock = {
  lock(cells) {
    while (Atomics.compareExchange(cells, 0, 0, 1) !== 0);
  },
  unlock(cells) {
    Atomics.store(cells, 0, 0);
  },
};
/** Word 0: next ticket, word 1: now serving. */
const ticket: Lock = {
  lock(cells) {
    const mine = Atomics.add(cells, 0, 1);
    while (Atomics.load(cells, 1) !== mine);
  },
  unlock(cells) {
    Atomics.add(cells, 1, 1);
  },
};
/** Words 0 and 1: who wants; word 3: whose turn. */
const peterson: Lock = {
  lock(cells, me) {
    Atomics.store(cells, me, 1);
    Atomics.store(cells, 3, 1 - me);
    while (Atomics.load(cells, 1 - me) === 1 && Atomics.load(cells, 3) === 1 - me);
  },
  unlock(cells, me) {
    Atomics.store(cells, me, 0);
  },
};
const dekker: Lock = {
  lock(cells, me) {
    Atomics.store(cells, me, 1);
    while (Atomics.load(cells, 1 - me) === 1) {
      if (Atomics.load(cells, 3) === me) continue;
      Atomics.store(cells, me, 0);
      while (Atomics.load(cells, 3) !== me);
      Atomics.store(cells, me, 1);
    }
  },
  unlock(cells, me) {
    Atomics.store(cells, 3, 1 - me);
    Atomics.store(cells, me, 0);
  },
};

/** Readers count up from 0; a writer holds it at -1. `limit` readers at most. */
const readWrite = (limit: number, checked: boolean) => ({
  setup: () => words(8),
  threads: [
    ...times(2, (cells: Cells) => {
      for (;;) {
        const readers = Atomics.load(cells, 0);
        if (readers < 0 || (checked && readers >= limit)) continue;
        // A field of two bits beside the writer's: 0-3 readers, then it runs over.
        if (Atomics.compareExchange(cells, 0, readers, (readers + 1) % (limit + 1)) === readers) break;
      }
      Atomics.add(cells, 3, 1);
      Atomics.sub(cells, 3, 1);
      Atomics.sub(cells, 0, 1);
    }),
    (cells: Cells) => {
      if (Atomics.compareExchange(cells, 0, 0, -1) !== 0) return;
      equal(Atomics.load(cells, 3), 0, "the number of readers beside a writer");
      Atomics.store(cells, 0, 0);
    },
  ],
});

/** Two locks; each thread takes both. */
const both = (orders: readonly (readonly [number, number])[]) => ({
  setup: () => words(8),
  threads: orders.map(([first, second]) => (cells: Cells) => {
    for (const at of [first, second]) while (Atomics.compareExchange(cells, at, 0, 1) !== 0) Atomics.wait(cells, at, 1);
    for (const at of [second, first]) {
      Atomics.store(cells, at, 0);
      Atomics.notify(cells, at, 1);
    }
  }),
});

/** Word 0: sequence, odd while it is written. Words 1 and 2: equal halves. */
const sequence = (read: (cells: Cells) => readonly [number, number] | undefined) => ({
  setup: () => words(4),
  threads: [
    (cells: Cells) => {
      Atomics.add(cells, 0, 1);
      Atomics.store(cells, 1, 5);
      Atomics.store(cells, 2, 5);
      Atomics.add(cells, 0, 1);
    },
    (cells: Cells) => read(cells),
  ],
  after: (_: Cells, [, seen]: readonly unknown[]) => {
    const halves = seen as readonly [number, number] | undefined;
    equal(halves?.[0], halves?.[1], "the first half");
  },
});

/** Word 0: owner + 1. Only the owner may unlock. */
const owned = (unlock: (cells: Cells, me: number) => void) => ({
  setup: () => words(8),
  threads: times(2, (cells: Cells, me) => {
    const got = Atomics.compareExchange(cells, 0, 0, me + 1) === 0;
    if (got) {
      Atomics.add(cells, 3, 1);
      equal(Atomics.load(cells, 3), 1, "the number of holders");
      Atomics.sub(cells, 3, 1);
    }
    unlock(cells, me);
    if (Atomics.compareExchange(cells, 0, 0, me + 1) !== 0) return;
    Atomics.add(cells, 3, 1);
    equal(Atomics.load(cells, 3), 1, "the number of holders");
    Atomics.sub(cells, 3, 1);
    unlock(cells, me);
  }),
});

export const locks: readonly Subject[] = [
  subject(
    "mutex: unlock forgets to notify",
    "lost wake-up",
    around(futex),
    around({ ...futex, unlock: (cells) => void Atomics.store(cells, 0, 0) }),
  ),
  subject(
    "mutex: notify before the store",
    "lost wake-up",
    around(futex),
    around({
      ...futex,
      unlock(cells) {
        if (Atomics.load(cells, 0) === 2) Atomics.notify(cells, 0, 1);
        Atomics.store(cells, 0, 0);
      },
    }),
  ),
  subject(
    "mutex: no look again after waking",
    "assertion",
    around(futex, 3),
    around(
      {
        ...futex,
        lock(cells) {
          if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
          if (Atomics.exchange(cells, 0, 2) !== 0) Atomics.wait(cells, 0, 2);
        },
      },
      3,
    ),
  ),
  subject(
    "mutex: the woken takes it as if nobody else slept (3 threads)",
    "lost wake-up",
    around(futex, 3),
    around(
      {
        ...futex,
        lock(cells) {
          for (let seen = Atomics.compareExchange(cells, 0, 0, 1); seen !== 0; seen = Atomics.compareExchange(cells, 0, 0, 1)) {
            if (seen === 2 || Atomics.compareExchange(cells, 0, 1, 2) !== 0) Atomics.wait(cells, 0, 2);
          }
        },
      },
      3,
    ),
  ),
  subject(
    "mutex: load, then store",
    "lost wake-up",
    around(futex),
    around({
      ...futex,
      lock(cells) {
        while (Atomics.load(cells, 0) !== 0) Atomics.wait(cells, 0, 1);
        Atomics.store(cells, 0, 1);
      },
    }),
  ),
  subject(
    "mutex: unlock without the lock",
    "assertion",
    around(futex),
    around({
      lock(cells, me) {
        if (me === 0) futex.lock(cells, me);
      },
      unlock: futex.unlock.bind(futex),
    }),
  ),
  subject(
    "mutex: unlocked once more than locked",
    "assertion",
    around(futex, 2, 2),
    around(
      {
        lock: futex.lock.bind(futex),
        unlock(cells, me) {
          futex.unlock(cells, me);
          if (me === 1) Atomics.store(cells, 0, 0);
        },
      },
      2,
      2,
    ),
  ),
  subject(
    "spin lock: test, then set",
    "assertion",
    around(spin),
    around({
      ...spin,
      lock(cells) {
        while (Atomics.load(cells, 0) !== 0);
        Atomics.store(cells, 0, 1);
      },
    }),
  ),
  subject("spin lock: never unlocked", "livelock", around(spin), around({ ...spin, unlock: () => undefined })),
  subject(
    "spin lock: unlocked by a plain store",
    "data race",
    around(spin),
    around({
      ...spin,
      unlock(cells) {
        cells[0] = 0;
      },
    }),
  ),
  subject(
    "ticket lock: ticket drawn in two steps",
    "livelock",
    around(ticket),
    around({
      ...ticket,
      lock(cells) {
        const mine = Atomics.load(cells, 0);
        Atomics.store(cells, 0, mine + 1);
        while (Atomics.load(cells, 1) !== mine);
      },
    }),
  ),
  subject(
    "Peterson: plain stores",
    "data race",
    around(peterson),
    around({
      ...peterson,
      lock(cells, me) {
        cells[me] = 1;
        cells[3] = 1 - me;
        while (Atomics.load(cells, 1 - me) === 1 && Atomics.load(cells, 3) === 1 - me);
      },
    }),
  ),
  subject(
    "Peterson: turn before want",
    "assertion",
    around(peterson),
    around({
      ...peterson,
      lock(cells, me) {
        Atomics.store(cells, 3, 1 - me);
        Atomics.store(cells, me, 1);
        while (Atomics.load(cells, 1 - me) === 1 && Atomics.load(cells, 3) === 1 - me);
      },
    }),
  ),
  subject(
    "Dekker: plain stores",
    "data race",
    around(dekker),
    around({
      ...dekker,
      unlock(cells, me) {
        cells[3] = 1 - me;
        cells[me] = 0;
      },
    }),
  ),
  subject(
    "Dekker: nobody gives way",
    "livelock",
    around(dekker),
    around({
      ...dekker,
      lock(cells, me) {
        Atomics.store(cells, me, 1);
        while (Atomics.load(cells, 1 - me) === 1);
      },
    }),
  ),
  subject("reader-writer lock: the count of readers overflows", "assertion", readWrite(1, true), readWrite(1, false)),
  subject(
    "two locks in two orders",
    "deadlock",
    both([
      [0, 1],
      [0, 1],
    ]),
    both([
      [0, 1],
      [1, 0],
    ]),
  ),
  subject(
    "three locks in a ring (3 threads)",
    "deadlock",
    both([
      [0, 1],
      [1, 3],
      [0, 3],
    ]),
    both([
      [0, 1],
      [1, 3],
      [3, 0],
    ]),
  ),
  subject(
    "seqlock: no second look",
    "assertion",
    sequence((cells) => {
      for (;;) {
        const before = Atomics.load(cells, 0);
        if (before % 2 === 1) continue;
        const halves = [Atomics.load(cells, 1), Atomics.load(cells, 2)] as const;
        if (Atomics.load(cells, 0) === before) return halves;
      }
    }),
    sequence((cells) => (Atomics.load(cells, 0) % 2 === 1 ? undefined : [Atomics.load(cells, 1), Atomics.load(cells, 2)])),
  ),
  subject(
    "owned lock: unlock by a thread that does not hold it",
    "assertion",
    owned((cells, me) => void Atomics.compareExchange(cells, 0, me + 1, 0)),
    owned((cells) => void Atomics.store(cells, 0, 0)),
  ),
];

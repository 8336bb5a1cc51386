/** Code that sleeps until somebody wakes it: events, condition variables, semaphores, barriers, latches. */
import { equal, subject, times, words, type Subject } from "./subject.ts";

type Cells = Int32Array;

const event = (set: (cells: Cells) => void, await_: (cells: Cells) => void, sleepers = 1) => ({
  setup: () => words(2),
  threads: [set, ...times(sleepers, await_)],
});
const setEvent = (cells: Cells): void => {
  Atomics.store(cells, 0, 1);
  Atomics.notify(cells, 0);
};
const awaitEvent = (cells: Cells): void => {
  while (Atomics.load(cells, 0) === 0) Atomics.wait(cells, 0, 0);
};

/** Words: 0 lock, 1 sequence of the condition variable, 2 the condition. */
const lock = (cells: Cells): void => {
  if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
  while (Atomics.exchange(cells, 0, 2) !== 0) Atomics.wait(cells, 0, 2);
};
const unlock = (cells: Cells): void => {
  if (Atomics.exchange(cells, 0, 0) === 2) Atomics.notify(cells, 0, 1);
};
interface Condition {
  wait(cells: Cells): void;
  notify(cells: Cells): void;
}
const condition: Condition = {
  wait(cells) {
    const seen = Atomics.load(cells, 1);
    unlock(cells);
    Atomics.wait(cells, 1, seen);
    lock(cells);
  },
  notify(cells) {
    Atomics.add(cells, 1, 1);
    Atomics.notify(cells, 1);
  },
};
/** A consumer waits for the item that a producer makes. */
const handing = ({ wait, notify }: Condition, { recheck } = { recheck: true }) => ({
  setup: () => words(4),
  threads: [
    (cells: Cells) => {
      lock(cells);
      Atomics.store(cells, 2, 1);
      unlock(cells);
      notify(cells);
    },
    (cells: Cells) => {
      lock(cells);
      if (recheck) while (Atomics.load(cells, 2) === 0) wait(cells);
      else if (Atomics.load(cells, 2) === 0) wait(cells);
      equal(Atomics.load(cells, 2), 1, "the number of items");
      unlock(cells);
    },
  ],
});

const acquire = (cells: Cells, permits = 1): void => {
  for (;;) {
    const free = Atomics.load(cells, 0);
    if (free < permits) Atomics.wait(cells, 0, free);
    else if (Atomics.compareExchange(cells, 0, free, free - permits) === free) return;
  }
};
/** Word 0: permits, word 1: who is inside. */
const semaphore = (release: (cells: Cells, permits: number) => void, needs: readonly number[], take = acquire) => ({
  setup: () => {
    const cells = words(2);
    Atomics.store(cells, 0, 2);
    return cells;
  },
  threads: needs.map((permits) => (cells: Cells) => {
    take(cells, permits);
    const inside = Atomics.add(cells, 1, permits) + permits;
    if (inside > 2) throw new RangeError(`${String(inside)} permits of 2 are held`);
    Atomics.sub(cells, 1, permits);
    release(cells, permits);
  }),
});
const releaseAll = (cells: Cells, permits: number): void => {
  Atomics.add(cells, 0, permits);
  Atomics.notify(cells, 0);
};

/** One needs two permits, another one; the second permit comes once the other has had its turn. */
const unequal = (release: (cells: Cells, permits: number) => void) => ({
  setup: () => words(3),
  threads: [
    (cells: Cells) => {
      release(cells, 1);
      while (Atomics.load(cells, 2) === 0) Atomics.wait(cells, 2, 0);
      release(cells, 1);
    },
    (cells: Cells) => {
      acquire(cells, 2);
    },
    (cells: Cells) => {
      acquire(cells, 1);
      setEvent(cells.subarray(2));
      release(cells, 1);
    },
  ],
});

/** Words: 0 arrived, 1 generation. */
const barrier = (wait: (cells: Cells, size: number) => void, size: number, rounds: number) => ({
  setup: () => words(4),
  threads: times(size, (cells: Cells) => {
    for (let round = 1; round <= rounds; round++) {
      Atomics.add(cells, 2, 1);
      wait(cells, size);
      // Everybody has come to this round.
      if (Atomics.load(cells, 2) < round * size) throw new RangeError(`round ${String(round)} began early`);
    }
  }),
});
const meet = (cells: Cells, size: number): void => {
  const generation = Atomics.load(cells, 1);
  if (Atomics.add(cells, 0, 1) + 1 === size) {
    Atomics.store(cells, 0, 0);
    Atomics.add(cells, 1, 1);
    Atomics.notify(cells, 1);
  } else {
    while (Atomics.load(cells, 1) === generation) Atomics.wait(cells, 1, generation);
  }
};

const latch = (countDown: (cells: Cells) => void) => ({
  setup: () => {
    const cells = words(1);
    Atomics.store(cells, 0, 2);
    return cells;
  },
  threads: [
    ...times(2, countDown),
    (cells: Cells) => {
      for (let left = Atomics.load(cells, 0); left !== 0; left = Atomics.load(cells, 0)) Atomics.wait(cells, 0, left);
    },
  ],
});

/** One token: 0 none, 1 there, -1 somebody sleeps for it. */
const parking = (park: (cells: Cells) => void) => ({
  setup: () => words(1),
  threads: [
    park,
    (cells: Cells) => {
      if (Atomics.exchange(cells, 0, 1) === -1) Atomics.notify(cells, 0, 1);
    },
  ],
});

export const sleepers: readonly Subject[] = [
  subject(
    "event: forgets to notify",
    "lost wake-up",
    event(setEvent, awaitEvent),
    event((cells) => void Atomics.store(cells, 0, 1), awaitEvent),
  ),
  subject(
    "event: notifies before it stores",
    "lost wake-up",
    event(setEvent, awaitEvent),
    event((cells) => {
      Atomics.notify(cells, 0);
      Atomics.store(cells, 0, 1);
    }, awaitEvent),
  ),
  subject(
    "event: notifies one of two",
    "lost wake-up",
    event(setEvent, awaitEvent, 2),
    event(
      (cells) => {
        Atomics.store(cells, 0, 1);
        Atomics.notify(cells, 0, 1);
      },
      awaitEvent,
      2,
    ),
  ),
  subject(
    "event: notifies another word",
    "lost wake-up",
    event(setEvent, awaitEvent),
    event((cells) => {
      Atomics.store(cells, 0, 1);
      Atomics.notify(cells, 1);
    }, awaitEvent),
  ),
  subject(
    "event: sleeps without a look first",
    "deadlock",
    event(setEvent, awaitEvent),
    event(
      (cells) => {
        Atomics.add(cells, 0, 2);
        Atomics.notify(cells, 0);
      },
      (cells) => void Atomics.wait(cells, 0, Atomics.load(cells, 0)),
    ),
  ),
  subject(
    "event: one sleep is enough, it thinks",
    "assertion",
    event(setEvent, (cells) => {
      awaitEvent(cells);
      equal(Atomics.load(cells, 0), 1, "the event");
    }),
    event(setEvent, (cells) => {
      Atomics.wait(cells, 0, 0);
      equal(Atomics.load(cells, 0), 1, "the event");
    }),
    { spurious: true },
  ),
  subject(
    "condition variable: waits on a constant",
    "deadlock",
    handing(condition),
    handing({
      ...condition,
      wait(cells) {
        unlock(cells);
        Atomics.wait(cells, 3, 0);
        lock(cells);
      },
      notify(cells) {
        Atomics.notify(cells, 3);
      },
    }),
  ),
  subject(
    "condition variable: reads the sequence after unlocking",
    "deadlock",
    handing(condition),
    handing({
      ...condition,
      wait(cells) {
        unlock(cells);
        Atomics.wait(cells, 1, Atomics.load(cells, 1));
        lock(cells);
      },
    }),
  ),
  subject(
    "condition variable: forgets to unlock",
    "deadlock",
    handing(condition),
    handing({
      ...condition,
      wait(cells) {
        Atomics.wait(cells, 1, Atomics.load(cells, 1));
      },
    }),
  ),
  subject("condition variable: no look again after waking", "assertion", handing(condition), handing(condition, { recheck: false }), {
    spurious: true,
  }),
  subject(
    "condition variable: notifies without changing the sequence",
    "deadlock",
    handing(condition),
    handing({
      ...condition,
      notify(cells) {
        Atomics.notify(cells, 1);
      },
    }),
  ),
  subject(
    "semaphore: wakes one, who needs more than there is (3 threads)",
    "lost wake-up",
    unequal(releaseAll),
    unequal((cells, permits) => {
      Atomics.add(cells, 0, permits);
      Atomics.notify(cells, 0, 1);
    }),
  ),
  subject(
    "semaphore: takes without looking again",
    "exception",
    semaphore(releaseAll, [2, 2]),
    semaphore(releaseAll, [2, 2], (cells, permits = 1) => {
      const free = Atomics.load(cells, 0);
      if (free < permits) Atomics.wait(cells, 0, free);
      Atomics.sub(cells, 0, permits);
    }),
  ),
  subject(
    "semaphore: two steps for one acquire",
    "deadlock",
    semaphore(releaseAll, [2, 2]),
    semaphore(releaseAll, [2, 2], (cells, permits = 1) => {
      while (Atomics.load(cells, 0) < permits) Atomics.wait(cells, 0, Atomics.load(cells, 0));
      Atomics.sub(cells, 0, permits);
    }),
  ),
  subject(
    "barrier: used again while some still leave",
    "deadlock",
    barrier(meet, 2, 2),
    barrier(
      (cells, size) => {
        if (Atomics.add(cells, 0, 1) + 1 === size) {
          Atomics.store(cells, 0, 0);
          Atomics.notify(cells, 0);
        } else {
          for (let here = Atomics.load(cells, 0); here !== 0; here = Atomics.load(cells, 0)) Atomics.wait(cells, 0, here);
        }
      },
      2,
      2,
    ),
  ),
  subject(
    "barrier: reads the generation after arriving",
    "deadlock",
    barrier(meet, 2, 1),
    barrier(
      (cells, size) => {
        if (Atomics.add(cells, 0, 1) + 1 === size) {
          Atomics.store(cells, 0, 0);
          Atomics.add(cells, 1, 1);
          Atomics.notify(cells, 1);
        } else {
          Atomics.wait(cells, 1, Atomics.load(cells, 1));
        }
      },
      2,
      1,
    ),
  ),
  subject(
    "barrier: wakes one of two (3 threads)",
    "lost wake-up",
    barrier(meet, 3, 1),
    barrier(
      (cells, size) => {
        const generation = Atomics.load(cells, 1);
        if (Atomics.add(cells, 0, 1) + 1 === size) {
          Atomics.add(cells, 1, 1);
          Atomics.notify(cells, 1, 1);
        } else {
          while (Atomics.load(cells, 1) === generation) Atomics.wait(cells, 1, generation);
        }
      },
      3,
      1,
    ),
  ),
  subject(
    "latch: notifies at one instead of zero",
    "lost wake-up",
    latch((cells) => {
      Atomics.sub(cells, 0, 1);
      Atomics.notify(cells, 0);
    }),
    latch((cells) => {
      if (Atomics.sub(cells, 0, 1) === 2) Atomics.notify(cells, 0);
    }),
  ),
  subject(
    "park: marks itself asleep over the token",
    "deadlock",
    parking((cells) => {
      if (Atomics.compareExchange(cells, 0, 0, -1) === 0) Atomics.wait(cells, 0, -1);
      Atomics.store(cells, 0, 0);
    }),
    parking((cells) => {
      if (Atomics.load(cells, 0) === 1) return;
      Atomics.store(cells, 0, -1);
      Atomics.wait(cells, 0, -1);
    }),
  ),
];

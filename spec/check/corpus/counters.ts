/** Counters, flags and words that are changed by several threads. */
import assert from "node:assert/strict";
import { equal, subject, times, words, type Subject } from "./subject.ts";

type Cells = Int32Array;
const counter = (threads: number, add: (cells: Cells, me: number) => void) => ({
  setup: () => words(2),
  threads: times(threads, add),
  after: (cells: Cells) => {
    equal(Atomics.load(cells, 0), threads, "the count");
  },
});
const atomicAdd = (cells: Cells): void => void Atomics.add(cells, 0, 1);

/** Runs `make` once: state 0 new, 1 being made, 2 made. */
const once = (cells: Cells, claim: (cells: Cells) => boolean): number => {
  if (claim(cells)) {
    Atomics.add(cells, 1, 7);
    Atomics.store(cells, 0, 2);
    Atomics.notify(cells, 0);
  }
  for (let state = Atomics.load(cells, 0); state !== 2; state = Atomics.load(cells, 0)) Atomics.wait(cells, 0, state);
  return Atomics.load(cells, 1);
};
const initialised = (claim: (cells: Cells) => boolean) => ({
  setup: () => words(2),
  threads: times(2, (cells: Cells) => once(cells, claim)),
  after: (cells: Cells, results: readonly unknown[]) => {
    equal(Atomics.load(cells, 1), 7, "what was made");
    for (const result of results) equal(result, 7, "what a caller got");
  },
});

/** A stack of numbered nodes: word 0 HEAD, words 1-3 NEXT of nodes 1-3. With `tag`, HEAD counts its changes in the upper half. */
const NODE = 0xffff;
const pop = (cells: Cells, tag: number): number => {
  for (;;) {
    const head = Atomics.load(cells, 0);
    const node = head & NODE;
    if (node === 0) return 0;
    const next = Atomics.load(cells, node);
    if (Atomics.compareExchange(cells, 0, head, next | ((head & ~NODE) + tag)) === head) return node;
  }
};
const push = (cells: Cells, node: number, tag: number): void => {
  for (;;) {
    const head = Atomics.load(cells, 0);
    Atomics.store(cells, node, head & NODE);
    if (Atomics.compareExchange(cells, 0, head, node | ((head & ~NODE) + tag)) === head) return;
  }
};
const stack = (tag: number) => ({
  setup: () => {
    const cells = words(4);
    Atomics.store(cells, 0, 1);
    Atomics.store(cells, 1, 2);
    return cells;
  },
  threads: [
    (cells: Cells) => pop(cells, tag),
    (cells: Cells) => {
      const first = pop(cells, tag);
      const second = pop(cells, tag);
      if (first !== 0) push(cells, first, tag);
      return second;
    },
  ],
  after: (cells: Cells, [a, b]: readonly unknown[]) => {
    // Each node is in one place: popped by the one, by the other, or still in the stack.
    const left: number[] = [];
    for (let node = Atomics.load(cells, 0) & NODE; node !== 0 && left.length < 4; node = Atomics.load(cells, node)) left.push(node);
    const places = [a, b, ...left].filter((node) => node !== 0);
    equal(new Set(places).size, places.length, `the number of different nodes in ${places.join(",")}`);
  },
});

const published = (publish: (cells: Cells) => void) => ({
  setup: () => words(2),
  threads: [publish, (cells: Cells) => (Atomics.load(cells, 1) === 1 ? Atomics.load(cells, 0) : 42)],
  after: (_: Cells, [, seen]: readonly unknown[]) => {
    equal(seen, 42, "what the reader saw");
  },
});

const maximum = (raise: (cells: Cells, value: number) => void) => ({
  setup: () => words(1),
  threads: [3, 5].map((value) => (cells: Cells) => {
    raise(cells, value);
  }),
  after: (cells: Cells) => {
    equal(Atomics.load(cells, 0), 5, "the maximum");
  },
});

/** A reference count: who takes it to zero frees. */
const shared = (drop: (cells: Cells) => boolean) => ({
  setup: () => {
    const cells = words(2);
    Atomics.store(cells, 0, 2);
    return cells;
  },
  threads: times(2, (cells: Cells) => {
    if (drop(cells)) Atomics.add(cells, 1, 1);
  }),
  after: (cells: Cells) => {
    equal(Atomics.load(cells, 1), 1, "how often it was freed");
  },
});

/** A reader that looks twice, and must not see the two halves of a change: seen only when both threads are interrupted. */
const twoLooks = (write: (cells: Cells) => void) => ({
  setup: () => words(1),
  threads: [write, (cells: Cells) => `${String(Atomics.load(cells, 0))}${String(Atomics.load(cells, 0))}`],
  after: (_: Cells, [, seen]: readonly unknown[]) => {
    assert.notEqual(seen, "12");
  },
});

export const counters: readonly Subject[] = [
  subject(
    "counter: load and store instead of add",
    "assertion",
    counter(2, atomicAdd),
    counter(2, (cells) => {
      Atomics.store(cells, 0, Atomics.load(cells, 0) + 1);
    }),
  ),
  subject(
    "counter: plain increments",
    "data race",
    counter(2, atomicAdd),
    counter(2, (cells) => {
      cells[0] = (cells[0] ?? 0) + 1;
    }),
  ),
  subject(
    "counter: compare-and-exchange without a retry",
    "assertion",
    counter(3, (cells) => {
      for (let seen = Atomics.load(cells, 0); ;) {
        const was = Atomics.compareExchange(cells, 0, seen, seen + 1);
        if (was === seen) return;
        seen = was;
      }
    }),
    counter(3, (cells) => {
      const seen = Atomics.load(cells, 0);
      Atomics.compareExchange(cells, 0, seen, seen + 1);
    }),
  ),
  subject(
    "once: checks and claims in two steps",
    "assertion",
    initialised((cells) => Atomics.compareExchange(cells, 0, 0, 1) === 0),
    initialised((cells) => {
      if (Atomics.load(cells, 0) !== 0) return false;
      Atomics.store(cells, 0, 1);
      return true;
    }),
  ),
  subject(
    "double-checked flag: second check forgotten",
    "assertion",
    initialised((cells) => Atomics.load(cells, 0) === 0 && Atomics.compareExchange(cells, 0, 0, 1) === 0),
    initialised((cells) => {
      const fresh = Atomics.load(cells, 0) === 0;
      if (fresh) Atomics.exchange(cells, 0, 1);
      return fresh;
    }),
  ),
  subject("stack: ABA", "assertion", stack(NODE + 1), stack(0)),
  subject(
    "publication: flag before data",
    "assertion",
    published((cells) => {
      Atomics.store(cells, 0, 42);
      Atomics.store(cells, 1, 1);
    }),
    published((cells) => {
      Atomics.store(cells, 1, 1);
      Atomics.store(cells, 0, 42);
    }),
  ),
  subject(
    "publication: plain flag",
    "data race",
    published((cells) => {
      cells[0] = 42;
      Atomics.store(cells, 1, 1);
    }),
    published((cells) => {
      cells[0] = 42;
      cells[1] = 1;
    }),
  ),
  subject(
    "maximum: no second look",
    "assertion",
    maximum((cells, value) => {
      for (let seen = Atomics.load(cells, 0); seen < value;) seen = Atomics.compareExchange(cells, 0, seen, value);
    }),
    maximum((cells, value) => {
      if (Atomics.load(cells, 0) < value) Atomics.store(cells, 0, value);
    }),
  ),
  subject(
    "reference count: looks after it let go",
    "assertion",
    shared((cells) => Atomics.sub(cells, 0, 1) === 1),
    shared((cells) => {
      Atomics.sub(cells, 0, 1);
      return Atomics.load(cells, 0) === 0;
    }),
  ),
  subject(
    "change in two steps (needs 2 preemptions)",
    "assertion",
    twoLooks((cells) => void Atomics.store(cells, 0, 2)),
    twoLooks((cells) => {
      Atomics.store(cells, 0, 1);
      Atomics.store(cells, 0, 2);
    }),
  ),
];

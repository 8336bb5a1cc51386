import { describe, expect, it } from "@jest/globals";
import { check, type Scenario } from "../../lib/check/index.ts";

type Cells = Int32Array;
const words = (count: number): Cells => new Int32Array(new SharedArrayBuffer(4 * count));
const threads = (count: number, body: (cells: Cells, me: number) => unknown) => ({
  setup: () => words(16),
  threads: Array.from({ length: count }, (_, me) => (cells: Cells) => body(cells, me)),
});
const lock = (cells: Cells): void => {
  if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
  while (Atomics.exchange(cells, 0, 2) !== 0) Atomics.wait(cells, 0, 2);
};
const unlock = (cells: Cells): void => {
  if (Atomics.exchange(cells, 0, 0) === 2) Atomics.notify(cells, 0, 1);
};
const lockers = (count: number, rounds: number) =>
  threads(count, (cells) => {
    for (let round = 0; round < rounds; round++) {
      lock(cells);
      Atomics.store(cells, 1, Atomics.load(cells, 1) + 1);
      unlock(cells);
    }
  });

describe("the number of executions is that of inequivalent ones", () => {
  it.each<[string, number, Scenario<Cells>]>([
    ["one thread", 1, threads(1, (cells) => Atomics.add(cells, 0, 1))],
    ["2 adds on one word: 2!", 2, threads(2, (cells) => Atomics.add(cells, 0, 1))],
    ["3 adds on one word: 3!", 6, threads(3, (cells) => Atomics.add(cells, 0, 1))],
    ["4 adds on one word: 4!", 24, threads(4, (cells) => Atomics.add(cells, 0, 1))],
    ["5 adds on one word: 5!", 120, threads(5, (cells) => Atomics.add(cells, 0, 1))],
    ["8 adds on 8 words", 1, threads(8, (cells, me) => Atomics.add(cells, me, 1))],
    ["8 loads of one word", 1, threads(8, (cells) => Atomics.load(cells, 0))],
    ["8 adds of nothing", 1, threads(8, (cells) => Atomics.add(cells, 0, 0))],
    ["2 x 2 adds on one word: 4! / (2! 2!)", 6, threads(2, (cells) => [Atomics.add(cells, 0, 1), Atomics.add(cells, 0, 1)])],
    ["2 x 3 adds on one word: 6! / (3! 3!)", 20, threads(2, (cells) => [1, 2, 3].map((n) => Atomics.add(cells, 0, n)))],
    ["3 x 2 adds on one word: 6! / (2! 2! 2!)", 90, threads(3, (cells) => [Atomics.add(cells, 0, 1), Atomics.add(cells, 0, 1)])],
    [
      "one writer, 3 readers of one word: each before or after, 2^3",
      8,
      threads(4, (cells, me) => (me === 0 ? Atomics.store(cells, 0, 1) : Atomics.load(cells, 0))),
    ],
    ["4 who race for one lock with a single try: 4 winners", 4, threads(4, (cells) => Atomics.compareExchange(cells, 0, 0, 1))],
    ["store buffering: 3 outcomes of 4", 3, threads(2, (cells, me) => [Atomics.store(cells, me, 1), Atomics.load(cells, 1 - me)])],
    ["load buffering: 3 outcomes of 4", 3, threads(2, (cells, me) => [Atomics.load(cells, 1 - me), Atomics.store(cells, me, 1)])],
    [
      "message passing: 3 outcomes of 4",
      3,
      threads(2, (cells, me) =>
        me === 0 ? [Atomics.store(cells, 0, 1), Atomics.store(cells, 1, 1)] : [Atomics.load(cells, 1), Atomics.load(cells, 0)],
      ),
    ],
    [
      "a sleeper and who wakes it: asleep, awake before the notify, awake after it",
      3,
      threads(2, (cells, me) => (me === 0 ? Atomics.wait(cells, 0, 0) : [Atomics.store(cells, 0, 1), Atomics.notify(cells, 0)])),
    ],
  ])("%s: %i", (_, executions, scenario) => {
    expect(check(scenario)).toMatchObject({ verdict: "passed", complete: true, executions, pruned: 0 });
  });

  it("needs fewer executions for a futex mutex than loom's 192, and than one per order of conflicting operations", () => {
    expect(check(lockers(2, 1))).toMatchObject({ verdict: "passed", complete: true, executions: 10 });
    expect(check(lockers(2, 2))).toMatchObject({ verdict: "passed", complete: true, executions: 562 });
    expect(check(lockers(3, 1))).toMatchObject({ verdict: "passed", complete: true, executions: 2772 });
  });

  it("is the same each time", () => {
    expect(check(lockers(2, 2))).toEqual(check(lockers(2, 2)));
    const drawn = () => check(lockers(3, 2), { strategy: "random", seed: 3, executions: 50 });
    expect(drawn()).toEqual(drawn());
  });
});

describe("a bound", () => {
  /** Seen only when the first is interrupted once by both others, in order. */
  const needsThree = {
    setup: () => words(3),
    threads: [
      (cells: Cells) => {
        Atomics.store(cells, 0, 1);
        if (Atomics.load(cells, 2) === 1) throw new Error("met");
        Atomics.store(cells, 0, 0);
      },
      (cells: Cells) => Atomics.store(cells, 1, Atomics.load(cells, 0)),
      (cells: Cells) => Atomics.store(cells, 2, Atomics.load(cells, 1)),
    ],
  };
  const twoLooks = {
    setup: () => words(1),
    threads: [
      (cells: Cells) => [Atomics.store(cells, 0, 1), Atomics.store(cells, 0, 2)],
      (cells: Cells) => {
        if (Atomics.load(cells, 0) === 1 && Atomics.load(cells, 0) === 2) throw new Error("met");
      },
    ],
  };
  it("of one preemption finds a bug of 3 threads within 50 executions", () => {
    const { failure, executions } = check(needsThree, { preemptions: 1 });
    expect(failure?.kind).toBe("exception");
    expect(executions).toBeLessThanOrEqual(50);
    expect(check(needsThree, { preemptions: 0 })).toMatchObject({ verdict: "passed", complete: false });
  });
  it("of one preemption passes what needs two, incompletely; of two finds it", () => {
    expect(check(twoLooks, { preemptions: 1 })).toMatchObject({ verdict: "passed", complete: false });
    expect(check(twoLooks, { preemptions: 2 }).verdict).toBe("failed");
  });
  it("on executions ends in giving up when exhaustive, and in an incomplete pass when drawn", () => {
    expect(check(lockers(3, 1), { executions: 20 })).toMatchObject({ verdict: "gave up", complete: false, executions: 20 });
    expect(check(lockers(3, 1), { executions: 20, strategy: "random" })).toMatchObject({
      verdict: "passed",
      complete: false,
      executions: 20,
    });
    expect(check(lockers(3, 1), { executions: 20, strategy: "pct" })).toMatchObject({ verdict: "passed", complete: false, executions: 20 });
  });
  it("on time ends in giving up", () => {
    expect(check(lockers(4, 3), { time: 30 })).toMatchObject({ verdict: "gave up", complete: false });
  });
});

describe.each(["random", "pct"] as const)("%s", (strategy) => {
  it("finds a lost wake-up with each of 20 seeds", () => {
    const forgetful = threads(2, (cells) => {
      lock(cells);
      Atomics.add(cells, 1, 1);
      Atomics.exchange(cells, 0, 0);
    });
    for (let seed = 1; seed <= 20; seed++) expect(check(forgetful, { strategy, seed }).failure?.kind).toBe("lost wake-up");
  });
});

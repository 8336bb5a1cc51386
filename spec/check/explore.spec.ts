import { describe, expect, it } from "@jest/globals";
import { check, explore, type CheckOptions } from "../../lib/check/index.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const torn = {
  setup: () => ({ count: words(1) }),
  threads: [0, 1].map(
    () =>
      ({ count }: { count: Int32Array }) =>
        Atomics.store(count, 0, Atomics.load(count, 0) + 1),
  ),
  after: ({ count }: { count: Int32Array }) => {
    if (Atomics.load(count, 0) !== 2) throw new Error("lost");
  },
};

describe("explore", () => {
  it("gives every execution, those that fail too, with its rows and the string that replays it", () => {
    const all = [...explore(torn)];
    expect(all.map(({ ending }) => ending).sort()).toEqual(["complete", "complete", "failed", "failed"]);
    expect(all[0]?.rows.map(({ step, thread, text }) => [step, thread, text])).toEqual([
      [1, 0, "load   count: 0"],
      [2, 0, "store  count 0 -> 1"],
      [3, 1, "load   count: 1"],
      [4, 1, "store  count 1 -> 2"],
    ]);
    for (const { ending, replay } of all) expect(check(torn, { replay }).verdict).toBe(ending === "failed" ? "failed" : "passed");
  });

  it("leaves the globals alone between two executions, and when it is left early", () => {
    const before = [Atomics, Int32Array, Date];
    for (const { threads } of explore(torn)) {
      expect([Atomics, Int32Array, Date]).toEqual(before);
      expect(threads).toEqual(["thread 1", "thread 2"]);
      // Other checks may run meanwhile.
      expect(check(torn).verdict).toBe("failed");
    }
    for (const _ of explore(torn)) break;
    expect(Atomics).toBe(before[0]);
  });

  it("sees as many as check counts, and no more than it is asked for", () => {
    const three = { setup: () => words(1), threads: [1, 2, 3].map((n) => (cells: Int32Array) => Atomics.add(cells, 0, n)) };
    expect([...explore(three)]).toHaveLength(check(three).executions);
    expect([...explore(three, { executions: 4 })]).toHaveLength(4);
    expect([...explore(three, { strategy: "random", executions: 7 })]).toHaveLength(7);
    expect(() => [...explore(three, { time: 5 } as never)]).toThrow(/takes no time/);
  });

  it("calls threads by their names, whoever else explores meanwhile", () => {
    const of = (name: string) =>
      explore({
        setup: () => new Mutex(),
        threads: { [name]: (mutex: Mutex) => mutex.lock().release(), [`${name}2`]: (mutex: Mutex) => mutex.lock().release() },
      });
    const [one, other] = [of("one"), of("other")];
    for (let round = 0; round < 3; round++) {
      const [rows] = [one.next().value?.rows ?? [], other.next()];
      const owners = rows.flatMap(({ text }) => /-> (\w+)/.exec(text)?.slice(1) ?? []);
      expect(owners.filter((owner) => owner.startsWith("other"))).toEqual([]);
      expect(owners).toContain("one");
    }
  });

  it.each(["random", "pct"] as const)("draws as many by %s of threads that do nothing atomic, failures and all", (strategy) => {
    const still = { setup: () => words(1), threads: [(cells: Int32Array) => cells[0], () => 1] };
    expect(check(still, { strategy })).toMatchObject({ verdict: "passed", executions: 1000 });
    expect([...explore(still, { strategy, executions: 3 })].map(({ ending }) => ending)).toEqual(["complete", "complete", "complete"]);
    const throwing = {
      ...still,
      threads: [
        () => {
          throw new RangeError("at once");
        },
      ],
    };
    const failures = [...explore(throwing, { strategy, executions: 3 })].map(({ failure }) => failure?.kind);
    expect(failures).toEqual(["exception", "exception", "exception"]);
  });

  it("tells of ends as check does, also if only some executions show that its threads are ones of ferrous", () => {
    const lockOf = (cells: Int32Array): Mutex => Mutex.at(cells.buffer as SharedArrayBuffer, 0);
    const scenario = {
      setup: () => words(4),
      threads: [
        (cells: Int32Array) => {
          lockOf(cells).lock({ allowPoisoned: true });
          Atomics.load(cells, 3);
        },
        (cells: Int32Array) => {
          if (Atomics.load(cells, 3) === 1) lockOf(cells).lock({ allowPoisoned: true });
        },
        (cells: Int32Array) => Atomics.store(cells, 3, 1),
      ],
    };
    expect(check(scenario)).toMatchObject({ verdict: "passed", complete: true });
    const all = [...explore(scenario)];
    expect(all.filter(({ ending }) => ending === "failed")).toEqual([]);
    expect(all.some(({ rows }) => rows.some(({ text }) => text.startsWith("has ended; told to")))).toBe(true);
  });

  it("tells no end where nobody would hear of it", () => {
    const [stuck] = explore({
      setup: () => words(1),
      threads: [(cells) => Atomics.wait(cells, 0, 0), (cells) => Atomics.load(cells, 0)],
    });
    expect(stuck?.failure?.kind).toBe("deadlock");
    expect(stuck?.rows.map(({ text }) => text).filter((text) => text.includes("ended"))).toEqual([]);
  });

  it("finds every other outcome, too, once an execution was cut short because a thread threw", () => {
    const outcomes = (options: CheckOptions) => {
      const ends = new Set<string>();
      const scenario = {
        setup: () => words(2),
        threads: [
          (cells: Int32Array) => {
            if (Atomics.load(cells, 0) === 0) throw new RangeError("early");
          },
          (cells: Int32Array) => {
            Atomics.store(cells, 1, 1);
            Atomics.store(cells, 0, 1);
          },
          (cells: Int32Array) => Atomics.load(cells, 1),
        ],
        after: (_: Int32Array, results: readonly unknown[]) => void ends.add(String(results[2])),
      };
      const all = [...explore(scenario, options)].filter(({ ending }) => ending !== "pruned");
      return { ends, failed: all.filter(({ ending }) => ending === "failed").length, complete: all.length };
    };
    const reduced = outcomes({});
    const naive = outcomes({ preemptions: 9 });
    expect(reduced.ends).toEqual(new Set(["0", "1"]));
    expect(reduced.ends).toEqual(naive.ends);
    expect(reduced.failed).toBeGreaterThan(0);
    expect(reduced.complete).toBeLessThan(naive.complete);
  });
});

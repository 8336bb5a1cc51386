import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, explore } from "../../lib/check/index.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const bump = (cells: Int32Array, at: number): void => {
  cells[at] = (cells[at] ?? 0) + 1;
};

/** Defined before any check, so that what is written through it is not seen. */
class Ring extends Int32Array {}

describe("memory that is written through views that are not seen", () => {
  it("has a death in it replayed, like any other failure", () => {
    const scenario = {
      setup: () => new SharedArrayBuffer(16),
      threads: [
        (bytes: SharedArrayBuffer) => {
          const [ring, cells] = [new Ring(bytes as never), new Int32Array(bytes)];
          Atomics.load(cells, 2);
          ring[0] = 7;
          Atomics.load(cells, 2);
          ring[1] = 1;
          Atomics.load(cells, 2);
        },
      ],
      after: (bytes: SharedArrayBuffer) => {
        if (Array.from(new Int32Array(bytes)).join() === "7,0,0,0") throw new Error("half of it");
      },
    };
    const { failure } = check(scenario, { deaths: 1 });
    expect(failure?.message).toContain("half of it");
    expect(check(scenario, { deaths: 1, replay: failure?.replay ?? "" }).failure).toEqual(failure);
  });
});

describe("memory that after makes", () => {
  const scenario = {
    setup: () => words(1),
    threads: [(cells: Int32Array) => Atomics.add(cells, 0, 1), (cells: Int32Array) => Atomics.add(cells, 0, 2)],
    after: (cells: Int32Array) => {
      const copy = words(1);
      copy[0] = Atomics.load(cells, 0);
      if (copy[0] !== 3) throw new Error("lost");
    },
  };
  it("is not taken for what a later execution has written unseen", () => {
    expect(check(scenario)).toMatchObject({ verdict: "passed", executions: 2, notes: [] });
    expect([...explore(scenario)].map(({ ending }) => ending)).toEqual(["complete", "complete"]);
  });
});

describe("memory from before the check", () => {
  it("is not written by the finally of a thread that is suspended", () => {
    const cells = words(4);
    const seen = new Set<unknown>();
    const report = check({
      setup: () => Atomics.store(cells, 0, 0),
      threads: [
        () => {
          try {
            Atomics.add(cells, 3, 1);
            Atomics.add(cells, 2, 1);
          } finally {
            bump(cells, 1);
            Atomics.store(cells, 0, 2);
          }
        },
        () => {
          Atomics.add(cells, 3, 1);
          Atomics.add(cells, 2, 1);
        },
      ],
      after: () => void seen.add(`${String(cells[1])} ${String(Atomics.load(cells, 2))}`),
    });
    expectPassed(report);
    expect(seen).toEqual(new Set(["1 2"]));
    expect([...cells]).toEqual([0, 0, 0, 0]);
  });

  it("is not written by the finally of a thread that dies", () => {
    const cells = words(2);
    const seen = new Set<unknown>();
    const body = () => {
      try {
        Atomics.add(cells, 0, 1);
        Atomics.add(cells, 0, 1);
      } finally {
        bump(cells, 1);
      }
      return "ended";
    };
    const report = check(
      { setup: () => Atomics.load(cells, 0), threads: [body], after: (_, [end]) => void seen.add(`${String(end)} ${String(cells[1])}`) },
      { deaths: 1 },
    );
    expectPassed(report);
    expect(seen).toEqual(new Set(["undefined 0", "ended 1"]));
  });

  it("is not written by the finally of a thread that sleeps", () => {
    const cells = words(2);
    const report = check({
      setup: () => 0,
      threads: [
        () => {
          try {
            Atomics.wait(cells, 0, 0);
          } finally {
            bump(cells, 1);
          }
        },
        () => {
          Atomics.store(cells, 0, 1);
          Atomics.notify(cells, 0);
        },
      ],
      after: () => {
        expect(cells[1]).toBe(1);
      },
    });
    expectPassed(report);
    expect(report.executions).toBeGreaterThan(1);
  });

  it("gets back what it held when setup's first atomic operation met it", () => {
    const cells = words(2);
    const seen: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const report = check({
        setup: () => Atomics.load(cells, 0),
        threads: [
          () => {
            bump(cells, 1);
            return Atomics.add(cells, 0, 1);
          },
        ],
        after: () => void seen.push(cells[1]),
      });
      expectPassed(report);
    }
    expect(seen).toEqual([1, 1, 1]);
    expect([...cells]).toEqual([0, 0]);
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const REPLACED = () => [
  Atomics,
  SharedArrayBuffer,
  Int8Array,
  Int32Array,
  BigInt64Array,
  DataView,
  Date,
  Math.random,
  performance.now,
  setTimeout,
  queueMicrotask,
  ArrayBuffer.isView,
  WebAssembly.Memory,
  Object.getOwnPropertyDescriptor(SharedArrayBuffer.prototype, "grow"),
];

describe("the world of a check", () => {
  it.each<[string, () => unknown]>([
    ["it passes", () => undefined],
    [
      "a thread throws",
      () => {
        throw new Error("on purpose");
      },
    ],
    ["a thread is refused", () => setTimeout(() => undefined, 1)],
    [
      "a thread throws what is no error",
      () => {
        throw undefined as unknown as Error;
      },
    ],
  ])("is gone afterwards when %s", (_, body) => {
    const before = REPLACED();
    try {
      check({ setup: () => words(1), threads: [body, (cells) => Atomics.add(cells, 0, 1)] });
    } catch {
      // The refusal.
    }
    expect(REPLACED()).toEqual(before);
    before.forEach((value, at) => {
      if (typeof value !== "object") expect(REPLACED()[at]).toBe(value);
    });
  });

  it("is gone afterwards when setup or after throws", () => {
    const before = Atomics;
    expect(() =>
      check({
        setup: () => {
          throw new Error("setup");
        },
        threads: [() => 0],
      }),
    ).toThrow("setup");
    check({
      setup: () => 0,
      threads: [() => 0],
      after: () => {
        throw new Error("after");
      },
    });
    expect(Atomics).toBe(before);
  });

  it("has views that behave as typed arrays do", () => {
    const report = check({
      setup: () => words(4),
      threads: [
        (cells) => {
          cells.fill(7).set([3, 1, 2], 1);
          cells.sort();
          cells[0] = (cells[0] ?? 0) + 1.5;
          return [
            [...cells],
            cells.length,
            cells.at(-1),
            cells.includes(3),
            cells.map((value) => value * 2).join(),
            cells.subarray(1, 3).reduce((sum, value) => sum + value, 0),
            cells.slice(0, 2),
            cells.toString(),
            Object.prototype.toString.call(cells),
            ArrayBuffer.isView(cells),
            cells instanceof Int32Array,
            cells.constructor === Int32Array,
            Array.from(new Int32Array(cells)),
            cells[99],
          ];
        },
      ],
      after: (_, [seen]) => {
        expect(seen).toEqual([
          [2, 2, 3, 7],
          4,
          7,
          true,
          "4,4,6,14",
          5,
          Int32Array.of(2, 2),
          "2,2,3,7",
          "[object Int32Array]",
          true,
          true,
          true,
          [2, 2, 3, 7],
          undefined,
        ]);
      },
    });
    expectPassed(report);
  });

  it("has classes that extend typed arrays, and DataViews", () => {
    class Ring extends Int32Array {
      push(value: number): void {
        this[0] = value;
      }
    }
    const report = check({
      setup: () => new SharedArrayBuffer(16),
      threads: [
        (buffer) => {
          const ring = new Ring(buffer as never);
          ring.push(0x0102_0304);
          const view = new DataView(buffer, 0);
          view.setFloat64(8, 1.5, true);
          return [ring instanceof Ring, view.getUint8(0), view.getInt16(1, true), view.getFloat64(8, true), view.byteLength];
        },
      ],
      after: (_, [seen]) => {
        expect(seen).toEqual([true, 4, 0x0203, 1.5, 16]);
      },
    });
    expectPassed(report);
  });

  it("has atomics of every kind of integer, and unshared ones that are no steps", () => {
    const report = check({
      setup: () => new SharedArrayBuffer(8),
      threads: [
        (buffer) => {
          const local = new Int32Array(1);
          Atomics.add(local, 0, 5);
          const big = new BigInt64Array(buffer);
          const bytes = new Uint8Array(buffer);
          return [
            Atomics.add(big, 0, -1n),
            Atomics.sub(bytes, 3, 1),
            Atomics.exchange(new Uint16Array(buffer), 0, 70_000),
            Atomics.load(big, 0) >> 56n,
            Atomics.load(local, 0),
            Atomics.isLockFree(4),
          ];
        },
      ],
      after: (_, [seen]) => {
        expect(seen).toEqual([0n, 255, 65_535, -1n, 5, true]);
      },
    });
    expectPassed(report);
    expect(report.steps).toBe(4);
  });

  it("lets the engine complain about bad indexes and operands as it does", () => {
    const thrown = (run: (cells: Int32Array) => unknown) => (cells: Int32Array) => {
      try {
        return run(cells);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return error.name;
      }
    };
    const report = check({
      setup: () => words(1),
      threads: [
        thrown((cells) => Atomics.load(cells, 1)),
        thrown((cells) => Atomics.add(cells, 0, 1n as never)),
        thrown((cells) => Atomics.wait(cells, 9, 0)),
      ],
      after: (_, results) => {
        expect([...results]).toEqual(["RangeError", "TypeError", "RangeError"]);
      },
    });
    expectPassed(report);
  });

  it("does plain accesses once, however often the thread is run again", () => {
    const report = check({
      setup: () => ({ mine: [words(1), words(1)] as const, lock: words(1) }),
      threads: [0, 1].map((me) => ({ mine, lock }) => {
        const cells = mine[me as 0 | 1];
        for (let round = 0; round < 3; round++) {
          cells[0] = (cells[0] ?? 0) + 1;
          Atomics.add(lock, 0, 1);
        }
        return cells[0];
      }),
      after: ({ mine }, results) => {
        expect([...results]).toEqual([3, 3]);
        expect(mine.map((cells) => cells[0])).toEqual([3, 3]);
      },
    });
    expectPassed(report);
    expect(report.executions).toBe(20);
  });

  it("does them once through views from before the check too, and gives the bytes back", () => {
    // Each thread its own word, so that no race is hidden; word 0 is the one that orders them.
    const cells = words(3);
    Atomics.store(cells, 1, 40);
    const report = check({
      setup: () => 0,
      threads: [1, 2].map((mine) => () => {
        for (let round = 0; round < 2; round++) {
          Atomics.add(cells, 0, 1);
          cells[mine] = (cells[mine] ?? 0) + 1;
        }
        Atomics.add(cells, 0, 1);
        return cells[mine];
      }),
      after: (_, results) => {
        expect([...results]).toEqual([42, 2]);
        expect(Array.from(cells)).toEqual([6, 42, 2]);
      },
    });
    expectPassed(report);
    expect(report.executions).toBe(20);
    expect(Array.from(cells)).toEqual([0, 40, 0]);
  });

  it("has buffers that a thread makes be the same ones when it is run again", () => {
    const report = check({
      setup: () => words(1),
      threads: [0, 1].map(() => (cells: Int32Array) => {
        const own = words(1);
        own[0] = 1;
        Atomics.add(cells, 0, 1);
        Atomics.add(own, 0, 1);
        Atomics.add(cells, 0, 1);
        return own[0];
      }),
      after: (_, results) => {
        expect([...results]).toEqual([2, 2]);
      },
    });
    expectPassed(report);
  });

  it("has clocks that stand still but for who looks, and dice that fall the same", () => {
    const run = () =>
      check({
        setup: () => words(1),
        threads: [(cells) => [Atomics.add(cells, 0, 1), Date.now(), new Date().getUTCFullYear(), performance.now(), Math.random()]],
        after: (_, [seen]) => {
          expect(seen).toEqual([0, Date.UTC(2020, 0, 1) + 1, 2020, 3, expect.any(Number)]);
        },
      });
    expectPassed(run());
    expect(run()).toEqual(run());
  });

  it("lets time pass when a timed wait runs out", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup: () => words(1),
        threads: [
          (cells) => {
            const before = performance.now();
            const outcome = Atomics.wait(cells, 0, 0, 500);
            return `${outcome} ${performance.now() - before >= 500 ? "late" : "early"}`;
          },
          (cells) => {
            Atomics.store(cells, 0, 1);
            Atomics.notify(cells, 0);
          },
        ],
        after: (_, [end]) => void ends.add(end),
      },
      { timeouts: true },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["ok early", "not-equal early", "timed-out late"]));
  });
});

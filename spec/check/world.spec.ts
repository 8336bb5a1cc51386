import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { channel } from "../../lib/channel/channel.ts";
import { i32 } from "../../lib/memory/layout.ts";
import { sleep } from "../../lib/spawn/park.ts";
import { CancelFlag } from "../../lib/sync/cancel-flag.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

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

  it("has views that read no more than the part that is asked for", () => {
    const report = check({
      setup: () => words(8),
      threads: [
        (cells) => {
          cells.fill(5, 0, 2);
          return [cells.slice(0, 2).join(), cells.slice(-8, -6).length, cells.slice(3, 1).length];
        },
        (cells) => {
          cells.fill(6, 2);
          return cells.slice(2).join();
        },
      ],
      after: (_, results) => {
        expect([...results]).toEqual([["5,5", 2, 0], "6,6,6,6,6,6"]);
      },
    });
    expectPassed(report);
  });

  it("sees what moving the ends of channels writes", () => {
    const report = check({
      setup: () => {
        const [tx, rx] = channel({ of: i32, capacity: 2 });
        return { tx, rx };
      },
      moves: ({ tx, rx }) => [[tx], [rx]],
      threads: [
        ({ tx }) => {
          tx.send(7);
        },
        ({ rx }) => rx.recv(),
      ],
    });
    expectPassed(report);
    expect(report.notes).toEqual([]);
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

  it("has DataViews that are views, and are called by their names", () => {
    const isView = (value: unknown): boolean => ArrayBuffer.isView(value);
    const { failure } = check({
      setup: () => ({ header: new DataView(new SharedArrayBuffer(16), 8) }),
      threads: [0, 1].map(() => ({ header }: { header: DataView }) => {
        if (!isView(header) || isView({}) || isView(null)) throw new RangeError("no view");
        header.setUint16(2, 7);
      }),
    });
    expect(failure?.message).toMatch(/writes plainly header\[2\] and .*writes plainly header\[2\]/);
    expect(failure?.kind).toBe("data race");
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

  it.each<[string, unknown, number]>([
    ["undefined", undefined, 0],
    ["a fraction", 0.5, 0],
    ["a text", "1", 1],
    ["a negative fraction", -0.5, 0],
  ])("understands an index that is %s as Atomics does, and sees the operation", (_, index, place) => {
    const at = index as number;
    const report = check({
      setup: () => words(2),
      threads: [0, 1].map(() => (cells: Int32Array) => Atomics.store(cells, at, Atomics.load(cells, at) + 1)),
      after: (cells) => {
        expect(Atomics.load(cells, place)).toBe(2);
      },
    });
    expect(report.failure?.kind).toBe("assertion");
    const asleep = check({ setup: () => words(2), threads: [(cells) => Atomics.wait(cells, at, 0)] });
    expect(asleep.failure?.kind).toBe("deadlock");
    const woken = check({
      setup: () => words(2),
      threads: [
        (cells) => Atomics.wait(cells, at, 0),
        (cells) => {
          Atomics.store(cells, place, 1);
          Atomics.notify(cells, at);
        },
      ],
    });
    expectPassed(woken);
  });

  it("compares what is expected with what the element holds: -1 is 0xffffffff", () => {
    const LOCKED = 0x8000_0000;
    const report = check({
      setup: () => ({ lock: words(1), data: words(1) }),
      threads: [0, 1].map(() => ({ lock, data }) => {
        while (Atomics.compareExchange(lock, 0, 0, LOCKED) !== 0);
        data[0] = (data[0] ?? 0) + 1;
        // Unlocking orders the two, although its result is not what was expected of it.
        return Atomics.compareExchange(lock, 0, LOCKED, 0);
      }),
      after: ({ data }, results) => {
        expect([data[0], ...results]).toEqual([2, LOCKED | 0, LOCKED | 0]);
      },
    });
    expectPassed(report);
  });

  it("lets threads wait on 64 bits as Atomics does", () => {
    const thrown = (run: () => unknown): unknown => {
      try {
        return run();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return error.name;
      }
    };
    const report = check(
      {
        setup: () => new BigInt64Array(new SharedArrayBuffer(8)),
        threads: [
          (cells) => {
            Atomics.store(cells, 0, -1n);
            return [
              Atomics.wait(cells, 0, 2n ** 64n - 1n, 0),
              Atomics.wait(cells, 0, 5n, 0),
              thrown(() => Atomics.wait(cells, 0, 5 as never, 0)),
              thrown(() => Atomics.wait(words(1), 0, 5n as never, 0)),
            ];
          },
        ],
        after: (_, [seen]) => {
          expect(seen).toEqual(["timed-out", "not-equal", "TypeError", "TypeError"]);
        },
      },
      { timeouts: true },
    );
    expectPassed(report);
  });

  it("sees what the getters, setters and methods of a view's own class do", () => {
    const views = (buffer: SharedArrayBuffer) => {
      class Counter extends Int32Array {
        #calls = 0;
        get count(): number {
          this.#calls++;
          return this[0] ?? 0;
        }
        set count(value: number) {
          this.#calls++;
          this[0] = value;
        }
        get calls(): number {
          return this.#calls;
        }
      }
      class Header extends (DataView as new (buffer: SharedArrayBuffer) => DataView) {
        #calls = 0;
        bump(): number {
          this.setInt32(8, this.getInt32(8) + 1);
          return ++this.#calls;
        }
      }
      return [new Counter(buffer as never), new Header(buffer)] as const;
    };
    const report = check({
      setup: () => new SharedArrayBuffer(16),
      threads: [0, 1].map(() => (buffer: SharedArrayBuffer) => {
        const [counter, header] = views(buffer);
        while (Atomics.compareExchange(counter, 1, 0, 1) !== 0);
        counter.count += 1;
        const bumped = header.bump();
        Atomics.store(counter, 1, 0);
        return [counter.calls, bumped];
      }),
      after: (buffer, [one, two]) => {
        expect([one, two]).toEqual([
          [2, 1],
          [2, 1],
        ]);
        expect([new Int32Array(buffer)[0], new DataView(buffer).getInt32(8)]).toEqual([2, 2]);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
    const racing = (look: (both: ReturnType<typeof views>) => unknown) =>
      check({
        setup: () => new SharedArrayBuffer(16),
        threads: [(buffer) => look(views(buffer)), (buffer) => new Uint8Array(buffer).fill(1)],
      }).failure?.kind;
    expect(racing(([counter]) => counter.count)).toBe("data race");
    expect(racing(([, header]) => header.bump())).toBe("data race");
  });

  it("does plain stores once through views that it does not see, and says so", () => {
    class Early extends Int32Array {
      bump(): void {
        this[0] = (this[0] ?? 0) + 1;
      }
    }
    const report = check({
      setup: () => new SharedArrayBuffer(24),
      threads: [0, 1].map((me) => (buffer: SharedArrayBuffer) => {
        const own = new Early(buffer as never, 8 * me, 1);
        const bytes = Buffer.from(buffer);
        const turns = new Int32Array(buffer, 16);
        for (let round = 0; round < 3; round++) {
          own.bump();
          bytes[8 * me + 4] = (bytes[8 * me + 4] ?? 0) + 1;
          Atomics.add(turns, 0, 1);
        }
        return [own[0], bytes[8 * me + 4]];
      }),
      after: (_, results) => {
        expect([...results]).toEqual([
          [3, 3],
          [3, 3],
        ]);
      },
    });
    expectPassed(report);
    expect(report.executions).toBe(20);
    expect(report.notes).toEqual([expect.stringMatching(/views that check\(\) does not see/)]);
  });

  it("lets states have getters, which look at what the thread was given", () => {
    const setup = () => {
      const cells = words(1);
      return {
        cells,
        mutex: new Mutex(),
        get sum(): number {
          return Atomics.load(this.cells, 0);
        },
        get broken(): number {
          throw new Error("nobody asked");
        },
      };
    };
    const report = check({
      setup,
      threads: [
        (state) => {
          Atomics.add(state.cells, 0, 5);
          return state.sum;
        },
        ({ mutex }) => {
          mutex.lock().release();
        },
      ],
      after: (_, [sum]) => {
        expect(sum).toBe(5);
      },
    });
    expectPassed(report);
  });

  it("reads and writes text, and copies buffers, in views of shared memory", () => {
    const report = check({
      setup: () => new Uint8Array(new SharedArrayBuffer(4)),
      threads: [
        (bytes) => {
          const { written } = new TextEncoder().encodeInto("käse", bytes);
          const copy = bytes.buffer.slice(1, 3);
          return [written, new TextDecoder().decode(bytes.subarray(0, 3)), copy.byteLength, [...new Uint8Array(copy)]];
        },
      ],
      after: (_, [seen]) => {
        expect(seen).toEqual([4, "kä", 2, [0xc3, 0xa4]]);
      },
    });
    expectPassed(report);
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

  it("keeps of large memory from before the check only what changes, step by step", () => {
    const MB = 2 ** 20;
    const cells = words(MB / 2);
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    const report = check(
      {
        setup: () => 0,
        threads: [1, 2].map((mine) => () => {
          for (let round = 0; round < 30; round++) {
            cells[mine * 5000] = (cells[mine * 5000] ?? 0) + 1;
            Atomics.add(cells, 0, 1);
          }
          return cells[mine * 5000];
        }),
        after: (_, results) => {
          expect([...results]).toEqual([30, 30]);
          most = Math.max(most, process.memoryUsage().arrayBuffers - before);
        },
      },
      { executions: 2 },
    );
    expect(report).toMatchObject({ verdict: "gave up", executions: 2 });
    expect(most).toBeLessThan(40 * MB);
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

  it("lets time pass in a sleep, which may end at any moment", () => {
    const ends = new Set<unknown>();
    const report = check({
      setup: () => ({ cells: words(1), flag: new CancelFlag() }),
      threads: [
        ({ cells, flag }) => {
          const before = performance.now();
          try {
            sleep(500, { signal: flag });
          } catch (reason) {
            if (reason !== "enough") throw reason;
            return "called off";
          }
          return `${String(Atomics.load(cells, 0))} ${performance.now() - before >= 500 ? "late" : "early"}`;
        },
        ({ cells, flag }) => {
          Atomics.store(cells, 0, 1);
          flag.cancel("enough");
        },
      ],
      after: (_, [end]) => void ends.add(end),
    });
    expectPassed(report);
    expect(ends).toEqual(new Set(["0 late", "1 late", "called off"]));
  });

  it("has setup leave the same each time", () => {
    let made = 0;
    const { failure } = check({
      setup: () => {
        const cells = words(1);
        cells[0] = ++made;
        return cells;
      },
      threads: [0, 1].map(() => (cells: Int32Array) => Atomics.add(cells, 0, 1)),
    });
    expect(failure).toMatchObject({ kind: "nondeterminism", message: expect.stringMatching(/^setup left something else/) });
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

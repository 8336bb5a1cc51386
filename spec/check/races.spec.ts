import fc from "fast-check";
import { describe, expect, it } from "@jest/globals";
import { check, type Scenario } from "../../lib/check/index.ts";

type Cells = Int32Array;
const words = (): Cells => new Int32Array(new SharedArrayBuffer(16));
const DATA = 0;
const FLAG = 1;
const two = (first: (cells: Cells) => unknown, second: (cells: Cells) => unknown): Scenario<Cells> => ({
  setup: words,
  threads: [first, second],
});
const write = (cells: Cells): void => {
  cells[DATA] = 1;
};

describe("two plain accesses are no race when", () => {
  it.each<[string, Scenario<Cells>]>([
    [
      "both only read",
      two(
        (cells) => cells[DATA],
        (cells) => cells[DATA],
      ),
    ],
    ["they touch different elements", two(write, (cells) => cells[FLAG])],
    [
      "an atomic read has seen the atomic write after the first",
      two(
        (cells) => {
          write(cells);
          Atomics.store(cells, FLAG, 1);
        },
        (cells) => Atomics.load(cells, FLAG) === 1 && cells[DATA],
      ),
    ],
    [
      "a failed compare-and-exchange has seen it",
      two(
        (cells) => {
          write(cells);
          Atomics.store(cells, FLAG, 1);
        },
        (cells) => Atomics.compareExchange(cells, FLAG, 5, 6) === 1 && cells[DATA],
      ),
    ],
    [
      "the second thread was woken by the first",
      two(
        (cells) => {
          write(cells);
          Atomics.notify(cells, FLAG);
        },
        (cells) => Atomics.wait(cells, FLAG, 0, 1) === "ok" && cells[DATA],
      ),
    ],
    [
      "a chain of read-modify-writes lies between",
      {
        setup: words,
        threads: [
          (cells) => {
            write(cells);
            Atomics.add(cells, FLAG, 1);
          },
          (cells) => Atomics.add(cells, FLAG, 2),
          (cells) => Atomics.load(cells, FLAG) === 3 && cells[DATA],
        ],
      },
    ],
  ])("%s", (_, scenario) => {
    expect(check(scenario, { deaths: 0 }).failure?.kind).not.toBe("data race");
  });
});

describe("two accesses are a race when", () => {
  it.each<[string, Scenario<Cells>]>([
    ["both write plainly", two(write, write)],
    ["one writes plainly what the other reads plainly", two(write, (cells) => cells[DATA])],
    ["one is atomic, the other plain", two(write, (cells) => Atomics.load(cells, DATA))],
    [
      "an atomic write meets a plain read",
      two(
        (cells) => Atomics.store(cells, DATA, 1),
        (cells) => cells[DATA],
      ),
    ],
    [
      "only a load comes after the plain write",
      two(
        (cells) => {
          write(cells);
          Atomics.load(cells, FLAG);
        },
        (cells) => [Atomics.load(cells, FLAG), cells[DATA]],
      ),
    ],
    [
      "the reader saw a store of a third thread, which is ordered with nothing",
      {
        setup: words,
        threads: [
          (cells) => {
            write(cells);
            Atomics.store(cells, FLAG, 1);
          },
          (cells) => Atomics.store(cells, FLAG, 2),
          (cells) => Atomics.load(cells, FLAG) === 2 && cells[DATA],
        ],
      },
    ],
    [
      "both are atomic, of different sizes, and share one byte",
      two(
        (cells) => Atomics.store(cells, DATA, 1),
        (cells) => Atomics.load(new Uint8Array(cells.buffer), 3),
      ),
    ],
    [
      "both are atomic, of different sizes, and more of one size come after",
      two(
        (cells) => [Atomics.load(new Uint16Array(cells.buffer), 1), Atomics.load(cells, DATA)],
        (cells) => Atomics.store(cells, DATA, 1),
      ),
    ],
    ["they are of different sizes and share one byte", two(write, (cells) => new Uint8Array(cells.buffer)[3])],
    [
      "one is a DataView's",
      two(write, (cells) => {
        new DataView(cells.buffer).setUint16(2, 1);
      }),
    ],
    [
      "one is hidden in a method",
      two(
        (cells) => cells.fill(3),
        (cells) => cells.indexOf(3),
      ),
    ],
  ])("%s", (_, scenario) => {
    const { failure } = check(scenario);
    expect(failure?.kind).toBe("data race");
    expect(failure?.message).toMatch(/thread \d (reads|writes) (plainly|atomically).*thread \d (reads|writes) (plainly|atomically)/);
  });
});

/** All orders of these. */
const ordersOf = <T>(list: readonly T[]): T[][] =>
  list.length < 2
    ? [[...list]]
    : list.flatMap((one, at) => ordersOf(list.filter((_, other) => other !== at)).map((rest) => [one, ...rest]));
const verdicts = (...threads: ((cells: Cells) => unknown)[]): string[] =>
  ordersOf(threads).map((order) => {
    const { verdict, failure } = check({ setup: words, threads: order });
    return failure?.kind ?? verdict;
  });

describe("a race is found in whichever order the threads stand, when", () => {
  it.each<[string, ((cells: Cells) => unknown)[]]>([
    [
      "what orders the two in one execution is an addition of nothing",
      [(cells) => [write(cells), Atomics.add(cells, FLAG, 0)], (cells) => [Atomics.load(cells, FLAG), cells[DATA]]],
    ],
    [
      "it is the store of a value that was there",
      [(cells) => [write(cells), Atomics.store(cells, FLAG, 0)], (cells) => [Atomics.load(cells, FLAG), cells[DATA]]],
    ],
    [
      "it is a notify that wakes nobody",
      [(cells) => [write(cells), Atomics.notify(cells, FLAG)], (cells) => [Atomics.notify(cells, FLAG), cells[DATA]]],
    ],
    [
      "two set the same flag, and only one of them has written before",
      [
        (cells) => [write(cells), Atomics.store(cells, FLAG, 1)],
        (cells) => (Atomics.load(cells, FLAG) === 1 ? cells[DATA] : 0),
        (cells) => Atomics.store(cells, FLAG, 1),
      ],
    ],
  ])("%s", (_, threads) => {
    expect(new Set(verdicts(...threads))).toEqual(new Set(["data race"]));
  });

  type Act = (cells: Cells, last: { value: unknown }) => unknown;
  const at = fc.constantFrom(FLAG, 2);
  const value = fc.constantFrom(0, 1);
  const act = fc.oneof(
    at.map(
      (on): Act =>
        (cells, last) =>
          (last.value = Atomics.load(cells, on)),
    ),
    fc.tuple(at, value).map(
      ([on, to]): Act =>
        (cells, last) =>
          (last.value = Atomics.store(cells, on, to)),
    ),
    fc.tuple(at, value).map(
      ([on, by]): Act =>
        (cells, last) =>
          (last.value = Atomics.add(cells, on, by)),
    ),
    fc.tuple(at, value).map(
      ([on, from]): Act =>
        (cells, last) =>
          (last.value = Atomics.compareExchange(cells, on, from, 1)),
    ),
    at.map(
      (on): Act =>
        (cells) =>
          Atomics.notify(cells, on),
    ),
    value.map(
      (is): Act =>
        (cells, last) =>
          last.value === is ? write(cells) : undefined,
    ),
    value.map(
      (is): Act =>
        (cells, last) =>
          last.value === is ? cells[DATA] : undefined,
    ),
    fc.constant<Act>((cells) => {
      write(cells);
    }),
  );
  const body = fc.array(act, { minLength: 1, maxLength: 4 }).map((acts) => (cells: Cells): void => {
    const last = { value: 0 };
    for (const each of acts) each(cells, last);
  });

  it("they are any small programs at all", () => {
    fc.assert(
      fc.property(fc.array(body, { minLength: 2, maxLength: 3 }), (threads) => {
        expect(new Set(verdicts(...threads)).size).toBe(1);
      }),
      { numRuns: 400, seed: 7 },
    );
  });
});

describe("two atomic accesses of different sizes are no race when", () => {
  it.each<[string, Scenario<Cells>]>([
    [
      "they share no byte",
      two(
        (cells) => Atomics.store(cells, DATA, 1),
        (cells) => Atomics.store(new Uint8Array(cells.buffer), 4, 1),
      ),
    ],
    [
      "both only read",
      two(
        (cells) => Atomics.load(cells, DATA),
        (cells) => Atomics.load(new Uint8Array(cells.buffer), 3),
      ),
    ],
    [
      "one happens before the other",
      two(
        (cells) => {
          Atomics.store(cells, DATA, 1);
          Atomics.store(cells, FLAG, 1);
        },
        (cells) => Atomics.load(cells, FLAG) === 1 && Atomics.sub(new Uint8Array(cells.buffer), 0, 1),
      ),
    ],
  ])("%s", (_, scenario) => {
    expect(check(scenario)).toMatchObject({ verdict: "passed", complete: true });
  });
});

it("says what to do about a race of atomics of different sizes", () => {
  const mixed = two(
    (cells) => Atomics.store(cells, DATA, 1),
    (cells) => Atomics.load(new Uint8Array(cells.buffer), 3),
  );
  expect(check(mixed).failure?.message).toMatch(/use one size of elements/);
});

import { describe, expect, it } from "@jest/globals";
import { checkOperations, expectPassed } from "../../lib/check/index.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const counter = () => {
  let count = 0;
  return {
    inc: () => ++count,
    cas: () => void (count = count === 1 ? 5 : count),
    zero: () => count,
    double: () => 2,
    forget: () => void count++,
    count: () => count,
  };
};
const operations = {
  inc: { run: (cells: Int32Array) => Atomics.add(cells, 0, 1) + 1 },
  cas: { run: (cells: Int32Array) => void Atomics.compareExchange(cells, 0, 1, 5) },
  /** Does not look. */
  zero: { run: () => 0 },
  double: { run: () => 2 },
  /** Does nothing. */
  forget: { run: () => undefined },
  count: { run: (cells: Int32Array) => Atomics.load(cells, 0) },
};
type Name = keyof typeof operations;
const run = (...threads: Name[][]) =>
  checkOperations(
    { setup: () => new Int32Array(new SharedArrayBuffer(4)), model: counter, operations },
    { program: threads.map((names) => names.map((name) => ({ name, args: [] }))) },
  );

describe("a call without a step", () => {
  it.each<[string, Name[][]]>([
    ["its thread has no steps", [["inc", "cas"], ["zero"]]],
    ["its thread has steps before it", [["inc"], ["count", "zero"]]],
    ["its thread has steps after it", [["inc"], ["zero", "count"]]],
    ["its thread has others of its kind", [["inc"], ["zero", "zero", "zero"]]],
    ["the other has no step either", [["forget"], ["zero"]]],
  ])("may come after a call of another thread, when %s", (_, threads) => {
    expect(run(...threads).failure?.kind).toBe("not linearizable");
  });

  it("comes after what its own thread did before, and before what it does next", () => {
    expect(run(["inc", "zero"]).failure?.kind).toBe("not linearizable");
    expectPassed(run(["zero", "inc"]));
    expectPassed(run(["double"], ["double"]));
  });

  it("is told once for each place among the others, a thousand times at most", () => {
    const zeros = Array.from({ length: 8 }, (): Name[] => ["zero", "zero", "zero"]);
    const began = Date.now();
    expectPassed(run(...zeros));
    expect(Date.now() - began).toBeLessThan(5000);
  });
});

describe("a death before a plain write", () => {
  /** A register behind a lock that its writer keeps: others see what it wrote once it is dead. */
  interface Kept {
    readonly mutex: Mutex;
    readonly data: Int32Array;
  }
  const register = () => {
    let value = 0;
    return { begin: () => undefined, put: () => void (value = 1), end: () => undefined, get: () => value };
  };
  const outcomes = (put: ({ data }: Kept) => void) =>
    checkOperations(
      {
        setup: (): Kept => ({ mutex: new Mutex(), data: new Int32Array(new SharedArrayBuffer(8)) }),
        model: register,
        operations: {
          begin: { run: ({ mutex }) => void mutex.lock() },
          put: { run: put },
          end: { run: ({ data }) => void Atomics.load(data, 1) },
          get: {
            run: ({ mutex, data }) => {
              const guard = mutex.lock({ allowPoisoned: true });
              const seen = data[0];
              guard.release();
              return seen;
            },
          },
        },
      },
      {
        deaths: 1,
        mortal: [0],
        program: [["begin", "put", "end"], ["get"]].map((names) => names.map((name) => ({ name, args: [] }))),
      },
    );

  it("is one in the call that would have made it, which then may not have happened", () => {
    expectPassed(
      outcomes(({ data }) => {
        data[0] = 1;
      }),
    );
  });
  it("does not excuse a call that was over", () => {
    const { failure } = outcomes(() => undefined);
    expect(failure?.message).toMatch(/thread 1 put\(\): undefined; .*thread 2 get\(\): 0/);
  });
});

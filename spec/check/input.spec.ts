import { describe, expect, it } from "@jest/globals";
import { Worker } from "node:worker_threads";
import { check, expectPassed, type CheckOptions, type Scenario } from "../../lib/check/index.ts";

const words = (count = 2): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const scenario = (...threads: ((cells: Int32Array) => unknown)[]) => ({ setup: () => words(), threads });
const add = (cells: Int32Array) => Atomics.add(cells, 0, 1);
const torn = {
  ...scenario(...[0, 1].map(() => (cells: Int32Array) => Atomics.store(cells, 0, Atomics.load(cells, 0) + 1))),
  after: (cells: Int32Array) => {
    if (Atomics.load(cells, 0) !== 2) throw new Error("lost");
  },
};

describe("check says what to do about", () => {
  it.each<[string, Scenario<Int32Array>, CheckOptions, RegExp]>([
    ["no threads", scenario(), {}, /has no threads.*Give it 1 to 8/],
    ["9 threads", scenario(...Array.from({ length: 9 }, () => add)), {}, /has 9 threads; check\(\) takes at most 8/],
    ["a thread that is no function", scenario(5 as never), {}, /thread "0" is no function/],
    ["an async body", scenario(async (cells) => Promise.resolve(add(cells))), {}, /AsyncFunction.*lock, not lockAsync/],
    ["a body that returns a promise", scenario((cells) => Promise.resolve(add(cells))), {}, /returned a promise/],
    ["an async setup", { setup: (() => Promise.resolve(words())) as never, threads: [add] }, {}, /setup returned a promise/],
    ["a check in a check", scenario(() => check(scenario(add))), {}, /inside a check/],
    ["a body that starts a worker", scenario(() => new Worker("0", { eval: true })), {}, /started a Worker.*as one of the threads/],
    ["a body that sets a timer", scenario(() => setTimeout(() => undefined, 1)), {}, /called setTimeout\(\).*thread of its own/],
    [
      "a body that swallows that",
      scenario(() => {
        try {
          queueMicrotask(() => undefined);
        } catch {
          return 0;
        }
        return 1;
      }),
      {},
      /called queueMicrotask/,
    ],
    ["waitAsync", scenario((cells) => Atomics.waitAsync(cells, 0, 0)), {}, /waitAsync needs an event loop.*blocking form/],
    [
      "waiting in after",
      { ...scenario(add), after: (cells) => void Atomics.wait(cells, 0, 1) },
      {},
      /in setup or after would sleep for ever/,
    ],
    [
      "a buffer that grows",
      scenario(() => {
        const grows = new SharedArrayBuffer(4, { maxByteLength: 8 }) as SharedArrayBuffer & { grow(n: number): void };
        grows.grow(8);
      }),
      {},
      /cannot be taken back to its old size/,
    ],
    [
      "shared wasm memory",
      scenario(() => new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })),
      {},
      /shared WebAssembly.Memory/,
    ],
    ["a replay string of another version", torn, { replay: "m9:ab:0" }, /another version.*m9/],
    ["a replay string that is none", torn, { replay: "hello" }, /is no replay string/],
    ["a replay string of another scenario", torn, { replay: "m1:a2b2:zzz" }, /of another scenario/],
    ["a replay string with more threads", torn, { replay: "m1:c:0" }, /of another scenario/],
    ["a bound that is none", torn, { preemptions: -1 }, /preemptions is a number from 0/],
    ["a strategy that is none", torn, { strategy: "clever" as never }, /no strategy "clever"/],
    [
      "a body that catches what suspends it, for ever",
      scenario(add, (cells) => {
        for (;;) {
          try {
            if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
          } catch {
            continue;
          }
        }
      }),
      {},
      /catches everything in a loop/,
    ],
  ])("%s", (_, bad, options, message) => {
    expect(() => check(bad, options)).toThrow(message);
    // And nothing stays behind: the next one runs.
    expectPassed(check(scenario(add)));
  });

  it("code that captured Atomics, by name", () => {
    const { load } = Atomics;
    expect(() => check(scenario((cells) => load(cells, 0)))).toThrow(/captured/);
  });

  it("ordinary objects that threads write: real threads share none", () => {
    const counting = {
      setup: () => ({ cells: words(), inside: 0 }),
      threads: [0, 1].map(() => (state: { cells: Int32Array; inside: number }) => {
        state.inside++;
        add(state.cells);
      }),
    };
    expect(() => check(counting)).toThrow(/state\.inside.*ordinary object/);
  });
});

describe("expectPassed", () => {
  it("throws with the trace, and what was thrown as its cause", () => {
    let thrown: unknown;
    try {
      expectPassed(check(torn));
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toMatch(/assertion: after threw Error: lost[^]*thread 1 +thread 2[^]*load/);
    expect((thrown as Error).cause).toEqual(new Error("lost"));
  });
  it("throws on giving up too", () => {
    expect(() => {
      expectPassed(check(torn, { executions: 0 }));
    }).toThrow(/gave up|lost/);
    const report = check({ ...torn, after: () => undefined }, { executions: 1 });
    expect(() => {
      expectPassed(report);
    }).toThrow(/gave up after 1 executions.*has proved nothing/);
  });
});

describe("a body that is suspended", () => {
  it("has its finally blocks run, without effect on shared memory", () => {
    const report = check({
      setup: () => words(),
      threads: [0, 1].map(() => (cells: Int32Array) => {
        try {
          Atomics.add(cells, 0, 1);
          Atomics.add(cells, 0, 1);
        } finally {
          Atomics.add(cells, 1, 1);
          cells.subarray(0, 0).fill(0);
        }
      }),
      after: (cells) => {
        expect(Array.from(cells)).toEqual([4, 2]);
      },
    });
    expectPassed(report);
  });
  it("is reported when it does something else the second time", () => {
    let runs = 0;
    const { failure } = check(scenario((cells) => Atomics.store(cells, 0, ++runs), add));
    expect(failure).toMatchObject({ kind: "nondeterminism", message: expect.stringMatching(/thread 1.*operation number 1 was store 1/) });
  });
});

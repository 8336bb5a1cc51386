import { describe, expect, it, jest } from "@jest/globals";
import { Worker } from "node:worker_threads";
import { check, expectPassed, type CheckOptions, type Scenario } from "../../lib/check/index.ts";
import { Latch } from "../../lib/sync/latch.ts";

const words = (count = 2): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
const scenario = (...threads: ((cells: Int32Array) => unknown)[]) => ({ setup: () => words(), threads });
const add = (cells: Int32Array) => Atomics.add(cells, 0, 1);
const later = async (cells: Int32Array): Promise<void> => {
  add(cells);
  await undefined;
  add(cells);
};
function* adds(cells: Int32Array): Generator<number> {
  yield add(cells);
  throw new Error("never comes so far");
}
const CapturedBuffer = SharedArrayBuffer;
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
    ["an async after", { ...torn, after: (async () => Promise.reject(new Error("lost"))) as never }, {}, /after returned a promise/],
    ["a body that returns a generator", scenario((cells) => adds(cells)), {}, /thread 1 returned a generator, of which nothing has run/],
    ["a setup that is a generator", { setup: adds as never, threads: [add] }, {}, /setup returned a generator/],
    ["an after that is a generator", { ...torn, after: adds as never }, {}, /after returned a generator, of which nothing has run/],
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
      "waiting in setup",
      { setup: () => (Atomics.wait(words(), 0, 0), words()), threads: [add] },
      {},
      /Atomics.wait in setup would sleep for ever: no thread runs then/,
    ],
    [
      "a check in after",
      {
        ...scenario(add),
        after: () => {
          check(scenario(add));
        },
      },
      {},
      /inside a check/,
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
    ["a replay string with more steps than there may be", torn, { replay: "m1:a999999999:0" }, /more than 2000 steps.*option steps/],
    ["a replay that is no string", torn, { replay: 5 as never }, /replay is a string; it was given 5/],
    ["no scenario", undefined as never, {}, /scenario is an object with setup and threads/],
    ["no setup", { threads: [add] } as never, {}, /no function setup/],
    ["an after that is misspelt", { ...torn, afer: add } as never, {}, /no part "afer"; it has setup, threads, moves, after/],
    ["threads that are no list", { setup: words, threads: null as never }, {}, /no threads. Give a list of functions/],
    ["an after that is no function", { ...torn, after: 1 as never }, {}, /after is no function/],
    ["options that are none", torn, null as never, /options are an object/],
    ["a thread with the name of what lists have", { setup: words, threads: { length: add } }, {}, /no thread can be called "length"/],
    ["timeouts that are no number", torn, { timeouts: Number.NaN }, /option timeouts is true, false, or how often.*NaN/],
    ["spurious wake-ups that are no number", torn, { spurious: "yes" as never }, /option spurious is true, false/],
    ["spins that are neither true nor false", torn, { spins: 2 as never }, /option spins is true or false; it was given 2/],
    ["a seed that is none", torn, { strategy: "random", seed: "x" as never }, /option seed is a number/],
    [
      "a mortal thread that there is not",
      torn,
      { deaths: 1, mortal: [2] },
      /mortal is a list of threads.*given \[2\], and the threads are 2/,
    ],
    ["a mortal thread by its name", torn, { deaths: 1, mortal: ["0"] as never }, /mortal is a list of threads by their numbers/],
    ["a body that returns the promise of an async function", scenario((cells) => later(cells), add), {}, /returned a promise/],
    [
      "setup that makes memory with a captured constructor",
      { setup: () => new Int32Array(new CapturedBuffer(8)), threads: [add, add] },
      {},
      /setup made shared memory that check\(\) does not know/,
    ],
    ["a bound that is none", torn, { preemptions: -1 }, /preemptions is a number from 0/],
    [
      "a bound on what is drawn by lot",
      torn,
      { strategy: "pct", preemptions: 1 },
      /preemptions is a bound of "exhaustive"; "pct" heeds none/,
    ],
    ["an option that is none", torn, { preemption: 2 } as never, /no option "preemption"; did you mean preemptions/],
    ["an option that is like none", torn, { exhaustive: true } as never, /no option "exhaustive"; there are strategy, preemptions/],
    ["executions that are none", torn, { executions: 0 }, /executions is a number from 1, a whole one; it was given 0/],
    ["half a death", torn, { deaths: 0.5 }, /deaths is a number from 0, a whole one; it was given 0.5/],
    ["half a timeout", torn, { timeouts: 0.5 }, /option timeouts is true, false, or how often.*0.5/],
    ["moves that are no list", { ...torn, moves: (() => 5) as never }, {}, /moves returns, for each of the 2 threads, a list.*returned 5/],
    ["moves to more threads than there are", { ...torn, moves: () => [[], [], []] }, {}, /for each of the 2 threads.*returned \[\[\],/],
    [
      "a thread with the name of what lists do",
      { setup: words, threads: { map: add }, after: () => undefined },
      {},
      /no thread can be called "map".*a map of its own/,
    ],
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

  it.each<[string, (cells: Int32Array) => void, unknown]>([
    ["a number that is rare", (cells) => void swallowUntil(() => Atomics.load(cells, 0) === 42), 42],
    ["a bigint", (cells) => void swallowUntil(() => Atomics.load(new BigInt64Array(cells.buffer), 0) === 1n), 1],
    ["what a wait returns", (cells) => void swallowUntil(() => Atomics.wait(cells, 0, 0, 10) === "timed-out"), 1],
    ["an operand of Atomics", (cells) => void swallowUntil(() => Atomics.add(cells, 1, 1) === 9), 1],
  ])("a body that catches everything until it meets %s", (_, body) => {
    expect(() => check(scenario(body, add))).toThrow(/catches everything in a loop/);
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

const swallowUntil = (isOver: () => boolean): void => {
  for (;;) {
    try {
      if (isOver()) return;
    } catch {
      continue;
    }
  }
};

describe("after", () => {
  interface Gate {
    readonly latch: Latch;
    readonly cells: Int32Array;
  }
  /** Leaves the latch shut if the other thread comes first. */
  const leaky = (after: (state: Gate) => void): Scenario<Gate> => ({
    setup: () => ({ latch: new Latch(1), cells: words() }),
    threads: {
      opener: ({ latch, cells }) => {
        if (Atomics.load(cells, 0) === 0) latch.countDown();
      },
      other: ({ cells }) => Atomics.store(cells, 0, 1),
    },
    after,
  });

  it("that waits for what nobody gives is a deadlock, with its trace and its replay, even if it catches what stops it", () => {
    const waiting = leaky(({ latch }) => {
      latch.wait();
    });
    const catching = leaky(({ latch }) => {
      try {
        latch.wait();
      } catch {
        return;
      }
    });
    for (const each of [waiting, catching]) {
      const { failure } = check(each);
      expect(failure).toMatchObject({
        kind: "deadlock",
        message: expect.stringMatching(/^after sleeps while latch.* is .*, and nobody is left to notify$/),
      });
      expect(failure?.trace).toContain("store  cells[0] 0 -> 1");
      expect(check(each, { replay: failure?.replay ?? "" }).failure).toEqual(failure);
    }
  });
  it("that waits for a time is told when it is over", () => {
    const { failure } = check(
      leaky(({ latch }) => {
        latch.wait({ timeout: 1000 });
      }),
    );
    expect(failure).toMatchObject({ kind: "assertion", message: expect.stringMatching(/after threw TimeoutError/) });
  });
  it("that need not wait goes on", () => {
    const outcomes = new Set<string>();
    const after = (cells: Int32Array): void => {
      outcomes.add(Atomics.wait(cells, 0, 0)).add(Atomics.wait(cells, 0, 1, 5));
    };
    expectPassed(check({ ...scenario(add), after }));
    expect(outcomes).toEqual(new Set(["not-equal", "timed-out"]));
  });
  it("that throws a CheckError of its own is a failure like any other", () => {
    const lost = check(torn);
    const after = (): void => {
      expectPassed(lost);
    };
    expect(check({ ...scenario(add), after }).failure).toMatchObject({
      kind: "assertion",
      message: expect.stringMatching(/^after threw CheckError: assertion: after threw Error: lost/),
    });
  });
});

describe("what a body throws is told", () => {
  const hostile = {
    get name(): string {
      throw new Error("name");
    },
  };
  const trap = new Proxy(
    {},
    {
      get: () => {
        throw new Error("get");
      },
      has: () => {
        throw new Error("has");
      },
    },
  );
  const shy = Object.assign(() => 0, {
    toString: () => {
      throw new Error("toString");
    },
  });
  it.each<[string, unknown, RegExp]>([
    ["undefined", undefined, /threw undefined/],
    ["a symbol", Symbol("s"), /threw Symbol\(s\)/],
    ["an object without a prototype", Object.create(null), /threw an object: without a message/],
    ["an object whose getters throw", hostile, /threw an object that cannot be looked at/],
    ["a Proxy whose traps throw", trap, /threw an object that cannot be looked at/],
    ["a function whose toString throws", shy, /threw a function/],
  ])("if it is %s", (_, thrown, message) => {
    const body = (cells: Int32Array): void => {
      add(cells);
      throw thrown as Error;
    };
    expect(check(scenario(body)).failure).toMatchObject({ kind: "exception", message: expect.stringMatching(message) });
    const after = (): void => {
      throw thrown as Error;
    };
    expect(check({ ...scenario(add), after }).failure).toMatchObject({ kind: "assertion", message: expect.stringMatching(message) });
  });
  it("and not taken for captured code if Atomics was given what is not shared", () => {
    const { failure } = check(scenario(() => Atomics.wait(new Int32Array(1), 0, 0)));
    expect(failure).toMatchObject({ kind: "exception", message: expect.stringMatching(/threw TypeError/) });
  });
});

describe("a loop of plain accesses", () => {
  it("that never ends is a race if another thread writes there before it does anything else", () => {
    const { failure } = check(
      scenario(
        (cells) => {
          while (cells[0] === 0);
        },
        (cells) => {
          cells[0] = 1;
        },
      ),
    );
    expect(failure).toMatchObject({ kind: "data race" });
  });
  it("that never ends is told by its place, and shortly", () => {
    const { failure } = check(
      scenario(
        (cells) => {
          while (cells[0] === 0 && cells[1] === 0);
        },
        (cells) => {
          add(cells);
          cells[0] = 1;
        },
      ),
    );
    expect(failure).toMatchObject({
      kind: "livelock",
      message: expect.stringMatching(/reads the same plainly 100,000 times.*Atomics.load/),
    });
    expect((failure?.trace ?? "").split("\n").length).toBeLessThan(100);
  });
  it("may be long", () => {
    const report = check({
      setup: () => words(1000),
      threads: [
        (cells) => {
          for (let at = 0; at < 200_000; at++) cells[at % 1000] = at;
          return cells[999];
        },
      ],
      after: (_, [last]) => {
        expect(last).toBe(199_999);
      },
    });
    expectPassed(report);
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
      expectPassed(check(torn, { executions: 1 }));
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

describe("a clock that stands still, such as that of fake timers,", () => {
  it("is told of, because the time of the check would never be over", async () => {
    const now = jest.spyOn(performance, "now").mockReturnValue(5);
    jest.resetModules();
    const fresh = await import("../../lib/check/index.ts");
    now.mockRestore();
    const many = { strategy: "random", executions: 150_000, time: 60_000 } as const;
    expect(() => fresh.check(scenario(add, add), many)).toThrow(/clock stands still.*before fake timers.*option executions/);
    expect(fresh.check(scenario(add, add), { ...many, executions: 10, time: Infinity })).toMatchObject({ verdict: "passed" });
  });
});

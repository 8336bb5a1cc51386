import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check, checkOperations, expectPassed, programs, schedules, type Report, type Scenario } from "../../lib/check/index.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

const counter = (torn: boolean) => ({
  setup: () => words(1),
  model: () => {
    let count = 0;
    return { add: (n: number) => (count += n) - n, get: () => count };
  },
  operations: {
    add: {
      args: fc.tuple(fc.integer({ min: 1, max: 100 })),
      run: (cells: Int32Array, n: number) => {
        if (!torn) return Atomics.add(cells, 0, n);
        const was = Atomics.load(cells, 0);
        Atomics.store(cells, 0, was + n);
        return was;
      },
    },
    get: { run: (cells: Int32Array) => Atomics.load(cells, 0) },
  },
});

const increments: Scenario<Int32Array> = {
  setup: () => words(1),
  threads: [1, 2, 3].map((n) => (cells: Int32Array) => {
    const seen = Atomics.load(cells, 0);
    Atomics.store(cells, 0, seen + n);
    return seen;
  }),
};

describe("programs", () => {
  it("have as many threads and calls as was asked for, of all the operations, with their arguments", () => {
    const names = new Set<string>();
    const drawn = programs(fc, counter(false).operations, { threads: 3, length: 4 });
    fc.assert(
      fc.property(drawn, (program) => {
        expect(program).toHaveLength(3);
        for (const calls of program) {
          expect(calls.length).toBeLessThanOrEqual(4);
        }
        for (const { name, args } of program.flat()) {
          names.add(name);
          expect(args).toHaveLength(name === "add" ? 1 : 0);
        }
      }),
      { seed: 1 },
    );
    expect([...names].sort()).toEqual(["add", "get"]);
  });

  it.each([{ threads: 0 }, { threads: 9 }, { length: 0 }, { length: 1.5 }])("refuse %j", (options) => {
    expect(() => programs(fc, counter(false).operations, options)).toThrow(/the option (threads|length) is a whole number from 1/);
  });
  it("refuse to be made of nothing", () => {
    expect(() => programs(fc, {})).toThrow("there are no operations");
  });
});

describe("schedules", () => {
  /** The results of the threads under a schedule. */
  const resultsOf = (schedule: readonly number[]): string => {
    let seen = "";
    const report = check({ ...increments, after: (_, results) => void (seen = results.join()) }, { schedule });
    expect(report).toMatchObject({ verdict: "passed", executions: 1, complete: false });
    return seen;
  };

  it("let threads go on one after the other if they are empty", () => {
    expect(resultsOf([])).toBe("0,1,3");
  });
  it("choose who goes, step by step; too large a number takes the last", () => {
    expect(resultsOf([0, 1, 1])).toBe("0,0,2");
    expect(resultsOf([9, 9, 9])).toBe(resultsOf([2, 2, 2]));
  });

  it("reach every execution", () => {
    const all = new Set<string>();
    expectPassed(check({ ...increments, after: (_, results) => all.add(results.join()) }));
    const reached = new Set<string>();
    fc.assert(
      fc.property(schedules(fc, { length: 6 }), (schedule) => {
        reached.add(resultsOf(schedule));
      }),
      { seed: 1, numRuns: 1000 },
    );
    expect([...reached].sort()).toEqual([...all].sort());
  });

  it("let threads die, and waits run out, where that was asked for", () => {
    const ends = new Set<string>();
    const scenario: Scenario<Int32Array> = {
      setup: () => words(1),
      threads: [(cells) => Atomics.wait(cells, 0, 0, 10), (cells) => Atomics.notify(cells, 0)],
      after: (_, results) => ends.add(results.join()),
    };
    fc.assert(
      fc.property(schedules(fc), (schedule) => {
        expectPassed(check(scenario, { schedule, timeouts: true, deaths: 1 }));
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(ends.has("timed-out,0")).toBe(true);
    expect([...ends].some((end) => end.startsWith(","))).toBe(true);
  });

  it("fail with a replay string that fails again", () => {
    const scenario: Scenario<Int32Array> = {
      ...increments,
      after: (cells) => {
        expect(cells[0]).toBe(6);
      },
    };
    const { failure } = check(scenario, { schedule: [0, 1] });
    expect(failure?.kind).toBe("assertion");
    expect(check(scenario, { replay: failure?.replay ?? "" }).failure?.trace).toBe(failure?.trace);
  });

  it.each([[[-1]], [[0.5]], ["m1:a:0"]])("refuse %j", (schedule) => {
    expect(() => check(increments, { schedule: schedule as number[] })).toThrow("the option schedule is a list of whole numbers");
  });
  it("refuse to be given together with a replay string", () => {
    expect(() => check(increments, { schedule: [], replay: "m1:a:0" })).toThrow("both name one execution");
  });
});

describe("a program and a schedule together", () => {
  const run = (torn: boolean) => {
    const scenario = counter(torn);
    const both = fc.property(programs(fc, scenario.operations), schedules(fc), (program, schedule) => {
      expectPassed(checkOperations(scenario, { program, schedule }));
    });
    return fc.check(both, { seed: 3, numRuns: 200 });
  };

  it("pass where nothing is wrong", () => {
    expect(run(false).failed).toBe(false);
  });

  it("are made as small as they get, both of them", () => {
    const [program, schedule] = run(true).counterexample ?? [];
    const add = [{ name: "add", args: [1] }];
    expect(program).toEqual([add, add]);
    // The first thread has done one step of two when the other goes.
    expect(schedule).toEqual([0, 1]);
  });

  it("are explored in every interleaving without a schedule", () => {
    const add = [{ name: "add", args: [1] }];
    const explore = (torn: boolean): Report => checkOperations(counter(torn), { program: [add, add] });
    expect(explore(false)).toMatchObject({ verdict: "passed", complete: true });
    expect(explore(true).failure?.kind).toBe("not linearizable");
  });

  it("call only what there is", () => {
    expect(() => checkOperations(counter(false), { program: [[{ name: "pop", args: [] }]] })).toThrow('calls "pop", and there is no such');
  });
});

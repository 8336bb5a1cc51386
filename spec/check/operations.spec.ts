import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { check, checkOperations, expectPassed } from "../../lib/check/index.ts";
import { linearize } from "../../lib/check/linearize.ts";

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

const counterModel = () => {
  let count = 0;
  return {
    add: (n: number) => (count += n) - n,
    get: () => count,
  };
};
const add = { args: fc.tuple(fc.integer({ min: 1, max: 100 })), run: (cells: Int32Array, n: number) => Atomics.add(cells, 0, n) };
/** An add in two steps, between which another can come. */
const torn = {
  ...add,
  run: (cells: Int32Array, n: number) => {
    const was = Atomics.load(cells, 0);
    Atomics.store(cells, 0, was + n);
    return was;
  },
};
const get = { run: (cells: Int32Array) => Atomics.load(cells, 0) };

/** A stack of at most 8 numbers: words 0 LOCK, 1 SIZE, 2-9 values. */
const locked = <R>(cells: Int32Array, work: () => R): R => {
  while (Atomics.compareExchange(cells, 0, 0, 1) !== 0) Atomics.wait(cells, 0, 1);
  try {
    return work();
  } finally {
    Atomics.store(cells, 0, 0);
    Atomics.notify(cells, 0, 1);
  }
};
const push = (cells: Int32Array, value: number) =>
  locked(cells, () => {
    const size = cells[1] ?? 0;
    cells[2 + size] = value;
    cells[1] = size + 1;
  });
const pop = (cells: Int32Array) =>
  locked(cells, () => {
    const size = cells[1] ?? 0;
    if (size === 0) return undefined;
    cells[1] = size - 1;
    return cells[1 + size];
  });
const stackModel = () => {
  const values: number[] = [];
  return {
    push: (value: number) => void values.push(value),
    pop: () => values.pop(),
    size: () => values.length,
  };
};

describe("checkOperations", () => {
  it("passes a counter, and says how many programs that was", () => {
    const report = checkOperations({ setup: () => words(1), model: counterModel, operations: { add, get } }, { programs: 20 });
    expectPassed(report);
    expect(report.notes.join()).toContain("20 programs");
  });

  it("finds an add in two steps, and makes program and arguments as small as they get", () => {
    const { failure } = checkOperations({ setup: () => words(1), model: counterModel, operations: { add: torn, get } });
    expect(failure?.kind).toBe("not linearizable");
    expect(failure?.message).toContain("[thread 1: add(1); thread 2: add(1)]");
  });

  it.each([{}, { deaths: 1 }])("replays a failure, given its program, with %j", (options) => {
    const scenario = { setup: () => words(1), model: counterModel, operations: { add: torn, get } };
    const { failure } = checkOperations(scenario, options);
    const { program, replay } = failure ?? {};
    expect(program?.flat().every(({ name }) => name in scenario.operations)).toBe(true);
    const again = checkOperations(scenario, { ...options, program: program ?? [], replay: replay ?? "" });
    expect(again).toMatchObject({ executions: 1, failure: { ...failure } });
    expect(() => checkOperations(scenario, { ...options, replay: replay ?? "" })).toThrow(
      /replay string is of one program.*program: failure.program, replay: failure.replay/,
    );
  });

  it("passes a stack behind a lock", () => {
    const value = fc.tuple(fc.nat(9));
    expectPassed(
      checkOperations(
        { setup: () => words(10), model: stackModel, operations: { push: { args: value, run: push }, pop: { run: pop } } },
        { programs: 15, length: 2 },
      ),
    );
  });

  it("finds a reader that looks at two words one after the other, although no step of it races", () => {
    // total() is right at no single moment: it can miss what moved from the one word to the other.
    const operations = {
      move: {
        run: (cells: Int32Array) => {
          Atomics.sub(cells, 0, 1);
          Atomics.add(cells, 1, 1);
        },
      },
      total: { run: (cells: Int32Array) => Atomics.load(cells, 0) + Atomics.load(cells, 1) },
    };
    const model = () => ({ move: () => undefined, total: () => 0 });
    expect(checkOperations({ setup: () => words(2), model, operations }).failure?.kind).toBe("not linearizable");
  });

  it("minds the order in time of calls that touch different words", () => {
    // Two replicas that nobody brings together: get misses an add that was over before it began, and no word is touched by both.
    const operations = {
      add: { run: (cells: Int32Array) => void Atomics.add(cells, 0, 1) },
      get: { run: (cells: Int32Array) => Atomics.load(cells, 1) },
    };
    const model = () => {
      let count = 0;
      return { add: () => void count++, get: () => count };
    };
    // This seed's only program gets first, so that the one execution which dependence alone asks for is explained.
    const { failure } = checkOperations({ setup: () => words(2), model, operations }, { length: 1, programs: 1, seed: 18 });
    expect(failure?.kind).toBe("not linearizable");
    expect(failure?.message).toContain("[thread 1: get(); thread 2: add()]");
  });

  it("lets a call whose thread died have happened or not", () => {
    const report = checkOperations(
      { setup: () => words(1), model: counterModel, operations: { add, get } },
      { deaths: 1, programs: 15, length: 2 },
    );
    expectPassed(report);
  });

  it("names the operation that the model lacks", () => {
    expect(() => checkOperations({ setup: () => words(1), model: () => ({}), operations: { get } })).toThrow(
      'the model has no method "get"',
    );
  });

  it("draws the same programs for the same seed", () => {
    const run = (seed: number) =>
      checkOperations({ setup: () => words(1), model: counterModel, operations: { add, get } }, { programs: 10, seed });
    expect(run(5)).toEqual(run(5));
    expect(run(5).steps).not.toBe(run(6).steps);
  });
});

describe("linearize", () => {
  const call = (thread: number, name: string, returned: unknown, began: number, ended: number) => ({
    thread,
    name,
    args: [],
    result: { returned },
    began,
    ended,
  });
  const model = () => {
    let on = false;
    return { set: () => void (on = true), get: () => on };
  };
  it("orders calls that overlap as it must", () => {
    const order = linearize([call(0, "get", true, 0, 3), call(1, "set", undefined, 1, 2)], model);
    expect(order?.map(({ name }) => name)).toEqual(["set", "get"]);
  });
  it("does not reorder calls of which one was over before the other began", () => {
    expect(linearize([call(0, "get", true, 0, 1), call(1, "set", undefined, 2, 3)], model)).toBeUndefined();
  });
});

it("a failing check of operations leaves the globals as they were", () => {
  const before = [Atomics, SharedArrayBuffer, Int32Array, Date, Math.random, performance.now, setTimeout];
  check({
    setup: () => words(1),
    threads: [
      () => {
        throw new Error("on purpose");
      },
    ],
  });
  expect([Atomics, SharedArrayBuffer, Int32Array, Date, Math.random, performance.now, setTimeout]).toEqual(before);
});

describe("checkOperations says what to do about", () => {
  const fine = { setup: () => words(1), model: counterModel, operations: { get } };
  const later = async (cells: Int32Array): Promise<number> => Promise.resolve(Atomics.load(cells, 0));
  it.each<[string, unknown, object, RegExp]>([
    ["no scenario", null, {}, /scenario is an object: checkOperations/],
    ["no setup", { ...fine, setup: 1 }, {}, /no function setup/],
    ["no model", { ...fine, model: undefined }, {}, /no function model/],
    ["a model that is no object", { ...fine, model: () => undefined }, {}, /returned undefined/],
    [
      "a model that is a promise",
      { ...fine, model: () => Promise.resolve(counterModel()) },
      {},
      /model is a function that returns an object/,
    ],
    ["no operations", { ...fine, operations: undefined }, {}, /no operations/],
    ["an operation that is none", { ...fine, operations: { get: 1 } }, {}, /operation "get" has no function run/],
    ["an operation that only all objects have", { ...fine, operations: { toString: get } }, {}, /model has no method "toString"/],
    ["an operation that is asynchronous", { ...fine, operations: { get: { run: later } } }, {}, /thread 1, in get\(\), returned a promise/],
    [
      "an operation that is a generator",
      {
        ...fine,
        operations: {
          get: {
            *run(cells: Int32Array) {
              yield Atomics.load(cells, 0);
            },
          },
        },
      },
      {},
      /thread 1, in get\(\), returned a generator/,
    ],
    [
      "a check in the model",
      { ...fine, model: () => ({ get: () => check({ setup: () => 0, threads: [() => 0] }) }) },
      {},
      /check\(\) was called inside a check/,
    ],
    [
      "an option that is none",
      fine,
      { program: [[{ name: "get", args: [] }]], lenght: 2 },
      /no option "lenght"; there are strategy.*length/,
    ],
    ["an option by half its name", fine, { thread: 2 }, /no option "thread"; did you mean threads/],
    ["moves that are no list", { ...fine, moves: () => 5 }, {}, /moves returns.*a list of what becomes its own/],
    ["no programs", fine, { programs: 0 }, /programs is a whole number from 1/],
    ["programs without calls", fine, { length: Number.NaN }, /length is a whole number from 1/],
    ["a program that is none", fine, { program: [{ name: "get", args: [] }] }, /program is a list of calls for each thread/],
    ["a call without arguments", fine, { program: [[{ name: "get" }]] }, /program is a list of calls for each thread/],
  ])("%s", (_, scenario, options, message) => {
    expect(() => checkOperations(scenario as typeof fine, options)).toThrow(message);
  });
});

describe("the results of an operation and of its model", () => {
  const outcome = (returned: () => unknown, expected: () => unknown) => {
    const run = (cells: Int32Array): unknown => {
      Atomics.load(cells, 0);
      return returned();
    };
    return checkOperations({ setup: () => words(1), model: () => ({ get: expected }), operations: { get: { run } } }, { programs: 3 });
  };
  const cycle = (): object => {
    const self: { me?: object; list: number[] } = { list: [1] };
    return (self.me = self);
  };
  const throws = (thrown: unknown) => () => {
    throw thrown;
  };
  it.each<[string, () => unknown]>([
    ["cycles", cycle],
    ["errors", () => new RangeError("message")],
    ["Maps", () => new Map([[1, { two: [3n] }]])],
    ["Sets", () => new Set([1, "2"])],
    ["dates", () => new Date(5)],
    ["typed arrays", () => Int32Array.of(1, 2)],
    ["thrown texts", throws("text")],
    ["nothing, thrown", throws(null)],
  ])("may be %s", (_, make) => {
    expectPassed(outcome(make, make));
  });
  it.each<[string, () => unknown, () => unknown, RegExp]>([
    ["Maps", () => new Map(), () => new Map([[1, 2]]), /get\(\): \[\]/],
    ["Sets", () => new Set([1]), () => new Set([2]), /get\(\): \[1\]/],
    ["dates", () => new Date(5), () => new Date(6), /get\(\): "1970/],
    ["errors", () => new Error("one"), () => new Error("another"), /get\(\): Error: one/],
    ["a list and an object", () => [], () => ({}), /get\(\): \[\]/],
    ["bigints in an object", () => ({ n: 1n }), () => ({ n: 2n }), /get\(\): {"n":"1n"}/],
    ["cycles", cycle, () => ({ ...cycle(), list: [2] }), /get\(\): an object that cannot be shown/],
    ["functions", () => () => 0, () => () => 0, /get\(\): a function/],
    ["thrown texts", throws("one"), throws("another"), /get\(\): threw "one"/],
    ["an object without a prototype, thrown, and nothing", throws(Object.create(null)), () => 0, /get\(\): threw an object: without/],
  ])("are told apart if they are different: %s", (_, returned, expected, message) => {
    expect(outcome(returned, expected).failure).toMatchObject({ kind: "not linearizable", message: expect.stringMatching(message) });
  });
});

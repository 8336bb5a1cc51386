/** The types of checkOperations and of the arbitraries; checked by `npm run types`. */
import fc from "fast-check";
import { check, checkOperations, programs, schedules, type OperationsProgram } from "../../lib/check/index.ts";

const setup = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));
const model = () => ({ add: () => 0, name: () => 0, get: () => 0 });

// What args draws is what run is given, without an annotation.
checkOperations({
  setup,
  model,
  operations: {
    add: {
      args: fc.tuple(fc.nat(), fc.boolean()),
      run: (cells, n, twice) => {
        const count: number = n;
        const flag: boolean = twice;
        return Atomics.add(cells, 0, flag ? 2 * count : count);
      },
    },
    name: { args: fc.tuple(fc.string()), run: (_, text) => text.length },
    get: { run: (cells) => Atomics.load(cells, 0) },
  },
});
// With one it is the same.
checkOperations({
  setup,
  model,
  operations: { add: { args: fc.tuple(fc.nat()), run: (cells: Int32Array, n: number) => Atomics.add(cells, 0, n) } },
});

checkOperations({
  setup,
  model,
  operations: {
    // @ts-expect-error a number is drawn, no text
    add: { args: fc.tuple(fc.nat()), run: (_: Int32Array, n: string) => n },
  },
});
checkOperations({
  setup,
  model,
  // @ts-expect-error nothing is drawn
  operations: { get: { run: (_: Int32Array, n: number) => n } },
});
checkOperations({
  setup,
  model,
  // @ts-expect-error a number has no such method
  operations: { add: { args: fc.tuple(fc.nat()), run: (_, n) => n.toUpperCase() } },
});
// @ts-expect-error the state is what setup makes
checkOperations({ setup, model, operations: { get: { run: (cells: string) => cells } } });

const operations = { get: { run: (cells: Int32Array) => Atomics.load(cells, 0) } };
const program: fc.Arbitrary<OperationsProgram> = programs(fc, operations, { threads: 3, length: 2 });
const schedule: fc.Arbitrary<number[]> = schedules(fc);
check({ setup, threads: [] }, { schedule: [0, 1] });
checkOperations({ setup, model, operations }, { program: [[{ name: "get", args: [] }]], schedule: [0] });
// @ts-expect-error fast-check must be given
programs(operations);
// @ts-expect-error a schedule is a list of numbers
check({ setup, threads: [] }, { schedule: "m1:a:0" });

export { program, schedule };

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";

const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

describe("a list in the state", () => {
  it.each<[string, () => { [at: number]: number }]>([
    ["an array", () => Array.from({ length: 5000 }, () => 0)],
    ["a typed array over memory that is not shared", () => new Float64Array(5000)],
  ])("may be long, and no thread may write to it, if it is %s", (_, make) => {
    const setup = () => ({ list: make(), cells: words() });
    const writes = () =>
      check({
        setup,
        threads: [
          ({ list, cells }) => {
            list[4321] = 7;
            Atomics.add(cells, 0, 1);
          },
        ],
      });
    expect(writes).toThrow(/a thread changed state\.list\.4321, which is part of an ordinary object/);
    expectPassed(
      check({
        setup,
        threads: [0, 1].map(
          () =>
            ({ list, cells }) =>
              Atomics.add(cells, 0, list[4321] ?? 0),
        ),
      }),
    );
  });
});

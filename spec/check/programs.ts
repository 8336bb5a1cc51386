/**
 * Small programs over a few words, drawn by fast-check: what the reduced search is measured against the naive one with.
 */
import fc from "fast-check";

export type Instruction =
  | { readonly do: "load" | "notify" | "wait"; readonly at: number; readonly n: number }
  | { readonly do: "store" | "add" | "exchange"; readonly at: number; readonly n: number }
  | { readonly do: "cas"; readonly at: number; readonly n: number; readonly expected: number };

export type Program = readonly (readonly Instruction[])[];

const WORDS = 2;
const at = fc.nat(WORDS - 1);
const n = fc.nat(2);

const instruction: fc.Arbitrary<Instruction> = fc.oneof(
  fc.record({ do: fc.constant("load" as const), at, n }),
  fc.record({ do: fc.constantFrom("store" as const, "add" as const, "exchange" as const), at, n }),
  fc.record({ do: fc.constant("cas" as const), at, n, expected: n }),
  fc.record({ do: fc.constantFrom("wait" as const, "notify" as const), at, n }),
);

/** 2 or 3 threads of few instructions, so that the naive search ends. */
export const program: fc.Arbitrary<Program> = fc.oneof(
  fc.array(fc.array(instruction, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 2 }),
  fc.array(fc.array(instruction, { minLength: 1, maxLength: 2 }), { minLength: 3, maxLength: 3 }),
);

export const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * WORDS));

const pause = (cells: Int32Array, at: number, value: number, ms: number): string => Atomics.wait(cells, at, value, ms);
/** What a thread of these instructions does, and all that it sees. */
export const run =
  (instructions: readonly Instruction[], wait: (cells: Int32Array, at: number, value: number, ms: number) => string = pause) =>
  (cells: Int32Array): readonly unknown[] =>
    instructions.map((step) => {
      switch (step.do) {
        case "load":
          return Atomics.load(cells, step.at);
        case "store":
          return Atomics.store(cells, step.at, step.n);
        case "add":
          return Atomics.add(cells, step.at, step.n);
        case "exchange":
          return Atomics.exchange(cells, step.at, step.n);
        case "cas":
          return Atomics.compareExchange(cells, step.at, step.expected, step.n);
        case "wait":
          return wait(cells, step.at, step.n, 10);
        case "notify":
          return Atomics.notify(cells, step.at, step.n === 0 ? Infinity : step.n);
      }
    });

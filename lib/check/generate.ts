/**
 * Drawing programs from fast-check's arbitraries, and making them smaller, without importing fast-check: an arbitrary is used by its
 * two methods, so that whoever does not use checkOperations need not have it.
 */
import { randomFrom } from "./globals.ts";
import { textOf } from "./text.ts";

/** What is used of fast-check's `Arbitrary`. */
export interface ArbitraryLike<T> {
  generate(random: never, bias: number | undefined): { readonly value: T; readonly context: unknown };
  shrink(value: T, context: unknown): Iterable<{ readonly value: T; readonly context: unknown }>;
}

/** One call of a program: an operation and its arguments, with what fast-check needs to make them smaller. */
export interface Instruction {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly context: unknown;
}
export type Program = readonly (readonly Instruction[])[];

/** A program as others see it: for each thread its calls, by the names of the operations. */
export type OperationsProgram = readonly (readonly { readonly name: string; readonly args: readonly unknown[] }[])[];

/** The arguments of each operation by its name; an operation without an arbitrary has none. */
export type Arguments = Readonly<Record<string, ArbitraryLike<readonly unknown[]> | undefined>>;

/** fast-check's source of randomness, as far as arbitraries ask for it. */
class Dice {
  readonly #seed: number;
  readonly #random: () => number;
  constructor(seed: number) {
    this.#seed = seed;
    this.#random = randomFrom(seed);
  }
  clone(): Dice {
    return new Dice(this.#seed ^ 0x5bd1e995);
  }
  next(bits: number): number {
    return Math.floor(this.#random() * 2 ** bits);
  }
  nextBoolean(): boolean {
    return this.#random() < 0.5;
  }
  nextInt(min = -0x8000_0000, max = 0x7fff_ffff): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }
  nextBigInt(min: bigint, max: bigint): bigint {
    const bits = (max - min).toString(2).length + 32;
    let drawn = 0n;
    for (let have = 0; have < bits; have += 30) drawn = (drawn << 30n) | BigInt(this.next(30));
    return min + (drawn % (max - min + 1n));
  }
  nextDouble(): number {
    return this.#random();
  }
  getState(): undefined {
    return undefined;
  }
}

/** Draws one program after another. */
export function* draw(operations: Arguments, threads: number, length: number, seed: number): Generator<Program, never> {
  const dice = new Dice(seed);
  const names = Object.keys(operations);
  const instruction = (): Instruction => {
    const name = names[dice.nextInt(0, names.length - 1)] as string;
    const drawn = operations[name]?.generate(dice as never, undefined);
    return { name, args: drawn?.value ?? [], context: drawn?.context };
  };
  for (;;) yield Array.from({ length: threads }, () => Array.from({ length: dice.nextInt(1, length) }, instruction));
}

/** Programs that are a little smaller than this one: without a call, or with smaller arguments. */
export function* smaller(program: Program, operations: Arguments): Generator<Program> {
  for (const [thread, calls] of program.entries()) {
    for (const [at, call] of calls.entries()) {
      const others = calls.filter((_, other) => other !== at);
      yield program.with(thread, others).filter((some) => some.length > 0);
      for (const { value, context } of operations[call.name]?.shrink(call.args, call.context) ?? []) {
        yield program.with(thread, calls.with(at, { ...call, args: value, context }));
      }
    }
  }
}

/** The program as one would write it. */
export function programText(program: Program): string {
  const call = ({ name, args }: Instruction): string => `${name}(${args.map((arg) => textOf(arg)).join(", ")})`;
  return program.map((calls, thread) => `thread ${String(thread + 1)}: ${calls.map(call).join(", ")}`).join("; ");
}

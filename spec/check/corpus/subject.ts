/** A subject of the corpus: plain Int32Array and Atomics code, right and, beside it, broken. */
import assert from "node:assert/strict";
import type { CheckOptions, FailureKind, Scenario } from "../../../lib/check/index.ts";

export interface Subject {
  readonly name: string;
  readonly right: Scenario<never>;
  readonly broken: Scenario<never>;
  /** What the broken twin is found out by. */
  readonly kind: FailureKind;
  readonly options?: CheckOptions;
}

/** Keeps the type of each state inside its subject. */
export function subject<S>(name: string, kind: FailureKind, right: Scenario<S>, broken: Scenario<S>, options: CheckOptions = {}): Subject {
  return { name, kind, right: right as unknown as Scenario<never>, broken: broken as unknown as Scenario<never>, options };
}

export const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));

export function equal(actual: unknown, expected: unknown, what: string): void {
  assert.equal(actual, expected, `${what} is ${String(actual)}, not ${String(expected)}`);
}

/** So many copies of one thread; each is told its number. */
export const times = <S>(count: number, body: (state: S, me: number) => unknown): ((state: S) => unknown)[] =>
  Array.from({ length: count }, (_, me) => (state: S) => body(state, me));

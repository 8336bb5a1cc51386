/** What all classics have in common: bodies that run as they are under `check` and on real threads. */
import type { Scenario } from "ferrous/check";

/** A classic's module. */
export interface Classic<S = never> {
  /** The right version; each thread does its part so many times. */
  right(rounds?: number): Scenario<S>;
  /** The same with the mistake that everybody makes first. */
  broken(rounds?: number): Scenario<S>;
}

/** As many threads as that, all with the same code and numbered from 0. */
export function team<S>(size: number, body: (state: S, number: number) => unknown): ((state: S) => unknown)[] {
  return Array.from({ length: size }, (_, number) => (state: S) => body(state, number));
}

/** Throws unless what is left is what should be. */
export function expectEqual(what: string, left: unknown, right: unknown): void {
  if (left !== right) throw new Error(`${what}: ${String(left)}, and it should be ${String(right)}`);
}

/**
 * Probabilistic concurrency testing: threads have random priorities, the highest one that can runs, and at `depth - 1` random steps
 * the running thread's priority falls below all others. A bug that needs `depth` ordering constraints is found with a probability
 * of at least 1 / (threads * steps ^ (depth - 1)) in each execution.
 *
 * Source: S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding
 * bugs" (2010).
 */
import { randomFrom } from "../globals.ts";
import type { Machine } from "../machine.ts";
import { Deed, deedOf, threadOf } from "../operation.ts";
import type { Strategy } from "./strategy.ts";

/** Depths are tried in turn, from 1 to this: nearly all known bugs have one of 3 or less. */
const DEEPEST = 3;

export class Pct implements Strategy {
  readonly complete = false;
  readonly #random: () => number;
  #priorities: number[] = [];
  #changes = new Set<number>();
  #run = 0;
  /** The longest execution so far: where the changes may fall. */
  #longest = 1;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  choose(machine: Machine, choices: readonly number[]): number {
    const { steps, threads } = machine.state;
    if (steps.length === 0) this.#draw(threads.length);
    this.#longest = Math.max(this.#longest, steps.length + 1);
    const highest = (some: readonly number[]): number =>
      some.reduce((best, choice) => (this.#priorityOf(choice) > this.#priorityOf(best) ? choice : best), some[0] as number);
    const going = choices.filter((choice) => deedOf(choice) === Deed.GO);
    if (this.#changes.has(steps.length)) {
      // The change of priority; where something can befall the thread, that is a change as well.
      const falls = threadOf(highest(going.length > 0 ? going : choices));
      this.#priorities[falls] = -steps.length;
      const befalling = choices.filter((choice) => deedOf(choice) !== Deed.GO);
      if (befalling.length > 0 && this.#random() < 0.5) return befalling[Math.floor(this.#random() * befalling.length)] as number;
    }
    return highest(going.length > 0 ? going : choices);
  }

  next(): { at: number } {
    return { at: 0 };
  }

  #priorityOf(choice: number): number {
    return this.#priorities[threadOf(choice)] as number;
  }

  #draw(threads: number): void {
    this.#priorities = Array.from({ length: threads }, () => 1 + this.#random());
    const depth = (this.#run++ % DEEPEST) + 1;
    this.#changes = new Set(Array.from({ length: depth - 1 }, () => Math.floor(this.#random() * this.#longest)));
  }
}

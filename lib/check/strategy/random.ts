/**
 * At each step, one of all that could happen, by lot. Finds shallow bugs in a few executions, and proves nothing.
 */
import { randomFrom } from "../globals.ts";
import type { Machine } from "../machine.ts";
import { Deed, deedOf } from "../operation.ts";
import type { Strategy } from "./strategy.ts";

/** One step in so many is something that befalls a thread, where that can happen at all. */
const RARITY = 8;

export class Random implements Strategy {
  readonly complete = false;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  choose(_: Machine, choices: readonly number[]): number {
    const going = choices.filter((choice) => deedOf(choice) === Deed.GO);
    const rest = choices.length - going.length;
    const among = rest === 0 || (going.length > 0 && this.#random() * RARITY >= 1) ? going : choices.slice(going.length);
    return among[Math.floor(this.#random() * among.length)] as number;
  }

  next(): { at: number } {
    return { at: 0 };
  }
}

/**
 * One execution, chosen by numbers: at each step the next number says how far to go from what is most natural, in a list of all that
 * can happen; one that is too large takes the last. So every list of numbers is an execution of every scenario, and smaller numbers
 * are simpler executions:
 *
 *     0                    the thread that ran last goes on, or the first that can; so do all steps after the last number
 *     1, 2, ...            another thread goes, in their order
 *     then                 something befalls a thread: a timeout, a waking without cause, a death
 */
import type { Machine } from "../machine.ts";
import { Deed, choiceOf, deedOf } from "../operation.ts";
import type { Strategy } from "./strategy.ts";

export class Scheduled implements Strategy {
  readonly complete = false;
  readonly #numbers: readonly number[];

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  choose(machine: Machine, choices: readonly number[]): number {
    const { steps } = machine.state;
    const last = steps.findLast(({ choice }) => deedOf(choice) === Deed.GO);
    const natural = last === undefined ? -1 : choiceOf(last.thread, Deed.GO);
    const ordered = choices.includes(natural) ? [natural, ...choices.filter((choice) => choice !== natural)] : choices;
    return ordered[Math.min(this.#numbers[steps.length] ?? 0, ordered.length - 1)] as number;
  }

  next(): undefined {
    return undefined;
  }
}

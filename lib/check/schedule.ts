/**
 * One execution as a short string.
 *
 *     m1:a3b2a!c?:1kf9x        version, steps, fingerprint
 *
 * Threads are letters. A letter alone is a step, with a number so many; `!` the thread dies, with a number before so many of its last
 * plain writes, `~` its timeout runs out or its end is told, `?` it wakes without cause. The fingerprint is of what the steps did, so
 * that a string is not run with a scenario it does not fit.
 */
import { CheckError } from "../errors.ts";
import { PRUNE, type Chooser, type Machine } from "./machine.ts";
import { Deed, choiceOf, deedOf, lostOf, threadOf, type Step } from "./operation.ts";
import { describe } from "./text.ts";

const VERSION = "m1";
const MARKS = ["", "!", "~", "?"];

export interface Schedule {
  readonly choices: readonly number[];
  readonly fingerprint: string;
}

export function scheduleOf(steps: readonly Step[], threads: number): Schedule {
  return { choices: steps.map(({ choice }) => choice), fingerprint: fingerprintOf(steps, threads) };
}

export function encode({ choices, fingerprint }: Schedule): string {
  let text = "";
  for (let at = 0; at < choices.length;) {
    const choice = choices[at] as number;
    const isDeath = deedOf(choice) === Deed.DIE;
    let run = 1;
    while (!isDeath && choices[at + run] === choice) run++;
    const count = isDeath ? lostOf(choice) : run > 1 ? run : 0;
    text += String.fromCharCode(97 + threadOf(choice)) + (MARKS[deedOf(choice)] as string) + (count > 0 ? String(count) : "");
    at += run;
  }
  return `${VERSION}:${text}:${fingerprint}`;
}

/** @throws {CheckError} it is no replay string, or one of another version, or of more than `most` steps */
export function decode(text: string, most: number): Schedule {
  if (typeof text !== "string") throw new CheckError(`the option replay is a string; it was given ${describe(text)}.`);
  const [version, steps, fingerprint] = text.split(":");
  if (version !== VERSION && /^m\d+$/.test(version ?? "")) {
    throw new CheckError(
      `this replay string was made by another version of the checker (${version ?? ""}; this one reads ${VERSION}). Run the check without replay to get a new one.`,
    );
  }
  if (version !== VERSION || steps === undefined || fingerprint === undefined || !/^([a-h][!~?]?\d*)*$/.test(steps)) {
    throw new CheckError(`"${text.slice(0, 40)}" is no replay string: they come from report.failure.replay, and look like m1:a3b2:1kf9x.`);
  }
  const choices: number[] = [];
  for (const [, letter, mark, count] of steps.matchAll(/([a-h])([!~?]?)(\d*)/g)) {
    const deed = MARKS.indexOf(mark ?? "") as Deed;
    const isDeath = deed === Deed.DIE;
    const choice = choiceOf((letter ?? "").charCodeAt(0) - 97, deed, isDeath ? Number(count) : 0);
    const run = isDeath || count === "" ? 1 : Number(count);
    if (choices.length + run > most)
      throw new CheckError(
        `this replay string has more than ${String(most)} steps, which is all that an execution may take: give the option steps as when it was made.`,
      );
    for (let step = 0; step < run; step++) choices.push(choice);
  }
  return { choices, fingerprint };
}

/** Does exactly the given steps. */
export class Replay implements Chooser {
  readonly #choices: readonly number[];
  /** Was there a step that could not be taken? */
  strayed = false;

  constructor(choices: readonly number[]) {
    this.#choices = choices;
  }

  choose(machine: Machine, choices: readonly number[]): number {
    const choice = this.#choices[machine.state.steps.length];
    if (choice !== undefined && choices.includes(choice)) return choice;
    this.strayed = true;
    return PRUNE;
  }
}

/** FNV-1a over who did what where. */
function fingerprintOf(steps: readonly Step[], threads: number): string {
  let hash = 0x811c9dc5 ^ threads;
  const mix = (value: number): void => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (const { choice, op } of steps) [choice, op.kind, op.element, op.index, op.buffer].forEach(mix);
  return (hash >>> 0).toString(36);
}

/**
 * TAIL and HEAD of a queue: how many messages were sent and received, and who waits for them to move.
 *
 *     TAIL, HEAD:   29 .............. 5     4       3        2        1       0
 *                  +-------------------+--------+------+----------+-----+--------+
 *                  | COUNT, modulo 2^25| PARITY | GONE | SELECTED | ALL | WANTED |
 *                  +-------------------+--------+------+----------+-----+--------+
 *
 * No wake-up is lost: a receiver that finds nothing sets WANTED in TAIL, and sleeps on that value; the exchange of TAIL clears
 * WANTED, and who cleared it notifies. It wakes one sleeper. Whoever has slept and then received wakes the next one if there are more
 * messages, else sets WANTED again, since it cannot know that it was the only sleeper. Where one sleeper is not as good as another
 * (it has an event loop, and may be busy for long; or it waits for more room than another one), ALL is set, and all are woken.
 * GONE stays: a side has lost its last end, and whoever sleeps is woken. SELECTED: some threads sleep on their own bells, and are rung: see
 * select.ts. Senders that find no room do the same with HEAD.
 */
import type { Word } from "../memory/word.ts";
import type { Sleep } from "../park/wait.ts";
import { COUNT_MASK } from "./places.ts";

const WANTED = 1 << 0;
const ALL = 1 << 1;
const SELECTED = 1 << 2;
/** A side has lost its last end. */
export const GONE = 1 << 3;
export const FLAGS = WANTED | ALL | SELECTED | GONE;
export const PARITY = 1 << 4;
const PARITY_SHIFT = 4;
const COUNT_SHIFT = 5;
/** BOUND: TAIL and HEAD stay below 2^30. */
export const ONE = 1 << COUNT_SHIFT;
export const MOVE_MASK = (COUNT_MASK << COUNT_SHIFT) | PARITY;

/** The most messages that a queue can hold. */
export const MAX_MESSAGES = COUNT_MASK;

export const countOf = (position: number): number => (position >>> COUNT_SHIFT) & COUNT_MASK;
/** How many messages one position is ahead of another. */
export const between = (from: number, to: number): number => ((to >>> COUNT_SHIFT) - (from >>> COUNT_SHIFT)) & COUNT_MASK;
export const parityOf = (position: number): number => (position >>> PARITY_SHIFT) & 1;
export const moved = (position: number, by: number): number => ((position + (by << COUNT_SHIFT)) & MOVE_MASK) ^ PARITY;

/** Who is to be woken after something has moved. */
export type Flags = number;
/** Nothing was put, or taken: no flags are negative. */
export const NOTHING = -1;
/** Nor was it looked: somebody is at the gate. */
export const BUSY = -2;
export const wakesOne = (flags: Flags): boolean => (flags & (WANTED | ALL)) !== 0;
export const isSelected = (flags: Flags): boolean => (flags & SELECTED) !== 0;
export const isGone = (flags: Flags): boolean => (flags & GONE) !== 0;

/** Marks a position as waited for, and returns what to sleep on, or undefined if it has moved from where it was found. */
export function mark(
  word: Word,
  found: number,
  { all, selected }: { readonly all: boolean; readonly selected: boolean },
): Sleep | undefined {
  for (let seen = word.load(); (seen & MOVE_MASK) === (found & MOVE_MASK); seen = word.load()) {
    const next = seen | (selected ? SELECTED : WANTED | (all ? ALL : 0));
    if (next === seen || word.compareExchange(seen, next) === seen) return { word, value: next };
  }
  return undefined;
}

/** Wakes who sleeps until that word moves, after it has. */
export function wakeSleepers(word: Word, flags: Flags): void {
  if ((flags & ALL) !== 0) word.notify();
  else if ((flags & WANTED) !== 0) word.notify(1);
}

/**
 * A side has lost its last end: makes everybody look who waits for that word. GONE stays: clearing a mark would not do, since the next
 * one who sets it brings the value back on which somebody was about to sleep. And whatever the marks say: of several sleepers, the
 * first to be woken may not have set WANTED again yet. Returns whether somebody selects, and is to be rung.
 */
export function wakeForGood(word: Word): boolean {
  const seen = word.or(GONE);
  word.notify();
  return (seen & SELECTED) !== 0;
}

/** Who has slept, and got what it waited for: wakes the next if there is more, else sets the mark again. */
export function passOn(word: Word, found: number, more: boolean): void {
  if (more || mark(word, found, { all: false, selected: false }) === undefined) word.notify(1);
}

/** `3+WANTED`: how many were sent or received, and who waits. */
export const position = (value: number): string =>
  [
    String(value >>> COUNT_SHIFT),
    ...["WANTED", "ALL", "SELECTED", "GONE"].filter((_, bit) => (value & (1 << bit)) !== 0),
    ...((value & PARITY) === 0 ? [] : ["odd"]),
  ].join("+");

/**
 * The two drivers' common words, and the one that blocks.
 *
 * An algorithm is an attempt: it succeeds, or it has made sure that its word tells of a sleeper and returns the value to sleep on.
 * {@link wait} drives it with a sleeping thread, {@link Line} (line.ts) with a waiting promise.
 *
 * Why no wake-up is lost:
 *   a change   the attempt returns the value it left in the word; if the word changes before the sleep begins, the sleep does not begin;
 *              who changes the word notifies after the change.
 *   a death    tells of itself in no word. So a sleeper first notes where it is going to sleep, then attempts once more, then sleeps:
 *              either this attempt sees the death, or the supervisor, who marks first and looks for sleepers second, sees the note.
 *              Between "noted" and "asleep" a notification can fall into the void: the supervisor repeats it until LOOKS moves.
 *   the rest   no sleep is longer than a slice, for what nobody foresaw.
 */
import { host } from "#host";
import { BlockingNotAllowedError, DeadlockError } from "../errors.ts";
import type { Port } from "../host/host.ts";
import type { WaitOutcome, Word } from "../memory/word.ts";
import { currentThread, type Current } from "../thread/current.ts";
import { isSupervised, line, lookAfterSupervisor, lookEvery, numberOf, reportBlocked, verdictOn } from "../thread/lifeline.ts";
import type { CycleStep, Holders } from "../thread/protocol.ts";
import { Field } from "../thread/registry.ts";
import { backOff } from "./backoff.ts";
import { Limits, type WaitOptions } from "./limits.ts";

/** A word that can be slept on, of 32 or 64 bits; `value` is of the word's own type. */
export interface SleepWord {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  load(): number | bigint;
  wait(value: never, ms: number): WaitOutcome;
  waitAsync(value: never): { readonly async: false } | { readonly async: true; readonly value: Promise<unknown> };
  notify(): number;
}

/** What a failed attempt sleeps on. */
export interface Sleep {
  readonly word: SleepWord;
  readonly value: number | bigint;
  /** In ms: look again by then even if nobody notifies. */
  readonly atMost?: number;
  /** The word is likely to change within microseconds: look at it for a while, then attempt again. */
  readonly soon?: boolean;
  /** A notification ends the sleep even if it came without a change: none may be missed once the call that awaits has returned. */
  readonly isExact?: boolean;
}

/** Who attempts, and how it has fared so far. The drivers keep it up to date. */
export interface Waiter {
  readonly me: number;
  readonly blocks: boolean;
  /** It only looks, and attempts again, before it waits: the word need not tell of it. */
  readonly spins?: boolean;
  /** How often it has woken in vain. */
  wakes: number;
}

/** Tries once. Undefined: it succeeded. Else what to sleep on; the word tells already that somebody sleeps. */
export type Attempt = (waiter: Waiter) => Sleep | undefined;

/** What is waited for, as far as the drivers must know it. */
export interface Awaited {
  /** As messages call it: `mutex "totals"`. */
  describe(): string;
  /** Only these threads can end the wait; undefined if anyone may. */
  readonly holders?: Holders | undefined;
}

const ENDLESS = new Limits(undefined, "wait");

/** How long a sleep lasts that is watched by a supervisor: a net under what nobody foresaw. */
const SLICE = 10_000;
/** How long it lasts where a death would be told by nobody. */
const UNWATCHED_SLICE = 100;
/** A wait that lasted so long, in ms, is reported, and may be found to be part of a deadlock. */
const REPORT_AFTER = 2;

export const sliceNow = (): number => (isSupervised() && currentThread().registry.unwatched.load() === 0 ? SLICE : UNWATCHED_SLICE);

/**
 * Blocks this thread until the attempt succeeds.
 * @throws {BlockingNotAllowedError} this thread must not block
 * @throws {TimeoutError} the time was over
 * @throws {DeadlockError} the wait closed a cycle of threads that wait for each other
 */
export function wait(attempt: Attempt, awaited: Awaited, verb: string, opts: WaitOptions | undefined): void {
  const limits = opts === undefined ? ENDLESS : new Limits(opts, verb);
  limits.throwIfCancelled();
  const thread = currentThread();
  // What can be done at once can be done where nobody may block.
  const waiter: Waiter = { me: thread.id, blocks: mayBlock(), wakes: 0 };
  let first = attempt(waiter);
  if (first?.soon === true && thread.spins) {
    const { word, value } = first;
    backOff(() => word.load() !== value);
    first = attempt(waiter);
  }
  if (first === undefined) return;
  requireBlocking(awaited, verb);
  if (limits.left === 0) throw limits.timedOut(awaited.describe(), verb);
  const bed = thread.modelled ? new ModelledBed(thread) : new Bed(thread, awaited, limits.endless);
  try {
    for (let sleep: Sleep | undefined = first; sleep !== undefined; sleep = attempt(waiter)) {
      limits.throwIfCancelled();
      const left = limits.left;
      if (left === 0) throw limits.timedOut(awaited.describe(), verb);
      // Noted first, then attempted once more, then slept: see above.
      if (!bed.noteFor(sleep.word)) continue;
      if (bed.sleep(sleep, left)) waiter.wakes++;
    }
  } finally {
    bed.leave();
  }
}

/** May this thread block? The checker's may everywhere. */
export const mayBlock = (): boolean => host.mayBlock || currentThread().modelled;

/** @throws {BlockingNotAllowedError} this thread must not block */
export function requireBlocking(awaited: Awaited, verb: string): void {
  if (!mayBlock()) throw new BlockingNotAllowedError(awaited.describe(), verb);
}

/** One blocking call's entry in the thread's record: see {@link Field}. */
class Bed {
  readonly #thread: Current;
  readonly #awaited: Awaited;
  readonly #mayReport: boolean;
  readonly #looks: Word;
  readonly #seqWord: Word;
  #seq: number;
  #noted: SleepWord | undefined;
  #number = 0;
  /** Over which line the supervisor was told of the note, if there is one. */
  #line: Port | undefined;
  #reported = false;

  constructor(thread: Current, awaited: Awaited, endless: boolean) {
    this.#thread = thread;
    this.#awaited = awaited;
    this.#mayReport = endless && awaited.holders !== undefined;
    this.#looks = thread.registry.field(thread.id, Field.LOOKS);
    this.#seqWord = thread.registry.field(thread.id, Field.SEQ);
    this.#seq = this.#nextSeq();
  }
  /** BOUND: wraps at 2^32; only sameness is asked, within one call. */
  #nextSeq(): number {
    return (this.#seqWord.load() + 1) | 1;
  }

  /** Notes the word; false if it was not noted before, so that the caller looks once more before it sleeps. */
  noteFor(word: SleepWord): boolean {
    // By place: some attempts make a fresh face of the same word each time.
    const isSame = this.#noted?.byteOffset === word.byteOffset && this.#noted.buffer === word.buffer;
    // An attempt may have slept itself, at a gate, and left its own note here.
    const isMine = this.#noted === undefined || this.#seqWord.load() === this.#seq;
    // Who fell asleep before there was this supervisor tells it of his bed, and of his wait, when he looks again.
    const told = isSupervised() ? line() : undefined;
    const isKnown = this.#noted === undefined || this.#line === told;
    if (isSame && isMine && isKnown) return true;
    if (!isMine || !isKnown) {
      this.#seq = this.#nextSeq();
      this.#reported = false;
    }
    this.#noted = word;
    this.#line = told;
    this.#number = numberOf(word.buffer);
    const { registry, id } = this.#thread;
    registry.field(id, Field.BUFFER).store(this.#number);
    registry.field(id, Field.OFFSET).store(word.byteOffset);
    this.#seqWord.store(this.#seq);
    return false;
  }

  /** Sleeps, for `left` ms at most; true if it was woken. */
  sleep({ word, value, atMost = Infinity }: Sleep, left: number): boolean {
    const mayReport = this.#mayReport && this.#line !== undefined && !this.#reported;
    const slice = mayReport ? REPORT_AFTER : Math.min(this.#safely(sliceNow()), lookEvery());
    const time = Math.min(left, atMost, slice);
    const outcome = word.wait(value as never, time);
    this.#looks.add(1);
    if (outcome === "timed-out" && time === slice && !mayReport) lookAfterSupervisor();
    if (outcome === "timed-out" && mayReport && atMost === Infinity) this.#report();
    const cycle = this.#reported ? verdictOn(this.#seq) : undefined;
    if (cycle !== undefined) throw new DeadlockError(storyOf(cycle));
    return outcome !== "timed-out" || atMost !== Infinity;
  }

  /** No long sleep unless the supervisor of this very moment, which may have changed by now, knows where. */
  #safely(slice: number): number {
    return line() === this.#line ? slice : UNWATCHED_SLICE;
  }

  #report(): void {
    const { holders } = this.#awaited;
    if (holders === undefined) return;
    this.#reported = true;
    reportBlocked(this.#seq, this.#awaited.describe(), this.#number, holders);
  }

  leave(): void {
    // Not the wake's last word: a waiter that gives up has just attempted, which left the word telling of sleepers.
    if (this.#noted !== undefined) this.#seqWord.store(this.#seq + 1);
  }
}

/** In the checker's world sleepers are known to the model, which does the supervisor's part. */
class ModelledBed {
  readonly #thread: Current;
  constructor(thread: Current) {
    this.#thread = thread;
  }
  noteFor(_word: SleepWord): boolean {
    return true;
  }
  sleep({ word, value, atMost = Infinity }: Sleep, left: number): boolean {
    const naps = atMost <= left && atMost !== Infinity;
    this.#thread.sleeps?.(naps);
    return word.wait(value as never, Math.min(left, atMost)) !== "timed-out" || naps;
  }
  leave(): void {}
}

function storyOf(cycle: readonly CycleStep[]): string {
  const steps = cycle.map(({ thread, what }, at) => {
    const next = cycle[(at + 1) % cycle.length];
    return `${thread} waits for ${what}, held by ${next?.thread ?? thread}`;
  });
  return steps.join("; ");
}

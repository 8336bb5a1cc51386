/**
 * Threads that only look. `while (Atomics.load(flag, 0) === 0);` has infinitely many executions, which differ only in how often
 * it looked. Such a thread is held back until something it looks at changes.
 *
 * That it is such a thread is not guessed: it is run ahead, by 1,000 operations, with memory as it is. If none of them changes
 * anything, and they repeat a round that it has already made with the same results, and from the same places in the code, then making
 * another round first is a stutter: each of its local states has been met by each later change of memory already. Places count, because who
 * looks twice and then in a loop is not in that loop yet; what a loop counts in a variable is not seen. A loop that gives up after fewer
 * than 1,000 operations is explored as it is; so is one that does after fewer than 10,000, which is found out the first time that
 * a thread goes that round. Time passes faster for who goes round, so loops with a deadline give up early: see {@link strideOf}.
 */
import { wouldChange } from "./effect.ts";
import type { Memory } from "./memory.ts";
import { Kind, type Look, type Op } from "./operation.ts";
import type { ModelThread } from "./thread.ts";

const HORIZON = 1000;
const FAR = 10_000;
/** Of so many rounds of each thread it is looked whether they end far ahead: that takes long. */
const MOST_FAR = 8;
/** The longest round that is recognised, in operations. */
export const LONGEST = 64;

/** Has the thread done this very operation lately, and nothing but look since, so that it may be going round? Cheap; asked at every operation. */
export function mayRepeat(thread: ModelThread, op: Op): boolean {
  if (op.kind >= Kind.WAIT) return false;
  const { ops, results, givesUp } = thread;
  let left = LONGEST;
  for (let at = ops.length - 1; at >= thread.state.idleFrom && left > 0; at--) {
    const past = ops[at] as Op;
    // What it reads plainly is the same as long as its looks are, or there is a data race.
    if (past.kind === Kind.READ) continue;
    if (past.kind === Kind.WRITE) return false;
    if (left === LONGEST && givesUp.size > 0 && givesUp.has(textOf({ op: past, result: results[at] }))) return false;
    left--;
    if (isSame(past, op)) {
      thread.suspect = true;
      return true;
    }
  }
  return false;
}

/** In ms. A loop without an end has a date, too. */
const LONGEST_STRIDE = 2 ** 30;

/**
 * How much time goes by as the thread looks at a clock, in ms: 1. For who goes round it is twice as much each time, or else nobody
 * would see the end of a loop that gives up after some seconds.
 */
export function strideOf(thread: ModelThread): number {
  const done = thread.cursor + (thread.mode === "lookahead" ? thread.ahead.length : 0);
  // Between two looks at the clock, and nothing else, no more goes by than at any other time.
  if (done === thread.askedAt) return 1;
  thread.askedAt = done;
  thread.stride = goesRound(thread, done) ? Math.min(thread.stride * 2, LONGEST_STRIDE) : 1;
  return thread.stride;
}

/** Were the last of the `done` operations of this run two equal rounds, in which it only looked? */
function goesRound({ ops, results, cursor, ahead }: ModelThread, done: number): boolean {
  const look = (at: number): Look => (at < cursor ? { op: ops[at] as Op, result: results[at] } : (ahead[at - cursor] as Look));
  for (let round = 1; round <= LONGEST && 2 * round <= done; round++) {
    let equal = 0;
    while (equal < round) {
      const last = look(done - 1 - equal);
      if (!onlyLooked(last)) return false;
      if (!isSameLook(last, look(done - 1 - equal - round))) break;
      equal++;
    }
    if (equal === round) return true;
  }
  return false;
}

/** Judged by what was asked and returned, so that it is the same whenever the thread is run again. */
const onlyLooked = ({ op: { kind, a, b }, result }: Look): boolean =>
  kind === Kind.LOAD ||
  kind === Kind.READ ||
  (kind === Kind.CAS && (!Object.is(result, a) || Object.is(a, b))) ||
  (kind === Kind.EXCHANGE && Object.is(result, a));

/** Looks up to here, one of which each round begins with, are far enough ahead to be in the loop if anything is. */
const FAR_TOLD = HORIZON - 1;
/** Is the place in the code of the next look ahead noted? Of few, because a stack takes as long as many looks. */
export const isTold = ({ ahead: { length }, tells }: ModelThread): boolean =>
  tells && (length <= LONGEST || (length > FAR_TOLD - LONGEST && length <= FAR_TOLD));

/**
 * Does each round begin at the same place in the code? Who looks twice and then in a loop is not in that loop yet.
 *
 * @param told  so many of the same looks, with their places
 */
function isOneLoop(thread: ModelThread, round: readonly Look[], told: (count: number) => readonly Look[]): boolean {
  const from = told(1)[0]?.from;
  const text = [from, ...round.map(textOf)].join();
  if (thread.loops.has(text)) return true;
  const [places, { length }] = [told(HORIZON), round];
  if ([length, FAR_TOLD - (FAR_TOLD % length)].some((at) => places[at]?.from !== from)) return false;
  thread.loops.add(text);
  return true;
}

/** What the operation would return, or undefined if it would have an effect or put the thread to sleep. */
export function isIdle(memory: Memory, op: Op): { readonly result: unknown } | undefined {
  if (op.kind >= Kind.WAIT) return undefined;
  const { result, changes } = wouldChange(memory.byId(op.buffer).cells(op.element), op);
  return changes ? undefined : { result };
}

/** Runs the thread ahead; what it would look at for ever, or undefined if it would get anywhere. */
export function findSpin(thread: ModelThread, run: () => void): readonly Op[] | undefined {
  const looks = (horizon: number): number => {
    thread.ahead = [];
    thread.horizon = horizon;
    run();
    return thread.ahead.length;
  };
  if (looks(HORIZON) < HORIZON) return undefined;
  const { ahead } = thread;
  let told: readonly Look[] = [];
  const tell = (count: number): readonly Look[] => {
    if (told.length >= count) return told;
    thread.tells = true;
    looks(count);
    thread.tells = false;
    return (told = thread.ahead);
  };
  for (let round = 1; round <= LONGEST && round <= thread.ops.length; round++) {
    if (!repeats(ahead, round) || !wasMade(thread, ahead, round)) continue;
    const made = ahead.slice(0, round);
    if (!isOneLoop(thread, made, tell)) continue;
    return isEndless(thread, made, () => looks(FAR) === FAR) ? made.map(({ op }) => op) : undefined;
  }
  return undefined;
}

/** Does the thread go this round even far ahead? Answered as it was when that was first asked. */
function isEndless(thread: ModelThread, round: readonly Look[], goesFar: () => boolean): boolean {
  const looks = round.map(textOf);
  const text = looks.toSorted().join();
  if (thread.endless.has(text) || thread.endless.size >= MOST_FAR) return true;
  const isIt = goesFar();
  if (isIt) thread.endless.add(text);
  else for (const look of looks) thread.givesUp.add(look);
  return isIt;
}

const textOf = ({ op: { kind, start, a, b }, result }: Look): string => [kind, start, a, b, result].join(" ");

const repeats = (ahead: readonly Look[], round: number): boolean =>
  ahead.every((look, at) => at < round || isSameLook(look, ahead[at - round] as Look));

/** Are these plain reads, the same ones round after round? */
export function readsTheSame(ops: readonly Op[]): boolean {
  for (let round = 1; round <= LONGEST; round++) {
    if (ops.every((op, at) => op.kind === Kind.READ && (at < round || isSame(op, ops[at - round] as Op)))) return true;
  }
  return false;
}

/** Are the last operations that it did one such round? Plain reads, of which a look ahead notes none, count for nothing. */
function wasMade({ ops, results }: ModelThread, ahead: readonly Look[], round: number): boolean {
  let at = ops.length;
  for (let next = round - 1; next >= 0; next--) {
    do at--;
    while (at >= 0 && (ops[at] as Op).kind === Kind.READ);
    if (at < 0 || !isSameLook(ahead[next] as Look, { op: ops[at] as Op, result: results[at] })) return false;
  }
  return true;
}

const isSameLook = (a: Look, b: Look): boolean => isSame(a.op, b.op) && Object.is(a.result, b.result);

const isSame = (a: Op, b: Op): boolean =>
  a.kind === b.kind && a.start === b.start && a.end === b.end && Object.is(a.a, b.a) && Object.is(a.b, b.b);

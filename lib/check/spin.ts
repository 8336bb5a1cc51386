/**
 * Threads that only look. `while (Atomics.load(flag, 0) === 0);` has infinitely many executions, which differ only in how often
 * it looked. Such a thread is held back until something it looks at changes.
 *
 * That it is such a thread is not guessed: it is run ahead, by 1,000 operations, with memory as it is. If none of them changes
 * anything, and they repeat a round that it has already made with the same results, then making another round first is a
 * stutter: each of its local states has been met by each later change of memory already. A loop that gives up after fewer
 * than 1,000 operations is explored as it is.
 */
import { wouldChange } from "./effect.ts";
import type { Memory } from "./memory.ts";
import { Kind, type Look, type Op } from "./operation.ts";
import type { ModelThread } from "./thread.ts";

const HORIZON = 1000;
/** The longest round that is recognised, in operations. */
export const LONGEST = 64;

/** Has the thread done this very operation lately, and nothing but look since, so that it may be going round? Cheap; asked at every operation. */
export function mayRepeat(thread: ModelThread, op: Op): boolean {
  if (op.kind >= Kind.WAIT) return false;
  const oldest = Math.max(thread.state.idleFrom, thread.ops.length - LONGEST);
  for (let at = thread.ops.length - 1; at >= oldest; at--) {
    if ((thread.ops[at] as Op).kind === Kind.WRITE) return false;
    if (isSame(thread.ops[at] as Op, op)) {
      thread.suspect = true;
      return true;
    }
  }
  return false;
}

/** What the operation would return, or undefined if it would have an effect or put the thread to sleep. */
export function isIdle(memory: Memory, op: Op): { readonly result: unknown } | undefined {
  if (op.kind >= Kind.WAIT) return undefined;
  const { result, changes } = wouldChange(memory.byId(op.buffer).cells(op.element), op);
  return changes ? undefined : { result };
}

/** Runs the thread ahead; what it would look at for ever, or undefined if it would get anywhere. */
export function findSpin(thread: ModelThread, run: () => void): readonly Op[] | undefined {
  thread.ahead = [];
  thread.horizon = HORIZON;
  run();
  const { ahead } = thread;
  if (ahead.length < HORIZON) return undefined;
  for (let round = 1; round <= LONGEST && round <= thread.ops.length; round++) {
    if (repeats(ahead, round) && wasMade(thread, ahead, round)) return ahead.slice(0, round).map(({ op }) => op);
  }
  return undefined;
}

const repeats = (ahead: readonly Look[], round: number): boolean =>
  ahead.every((look, at) => at < round || isSameLook(look, ahead[at - round] as Look));

/** Are these plain reads, the same ones round after round? */
export function readsTheSame(ops: readonly Op[]): boolean {
  for (let round = 1; round <= LONGEST; round++) {
    if (ops.every((op, at) => op.kind === Kind.READ && (at < round || isSame(op, ops[at - round] as Op)))) return true;
  }
  return false;
}

/** Are the last operations that it did one such round? */
const wasMade = (thread: ModelThread, ahead: readonly Look[], round: number): boolean =>
  ahead.slice(0, round).every((look, at) => {
    const past = thread.ops.length - round + at;
    return isSameLook(look, { op: thread.ops[past] as Op, result: thread.results[past] });
  });

const isSameLook = (a: Look, b: Look): boolean => isSame(a.op, b.op) && Object.is(a.result, b.result);

const isSame = (a: Op, b: Op): boolean =>
  a.kind === b.kind && a.start === b.start && a.end === b.end && Object.is(a.a, b.a) && Object.is(a.b, b.b);

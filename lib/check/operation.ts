/**
 * What a modelled thread can do next, and when two such deeds commute.
 *
 * Dependence is judged by what an operation did, not by what it is called: a compare-and-exchange that failed, an exchange or a
 * store that put back the very value it found only read. Such conditional independence keeps sleep sets and race reversal sound
 * because nothing that is independent of an operation can change what that operation does.
 *
 * Where threads access memory plainly too, a store that put back what it found did write, and a notify counts even if nobody sleeps: by
 * the memory model, whoever reads from that store, or visits the same queue of sleepers, has behind it what came before. Else it would hang
 * on the order in which such steps happen to be gone through whether a data race is seen.
 *
 * Source: S. Katz, D. Peled, "Defining conditional independence using collapses" (1992); P. Godefroid, "Partial-Order Methods for
 * the Verification of Concurrent Systems" (1996).
 */

/** The operations of `Atomics`, what only ferrous' supervisor can do, the plain accesses, which are no choice points, and a body's return. */
export const Kind = {
  LOAD: 0,
  STORE: 1,
  EXCHANGE: 2,
  CAS: 3,
  ADD: 4,
  SUB: 5,
  AND: 6,
  OR: 7,
  XOR: 8,
  WAIT: 9,
  NOTIFY: 10,
  WAKE_ALL: 11,
  READ: 12,
  WRITE: 13,
  END: 14,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];
export const KIND_NAMES = [
  "load",
  "store",
  "exchange",
  "compareExchange",
  "add",
  "sub",
  "and",
  "or",
  "xor",
  "wait",
  "notify",
  "wakeEverybody",
  "reads",
  "writes",
  "returns",
] as const;

/** One operation as the thread asked for it. Places are numbers, so that it means the same in every execution. */
export interface Op {
  readonly kind: Kind;
  /** The buffer's number. */
  readonly buffer: number;
  /** The kind of element, and its number counted from the start of the buffer. */
  readonly element: number;
  readonly index: number;
  /** The bytes, in an address space in which no two buffers overlap. */
  readonly start: number;
  readonly end: number;
  /** The operands: value; expected and replacement; expected and timeout; count. Of a plain write, `b`: does it go on with the next byte? */
  readonly a: unknown;
  readonly b: unknown;
  /** A wait that ends by itself, when nothing else is left to happen: it only lets others go first for a while. */
  readonly naps: boolean;
  /** A wait of ferrous' own, noted where a supervisor finds it, which makes the sleeper look after a death. */
  readonly noted: boolean;
  /** Where in the source, when the run is recorded for a trace. */
  readonly site: string | undefined;
}

/** That a thread's body returns. `a` is what. */
export const END: Op = {
  kind: Kind.END,
  buffer: -1,
  element: 0,
  index: 0,
  start: 0,
  end: 0,
  a: undefined,
  b: undefined,
  naps: false,
  noted: false,
  site: undefined,
};

/** An operation that was computed but not done. */
export interface Look {
  readonly op: Op;
  readonly result: unknown;
  /** Of a few in a look ahead: from where in the code, as a stack. */
  readonly from?: string | undefined;
}

/**
 * What a scheduled thread does: its next operation, or what may befall it. A choice is `lost << 5 | thread << 2 | deed`; of a death `lost` says
 * how many of the thread's last plain writes did not happen any more.
 */
export const Deed = { GO: 0, DIE: 1, TIME_OUT: 2, WAKE: 3 } as const;
export type Deed = (typeof Deed)[keyof typeof Deed];
export const choiceOf = (thread: number, deed: Deed, lost = 0): number => (lost << 5) | (thread << 2) | deed;
export const threadOf = (choice: number): number => (choice >> 2) & 7;
export const lostOf = (choice: number): number => choice >> 5;
export const deedOf = (choice: number): Deed => (choice & 3) as Deed;

/** Access to memory, or to a queue of sleepers. */
export const Touch = { NONE: 0, READ: 1, WRITE: 2 } as const;
export type Touch = (typeof Touch)[keyof typeof Touch];

/** Marks of checkOperations: a call begins with this step, a call returns with it. */
export const CALL = 1;
export const RETURN = 2;

/** One step that was taken. */
export interface Step {
  readonly choice: number;
  readonly thread: number;
  /** What the thread was about to do; it did so if the deed is GO. */
  readonly op: Op;
  readonly memory: Touch;
  readonly queue: Touch;
  /** The bytes touched; a queue of sleepers is known by `start`. */
  readonly start: number;
  readonly end: number;
  /** What is told to all sleepers, such as a death, touches every queue. */
  readonly everyQueue: boolean;
  /** A wait that begins, and that nothing can end but somebody else's step. */
  readonly isEndless: boolean;
  /** It happened because nothing else was left to happen, so all earlier steps are its cause. */
  readonly quiet: boolean;
  /** {@link CALL} and {@link RETURN}. */
  calls: number;
  /** For traces: what the operation returned, and the element before and after. */
  readonly result: unknown;
  readonly before: number | bigint | undefined;
  readonly after: number | bigint | undefined;
  /** The threads that this step woke. */
  readonly woke: readonly number[];
}

/**
 * Would the two steps, done in the other order, have done something else?
 *
 * An endless wait that is about to begin and a death, or a cancelling, that makes every sleeper look do not mind their order: the
 * wait is ended at once in either (see news in thread.ts), and what the thread does next comes after both.
 */
export function dependent(a: Step, b: Step): boolean {
  if ((a.memory | b.memory) >= Touch.WRITE && a.memory !== 0 && b.memory !== 0 && a.start < b.end && b.start < a.end) return true;
  if (
    (a.queue | b.queue) >= Touch.WRITE &&
    a.queue !== 0 &&
    b.queue !== 0 &&
    (a.start === b.start || (a.everyQueue && !b.isEndless) || (b.everyQueue && !a.isEndless))
  )
    return true;
  // Deaths share one budget; a history cares which call returned before which began.
  return (deedOf(a.choice) === Deed.DIE && deedOf(b.choice) === Deed.DIE) || (a.calls | b.calls) === (CALL | RETURN);
}

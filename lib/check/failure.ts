/**
 * Telling one failure from another.
 */
import { CheckError } from "../errors.ts";
import type { Memory } from "./memory.ts";
import { KIND_NAMES, type Kind, type Op } from "./operation.ts";
import type { FailureKind } from "./report.ts";
import { asked, titleOf } from "./text.ts";
import { Status, type ModelThread } from "./thread.ts";

/** Comes from an assertion library: node:assert, chai (vitest) and jest name their errors so, or carry their matcher's result. */
export function isAssertion(thrown: unknown): boolean {
  if (typeof thrown !== "object" || thrown === null) return false;
  return asked(() => {
    const { name, code } = thrown as { name?: unknown; code?: unknown };
    return name === "AssertionError" || name === "JestAssertionError" || code === "ERR_ASSERTION" || "matcherResult" in thrown;
  }, false);
}

/** What the engine said through the modelled `Atomics`: no sign of code that captured the real one. */
const honest = new WeakSet<object>();

/** Lets the engine throw what it throws. */
export function honestly<R>(call: () => R): R {
  try {
    return call();
  } catch (error) {
    if (typeof error === "object" && error !== null) honest.add(error);
    throw error;
  }
}

/** The engine's own complaint about a view that is one of the checker's. */
export const isForeignView = (thrown: unknown): boolean =>
  thrown instanceof TypeError &&
  !honest.has(thrown) &&
  asked(() => /not an? (?:integer )?(?:shared )?typed array|not an? (?:int32|integer)/i.test(thrown.message), false);

export const CAPTURED =
  "the engine's own Atomics, or a typed array's own method, was given one of the checker's views, so the code has captured it " +
  "(const { load } = Atomics, or Int32Array.prototype.fill.call(view)). Name Atomics at each use; call methods on the view.";

/** Who sleeps although the value slept on has changed. */
export const whoMissed = (threads: readonly ModelThread[], memory: Memory): readonly ModelThread[] =>
  threads.filter(({ state }) => {
    if (state.status !== Status.ASLEEP) return false;
    const { buffer, element, index, a } = state.pending as Op;
    return memory.byId(buffer).cells(element)[index] !== a;
  });

/** Why nothing can happen any more, if a thread has not ended. */
export function whyStuck(threads: readonly ModelThread[], memory: Memory): { kind: FailureKind; message: string } | undefined {
  const sleepers = threads.filter(({ state }) => state.status === Status.ASLEEP);
  const spinners = threads.filter(({ state }) => state.status === Status.READY);
  if (sleepers.length + spinners.length === 0) return undefined;
  const names = (some: readonly ModelThread[]): string => some.map(({ name }) => titleOf(name)).join(" and ");
  const verb = (some: readonly ModelThread[], one: string): string => `${names(some)} ${some.length === 1 ? one : one.slice(0, -1)}`;
  if (spinners.length > 0) {
    const asleep = sleepers.length > 0 ? `, ${verb(sleepers, "sleeps")}` : "";
    return {
      kind: "livelock",
      message: `${verb(spinners, "looks")} at the same values for ever${asleep}, and nobody is left to change them`,
    };
  }
  const missed = whoMissed(threads, memory);
  return missed.length > 0
    ? { kind: "lost wake-up", message: `${verb(missed, "sleeps")} although the value slept on has changed, and nobody is left to notify` }
    : { kind: "deadlock", message: `${verb(sleepers, "sleeps")}, and nobody is left to notify` };
}

/** Threads that went on when they were made to look, where nothing else could happen. */
export function whoWasNotWoken(threads: readonly ModelThread[]): { kind: FailureKind; message: string } | undefined {
  if (threads.length === 0) return undefined;
  const names = threads.map(({ name }) => titleOf(name)).join(" and ");
  return {
    kind: "lost wake-up",
    message: `${names} slept although ${threads.length === 1 ? "it" : "they"} could have gone on, and nobody was left to notify`,
  };
}

/** An operation in a word, with its operand. */
export const operationText = (kind: Kind, a: unknown): string => (a === undefined ? KIND_NAMES[kind] : `${KIND_NAMES[kind]} ${String(a)}`);

export const ADVICE =
  "A body must do the same when its operations return the same: build what it uses inside, share through shared memory only, and let no counter, cache or ordinary object live across runs. " +
  "That goes for objects of ferrous to which no property of the state leads (in a private field, a closure or a variable of the module): all threads have them in common.";

/** Thrown by the assertion that every history must pass. */
export class NotLinearizable extends Error {
  override readonly name = "NotLinearizable";
}

/** Threads access memory plainly, and the search had taken them for ones that do not. */
export class PlainAccess extends Error {}

/** Threads use ferrous, and were taken for ones that do not. */
export class KnownThreads extends Error {}

/** What a report says of deaths that were not gone through. */
export const LEFT_OUT =
  "a thread made more than 1,000 plain writes without an atomic operation in between: a death before one of them was tried for the last 1,000 only";

/** What cannot be checked at all, wherever it is thrown: in after, where all else that is thrown is a failure, too. */
export class Refusal extends CheckError {}

/** Memory of the world was written, and nobody saw it: every segment's bytes must be noted, as those of memory from before the check are. */
export class UnseenWrite extends Refusal {
  constructor() {
    super(
      "shared memory was written through a view that explore() does not see: of a class that extends a typed array and was defined before, a Buffer, " +
        "or a captured constructor. Name Int32Array and its like where the view is made, in setup or in a thread; or use check(), which notes such bytes.",
    );
  }
}
/** What a report says then. */
export const UNSEEN =
  "memory was written plainly through views that check() does not see (of a class that extends a typed array and was defined before the check, " +
  "a Buffer, or a captured constructor): accesses through them were not looked through for data races";

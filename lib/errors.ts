/**
 * Every error that this library throws. Each says what happened, to which object (by its name), and what to do; each has a
 * literal `code`, which survives bundling, minifying and the crossing between threads, where `instanceof` may not.
 */

/** The root of all errors of this library: `error instanceof FerrousError`, or look at {@link FerrousError.code}. */
export abstract class FerrousError extends Error {
  /** A stable, literal name of the cause, such as `"POISONED"`. */
  abstract readonly code: string;
}

const OF_A_LOCK =
  "ended or failed while it held the lock, so the data may be half-written. " +
  "Repair the data with recover(), or accept it as it is with lock({ allowPoisoned: true }).";

/** A thread died or threw while it held the lock or initialised something, so the data may be half-written. You do not hold the lock. */
export class PoisonedError extends FerrousError {
  override readonly name = "PoisonedError";
  readonly code = "POISONED";
  /** @param story  what the culprit did, and what to do now; without it, that of a lock */
  constructor(what: string, culprit: string, story = OF_A_LOCK) {
    super(`${what} is poisoned: ${culprit} ${story}`);
  }
}

/** Waiting would never have ended: the threads of a cycle wait for each other, or this thread waits for itself. */
export class DeadlockError extends FerrousError {
  override readonly name = "DeadlockError";
  readonly code = "DEADLOCK";
  /** @param advice  what to do; without it, that of a cycle of threads */
  constructor(
    story: string,
    advice = "Take the locks in one order everywhere, or use tryLock() or lockAsync(). You do not hold the lock.",
  ) {
    super(`deadlock: ${story}. ${advice}`);
  }
}

/** The time was over before the operation was done. Nothing was taken. */
export class TimeoutError extends FerrousError {
  override readonly name = "TimeoutError";
  readonly code = "TIMEOUT";
  constructor(what: string, verb: string, ms: number) {
    super(`${verb} ${what} did not succeed within ${String(ms)} ms. Nothing is held; try again, wait longer, or find out who holds it.`);
  }
}

/** A guard, or the end of a channel, was used after it was released, or in a thread that does not own it. */
export class ReleasedError extends FerrousError {
  override readonly name = "ReleasedError";
  readonly code = "RELEASED";
  /** @param story  what happened to it, and what to do now; without it, that of a guard */
  constructor(what: string, story = "was released: what it protected may belong to another thread by now. Lock again to get a new guard.") {
    super(`${what} ${story}`);
  }
}

/** This thread must not block. Browsers forbid it to a page's main thread, and give no thread shared memory while it blocks. */
export class BlockingNotAllowedError extends FerrousError {
  override readonly name = "BlockingNotAllowedError";
  readonly code = "BLOCKING_NOT_ALLOWED";
  constructor(what: string, verb: string, why?: string) {
    super(
      why === undefined
        ? `this thread must not block, so it cannot ${verb} ${what}. Await ${verb}Async() instead, or do it in a worker.`
        : `${verb}() cannot give ${what}: ${why}. Await ${verb}Async() instead.`,
    );
  }
}

/** The other ends of the channel are all gone. From a send it carries the unsent `value`, from a select the `index`. */
export class DisconnectedError extends FerrousError {
  override readonly name = "DisconnectedError";
  readonly code = "DISCONNECTED";
  readonly value?: unknown;
  readonly index?: number;
  constructor(message: string, details: { value?: unknown; index?: number } = {}) {
    super(message);
    Object.assign(this, details);
  }
}

/** The thread that you joined threw; `cause` is what it threw. */
export class PanicError extends FerrousError {
  override readonly name = "PanicError";
  readonly code = "PANIC";
  constructor(thread: string, cause: unknown) {
    super(`${thread} panicked: ${describeThrown(cause)}. What it threw is this error's cause.`, { cause });
  }
}

/** Why a thread ended without a result. */
export type DeathReason = "exit" | "terminated" | "out-of-memory" | "stack-overflow" | "unhandled-rejection" | "unknown";

/** The thread that you joined died without a result: it was terminated, it called process.exit, or it ran out of memory. */
export class ThreadDiedError extends FerrousError {
  override readonly name = "ThreadDiedError";
  readonly code = "THREAD_DIED";
  readonly reason: DeathReason;
  constructor(thread: string, reason: DeathReason, cause?: unknown) {
    super(
      `${thread} died before it had a result (${reason}${cause === undefined ? "" : `: ${describeThrown(cause)}`}). ` +
        `All that it held is released or poisoned; spawn a new thread to do its work.`,
      cause === undefined ? undefined : { cause },
    );
    this.reason = reason;
  }
}

/** Somebody who took part in the barrier died, so it can never be complete again. */
export class BrokenBarrierError extends FerrousError {
  override readonly name = "BrokenBarrierError";
  readonly code = "BROKEN_BARRIER";
}

/** The page is not cross-origin isolated, so it has no shared memory. */
export class IsolationError extends FerrousError {
  override readonly name = "IsolationError";
  readonly code = "ISOLATION";
}

/** An inline function uses variables of its surroundings, which do not exist in the other thread. Nothing was started. */
export class CaptureError extends FerrousError {
  override readonly name = "CaptureError";
  readonly code = "CAPTURE";
  /** The captured variables, in the order of their first use. */
  readonly variables: readonly string[];
  constructor(variables: readonly string[]) {
    const list = variables.map((name) => `"${name}"`).join(", ");
    super(
      `the function given to spawn() captures ${list}, and an inline function is sent to the other thread as text, without its surroundings. ` +
        `Pass ${variables.length === 1 ? "it as an argument" : "them as arguments"}, or make the function a task().`,
    );
    this.variables = variables;
  }
}

/** A value cannot go to another thread. */
export class NotSendableError extends FerrousError {
  override readonly name = "NotSendableError";
  readonly code = "NOT_SENDABLE";
  constructor(where: string, why: string, cause?: unknown) {
    super(`${where} cannot be sent to another thread: ${why}`, cause === undefined ? undefined : { cause });
  }
}

/** A place, a name or a type was opened as something else than what lies there. */
export class LayoutError extends FerrousError {
  override readonly name = "LayoutError";
  readonly code = "LAYOUT";
}

/** A handle is forged, damaged, of another version, or of another process; or what it led to is gone. */
export class HandleError extends FerrousError {
  override readonly name = "HandleError";
  readonly code = "HANDLE";
  /** @param story  what happened to which object, and what to do now; without it, `why` is wrong with a handle that somebody gave */
  constructor(why: string, story = `this is no usable ferrous handle: ${why}. Make one with toHandle(object) and post it unchanged.`) {
    super(story);
  }
}

/** There are as many threads as the registry has records. No thread was started. */
export class TooManyThreadsError extends FerrousError {
  override readonly name = "TooManyThreadsError";
  readonly code = "TOO_MANY_THREADS";
  constructor(limit: number) {
    super(`there are already ${String(limit)} threads, the most that one process can have. Join some before you spawn more, or use fewer.`);
  }
}

/** The task's module could not be loaded, or has no task of that name. */
export class TaskError extends FerrousError {
  override readonly name = "TaskError";
  readonly code = "TASK";
}

/** There is no room for the value: it, or all that is queued, is larger than the channel may grow. */
export class FullError extends FerrousError {
  override readonly name = "FullError";
  readonly code = "FULL";
}

/** The checker was asked for something that it cannot do. */
export class CheckError extends FerrousError {
  override readonly name = "CheckError";
  readonly code = "CHECK";
}

/** What was thrown, in a few words: an error's class and message, or the value itself. Anything may be thrown, traps too. */
function describeThrown(thrown: unknown): string {
  try {
    if (typeof thrown !== "object" || thrown === null || !("message" in thrown)) return String(thrown);
    const { name, message } = thrown as { name?: unknown; message: unknown };
    return `${String(name ?? "Error")}: ${String(message)}`;
  } catch {
    return "a value that cannot be shown";
  }
}

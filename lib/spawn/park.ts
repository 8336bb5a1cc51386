/**
 * One token a thread: park() waits for it and takes it, unpark() puts it there. It does not add up.
 *
 *     TOKEN   generation << 1 | 0 none    1 there
 *
 * No wake-up is lost: unpark puts the token there first and notifies second; park sleeps only while there is none. The generation is that of
 * the thread's id, so that a token that comes when its thread has ended, and another one has its index, is nobody's.
 */
import { kindOf } from "../memory/place.ts";
import { Line } from "../park/line.ts";
import { abortSignalOf, isTimeOver, Limits, timeoutOf, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Attempt, type Awaited } from "../park/wait.ts";
import { currentThread, ownField } from "../thread/current.ts";
import { Field, noToken } from "../thread/registry.ts";
import { MAX_ID, type Thread } from "./thread.ts";

const attempt: Attempt = () => {
  const { id, registry } = currentThread();
  const token = registry.field(id, Field.TOKEN);
  const none = noToken(id);
  return token.compareExchange(none + 1, none) === none + 1 ? undefined : { word: token, value: none };
};
const awaited: Awaited = { describe: () => "the token of unpark()" };
const line = new Line();

/** Blocks this thread until somebody unparks it, or returns at once if somebody has since it last parked. */
export function park(opts?: WaitOptions): "ok" | "timed-out" {
  return orTimedOut(opts, () => {
    wait(attempt, awaited, "park", opts);
  });
}

/** As {@link park}, awaiting instead. */
export async function parkAsync(opts?: AsyncWaitOptions): Promise<"ok" | "timed-out"> {
  try {
    await line.wait(attempt, () => undefined, awaited, "park", opts);
    return "ok";
  } catch (error) {
    if (isTimeOver(error, opts)) return "timed-out";
    throw error;
  }
}

/**
 * Lets the thread's next, or present, park() return. Of a thread that has ended, does nothing.
 * @throws {TypeError} it is no Thread
 */
export function unpark(thread: Thread): void {
  requireThread(thread);
  const { id } = thread;
  const token = currentThread().registry.field(id, Field.TOKEN);
  token.compareExchange(noToken(id), noToken(id) + 1);
  token.notify();
}

/**
 * Blocks this thread for so many milliseconds.
 * @throws {RangeError} `ms` is no number from 0
 */
export function sleep(ms: number, opts?: Pick<WaitOptions, "signal">): void {
  requireMs(ms);
  const { passes } = currentThread();
  if (passes !== undefined) {
    // A sleep can end at any moment, as far as others can tell, so only the clock needs to move.
    new Limits({ ...opts, timeout: ms }, "sleep").throwIfCancelled();
    passes(ms);
    return;
  }
  const never = ownField(Field.NEVER);
  orTimedOut(opts, () => {
    wait(() => ({ word: never, value: 0 }), TIME, "sleep", { ...opts, timeout: ms });
  });
}

/**
 * Waits for so many milliseconds without blocking this thread.
 * @throws {RangeError} `ms` is no number from 0
 */
export async function sleepAsync(ms: number, opts?: Pick<AsyncWaitOptions, "signal">): Promise<void> {
  requireMs(ms);
  timeoutOf(opts);
  const signal = abortSignalOf(opts);
  const until = performance.now() + ms;
  // A timer holds 24 days at most.
  for (let left = ms; left > 0; left = until - performance.now()) await pause(Math.min(left, MAX_TIMER), signal);
  signal?.throwIfAborted();
}

const MAX_TIMER = 0x7fff_ffff;
const TIME: Awaited = { describe: () => "for time to pass" };

/** A timer of its own: thousands of sleeping tasks do not look after each other, as those in line for one lock do. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

function requireThread(given: unknown): void {
  const { id } = (given ?? {}) as { readonly id?: unknown };
  if (typeof given === "object" && typeof id === "number" && Number.isInteger(id) && id > 0 && id <= MAX_ID) return;
  throw new TypeError(`unpark() needs a Thread, such as handle.thread or Thread.current(); it was given ${kindOf(given)}.`);
}

function requireMs(ms: unknown): void {
  if (typeof ms !== "number" || !(ms >= 0)) {
    throw new RangeError(`a time to sleep is a number of milliseconds from 0; it was given ${String(ms)}.`);
  }
}

function orTimedOut(opts: WaitOptions | undefined, waiting: () => void): "ok" | "timed-out" {
  try {
    waiting();
    return "ok";
  } catch (error) {
    if (isTimeOver(error, opts)) return "timed-out";
    throw error;
  }
}

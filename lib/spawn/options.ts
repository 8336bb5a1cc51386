/** How a thread is to be made: what a user may ask for, looked at before anything is started. */
import type { ResourceLimits } from "../host/host.ts";
import { kindOf } from "../memory/place.ts";
import { requireOptions } from "../park/limits.ts";

/**
 * Node keeps 192 KB of a thread's stack for itself, and crashes, with the whole process, if there is not enough beside them: measured in
 * Node 20, 0.22 MB ends the process, 0.25 at most the thread.
 */
const MIN_STACK_MB = 0.25;
/**
 * What no machine has, in MB. Node crashes too with stacks from 10^15 on, and Infinity; and where it cannot reserve the addresses of as much
 * machine code, measured with 10^8.
 */
const MAX_RESERVED_MB = 2 ** 20;

/** How a thread is to be made. */
export interface ThreadOptions {
  /** What messages and debuggers call it; `Thread.current().name` inside. At most 64 bytes of UTF-8 are kept. */
  readonly name?: string;
  /** Limits of its memory, in MB: past them it dies alone, of "out-of-memory". */
  readonly resourceLimits?: ResourceLimits;
  /**
   * For bundlers: `() => new Worker(new URL("ferrous/worker", import.meta.url))`, a new one each time. The thread then ends with the one
   * that spawned it; that it died of "out-of-memory", or why it could not be started in Node, is told to joinAsync() only: to join(), which blocks, its
   * death is "unknown", and so is to both one by the Worker's own terminate(). Limits are given to the Worker itself.
   */
  readonly worker?: () => unknown;
}

/**
 * Throws unless these are options of a thread.
 * @throws {TypeError} they, the name, the limits or the worker are something else
 * @throws {RangeError} a limit is no number of MB above 0, a stack smaller than 0.25 MB, or it or a code range larger than 2^20
 */
export function checkThreadOptions(options: ThreadOptions): void {
  requireOptions(options, '{ name: "tally" }');
  const { name, resourceLimits, worker } = options as { readonly [K in keyof ThreadOptions]: unknown };
  if (name !== undefined && typeof name !== "string") {
    throw new TypeError(`the name of a thread is a string; it was given ${kindOf(name)}.`);
  }
  if (worker !== undefined && typeof worker !== "function") {
    throw new TypeError(`the worker of a thread is a function that makes one, () => new Worker(...); it was given ${kindOf(worker)}.`);
  }
  if (resourceLimits === undefined) return;
  if (typeof resourceLimits !== "object" || resourceLimits === null) {
    throw new TypeError(
      `resourceLimits are an object of MB, such as { maxOldGenerationSizeMb: 256 }; it was given ${kindOf(resourceLimits)}.`,
    );
  }
  for (const [limit, mb] of Object.entries(resourceLimits)) {
    // The platform would take what is no number for no limit at all.
    if (mb === undefined || (typeof mb === "number" && mb > 0)) continue;
    const given = typeof mb === "number" ? String(mb) : kindOf(mb);
    const Kind = typeof mb === "number" ? RangeError : TypeError;
    throw new Kind(`the limit ${limit} of a thread is a number of MB above 0; it was given ${given}.`);
  }
  const { stackSizeMb = MIN_STACK_MB, codeRangeSizeMb = 1 } = resourceLimits as ResourceLimits;
  requireReservable("stackSizeMb", stackSizeMb, MIN_STACK_MB);
  requireReservable("codeRangeSizeMb", codeRangeSizeMb, 0);
}

function requireReservable(limit: string, mb: number, least: number): void {
  if (mb >= least && mb <= MAX_RESERVED_MB) return;
  throw new RangeError(
    `the limit ${limit} of a thread is ${String(least)} to ${String(MAX_RESERVED_MB)} MB; it was given ${String(mb)}, with which Node may end the whole process.`,
  );
}

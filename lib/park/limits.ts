/** How long a wait may last, and what may call it off. */
import { TimeoutError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";

/**
 * Throws unless what was given as options is an object.
 * @param example  what they look like, for the message
 */
export function requireOptions(given: unknown, example: string): void {
  if (typeof given === "object" && given !== null) return;
  throw new TypeError(`options are an object such as ${example}; it was given ${kindOf(given)}.`);
}

/** Under this key a CancelFlag gives its AbortSignal to who holds on to it for as long as it listens. */
export const LISTENER: unique symbol = Symbol("ferrous listener");

/** What can call off a blocking wait: a CancelFlag. It lies in shared memory, so a blocked thread can be told. */
export interface CancelSource {
  readonly cancelled: boolean;
  /** What it was cancelled with. */
  readonly reason: unknown;
  /** The same as an AbortSignal of this thread. */
  readonly signal: AbortSignal;
  /** @internal */
  readonly [LISTENER]?: AbortSignal;
}

/** Limits of a blocking wait. */
export interface WaitOptions {
  /** In milliseconds, from 0; without it, waits for ever. */
  readonly timeout?: number;
  /** Calls the wait off: it throws the flag's reason, and holds nothing. */
  readonly signal?: CancelSource;
}

/** Limits of an awaiting wait. */
export interface AsyncWaitOptions {
  /** In milliseconds, from 0; without it, waits for ever. */
  readonly timeout?: number;
  /** Calls the wait off: it rejects with the signal's reason, and holds nothing. */
  readonly signal?: CancelSource | AbortSignal;
}

/**
 * The timeout of these options in milliseconds, Infinity without one.
 * @throws {RangeError} it is no number from 0
 * @throws {TypeError} the options or the signal are something else
 */
export function timeoutOf(opts: AsyncWaitOptions | undefined): number {
  if (opts === undefined) return Infinity;
  requireOptions(opts, "{ timeout: 250 }");
  const { timeout = Infinity, signal } = opts;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`a timeout is a number of milliseconds from 0; it was given ${String(timeout)}.`);
  }
  if (signal !== undefined && (typeof signal !== "object" || (signal as unknown) === null)) throw noSignal(signal);
  if (signal !== undefined && !isCancelSource(signal) && !isAbortSignal(signal)) {
    throw noSignal(signal);
  }
  return timeout;
}

const noSignal = (given: unknown): TypeError =>
  new TypeError(`a signal is a CancelFlag, or for the awaiting forms an AbortSignal; it was given ${kindOf(given)}.`);

export const isCancelSource = (signal: object): signal is CancelSource => "cancelled" in signal && "signal" in signal;
/**
 * What calls an awaiting wait off, as an AbortSignal.
 * @throws the flag's reason if it is cancelled: its AbortSignal hears of that a turn of the event loop later
 */
export function abortSignalOf(opts: AsyncWaitOptions | undefined): AbortSignal | undefined {
  const signal = opts?.signal;
  if (signal === undefined || !isCancelSource(signal)) return signal;
  if (signal.cancelled) throw signal.reason;
  return signal[LISTENER] ?? signal.signal;
}
const isAbortSignal = (signal: object): signal is AbortSignal => "aborted" in signal && "addEventListener" in signal;

/** Did a wait with these options end because its time was over? A TimeoutError can be what it was called off with, too. */
export const isTimeOver = (error: unknown, opts: AsyncWaitOptions | undefined): boolean =>
  error instanceof TimeoutError && opts?.signal?.reason !== error;

/** The limits of one blocking call, from its start on. */
export class Limits {
  readonly timeout: number;
  readonly #source: CancelSource | undefined;
  readonly #deadline: number;

  constructor(opts: WaitOptions | undefined, verb: string) {
    this.timeout = timeoutOf(opts);
    this.#source = opts?.signal;
    if (this.#source !== undefined && !isCancelSource(this.#source)) {
      throw new TypeError(`a blocked thread cannot hear an AbortSignal: give a CancelFlag, or await ${verb}Async() with this signal.`);
    }
    this.#deadline = this.timeout === Infinity ? Infinity : performance.now() + this.timeout;
  }

  /** Can nothing but the awaited event end the wait? */
  get endless(): boolean {
    return this.#deadline === Infinity && this.#source === undefined;
  }
  /** Milliseconds that are left, from 0. */
  get left(): number {
    return this.#deadline === Infinity ? Infinity : Math.max(0, this.#deadline - performance.now());
  }
  throwIfCancelled(): void {
    if (this.#source?.cancelled === true) throw this.#source.reason;
  }
  timedOut(what: string, verb: string): TimeoutError {
    return new TimeoutError(what, verb, this.timeout);
  }
}

/** Receivers of the time: for a select that shall not wait for ever, or do something now and then. */
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Sleep } from "../park/wait.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { ownField } from "../thread/current.ts";
import { Field } from "../thread/registry.ts";
import type { Receiving } from "./call.ts";
import { Receiver } from "./receiver.ts";
import type { Source } from "./source.ts";

/** The longest time that a platform's timer can be set to, in ms; then it is looked again. */
const LONGEST_NAP = 0x7fff_ffff;

/** A source of moments, of which one waits at most. */
class Clock implements Source {
  readonly #what: string;
  readonly #period: number;
  readonly #line = new Line();
  #next: number;

  /** @param first  in ms from now; Infinity: never */
  constructor(what: string, first: number, period: number) {
    this.#what = what;
    this.#next = performance.now() + first;
    this.#period = period;
  }

  readonly capacity = 1;
  readonly isQuick = false;
  readonly one = undefined;
  open(): void {}
  close(): void {}
  isDisconnected(): boolean {
    return false;
  }
  takeOne(): boolean {
    return false;
  }
  takeSoon(): boolean {
    return false;
  }
  takeQuickly(box: Receiving): boolean {
    return this.tryTake(box);
  }
  unpack(item: unknown): unknown {
    return item;
  }
  unpackAsync(item: unknown): unknown {
    return this.unpack(item);
  }
  /** Moments arrive whole. */
  owe(): void {}
  get length(): number {
    return performance.now() >= this.#next ? 1 : 0;
  }
  tryTake(box: Receiving): boolean {
    const now = performance.now();
    if (now < this.#next) return false;
    box.accept(this.#next);
    // Moments that nobody received are left out.
    this.#next += this.#period;
    if (this.#next <= now) this.#next = now + this.#period;
    return true;
  }
  attemptTake(box: Receiving): Sleep | undefined {
    if (this.tryTake(box)) return undefined;
    const atMost = this.#next - performance.now();
    return {
      word: ownField(Field.NEVER),
      value: 0,
      ...(atMost === Infinity ? {} : { atMost: Math.min(Math.max(0, atMost), LONGEST_NAP) }),
    };
  }
  take(box: Receiving, opts: WaitOptions | undefined): void {
    wait(() => this.attemptTake(box), this, "recv", opts);
  }
  async takeAsync(box: Receiving, opts: AsyncWaitOptions | undefined): Promise<void> {
    await this.#line.wait(
      () => this.attemptTake(box),
      () => undefined,
      this,
      "recv",
      opts,
    );
  }
  describe(): string {
    return this.#what;
  }
}

/** A receiver of moments, each the `performance.now()` at which it was due. It is of this thread. */
export class TimeReceiver extends Receiver<number> {
  readonly [NOT_SENDABLE] = "it tells the time of its thread: make another there" as const;
}

/**
 * A receiver of one moment, `ms` from now; after it, nothing ever comes.
 * @throws {RangeError} `ms` is no number from 0
 * @example select([jobs, after(1000)]);
 */
export function after(ms: number): TimeReceiver {
  return TimeReceiver.of(new Clock(`after(${String(ms)})`, checkMs(ms, "after"), Infinity)) as unknown as TimeReceiver;
}

/**
 * A receiver of moments, one each `ms`. Those for which nobody was there are left out.
 * @throws {RangeError} `ms` is no number above 0
 */
export function tick(ms: number): TimeReceiver {
  if (checkMs(ms, "tick") === 0) throw new RangeError("tick() takes a number of milliseconds above 0; it was given 0.");
  return TimeReceiver.of(new Clock(`tick(${String(ms)})`, ms, ms)) as unknown as TimeReceiver;
}

/** A receiver to which nothing ever comes. */
export function never(): Receiver<never>;
export function never<T>(): Receiver<T>;
export function never<T>(): Receiver<T> {
  return TimeReceiver.of(new Clock("never()", Infinity, Infinity)) as Receiver<unknown> as Receiver<T>;
}

function checkMs(ms: unknown, verb: string): number {
  if (typeof ms === "number" && ms >= 0) return ms;
  throw new RangeError(`${verb}() takes a number of milliseconds from 0; it was given ${String(ms)}.`);
}

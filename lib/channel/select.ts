/**
 * Waiting for several channels, and doing exactly one thing.
 *
 * A thread that selects cannot sleep on several words at once, so it sleeps on its own BELL. It marks the TAIL of what it wants to
 * receive from, and the HEAD of what it wants to send to, with SELECTED; whoever moves one of them then rings the bells of all threads
 * that have such ends of that channel, and each of those looks again.
 *
 * No wake-up is lost: BELL is read before the channels are looked at, and who rings it has moved the word before. In looking again the
 * marks are set again.
 *
 * To send to a channel without capacity is an offer, that somebody may take at any time. So one is made only when nothing else can be
 * done, one at a time, and taken back before anything else is done; if it was taken, it is what was done. Of several, each is made for
 * some ms in turn: two selects may meet by one that is not the first of either.
 *
 * Source: J. Reppy, "Concurrent Programming in ML" (1999), on choosing among rendezvous; the bells are ours.
 */
import { DisconnectedError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";
import { Line } from "../park/line.ts";
import { Limits, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Awaited, type Sleep, type Waiter } from "../park/wait.ts";
import type { Moves } from "../send/moving.ts";
import { ownField } from "../thread/current.ts";
import { Field } from "../thread/registry.ts";
import { Box, Sending, type Waiting } from "./call.ts";
import type { Pipe } from "./pipe.ts";
import { Receiver } from "./receiver.ts";
import { movesOf, Sender, type SendOperation } from "./sender.ts";
import { Side } from "./roll.ts";
import type { Source } from "./source.ts";

/** In ms: for how long one of several offers is made. */
const OFFER = 2;

/** What a select can do: receive, or send. */
export type Operation = Receiver<unknown> | SendOperation;
type IndexOf<K> = K extends `${infer N extends number}` ? N : number;
type ValueOf<O> = O extends { recv(): infer T } ? T : undefined;
/** Which operation was done, by its place in the list, and what was received; undefined if something was sent. */
export type Selected<O extends readonly unknown[]> = {
  readonly [K in keyof O & `${number}`]: { readonly index: IndexOf<K>; readonly value: ValueOf<O[K]> };
}[keyof O & `${number}`] extends infer S
  ? [S] extends [never]
    ? { readonly index: number; readonly value: ValueOf<O[number]> }
    : S
  : never;

/**
 * Does one of several operations, whichever can be done first, blocking this thread until then. Of several that can be done, any.
 *
 * @param operations  receivers, and what `sender.sending(value)` makes
 * @returns which of them was done, and what was received
 * @throws {DisconnectedError} the other side of one of them has gone: that counts as ready, and the error has its `index`
 * @throws {TimeoutError} the time was over; nothing was done
 * @throws {TypeError} there is no operation, or something else in the list
 * @example
 * const { index, value } = select([jobs, quit], { timeout: 1000 });
 */
export function select<const O extends readonly Operation[]>(operations: O, opts?: WaitOptions): Selected<O> {
  if (opts !== undefined) new Limits(opts, "select").throwIfCancelled();
  const choice = new Choice(operations, true);
  return choice.settle(() => {
    try {
      wait((waiter) => choice.attempt(waiter), choice, "select", opts);
    } catch (error) {
      if (!choice.giveUp()) throw error;
    }
  }) as Selected<O>;
}

/** Does one of several operations if one can be done at this moment, else returns undefined. */
export function trySelect<const O extends readonly Operation[]>(operations: O): Selected<O> | undefined {
  const choice = new Choice(operations, true);
  return choice.settle(() => {
    choice.tryAll();
  }) as Selected<O> | undefined;
}

/** As {@link select}, awaiting. */
export async function selectAsync<const O extends readonly Operation[]>(operations: O, opts?: AsyncWaitOptions): Promise<Selected<O>> {
  const choice = new Choice(operations, false);
  const undo = choice.begin();
  // A call that waits is an end of its own, as in recvAsync: closing those that it was made with loses nothing.
  choice.hold();
  let done: boolean = false;
  try {
    await new Line().wait(
      (waiter) => choice.attempt(waiter),
      () => undefined,
      choice,
      "select",
      opts,
      () => {
        done = choice.giveUp();
      },
    );
    done = true;
  } catch (error) {
    if (!done) {
      undo();
      choice.release();
      throw error;
    }
  }
  try {
    const { index, value } = choice.end() as { index: number; value: unknown };
    return { index, value: await value } as Selected<O>;
  } finally {
    choice.release();
  }
}

/** One operation of a select. */
interface Alternative {
  /** Does it if that is possible now, and marks nothing. */
  tryNow(): boolean;
  /** Does it, or marks that somebody wants to; returns when to look again. */
  attempt(waiter: Waiting): Sleep | undefined;
  /** Takes back what it has offered; false if that was taken. */
  withdraw(): boolean;
  /** Keeps the channel open on this side, until `release`. */
  hold(): void;
  release(): void;
  /** Is an offer all that it can do? */
  readonly offers: boolean;
  /** If it does not block, it may be a promise. */
  value(): unknown;
  /** It was chosen, or not. */
  end(chosen: boolean): void;
}

class Reception implements Alternative {
  readonly offers = false;
  readonly #source: Source;
  readonly #box: Box;

  constructor(receiver: Receiver<unknown>, blocks: boolean) {
    this.#source = receiver.inner();
    this.#box = new Box(blocks);
  }
  tryNow(): boolean {
    return this.#source.tryTake(this.#box);
  }
  attempt(waiter: Waiting): Sleep | undefined {
    return this.#source.attemptTake(this.#box, waiter);
  }
  withdraw(): boolean {
    return true;
  }
  hold(): void {
    this.#source.open(Side.RECEIVERS, false);
  }
  release(): void {
    this.#source.close(Side.RECEIVERS);
  }
  value(): unknown {
    return this.#box.blocks ? this.#source.unpack(this.#box.item) : this.#source.unpackAsync(this.#box.item);
  }
  end(): void {}
}

class Emission implements Alternative {
  readonly offers: boolean;
  readonly #sender: Sender<unknown>;
  readonly #pipe: Pipe;
  readonly #value: unknown;
  readonly #sending: Sending;
  readonly #moves: Moves | undefined;

  constructor(sender: Sender<unknown>, value: unknown) {
    this.#sender = sender;
    const pipe = (this.#pipe = sender.inner());
    this.#value = value;
    const item = pipe.cargo.keep(pipe.cargo.pack(value, "a message"));
    this.#moves = movesOf(pipe)?.hold();
    this.#sending = new Sending([item], [value], true, this.#moves);
    this.offers = pipe.isRendezvous;
  }
  tryNow(): boolean {
    return this.#pipe.inlet.tryPut(this.#sending.items[0], this.#value, this.#moves);
  }
  attempt(waiter: Waiting): Sleep | undefined {
    return this.#pipe.inlet.attemptPut(this.#sending, waiter);
  }
  withdraw(): boolean {
    const isBack = this.#pipe.inlet.withdraw(this.#sending);
    if (isBack) this.#moves?.back();
    return isBack;
  }
  hold(): void {
    this.#pipe.open(Side.SENDERS, false);
  }
  release(): void {
    this.#pipe.close(Side.SENDERS);
  }
  value(): undefined {
    return undefined;
  }
  end(chosen: boolean): void {
    if (chosen) {
      this.#moves?.end(`through ${this.#pipe.describe()}`);
      this.#sender.sent();
    } else {
      this.#moves?.undo();
      this.#pipe.cargo.forget(this.#sending.items[0]);
    }
  }
}

class Choice implements Awaited {
  readonly #alternatives: Alternative[] = [];
  readonly #offering: Alternative[];
  /** The one whose offer is out. */
  #offered: Alternative | undefined;
  #turn = 0;
  #chosen: Alternative | undefined;
  #error: DisconnectedError | undefined;

  constructor(operations: readonly Operation[], blocks: boolean) {
    if (!Array.isArray(operations) || operations.length === 0) {
      throw new TypeError(
        `a select needs a list of receivers and of what sender.sending(value) makes, at least one; it was given ${Array.isArray(operations) ? "an empty list" : kindOf(operations)}.`,
      );
    }
    try {
      for (const [at, operation] of operations.entries()) this.#alternatives.push(alternativeOf(operation, at, blocks));
    } catch (error) {
      this.begin()();
      throw error;
    }
    this.#offering = this.#alternatives.filter(({ offers }) => offers);
  }

  attempt(waiter: Waiter): Sleep | undefined {
    if (this.giveUp()) return undefined;
    // After an offer was taken back, which may ring for this very thread.
    const bell = ownField(Field.BELL);
    const rung = bell.load();
    // Gates are entered, not slept on.
    const looker: Waiting = { me: waiter.me, blocks: false, wakes: 0, selects: true };
    let atMost = Infinity;
    for (const one of shuffled(this.#alternatives)) {
      const sleep = this.#does(one, () => (one.offers ? (one.tryNow() ? undefined : NOT_NOW) : one.attempt(looker)));
      if (sleep === undefined) return undefined;
      atMost = Math.min(atMost, sleep.atMost ?? Infinity);
    }
    const offer = this.#offering[this.#turn++ % this.#offering.length];
    if (offer !== undefined) {
      this.#offered = offer;
      if (this.#does(offer, () => offer.attempt(looker)) === undefined) return undefined;
      if (this.#offering.length > 1) atMost = Math.min(atMost, OFFER);
    }
    return { word: bell, value: rung, ...(atMost === Infinity ? {} : { atMost }) };
  }

  tryAll(): void {
    for (const one of shuffled(this.#alternatives)) {
      if (this.#does(one, () => (one.tryNow() ? undefined : NOT_NOW)) === undefined) return;
    }
  }

  /** Undefined: this one is what was done, or its other side has gone. */
  #does(one: Alternative, attempt: () => Sleep | undefined): Sleep | undefined {
    try {
      const sleep = attempt();
      if (sleep !== undefined) return sleep;
    } catch (error) {
      if (!(error instanceof DisconnectedError)) throw error;
      const index = this.#alternatives.indexOf(one);
      this.#error = new DisconnectedError(error.message, "value" in error ? { value: error.value, index } : { index });
    }
    this.#chosen = one;
    this.#offered = undefined;
    return undefined;
  }

  /** Takes back what was offered; true if that was taken, and so is what was done. */
  giveUp(): boolean {
    const offered = this.#offered;
    this.#offered = undefined;
    if (offered === undefined || offered.withdraw()) return false;
    this.#chosen = offered;
    return true;
  }

  /** Does `work`, and returns what came of it, undefined if nothing was done. */
  settle(work: () => void): unknown {
    const undo = this.begin();
    try {
      work();
    } catch (error) {
      undo();
      throw error;
    }
    return this.end();
  }
  hold(): void {
    for (const one of this.#alternatives) one.hold();
  }
  release(): void {
    for (const one of this.#alternatives) one.release();
  }
  begin(): () => void {
    return () => {
      for (const one of this.#alternatives) one.end(false);
    };
  }
  end(): unknown {
    const chosen = this.#error === undefined ? this.#chosen : undefined;
    for (const one of this.#alternatives) one.end(one === chosen);
    if (this.#error !== undefined) throw this.#error;
    return chosen === undefined ? undefined : { index: this.#alternatives.indexOf(chosen), value: chosen.value() };
  }

  describe(): string {
    return `one of ${String(this.#alternatives.length)} channels`;
  }
}

/** It stands for "not now", and is never slept on. */
const NOT_NOW: Sleep = { word: undefined as never, value: 0 };

function alternativeOf(operation: Operation, at: number, blocks: boolean): Alternative {
  if (operation instanceof Receiver) return new Reception(operation, blocks);
  if (typeof operation === "object" && (operation as unknown) !== null && operation.sender instanceof Sender)
    return new Emission(operation.sender, operation.value);
  const given = (operation as unknown) instanceof Sender ? "a sender itself" : kindOf(operation);
  throw new TypeError(`operation ${String(at)} of a select is a receiver, or what sender.sending(value) makes; it was given ${given}.`);
}

/** In an order of its own, so that none is starved. Source: R. Fisher, F. Yates (1938), as in D. Knuth, TAOCP 2, 3.4.2. */
function shuffled<T>(list: readonly T[]): T[] {
  const order = [...list];
  for (let at = order.length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other] as T, order[at] as T];
  }
  return order;
}

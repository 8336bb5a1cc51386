/** The sending end of a channel. */
import { DisconnectedError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";
import { abortSignalOf, Limits, timeoutOf, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { registerKind } from "../send/handle.ts";
import { howArrived, Moves } from "../send/moving.ts";
import type { Send } from "../send/send.ts";
import { End, type EndState } from "./end.ts";
import { pipeOf, SENDER } from "./open.ts";
import { ofAll, Sending, shared } from "./call.ts";
import type { Pipe } from "./pipe.ts";
import { Side } from "./roll.ts";
import { ScalarStore } from "./store.ts";

/** What a select sends, if it can: made by {@link Sender.sending}. */
export interface SendOperation {
  /** Whose messages are of another type each: what it takes was checked when this was made. */
  readonly sender: { close(): void };
  readonly value: unknown;
}

/**
 * The end of a channel that messages are put into. It belongs to one thread: passed to a thread or sent through a channel it moves
 * there, and `clone()` makes another. All senders together send what the receivers receive, each message to one of them; what one
 * sender sends arrives in that order.
 *
 * It is closed by `close()`, by the end of a `using` scope, or by its thread's end. When the last sender is closed, receivers still
 * get what was sent, and then a {@link DisconnectedError}.
 */
export class Sender<T> extends End<Pipe> {
  /** @internal Use `channel()`. */
  constructor(state: EndState<Pipe>) {
    super(state, Side.SENDERS);
  }

  static {
    registerKind(SENDER, (body) => {
      const { pipe, once } = pipeOf(body);
      return new Sender(arrive(pipe, Side.SENDERS, once));
    });
  }

  /** Another sender of this channel, for this thread to send from, or away. */
  clone(): Sender<T> {
    const { pipe, once, lent } = this.state;
    if (once) throw new TypeError(`the sender of ${pipe.describe()} sends one message only, so it cannot be cloned: use channel().`);
    if (!lent) pipe.open(Side.SENDERS, false);
    return new Sender(this.state);
  }

  /**
   * Sends a message, blocking this thread until there is room for it; of a channel without capacity, until it was received.
   * @param value         copied, but for shared memory and ferrous objects; ends of channels in it move
   * @param opts.timeout  milliseconds; without it, waits for ever
   * @param opts.signal   a CancelFlag that calls the wait off
   * @throws {DisconnectedError} there is no receiver any more; the error has the value
   * @throws {NotSendableError} the value cannot be sent
   * @throws {FullError} an unbounded channel is full, or the value alone is larger than `maxBytes`
   * @throws {TimeoutError} the time was over; it was not sent
   * @throws {ReleasedError} this end was closed, or has moved
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link sendAsync}
   * @example tx.send({ file: "a.txt", words: 17 });
   */
  send(value: T & Send<T>, opts?: WaitOptions): void {
    const { pipe, once } = this.state;
    const { cargo } = pipe;
    if (opts !== undefined) new Limits(opts, "send").throwIfCancelled();
    const item = cargo.pack(value, MESSAGE);
    if (pipe.isQuick && (pipe.inlet.putQuickly(item) || pipe.inlet.putSoon(item))) return;
    if (cargo.movables.length > 0 || pipe.isQuick || !pipe.inlet.putQuickly(item)) this.#sendSlow(pipe, item, value, opts);
    if (once) this.close();
  }

  #sendSlow(pipe: Pipe, item: unknown, value: unknown, opts: WaitOptions | undefined): void {
    const moves = movesOf(pipe);
    try {
      pipe.inlet.put(new Sending([pipe.cargo.keep(item)], [value], true, moves), opts);
    } catch (error) {
      moves?.undo();
      pipe.cargo.forget(item);
      throw error;
    }
    moves?.end(`through ${pipe.describe()}`);
  }

  /**
   * Sends a message if that can be done at once, else returns false. Of a channel without capacity: if a receiver waits for it.
   * @throws as {@link send}
   */
  trySend(value: T & Send<T>): boolean {
    const { pipe, once } = this.state;
    const { cargo } = pipe;
    const item = cargo.pack(value, MESSAGE);
    const moves = movesOf(pipe);
    let sent = false;
    try {
      sent = pipe.inlet.tryPut(item, value, moves);
    } finally {
      if (!sent) {
        moves?.undo();
        cargo.forget(item);
      }
    }
    if (sent) moves?.end(`through ${pipe.describe()}`);
    if (sent && once) this.close();
    return sent;
  }

  /**
   * As {@link send}, awaiting. What the tasks of one thread send arrives in the order of their calls.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   */
  async sendAsync(value: T & Send<T>, opts?: AsyncWaitOptions): Promise<void> {
    const { pipe, once } = this.state;
    if (once) {
      timeoutOf(opts);
      const signal = abortSignalOf(opts);
      if (signal?.aborted === true) throw signal.reason;
      // There is room for its only message, so this sender is closed before anybody can send a second one.
      if (this.trySend(value)) return;
    }
    await this.#putAsync(pipe, value, opts);
    if (once) this.close();
  }
  /** By a channel's face, for the end that was called may be closed meanwhile. */
  async #putAsync(pipe: Pipe, value: unknown, opts: AsyncWaitOptions | undefined): Promise<void> {
    const { cargo } = pipe;
    const item = cargo.keep(cargo.pack(value, MESSAGE));
    const moves = movesOf(pipe)?.hold();
    try {
      await pipe.inlet.putAsync(new Sending([item], [value], true, moves), opts);
    } catch (error) {
      moves?.undo();
      cargo.forget(item);
      throw error;
    }
    moves?.end(`through ${pipe.describe()}`);
  }

  /**
   * Sends messages in this order, blocking this thread whenever there is no room. Of scalars, many times as fast as one by one.
   * @param opts.timeout  for all of them together
   * @throws as {@link send}; a {@link DisconnectedError} has those that were not sent, in an array. After any other error some may
   *   have been sent
   */
  sendMany(values: ArrayLike<T & Send<T>> | Iterable<T & Send<T>>, opts?: WaitOptions): void {
    const { pipe } = this.#single();
    if (opts !== undefined) new Limits(opts, "sendMany").throwIfCancelled();
    const all = listOf(values);
    const sending = this.#pack(pipe, all, (item) => item);
    if (sending !== undefined) {
      if (all.length > 0) pipe.inlet.put(sending, opts);
      return;
    }
    const limits = shared(opts);
    for (let at = 0; at < all.length; at++) {
      const left = limits();
      try {
        this.send(all[at] as T & Send<T>, left);
      } catch (error) {
        throw unsent(ofAll(error, pipe, left), all, at);
      }
    }
  }

  /** As {@link sendMany}, awaiting. */
  async sendManyAsync(values: ArrayLike<T & Send<T>> | Iterable<T & Send<T>>, opts?: AsyncWaitOptions): Promise<void> {
    const { pipe } = this.#single();
    // A copy: the caller's may change while this waits.
    const all: ArrayLike<T & Send<T>> = Array.from(listOf(values));
    const sending = this.#pack(pipe, all, (item) => pipe.cargo.keep(item));
    if (sending !== undefined) {
      if (all.length > 0) await pipe.inlet.putAsync(sending, opts);
      return;
    }
    const limits = shared(opts);
    // As in sendAsync: a call that waits is an end of its own.
    pipe.open(Side.SENDERS, false);
    try {
      for (let at = 0; at < all.length; at++) {
        const left = limits();
        try {
          await this.#putAsync(pipe, all[at], left);
        } catch (error) {
          throw unsent(ofAll(error, pipe, left), all, at);
        }
      }
    } finally {
      pipe.close(Side.SENDERS);
    }
  }

  #single(): EndState<Pipe> {
    const { state } = this;
    if (state.once)
      throw new TypeError(`the sender of ${state.pipe.describe()} sends one message only: use send(), or make it with channel().`);
    return state;
  }
  /** All of them looked at before the first is sent; undefined if they are to be encoded, which is done one by one. */
  #pack({ cargo }: Pipe, all: ArrayLike<unknown>, keep: (item: unknown) => unknown): Sending | undefined {
    if (cargo.type === undefined) return undefined;
    if (cargo.store instanceof ScalarStore && cargo.store.isOfKind(all)) return new Sending(all, all, false);
    // What was looked at: a getter may give another value the next time.
    const items: unknown[] = [];
    for (let at = 0; at < all.length; at++) items.push(keep(cargo.pack(all[at], MESSAGE)));
    return new Sending(items, all, false);
  }

  /**
   * For {@link select}: send this value, if that is the operation that is chosen.
   * @example select([rx, tx.sending(17)]);
   */
  sending(value: T & Send<T>): SendOperation {
    return { sender: this, value };
  }
  /** A select has sent by it. @internal */
  sent(): void {
    if (this.isOpen && this.state.once) this.close();
  }
  /** @internal */
  inner(): Pipe {
    return this.pipe;
  }
}

const MESSAGE = "a message";

/** Of the ends of channels in what was packed last, if there are any. @internal */
export function movesOf(pipe: Pipe): Moves | undefined {
  const { movables } = pipe.cargo;
  return movables.length === 0 ? undefined : new Moves(movables);
}

function listOf<T>(values: ArrayLike<T> | Iterable<T>): ArrayLike<T> {
  if (typeof values === "string") return [...(values as Iterable<T>)];
  if (typeof values === "object" && (values as unknown) !== null) {
    if ("length" in values && Number.isInteger(values.length) && values.length >= 0) return values;
    if (Symbol.iterator in values) return [...values];
  }
  throw new TypeError(`sendMany() takes a list of messages, such as an array; it was given ${kindOf(values)}.`);
}

function unsent(error: unknown, all: ArrayLike<unknown>, at: number): unknown {
  if (!(error instanceof DisconnectedError)) return error;
  return new DisconnectedError(error.message, { value: Array.prototype.slice.call(all, at) });
}

/** An end that has just come to this thread. @internal */
export function arrive(pipe: Pipe, side: Side, once: boolean): EndState<Pipe> {
  const how = howArrived();
  if (how !== "lent") pipe.open(side, how === "counted");
  if (how === "anywhere") pipe.roll.arrive(side);
  else if (typeof how === "object") pipe.roll.disembark(side, how);
  return { pipe, once, lent: how === "lent" };
}

/** The receiving end of a channel. */
import { DisconnectedError } from "../errors.ts";
import { AT, HOME } from "../memory/hidden.ts";
import { describeType, typeOf } from "../memory/layout.ts";
import { kindOf } from "../memory/place.ts";
import { Limits, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { registerKind } from "../send/handle.ts";
import { End, type EndState } from "./end.ts";
import { pipeOf, RECEIVER } from "./open.ts";
import { Box, type Receiving } from "./call.ts";
import { isDeaf } from "./cargo.ts";
import { Pipe } from "./pipe.ts";
import type { Queue } from "./queue.ts";
import { Side } from "./roll.ts";
import type { Source } from "./source.ts";
import { arrive } from "./sender.ts";
import { FieldStore, PackedStore, ScalarStore, type Parcel, type Store } from "./store.ts";

/** What `recvMany` gives: a typed array of numbers that lie in the channel as they are, else an array. */
export type Many<T> = ArrayLike<T> & Iterable<T>;

/**
 * The end of a channel that messages are taken from. It belongs to one thread: passed to a thread or sent through a channel it moves
 * there, and `clone()` makes another. Each message goes to one of the receivers.
 *
 * It is closed by `close()`, by the end of a `using` scope, or by its thread's end. When the last receiver is closed, senders get a
 * {@link DisconnectedError}, and what nobody received is lost.
 */
export class Receiver<T> extends End implements Iterable<T>, AsyncIterable<T> {
  readonly #box = new Box(true, true);

  /** @internal Use `channel()`. */
  constructor(state: EndState) {
    super(state, Side.RECEIVERS);
  }

  static {
    registerKind(RECEIVER, (body) => {
      const { pipe, once } = pipeOf(body);
      return new Receiver(arrive(pipe, Side.RECEIVERS, once));
    });
  }

  /** Another receiver of this channel, for this thread to receive from, or to send away. */
  clone(): Receiver<T> {
    const { pipe, lent } = this.state;
    if (!lent) pipe.open(Side.RECEIVERS, false);
    return new (this.constructor as new (state: EndState) => Receiver<T>)(this.state);
  }

  /**
   * Receives the next message, blocking this thread until there is one.
   * @param opts.timeout  milliseconds; without it, waits for ever
   * @param opts.signal   a CancelFlag that calls the wait off
   * @returns a value of its own: what other threads do later is not seen in it
   * @throws {DisconnectedError} there is no message and no sender any more
   * @throws {TimeoutError} the time was over
   * @throws {ReleasedError} this end was closed, or has moved
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link recvAsync}
   * @example const job = jobs.recv({ timeout: 250 });
   */
  recv(opts?: WaitOptions): T {
    const { pipe } = this;
    if (opts !== undefined) new Limits(opts, "recv").throwIfCancelled();
    if (pipe.takeOne() || pipe.takeSoon()) return pipe.one as T;
    const box = this.#box;
    if (pipe.isQuick || !pipe.takeQuickly(box)) pipe.take(box, opts);
    return pipe.unpack(box.empty()) as T;
  }

  /**
   * Receives the next message if there is one, else returns undefined; in an object, since the message may be undefined.
   * @throws {DisconnectedError} there is no message and no sender any more
   */
  tryRecv(): { readonly value: T } | undefined {
    const { pipe } = this;
    const box = this.#box;
    return pipe.tryTake(box) ? { value: pipe.unpack(box.empty()) as T } : undefined;
  }

  /**
   * As {@link recv}, awaiting. The tasks of one thread get theirs in the order in which they asked.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   */
  async recvAsync(opts?: AsyncWaitOptions): Promise<T> {
    const { pipe } = this;
    const box = new Box(false);
    await pipe.takeAsync(box, opts);
    return pipe.unpackAsync(box.item) as T;
  }

  /**
   * Receives as many messages as there are, blocking this thread until there is one. It stops at a message that cannot be opened here,
   * as if each was received by a call of its own: it gives those before it, the next call of this thread that receives throws for it,
   * and those behind it stay in the channel.
   * @param max  at most so many, a whole number from 1
   * @returns 1 to `max` of them, in order: numbers that lie in the channel as they are as a typed array
   * @throws as {@link recv}
   * @throws {RangeError} `max` is no such number
   */
  recvMany(max: number, opts?: WaitOptions): Many<T> {
    const { pipe } = this;
    const heap = new Heap(wholeFrom1(max), true);
    if (opts !== undefined) new Limits(opts, "recvMany").throwIfCancelled();
    if (!pipe.takeQuickly(heap)) pipe.take(heap, opts);
    return heap.values(pipe) as Many<T>;
  }

  /** As {@link recvMany}, awaiting. */
  async recvManyAsync(max: number, opts?: AsyncWaitOptions): Promise<Many<T>> {
    const { pipe } = this;
    const heap = new Heap(wholeFrom1(max), false);
    await pipe.takeAsync(heap, opts);
    return (await heap.valuesAsync(pipe)) as Many<T>;
  }

  /**
   * As {@link recv}, of structs: into an instance of yours, which saves making one.
   * @throws {TypeError} the channel carries no structs, or `instance` is of another one
   */
  recvInto(instance: T & object, opts?: WaitOptions): void {
    const { pipe } = this;
    const into = new Into(pipe, instance);
    if (opts !== undefined) new Limits(opts, "recvInto").throwIfCancelled();
    if (!pipe.takeQuickly(into)) pipe.take(into, opts);
  }

  /** All messages that come, until there is no sender any more; blocks this thread between them. */
  [Symbol.iterator](): Generator<T, void, undefined> {
    return new Stream(this) as unknown as Generator<T, void, undefined>;
  }
  /** As above, awaiting between them. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) yield await this.recvAsync();
    } catch (error) {
      if (!isDrained(error)) throw error;
    }
  }

  /** @internal */
  static of(source: Source): Receiver<unknown> {
    return new this({ pipe: source, once: false, lent: false });
  }
  /** @internal */
  inner(): Source {
    return this.pipe;
  }
}

/**
 * What a receiver receives until there is no sender any more. It does all that a generator would, which would take 58 ns for a number
 * where this takes 52 and `recv` 45: the engine does not inline what resumes one.
 */
class Stream<T> {
  readonly #receiver: Receiver<T>;
  #isOver = false;

  constructor(receiver: Receiver<T>) {
    this.#receiver = receiver;
  }
  static {
    // `[Symbol.iterator]()`, and what else each iterator has.
    Object.setPrototypeOf(this.prototype, Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object);
  }

  next(): IteratorResult<T, undefined> {
    if (this.#isOver) return { value: undefined, done: true };
    try {
      return { value: this.#receiver.recv(), done: false };
    } catch (error) {
      this.#isOver = true;
      if (!isDrained(error)) throw error;
      return { value: undefined, done: true };
    }
  }
  return(value?: unknown): IteratorResult<T, unknown> {
    this.#isOver = true;
    return { value, done: true };
  }
  throw(error: unknown): never {
    this.#isOver = true;
    throw error;
  }
}

const isDrained = (error: unknown): boolean => error instanceof DisconnectedError;

function wholeFrom1(max: unknown): number {
  if (typeof max === "number" && Number.isInteger(max) && max >= 1) return max;
  if (typeof max !== "number") throw new TypeError(`recvMany() takes the most messages to receive at once; it was given ${kindOf(max)}.`);
  throw new RangeError(`recvMany() takes a whole number from 1; it was given ${String(max)}.`);
}

/** Several messages. */
class Heap implements Receiving {
  readonly most: number;
  #items: unknown[] = [];
  #numbers: Int32Array | undefined;
  #store: Store | undefined;

  readonly blocks: boolean;

  constructor(most: number, blocks: boolean) {
    this.most = most;
    this.blocks = blocks;
  }

  take(queue: Queue, store: Store): void {
    this.#store = store;
    const count = Math.min(this.most, queue.available(this.most));
    if (store instanceof ScalarStore) {
      const numbers = (this.#numbers = store.make(count));
      queue.flags = queue.takeSome(count, (cell, from, some) => {
        store.takeSome(cell, numbers, from, some);
      });
    } else {
      const packed = store instanceof PackedStore ? store : undefined;
      if (packed !== undefined) {
        packed.lends = false;
        packed.opens = true;
      }
      const deaf = packed !== undefined && isDeaf();
      let flags = 0;
      for (let n = 0, stops = false; n < count && !stops; n++) {
        // Nothing is taken behind what only who awaits can open, since nobody knows yet whether he will.
        stops = deaf && packed.cargoAt(queue.nextCell) !== 0;
        if (n > 0 && stops && this.blocks) break;
        const item = queue.take();
        this.#items.push(item);
        flags |= queue.flags;
        stops ||= packed !== undefined && "error" in (item as Parcel);
      }
      queue.flags = flags;
    }
  }

  accept(item: unknown): void {
    this.#items.push(item);
  }

  values(pipe: Source): unknown {
    if (this.#numbers !== undefined) return this.#numbers;
    if (this.#store instanceof FieldStore) return this.#store.listOf(this.#items);
    const values: unknown[] = [];
    try {
      for (const item of this.#items) values.push(pipe.unpack(item));
    } catch (error) {
      this.#owe(pipe, values.length, error);
    }
    return values;
  }
  async valuesAsync(pipe: Source): Promise<unknown> {
    if (!(this.#store instanceof PackedStore && isDeaf())) return this.values(pipe);
    const values: unknown[] = [];
    try {
      for (const item of this.#items) values.push(await pipe.unpackAsync(item));
    } catch (error) {
      this.#owe(pipe, values.length, error);
    }
    return values;
  }
  /** The last one cannot be opened: the others are given first. If it is not the last, bytes were damaged, and nothing is sure. */
  #owe(pipe: Source, opened: number, error: unknown): void {
    if (opened === 0 || opened < this.#items.length - 1) throw error;
    pipe.owe(error);
  }
}

/** One message that lies in the channel as it is, into an instance of a struct. */
class Into implements Receiving {
  readonly most = 1;
  readonly blocks = false;
  readonly #instance: { readonly [HOME]: never; readonly [AT]: number };

  constructor(pipe: Source, instance: unknown) {
    const type = pipe instanceof Pipe ? pipe.cargo.type : undefined;
    if (!Array.isArray(type) || type[0] !== "struct") throw new TypeError(`${pipe.describe()} carries no structs: use recv().`);
    const isOurs = typeof instance === "object" && instance !== null && HOME in instance;
    if (!isOurs || JSON.stringify(describeType(typeOf(instance))) !== JSON.stringify(type)) {
      throw new TypeError(
        `${pipe.describe()} carries ${String(type[1])}: recvInto() takes an instance of it, and was given ${kindOf(instance)}.`,
      );
    }
    this.#instance = instance as never;
  }

  take(queue: Queue, store: Store): void {
    const { [HOME]: home, [AT]: at } = this.#instance;
    queue.flags = queue.takeSome(1, (cell) => {
      (store as FieldStore).takeInto(cell, home, at);
    });
  }
  accept(): void {}
}

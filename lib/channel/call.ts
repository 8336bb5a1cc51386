/** What one call sends or receives, and how far it is. */
import { TimeoutError } from "../errors.ts";
import { isTimeOver, timeoutOf, type AsyncWaitOptions } from "../park/limits.ts";
import type { Awaited, Waiter } from "../park/wait.ts";
import type { Moves } from "../send/moving.ts";
import { type Flags } from "./position.ts";
import { type Queue } from "./queue.ts";
import { PackedStore, ScalarStore, type Store } from "./store.ts";

/** Who waits, and whether for other channels too. */
export type Waiting = Waiter & { readonly selects?: boolean };

/** Limits of one of several waits of one call: what is left of the time, and how much was given. */
export type SharedLimits<O> = O & { readonly given: number };

/** The limits for each of several waits, which together last no longer than one may; undefined without any. */
export function shared<O extends AsyncWaitOptions>(opts: O | undefined): () => SharedLimits<O> | undefined {
  if (opts === undefined) return () => undefined;
  const given = timeoutOf(opts);
  const until = performance.now() + given;
  return () => ({ ...opts, timeout: Math.max(0, until - performance.now()), given });
}

/** The error of one of those waits, which tells the time that all were given. */
export function ofAll(error: unknown, awaited: Awaited, limits: SharedLimits<AsyncWaitOptions> | undefined): unknown {
  return limits !== undefined && isTimeOver(error, limits) ? new TimeoutError(awaited.describe(), "send", limits.given) : error;
}

/** What one call sends, and how far it is. */
export class Sending {
  readonly items: ArrayLike<unknown>;
  /** What the user gave, for the error that gives it back. */
  readonly #values: ArrayLike<unknown>;
  readonly isSingle: boolean;
  /**
   * Of a message with ends of channels in it: they are counted as on their way before somebody can receive them, and not while they wait
   * for room: until then they are this thread's, and closed if it dies.
   */
  readonly moves: Moves | undefined;
  sent = 0;
  /** Of a channel without capacity: where the message is that was put and is not seen taken. */
  position: number | undefined;
  /** Who is to be woken. */
  flags: Flags = 0;

  constructor(items: ArrayLike<unknown>, values: ArrayLike<unknown>, isSingle: boolean, moves?: Moves) {
    this.items = items;
    this.moves = moves;
    this.#values = values;
    this.isSingle = isSingle;
  }

  get isDone(): boolean {
    return this.sent === this.items.length;
  }
  /** The value, or the rest of the values. */
  get unsent(): unknown {
    return this.isSingle ? this.#values[0] : Array.prototype.slice.call(this.#values, this.sent);
  }

  /** Inside TX: puts one message, which fits, or as many as fit. */
  put(queue: Queue, store: Store): void {
    if (store instanceof ScalarStore && !this.isSingle && queue.capacity !== 0) {
      const from = this.sent;
      const count = queue.roomFor(this.items.length - from);
      const items = this.items as ArrayLike<number | bigint>;
      this.flags |= queue.putSome(count, (cell, first, some) => {
        store.putSome(cell, items, from + first, some);
      });
      this.sent += count;
    } else {
      this.flags |= queue.put(this.items[this.sent], this.moves);
      if (queue.capacity === 0) this.position = queue.lastPut;
      else this.sent++;
    }
  }
}

/** What one call receives: one message, or several. */
export interface Receiving {
  readonly most: number;
  /** Must it be unpacked without awaiting? */
  readonly blocks: boolean;
  /** Inside RX, when a message is there. */
  take(queue: Queue, store: Store): void;
  /** What comes from elsewhere. */
  accept(item: unknown): void;
}

/** One message. */
export class Box implements Receiving {
  readonly most = 1;
  item: unknown;
  readonly #isUnpackedAtOnce: boolean;

  readonly blocks: boolean;

  /** @param isUnpackedAtOnce  before this thread takes anything else */
  constructor(blocks: boolean, isUnpackedAtOnce = false) {
    this.blocks = blocks;
    this.#isUnpackedAtOnce = isUnpackedAtOnce;
  }
  take(queue: Queue, store: Store): void {
    if (store instanceof PackedStore) {
      store.lends = this.#isUnpackedAtOnce;
      store.opens = false;
    }
    this.item = queue.take();
  }
  accept(item: unknown): void {
    this.item = item;
  }
  /** Gives what it holds, and holds it no more: it may be large. */
  empty(): unknown {
    const { item } = this;
    this.item = undefined;
    return item;
  }
}

/**
 * The senders' side of a channel, as one thread has it: puts messages into the queue, at once or as soon as there is room.
 *
 * Of a channel without capacity a message stays in the queue no longer than its sender: who sends puts it there and waits until it was
 * taken, or takes it back.
 */
import { DisconnectedError, FullError } from "../errors.ts";
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Sleep, type Waiter } from "../park/wait.ts";
import type { Moves } from "../send/moving.ts";
import { currentId, currentThread } from "../thread/current.ts";
import { ofAll, shared, type Sending, type SharedLimits, type Waiting } from "./call.ts";
import type { Face } from "./face.ts";
import { isGone, isSelected, mark, MAX_MESSAGES, NOTHING, passOn, wakesOne, wakeSleepers, type Flags } from "./position.ts";
import { Verdict, type Queue } from "./queue.ts";
import { knocking, restFirst } from "./rests.ts";
import { Side } from "./roll.ts";
import { packedCells } from "./store.ts";

/** The least that an encoded message takes. */
const SMALLEST = packedCells(0);

export class Inlet {
  readonly #pipe: Face;
  readonly #queue: Queue;
  readonly #line = new Line();

  constructor(pipe: Face) {
    this.#pipe = pipe;
    this.#queue = pipe.queue;
  }

  /** Puts a message if that can be done at once, by the quick way. */
  putQuickly(item: unknown): boolean {
    if (!this.#pipe.isQuick) return this.#putEncoded(item);
    if (!this.#pipe.roll.seemsReceived) return false;
    const flags = this.#queue.offer(currentId(), item);
    if (flags > 0 && !this.#wakeReceivers(flags)) return false;
    return flags >= 0;
  }
  /** The quick way again for a while: who is at the gate will have left, or messages will have been taken. */
  putSoon(item: unknown): boolean {
    this.#pipe.lookAround(Side.SENDERS);
    if (!this.#pipe.isQuick || !currentThread().spins) return false;
    const me = currentId();
    const offer = knocking(() => this.#queue.offer(me, item));
    return restFirst(() => {
      if (!this.#pipe.roll.seemsReceived) return undefined;
      const flags = offer();
      return flags > 0 ? this.#wakeReceivers(flags) || undefined : flags === 0;
    });
  }
  #putEncoded(item: unknown): boolean {
    const me = currentId();
    const queue = this.#queue;
    this.#pipe.lookAround(Side.SENDERS);
    const knocks = !queue.isSoleSender;
    if (this.#pipe.demand !== undefined || (knocks && !queue.tx.enterQuickly(me))) return false;
    let flags = NOTHING;
    try {
      if (this.#pipe.roll.seemsReceived && queue.verdict(this.#pipe.cargo.store.cellsOf(item)) === Verdict.FITS) flags = queue.put(item);
    } finally {
      if (knocks) queue.tx.leave(me);
    }
    if (flags > 0 && !this.#wakeReceivers(flags)) return false;
    return flags !== NOTHING;
  }

  /**
   * Puts a message if there is room for it, and of a channel without capacity somebody who waits for it.
   * @param moves  what moves with it
   * @throws {DisconnectedError} nobody can receive it
   * @throws {FullError} it never fits
   */
  tryPut(item: unknown, value: unknown, moves?: Moves): boolean {
    if (moves === undefined && this.putQuickly(item)) return true;
    const queue = this.#queue;
    const me = currentId();
    queue.tx.enter(me, this.#pipe, "send to");
    let flags = NOTHING;
    try {
      this.#throwIfAbandoned(value);
      const cells = this.#pipe.cargo.store.cellsOf(item);
      let verdict = queue.verdict(cells);
      // Asked when the place is free: who waits there says that it waits no more before it frees the place.
      if (verdict === Verdict.FITS && this.#pipe.demand?.isThere === false) return false;
      if (verdict === Verdict.NO_BYTES && queue.grow(me, cells, this.#pipe)) verdict = Verdict.FITS;
      if (verdict === Verdict.NEVER) throw this.#tooLarge();
      if (verdict === Verdict.FITS) flags = queue.put(item, moves);
    } finally {
      queue.tx.leave(me);
    }
    if (flags > 0) this.#wakeReceivers(flags);
    return flags !== NOTHING;
  }

  /** Puts messages, blocking this thread until there is room. */
  put(stay: Sending, opts: WaitOptions | undefined): void {
    this.#pipe.lookAround(Side.SENDERS);
    const limits = shared(opts);
    for (let before = -1; !stay.isDone;) {
      if (this.#pipe.demand === undefined && stay.moves === undefined && before !== stay.sent) {
        before = stay.sent;
        // As long as that helps: who sleeps in between is woken for each few that were taken.
        if (stay.isSingle ? !this.#pipe.isQuick && restFirst(() => this.#putSingle(stay)) : restFirst(() => this.#putSome(stay))) return;
        if (before !== stay.sent) continue;
      }
      this.#putSlowly(stay, limits());
    }
  }
  #putSlowly(stay: Sending, opts: SharedLimits<WaitOptions> | undefined): void {
    const before = stay.sent;
    try {
      wait((waiter) => this.#unlessMoved(before, stay, waiter), this.#pipe, "send", opts);
    } catch (error) {
      if (!this.withdraw(stay)) stay.sent++;
      else throw ofAll(error, this.#pipe, opts);
    }
  }
  /** Succeeds as soon as anything was put. */
  #unlessMoved(before: number, stay: Sending, waiter: Waiter): Sleep | undefined {
    const sleep = this.attemptPut(stay, waiter);
    return stay.sent > before ? undefined : sleep;
  }
  #putSingle(stay: Sending): boolean {
    if (this.putQuickly(stay.items[0])) stay.sent = 1;
    return stay.isDone;
  }
  /** Puts what fits, if nobody is at the gate; true if that was all. */
  #putSome(stay: Sending): boolean {
    const me = currentId();
    const { queue, cargo } = this.#pipe;
    if (!queue.tx.enterQuickly(me)) return false;
    stay.flags = 0;
    try {
      while (!stay.isDone && this.#pipe.roll.seemsReceived && queue.verdict(cargo.store.cellsOf(stay.items[stay.sent])) === Verdict.FITS) {
        stay.put(queue, cargo.store);
      }
    } finally {
      queue.tx.leave(me);
      if (stay.flags > 0) this.#wakeReceivers(stay.flags);
    }
    return stay.isDone;
  }

  async putAsync(stay: Sending, opts: AsyncWaitOptions | undefined): Promise<void> {
    let isTaken = false;
    // A call that waits is an end of its own: closing the one that it was made on loses nothing.
    this.#pipe.open(Side.SENDERS, false);
    try {
      await this.#line.wait(
        (waiter) => this.attemptPut(stay, waiter),
        () => undefined,
        this.#pipe,
        "send",
        opts,
        () => {
          if (this.withdraw(stay)) return;
          stay.sent++;
          // Of several, the others were not sent.
          isTaken = stay.isDone;
        },
      );
    } catch (error) {
      if (!isTaken) throw error;
    } finally {
      this.#pipe.close(Side.SENDERS);
    }
  }

  /** Puts messages and, of a channel without capacity, sees each taken; or returns what to sleep on. */
  attemptPut(stay: Sending, waiter: Waiting): Sleep | undefined {
    if (this.#pipe.demand === undefined) return this.#putOrMark(stay, waiter);
    while (stay.sent < stay.items.length) {
      const sleep = stay.position === undefined ? this.#putOrMark(stay, waiter) : this.#seeTaken(stay, waiter);
      if (sleep !== undefined) return sleep;
    }
    return undefined;
  }

  #putOrMark(stay: Sending, waiter: Waiting): Sleep | undefined {
    const queue = this.#queue;
    const gate = queue.tx.pass(waiter, this.#pipe, "send to");
    if (gate !== undefined) return gate;
    let sleep: Sleep | undefined;
    stay.flags = 0;
    try {
      sleep = this.#putAll(stay, waiter);
      if (sleep === undefined && waiter.wakes > 0) {
        const isMore = queue.verdict(this.#pipe.cargo.store.cells || SMALLEST) === Verdict.FITS;
        passOn(queue.head, queue.knownHead, isMore);
      }
    } finally {
      queue.tx.leave(waiter.me);
      if (stay.flags > 0) this.#wakeReceivers(stay.flags);
    }
    return sleep;
  }

  /** Inside TX: puts what fits. */
  #putAll(stay: Sending, waiter: Waiting): Sleep | undefined {
    const { queue, cargo } = this.#pipe;
    for (;;) {
      if (!this.#pipe.roll.has(Side.RECEIVERS)) {
        queue.abandon();
        throw this.#disconnected(stay.unsent);
      }
      const item = stay.items[stay.sent];
      const cells = cargo.store.cellsOf(item);
      const verdict = queue.verdict(cells);
      if (verdict === Verdict.FITS) {
        stay.put(queue, cargo.store);
        if (stay.sent === stay.items.length || this.#pipe.demand !== undefined) return undefined;
        continue;
      }
      if (verdict === Verdict.NEVER) throw this.#tooLarge();
      if (verdict === Verdict.NO_BYTES && queue.grow(waiter.me, cells, this.#pipe)) continue;
      if (this.#pipe.shape.capacity === Infinity) throw this.#full(verdict);
      const all = !waiter.blocks || verdict === Verdict.NO_BYTES || this.#pipe.demand !== undefined;
      const sleep = mark(queue.head, queue.knownHead, { all, selected: waiter.selects === true });
      // Asked again after the mark: whoever closes the last end clears it.
      if (sleep !== undefined && this.#pipe.roll.has(Side.RECEIVERS)) return sleep;
    }
  }

  #seeTaken(stay: Sending, waiter: Waiting): Sleep | undefined {
    const { head } = this.#queue;
    for (;;) {
      const seen = head.load();
      if (this.#queue.isTaken(stay.position as number, seen)) break;
      const sleep = mark(head, seen, { all: true, selected: waiter.selects === true });
      if (sleep === undefined) continue;
      if (this.#pipe.roll.has(Side.RECEIVERS)) return sleep;
      if (!this.withdraw(stay)) break;
      throw this.#disconnected(stay.unsent);
    }
    stay.position = undefined;
    stay.sent++;
    return undefined;
  }

  /** Takes back what a channel without capacity was offered; false if it was taken. */
  withdraw(stay: Sending): boolean {
    if (stay.position === undefined) return true;
    const queue = this.#queue;
    const me = currentId();
    let flags = NOTHING;
    queue.rx.enter(me, this.#pipe, "send to");
    try {
      if (!queue.isTaken(stay.position, queue.head.load()) && queue.available() > 0) flags = queue.drop();
    } finally {
      queue.rx.leave(me);
    }
    stay.position = undefined;
    if (flags > 0) this.#pipe.wakeSenders(flags);
    return flags !== NOTHING;
  }

  #throwIfAbandoned(value: unknown): void {
    if (this.#pipe.roll.has(Side.RECEIVERS)) return;
    this.#queue.abandon();
    throw this.#disconnected(value);
  }
  #disconnected(value: unknown): DisconnectedError {
    return new DisconnectedError(
      `${this.#pipe.describe()} has no receiver any more: all were closed, or their threads ended. What was to be sent is this error's value.`,
      { value },
    );
  }
  #tooLarge(): FullError {
    return new FullError(
      `the message is larger than ${this.#pipe.describe()} may ever hold (${String(this.#pipe.shape.maxBytes)} bytes). ` +
        `Send it in parts, or make the channel with a larger maxBytes.`,
    );
  }
  #full(verdict: Verdict): FullError {
    const [what, hint] =
      verdict === Verdict.NO_BYTES
        ? [`${String(this.#pipe.shape.maxBytes)} bytes`, ", or a larger maxBytes"]
        : [`${String(MAX_MESSAGES)} messages, as many as a channel can`, ""];
    return new FullError(
      `${this.#pipe.describe()} holds all that it may (${what}), and nobody receives fast enough. Give it a capacity, so that senders wait${hint}.`,
    );
  }

  /** Returns false if there is nobody, and there never will be. */
  #wakeReceivers(flags: Flags): boolean {
    if (wakesOne(flags)) wakeSleepers(this.#queue.tail, flags);
    if (isSelected(flags)) this.#pipe.ring(Side.RECEIVERS);
    if (!isGone(flags)) return true;
    this.#queue.isSoleSender = false;
    return false;
  }
}

/**
 * One thread's face of a channel: what its ends of it in this thread have in common.
 *
 *     bytes     0   the queue: see queue.ts
 *             128   TAG, NUMBER, by which the threads know the channel, and 2 words more
 *             144   who has ends: see roll.ts
 *            4256   who waits to be handed a message, of a channel without capacity: a roll again
 *             ...   the ring, if it has one length for ever; else that lies in a buffer of its own, which can grow
 *
 * A channel without capacity is a queue of one message, in which a message stays no longer than its sender: who sends puts it there
 * and waits until it was taken, or takes it back. tryRecv takes what it finds. trySend puts only if a receiver waits who will not
 * leave before it has looked once more; a receiver that leaves first says so, inside the senders' gate, and looks second.
 */
import { DisconnectedError, FullError, TimeoutError } from "../errors.ts";
import { Word } from "../memory/word.ts";
import { backOff, rest } from "../park/backoff.ts";
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Sleep, type Waiter } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";
import { Field } from "../thread/registry.ts";
import { Box, type Receiving, type Sending, type Waiting } from "./call.ts";
import type { Cargo } from "./cargo.ts";
import {
  isGone,
  isSelected,
  mark,
  MAX_MESSAGES,
  BUSY,
  NOTHING,
  passOn,
  Queue,
  QUEUE_WORDS,
  Verdict,
  wakeForGood,
  wakesOne,
  wakeSleepers,
  type Flags,
  type QueueShape,
} from "./queue.ts";
import { Roll, rollWords, Side } from "./roll.ts";
import type { Source } from "./source.ts";
import { packedCells } from "./store.ts";

const TAG = QUEUE_WORDS;
const ROLL = TAG + 4;

/** Bytes of all but the ring. */
export const headerBytes = (isRendezvous: boolean): number => roundUp((ROLL + (isRendezvous ? 2 : 1) * rollWords()) * 4, 64);
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

export interface PipeShape {
  /** The most messages at a time; 0: each is handed from thread to thread; Infinity: as many as there are bytes for. */
  readonly capacity: number;
  readonly maxBytes: number;
  /** How long a ring that can grow is at first. */
  readonly firstBytes: number;
  readonly name: string | undefined;
}

let publish: (pipe: Pipe) => number = () => 0;
let withdrawNumber: (number: number) => void = () => undefined;
/** Tells how a channel becomes known by a number to all threads, and how it is known no more. */
export function publishBy(how: (pipe: Pipe) => number, back: (number: number) => void): void {
  publish = how;
  withdrawNumber = back;
}

export class Pipe implements Source {
  readonly buffer: SharedArrayBuffer;
  readonly shape: PipeShape;
  readonly cargo: Cargo;
  readonly queue: Queue;
  readonly roll: Roll;
  readonly isQuick: boolean;
  readonly #demand: Roll | undefined;
  readonly #sending = new Line();
  readonly #receiving = new Line();
  /** How many ends, and how many tasks and calls that wait to be handed something, this thread has. */
  #senders = 0;
  #receivers = 0;
  #demands = 0;
  #looks = 0;

  constructor(buffer: SharedArrayBuffer, shape: PipeShape, queueShape: QueueShape, cargo: Cargo) {
    this.buffer = buffer;
    this.shape = shape;
    this.cargo = cargo;
    this.queue = new Queue(buffer, queueShape, cargo.store);
    this.queue.onTake = cargo.receive?.bind(cargo);
    this.isQuick = this.queue.isQuick;
    const first = Word.at(buffer, 0);
    this.roll = new Roll(first.next(ROLL));
    this.#demand = shape.capacity === 0 ? new Roll(first.next(ROLL + rollWords())) : undefined;
  }

  /** A number by which the faces of this channel in one thread find each other. */
  get tag(): Word {
    return Word.at(this.buffer, TAG * 4);
  }
  /** The number by which every thread can ask after this channel, for ends in its queue; another one than `tag`. */
  get number(): number {
    const word = Word.at(this.buffer, (TAG + 1) * 4);
    const known = word.load();
    if (known !== 0) return known;
    const fresh = publish(this);
    const before = word.compareExchange(0, fresh);
    return before === 0 ? fresh : before;
  }
  get #carries(): boolean {
    return Word.at(this.buffer, (TAG + 1) * 4).load() !== 0;
  }

  // --- ends ---

  /** One more end in this thread; `counted`: the roll knows already. */
  open(side: Side, counted: boolean): void {
    const first = (side === Side.SENDERS ? this.#senders : this.#receivers) === 0;
    // The roll counts this face once, however many ends it has.
    if (first && !counted) this.roll.add(currentId(), side);
    else if (!first && counted) this.roll.remove(currentId(), side);
    if (side === Side.SENDERS) this.#senders++;
    else this.#receivers++;
  }

  /** One less. */
  close(side: Side): void {
    const left = side === Side.SENDERS ? --this.#senders : --this.#receivers;
    if (left > 0) return;
    this.roll.remove(currentId(), side);
    this.leaveIfLast(side);
  }

  /** Tells the others, if nobody has such an end any more. */
  leaveIfLast(side: Side): void {
    if (this.roll.has(side)) return;
    if (side === Side.RECEIVERS) {
      this.queue.abandon();
      this.#forgetQueued();
      // What was queued is lost, and the ends in it with it: of that no word tells.
      if (this.#carries) {
        withdrawNumber(this.number);
        wakeEverybody();
      }
    }
    const word = side === Side.SENDERS ? this.queue.tail : this.queue.head;
    if (wakeForGood(word)) this.#ring(side === Side.SENDERS ? Side.RECEIVERS : Side.SENDERS);
  }

  /** What lies on the supervisor's shelf because of messages that nobody will receive. What is handed over its sender takes back. */
  #forgetQueued(): void {
    const { queue, cargo } = this;
    if (cargo.forgetAt === undefined || this.#demand !== undefined || currentThread().modelled) return;
    const me = currentId();
    queue.rx.enter(me, this, "close");
    try {
      queue.seeAll((cell) => cargo.forgetAt?.(cell));
    } finally {
      queue.rx.leave(me);
    }
  }

  /** Has the other side, seen from this one, nobody left? */
  isDisconnected(side: Side): boolean {
    return !this.roll.has(side === Side.SENDERS ? Side.RECEIVERS : Side.SENDERS);
  }

  /** Is each message handed over? */
  get isRendezvous(): boolean {
    return this.#demand !== undefined;
  }

  // --- sending ---

  /** Puts a message if that can be done at once, by the quick way. */
  putQuickly(item: unknown): boolean {
    if (!this.isQuick) return this.#putEncoded(item);
    if (!this.roll.seemsReceived) return false;
    const flags = this.queue.offer(currentId(), item);
    if (flags > 0 && !this.#wakeReceivers(flags)) return false;
    return flags >= 0;
  }
  /** The quick way again for a while: who is at the gate will have left, or messages will have been taken. */
  putSoon(item: unknown): boolean {
    this.#lookAround(Side.SENDERS);
    if (!this.isQuick || !currentThread().spins) return false;
    const me = currentId();
    for (let steps = FIRST_REST, knocks = 0; steps <= LAST_REST && this.roll.seemsReceived;) {
      const flags = this.queue.offer(me, item);
      if (flags >= 0) return flags === 0 || this.#wakeReceivers(flags);
      if (flags === BUSY && ++knocks < MAX_KNOCKS) rest(KNOCK_REST);
      else {
        rest(steps);
        steps *= 2;
      }
    }
    return false;
  }
  #putEncoded(item: unknown): boolean {
    const me = currentId();
    const { queue } = this;
    this.#lookAround(Side.SENDERS);
    const knocks = !queue.isSoleSender;
    if (this.#demand !== undefined || (knocks && !queue.tx.enterQuickly(me))) return false;
    let flags = NOTHING;
    try {
      if (this.roll.seemsReceived && queue.verdict(this.cargo.store.cellsOf(item)) === Verdict.FITS) flags = queue.put(item);
    } finally {
      if (knocks) queue.tx.leave(me);
    }
    if (flags > 0 && !this.#wakeReceivers(flags)) return false;
    return flags !== NOTHING;
  }

  /**
   * Puts a message if there is room for it, and of a channel without capacity somebody who waits for it.
   * @throws {DisconnectedError} nobody can receive it
   * @throws {FullError} it never fits
   */
  tryPut(item: unknown, value: unknown): boolean {
    if (this.putQuickly(item)) return true;
    const { queue } = this;
    const me = currentId();
    queue.tx.enter(me, this, "send to");
    let flags = NOTHING;
    try {
      this.#throwIfAbandoned(value);
      const cells = this.cargo.store.cellsOf(item);
      let verdict = queue.verdict(cells);
      // Asked when the place is free: who waits there says that it waits no more before it frees the place.
      if (verdict === Verdict.FITS && this.#demand?.has(Side.RECEIVERS) === false) return false;
      if (verdict === Verdict.NO_BYTES && this.#growNow(me, cells) === undefined) verdict = Verdict.FITS;
      if (verdict === Verdict.NEVER) throw this.#tooLarge();
      if (verdict === Verdict.FITS) flags = queue.put(item);
    } finally {
      queue.tx.leave(me);
    }
    if (flags > 0) this.#wakeReceivers(flags);
    return flags !== NOTHING;
  }

  /** As `grow`, waiting for receivers inside their gate. */
  #growNow(me: number, cells: number): false | undefined {
    for (;;) {
      const grown = this.queue.grow(me, cells);
      if (grown === undefined || grown === false) return grown;
      this.queue.rx.enter(me, this, "send to");
      this.queue.rx.leave(me);
    }
  }

  /** Puts messages, blocking this thread until there is room. */
  put(stay: Sending, opts: WaitOptions | undefined): void {
    this.#lookAround(Side.SENDERS);
    const until = opts?.timeout === undefined ? undefined : performance.now() + opts.timeout;
    for (let before = -1; !stay.isDone;) {
      if (this.#demand === undefined && before !== stay.sent) {
        before = stay.sent;
        // As long as that helps: who sleeps in between is woken for each few that were taken.
        if (stay.isSingle ? !this.isQuick && restFirst(() => this.#putSingle(stay)) : restFirst(() => this.#putSome(stay))) return;
        if (before !== stay.sent) continue;
      }
      this.#putSlowly(stay, until === undefined ? opts : { ...opts, timeout: Math.max(0, until - performance.now()) }, opts?.timeout);
    }
  }
  #putSlowly(stay: Sending, opts: WaitOptions | undefined, timeout: number | undefined): void {
    const before = stay.sent;
    try {
      wait((waiter) => this.#unlessMoved(before, stay, waiter), this, "send", opts);
    } catch (error) {
      if (!this.withdraw(stay)) stay.sent++;
      // Of several waits the last one had only what was left of the time.
      else throw error instanceof TimeoutError ? new TimeoutError(this.describe(), "send", timeout ?? 0) : error;
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
    const { queue, cargo } = this;
    if (!queue.tx.enterQuickly(me)) return false;
    stay.flags = 0;
    try {
      while (!stay.isDone && this.roll.seemsReceived && queue.verdict(cargo.store.cellsOf(stay.items[stay.sent])) === Verdict.FITS) {
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
    this.open(Side.SENDERS, false);
    try {
      await this.#sending.wait(
        (waiter) => this.attemptPut(stay, waiter),
        () => undefined,
        this,
        "send",
        opts,
        () => {
          isTaken = !this.withdraw(stay);
        },
      );
    } catch (error) {
      if (!isTaken) throw error;
    } finally {
      this.close(Side.SENDERS);
    }
  }

  /** Puts messages and, of a channel without capacity, sees each taken; or returns what to sleep on. */
  attemptPut(stay: Sending, waiter: Waiting): Sleep | undefined {
    if (this.#demand === undefined) return this.#putOrMark(stay, waiter);
    while (stay.sent < stay.items.length) {
      const sleep = stay.position === undefined ? this.#putOrMark(stay, waiter) : this.#seeTaken(stay, waiter);
      if (sleep !== undefined) return sleep;
    }
    return undefined;
  }

  #putOrMark(stay: Sending, waiter: Waiting): Sleep | undefined {
    const { queue } = this;
    const gate = queue.tx.pass(waiter, this, "send to");
    if (gate !== undefined) return gate;
    let sleep: Sleep | undefined;
    stay.flags = 0;
    try {
      sleep = this.#putAll(stay, waiter);
      if (sleep === undefined && waiter.wakes > 0) {
        const isMore = queue.verdict(this.cargo.store.cells || SMALLEST) === Verdict.FITS;
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
    const { queue, cargo } = this;
    for (;;) {
      if (!this.roll.has(Side.RECEIVERS)) {
        queue.abandon();
        throw this.#disconnected(stay.unsent);
      }
      const item = stay.items[stay.sent];
      const cells = cargo.store.cellsOf(item);
      const verdict = queue.verdict(cells);
      if (verdict === Verdict.FITS) {
        stay.put(queue, cargo.store);
        if (stay.sent === stay.items.length || this.#demand !== undefined) return undefined;
        continue;
      }
      if (verdict === Verdict.NEVER) throw this.#tooLarge();
      if (verdict === Verdict.NO_BYTES) {
        const grown = waiter.blocks ? queue.grow(waiter.me, cells) : this.#growNow(waiter.me, cells);
        if (grown === undefined) continue;
        if (grown !== false) return grown;
      }
      if (this.shape.capacity === Infinity) throw this.#full(verdict);
      const all = !waiter.blocks || verdict === Verdict.NO_BYTES || this.#demand !== undefined;
      const sleep = mark(queue.head, queue.knownHead, { all, selected: waiter.selects === true });
      // Asked again after the mark: whoever closes the last end clears it.
      if (sleep !== undefined && this.roll.has(Side.RECEIVERS)) return sleep;
    }
  }

  #seeTaken(stay: Sending, waiter: Waiting): Sleep | undefined {
    const { head } = this.queue;
    for (;;) {
      const seen = head.load();
      if (this.queue.isTaken(stay.position as number, seen)) break;
      const sleep = mark(head, seen, { all: true, selected: waiter.selects === true });
      if (sleep === undefined) continue;
      if (this.roll.has(Side.RECEIVERS)) return sleep;
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
    const { queue } = this;
    const me = currentId();
    let flags = NOTHING;
    queue.rx.enter(me, this, "send to");
    try {
      if (!queue.isTaken(stay.position, queue.head.load()) && queue.available() > 0) flags = queue.drop();
    } finally {
      queue.rx.leave(me);
    }
    stay.position = undefined;
    if (flags > 0) this.#wakeSenders(flags);
    return flags !== NOTHING;
  }

  #throwIfAbandoned(value: unknown): void {
    if (this.roll.has(Side.RECEIVERS)) return;
    this.queue.abandon();
    throw this.#disconnected(value);
  }
  #disconnected(value: unknown): DisconnectedError {
    return new DisconnectedError(
      `${this.describe()} has no receiver any more: all were closed, or their threads ended. What was to be sent is this error's value.`,
      { value },
    );
  }
  #tooLarge(): FullError {
    return new FullError(
      `the message is larger than ${this.describe()} may ever hold (${String(this.shape.maxBytes)} bytes). ` +
        `Send it in parts, or make the channel with a larger maxBytes.`,
    );
  }
  #full(verdict: Verdict): FullError {
    const [what, hint] =
      verdict === Verdict.NO_BYTES
        ? [`${String(this.shape.maxBytes)} bytes`, ", or a larger maxBytes"]
        : [`${String(MAX_MESSAGES)} messages, as many as a channel can`, ""];
    return new FullError(
      `${this.describe()} holds all that it may (${what}), and nobody receives fast enough. Give it a capacity, so that senders wait${hint}.`,
    );
  }

  /** Returns false if there is nobody, and there never will be. */
  #wakeReceivers(flags: Flags): boolean {
    if (wakesOne(flags)) wakeSleepers(this.queue.tail, flags);
    if (isSelected(flags)) this.#ring(Side.RECEIVERS);
    if (!isGone(flags)) return true;
    this.queue.isSoleSender = false;
    return false;
  }

  /** Asks again whether this thread is alone on a side; who is not alone now may be later. */
  #lookAround(side: Side): void {
    // Of messages that are not quick, receivers knock always: the ring grows inside their gate.
    if (this.isQuick ? this.#looks++ % 16 !== 0 : this.#demand !== undefined || side === Side.RECEIVERS || this.#looks++ % 256 !== 0)
      return;
    if (side === Side.SENDERS) this.queue.isSoleSender = this.roll.isSole(currentId(), side);
    else this.queue.isSoleReceiver = this.roll.isSole(currentId(), side);
  }
  /** Another thread is going to have such an end. */
  share(side: Side): void {
    if (side === Side.SENDERS) this.queue.isSoleSender = false;
    else this.queue.isSoleReceiver = false;
  }

  // --- receiving ---

  /** Takes one message if that can be done at once, by the quick way; false of others. */
  takeOne(): boolean {
    if (!this.isQuick) return false;
    const flags = this.queue.poll(currentId());
    if (flags > 0) this.#wakeSenders(flags);
    return flags >= 0;
  }
  /** As {@link putSoon}. */
  takeSoon(): boolean {
    this.#lookAround(Side.RECEIVERS);
    if (!this.isQuick || !currentThread().spins) return false;
    const me = currentId();
    for (let steps = FIRST_REST, knocks = 0; steps <= LAST_REST;) {
      const flags = this.queue.poll(me);
      if (flags > 0) this.#wakeSenders(flags);
      if (flags >= 0) return true;
      if (flags === BUSY && ++knocks < MAX_KNOCKS) rest(KNOCK_REST);
      else {
        rest(steps);
        steps *= 2;
      }
    }
    return false;
  }

  /** Takes messages into `box` if there are any and nobody is at the gate. */
  takeQuickly(box: Receiving): boolean {
    const me = currentId();
    const { queue } = this;
    if (!queue.rx.enterQuickly(me)) return false;
    let flags = NOTHING;
    try {
      if (queue.available(box.most) > 0) {
        if (box.blocks) this.cargo.requireBytes?.(queue.nextCell);
        box.take(queue, this.cargo.store);
        flags = queue.flags;
      }
    } finally {
      queue.rx.leave(me);
    }
    if (flags > 0) this.#wakeSenders(flags);
    return flags !== NOTHING;
  }

  /** Takes a message if there is one. @throws {DisconnectedError} there is none, and nobody can send one */
  tryTake(box: Receiving): boolean {
    if (this.takeQuickly(box)) return true;
    if (this.#takeSlowly(box)) return true;
    if (this.roll.has(Side.SENDERS)) return false;
    // The last sender's last message.
    if (this.#takeSlowly(box)) return true;
    throw this.#drained();
  }

  #takeSlowly(box: Receiving): boolean {
    const { queue } = this;
    const me = currentId();
    queue.rx.enter(me, this, "receive from");
    const isThere = queue.available(box.most) > 0;
    try {
      if (isThere && box.blocks) this.cargo.requireBytes?.(queue.nextCell);
      if (isThere) box.take(queue, this.cargo.store);
    } finally {
      queue.rx.leave(me);
    }
    if (isThere && queue.flags > 0) this.#wakeSenders(queue.flags);
    return isThere;
  }

  /** Takes messages, blocking this thread until there is one. */
  take(box: Receiving, opts: WaitOptions | undefined): void {
    this.#lookAround(Side.RECEIVERS);
    if (!(this.isQuick && box instanceof Box) && restFirst(() => this.takeQuickly(box))) return;
    this.#enterDemand();
    try {
      wait((waiter) => this.attemptTake(box, waiter, true), this, "recv", opts);
    } catch (error) {
      this.#leaveDemand();
      // Somebody may have relied on it.
      if (this.#demand === undefined || !this.#takeSlowly(box)) throw error;
    }
  }

  async takeAsync(box: Receiving, opts: AsyncWaitOptions | undefined): Promise<void> {
    // As in sending.
    this.open(Side.RECEIVERS, false);
    this.#enterDemand();
    let demands = true;
    const leave = (): void => {
      if (demands) this.#leaveDemand();
      demands = false;
    };
    let isTaken = false;
    try {
      await this.#receiving.wait(
        (waiter) => {
          const sleep = this.attemptTake(box, waiter, true);
          if (sleep === undefined) demands = false;
          return sleep;
        },
        () => undefined,
        this,
        "recv",
        opts,
        () => {
          leave();
          isTaken = this.#demand !== undefined && this.#takeSlowly(box);
        },
      );
    } catch (error) {
      // It may not have stood in line at all.
      leave();
      if (!isTaken) throw error;
    } finally {
      this.close(Side.RECEIVERS);
    }
  }

  /** Takes messages, or returns what to sleep on; `demands`: others may rely on that somebody waits here. */
  attemptTake(box: Receiving, waiter: Waiting, demands = false): Sleep | undefined {
    const { queue } = this;
    const gate = queue.rx.pass(waiter, this, "receive from");
    if (gate !== undefined) return gate;
    let flags: Flags;
    try {
      while (queue.available(box.most) === 0) {
        const sleep = mark(queue.tail, queue.knownTail, { all: !waiter.blocks, selected: waiter.selects === true });
        if (sleep === undefined) continue;
        // Asked after the mark: whoever closes the last end clears it.
        if (this.roll.has(Side.SENDERS)) return sleep;
        if (queue.available() === 0) throw this.#drained();
      }
      if (box.blocks) this.cargo.requireBytes?.(queue.nextCell);
      if (demands) this.#endDemand();
      box.take(queue, this.cargo.store);
      flags = queue.flags;
      if (waiter.wakes > 0) passOn(queue.tail, queue.knownTail, queue.available() > 0);
    } finally {
      queue.rx.leave(waiter.me);
    }
    if (flags > 0) this.#wakeSenders(flags);
    return undefined;
  }

  #drained(): DisconnectedError {
    return new DisconnectedError(
      `${this.describe()} is empty, and has no sender any more: all were closed, or their threads ended. Nothing will ever come.`,
    );
  }

  #wakeSenders(flags: Flags): void {
    if (wakesOne(flags)) wakeSleepers(this.queue.head, flags);
    if (isSelected(flags)) this.#ring(Side.SENDERS);
  }

  #enterDemand(): void {
    if (this.#demand === undefined) return;
    if (this.#demands++ > 0) return;
    this.#demand.add(currentId(), Side.RECEIVERS);
    // Who waits to send something in a select looks at the demand.
    this.#ring(Side.SENDERS);
  }
  /** Inside RX, while the message is there: nothing can be put because of this demand any more. */
  #endDemand(): void {
    if (this.#demand !== undefined && --this.#demands === 0) this.#demand.remove(currentId(), Side.RECEIVERS);
  }
  /** Who may still have seen the demand is inside the senders' gate: after that, nothing is put because of it. */
  #leaveDemand(): void {
    if (this.#demand === undefined || --this.#demands > 0) return;
    const me = currentId();
    this.queue.tx.enter(me, this, "receive from");
    this.#demand.remove(me, Side.RECEIVERS);
    this.queue.tx.leave(me);
  }

  // --- what others ask ---

  get capacity(): number {
    return this.shape.capacity;
  }
  get one(): unknown {
    return this.queue.item;
  }
  unpack(item: unknown): unknown {
    return this.cargo.unpack(item);
  }
  unpackAsync(item: unknown): unknown {
    const { cargo } = this;
    return cargo.unpackAsync === undefined ? cargo.unpack(item) : cargo.unpackAsync(item);
  }
  get length(): number {
    return this.#demand === undefined ? this.queue.length : 0;
  }

  /** Rings the bells of those who have such ends, and may sleep on several channels. */
  #ring(side: Side): void {
    const { registry } = currentThread();
    for (const id of this.roll.owners(side)) {
      const bell = registry.field(id, Field.BELL);
      bell.add(1);
      bell.notify();
    }
  }

  /** As messages call it. */
  describe(): string {
    return this.shape.name === undefined ? "a channel without a name" : `channel "${this.shape.name}"`;
  }
}

/** In steps of 0.8 ns. Long enough for several messages to come, or to be taken: else each would cost a look that disturbs the other side. */
const FIRST_REST = 256;
/** All rests together take about as long as to wake a thread. */
const LAST_REST = 8192;
/** Between two knocks at a gate, where nobody stays for long; and so many knocks at most, since its owner may not be running. */
const KNOCK_REST = 256;
const MAX_KNOCKS = 64;

/** Looks for a while, having just looked in vain. */
function restFirst(look: () => boolean): boolean {
  if (!currentThread().spins) return false;
  rest(FIRST_REST);
  return backOff(look, undefined, 2 * FIRST_REST);
}

/** The least that an encoded message takes. */
const SMALLEST = packedCells(0);

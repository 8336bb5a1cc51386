/**
 * One thread's face of a channel: what its ends of it in this thread have in common.
 *
 *     bytes     0   the queue: see queue.ts
 *             128   TAG, NUMBER, by which the threads know the channel; KEPT: of which sides each thread may have a clone, as bits
 *                   1 << Side, from a static; SHELVED_BY: the supervisor that knows NUMBER
 *             144   OPENING, 8 times: id << 4 | how many messages that are out of the queue it is about to open, see cargo.ts
 *             176   who has ends: see roll.ts
 *            4604   who waits to be handed a message, of a channel without capacity: a roll again
 *             ...   the ring, if it has one length for ever; else that lies in a buffer of its own, which can grow
 *
 * A channel without capacity is a queue of one message, see inlet.ts, and demand.ts for its trySend. tryRecv takes what it finds.
 */
import { DisconnectedError } from "../errors.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Sleep } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";
import { Field } from "../thread/registry.ts";
import { Box, type Receiving, type Waiting } from "./call.ts";
import type { Cargo } from "./cargo.ts";
import { Demand } from "./demand.ts";
import type { Face, PipeShape } from "./face.ts";
import { Inlet } from "./inlet.ts";
import { isSelected, mark, NOTHING, passOn, wakeForGood, wakesOne, wakeSleepers, type Flags } from "./position.ts";
import { Queue, QUEUE_WORDS, type QueueShape } from "./queue.ts";
import { knocking, restFirst } from "./rests.ts";
import { Roll, rollWords, Side } from "./roll.ts";
import type { Source } from "./source.ts";

const TAG = QUEUE_WORDS;
const OPENING = TAG + 4;
/** BOUND: of more threads, and of more messages of a thread, nothing is counted. */
const OPENERS = 8;
const OPENER_SHIFT = 4;
const MOST_OPENED = (1 << OPENER_SHIFT) - 1;
const ROLL = OPENING + OPENERS;

/** Bytes of all but the ring. */
export const headerBytes = (isRendezvous: boolean): number => roundUp((ROLL + (isRendezvous ? 2 : 1) * rollWords()) * 4, 64);
const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

let publish: (pipe: Pipe, known: number) => number = () => 0;
let withdrawNumber: (number: number) => void = () => undefined;
/** Tells how a channel becomes known by a number to all threads, and how it is known no more. */
export function publishBy(how: (pipe: Pipe, known: number) => number, back: (number: number) => void): void {
  publish = how;
  withdrawNumber = back;
}

export class Pipe implements Face, Source {
  readonly buffer: SharedArrayBuffer;
  readonly shape: PipeShape;
  readonly cargo: Cargo;
  readonly queue: Queue;
  readonly roll: Roll;
  readonly isQuick: boolean;
  /** Is each message handed over? */
  readonly isRendezvous: boolean;
  readonly demand: Demand | undefined;
  readonly inlet: Inlet;
  readonly #receiving = new Line();
  /** How many ends this thread has. */
  #senders = 0;
  #receivers = 0;
  #looks = 0;
  /** What the next calls that receive throw: see {@link owe}. */
  readonly #owed: unknown[] = [];

  constructor(buffer: SharedArrayBuffer, shape: PipeShape, queueShape: QueueShape, cargo: Cargo) {
    this.buffer = buffer;
    this.shape = shape;
    this.cargo = cargo;
    this.queue = new Queue(buffer, queueShape, cargo.store);
    this.queue.onTake = cargo.receive?.bind(cargo);
    this.queue.number = () => this.number;
    this.isQuick = this.queue.isQuick;
    const first = Word.at(buffer, 0);
    this.roll = new Roll(first.next(ROLL));
    this.isRendezvous = shape.capacity === 0;
    this.demand = this.isRendezvous ? new Demand(this, new Roll(first.next(ROLL + rollWords()))) : undefined;
    this.inlet = new Inlet(this);
  }

  /** A number by which the faces of this channel in one thread find each other. */
  get tag(): Word {
    return Word.at(this.buffer, TAG * 4);
  }
  /** The number by which every thread can ask after this channel, for ends in its queue; another one than `tag`. */
  get number(): number {
    const word = Word.at(this.buffer, (TAG + 1) * 4);
    const known = word.load();
    const { modelled, registry } = currentThread();
    const shelvedBy = Word.at(this.buffer, (TAG + 3) * 4);
    // What lies on a supervisor's shelf is lost with it: the next one is told again.
    if (known !== 0 && (modelled || shelvedBy.load() === registry.supervisor.load())) return known;
    const fresh = publish(this, known);
    if (!modelled) shelvedBy.store(registry.supervisor.load());
    if (known !== 0) return known;
    const before = word.compareExchange(0, fresh);
    return before === 0 ? fresh : before;
  }
  /** Were ends of channels in its messages? */
  get carries(): boolean {
    return Word.at(this.buffer, (TAG + 1) * 4).load() !== 0;
  }

  // --- what moves in its messages ---

  /** Is the message at that place in the queue, or out of it and about to be opened? */
  holds(place: number): boolean {
    return this.queue.ahead(place) >= 0 || this.#isOpening;
  }
  get #isOpening(): boolean {
    const { registry } = currentThread();
    return this.#openers().some((word) => {
      const seen = word.load();
      return (seen & MOST_OPENED) !== 0 && registry.isAlive(seen >>> OPENER_SHIFT);
    });
  }
  countOpening(by: number): void {
    const { id, registry } = currentThread();
    const isOurs = (seen: number): boolean => seen >>> OPENER_SHIFT === id && (seen & MOST_OPENED) !== (by > 0 ? MOST_OPENED : 0);
    const isFree = (seen: number): boolean => by > 0 && ((seen & MOST_OPENED) === 0 || !registry.isAlive(seen >>> OPENER_SHIFT));
    for (const suits of [isOurs, isFree]) {
      for (const word of this.#openers()) {
        const seen = word.load();
        if (!suits(seen)) continue;
        const next = suits === isOurs ? seen + by : (id << OPENER_SHIFT) | 1;
        if (word.compareExchange(seen, next) === seen) return;
      }
    }
  }
  #openers(): Word[] {
    return Array.from({ length: OPENERS }, (_, nth) => Word.at(this.buffer, (OPENING + nth) * 4));
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
      if (this.carries) {
        withdrawNumber(this.number);
        wakeEverybody();
      }
    }
    const word = side === Side.SENDERS ? this.queue.tail : this.queue.head;
    if (wakeForGood(word)) this.ring(side === Side.SENDERS ? Side.RECEIVERS : Side.SENDERS);
  }

  /** What lies on the supervisor's shelf because of messages that nobody will receive. What is handed over its sender takes back. */
  #forgetQueued(): void {
    const { queue, cargo } = this;
    if (cargo.forgetAt === undefined || this.isRendezvous || currentThread().modelled) return;
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

  /** Asks again whether this thread is alone on a side; who is not alone now may be later. */
  lookAround(side: Side): void {
    // Of messages that are not quick, receivers knock always: the ring grows inside their gate.
    if (this.isQuick ? this.#looks++ % 16 !== 0 : this.isRendezvous || side === Side.RECEIVERS || this.#looks++ % 256 !== 0) return;
    // In this order: who keeps an end for all has one, and may have it no more a moment later.
    const isSole = this.roll.isSole(currentId(), side) && !this.#isKept(side);
    // From now on it passes by the gate: what a dead one left inside is repaired before.
    if (isSole && side === Side.SENDERS && !this.queue.isSoleSender) this.#passGate();
    if (side === Side.SENDERS) this.queue.isSoleSender = isSole;
    else this.queue.isSoleReceiver = isSole;
  }
  #passGate(): void {
    const { tx } = this.queue;
    const me = currentId();
    tx.enter(me, this, "send to");
    tx.leave(me);
  }
  /** Another thread is going to have such an end. */
  share(side: Side): void {
    if (side === Side.SENDERS) this.queue.isSoleSender = false;
    else this.queue.isSoleReceiver = false;
  }
  /** Each thread may have a clone of such an end from now on, from where all reach it: nobody is alone on this side any more. */
  keep(side: Side): void {
    this.#kept.or(1 << side);
    this.share(side);
  }
  get #kept(): Word {
    return Word.at(this.buffer, (TAG + 2) * 4);
  }
  #isKept(side: Side): boolean {
    return (this.#kept.load() & (1 << side)) !== 0;
  }

  // --- receiving ---

  /** Takes one message if that can be done at once, by the quick way; false of others. */
  takeOne(): boolean {
    if (!this.isQuick) return false;
    const flags = this.queue.poll(currentId());
    if (flags > 0) this.wakeSenders(flags);
    return flags >= 0;
  }
  /** The quick way again for a while: who is at the gate will have left, or a message will have come. */
  takeSoon(): boolean {
    this.lookAround(Side.RECEIVERS);
    if (!this.isQuick || !currentThread().spins) return false;
    const me = currentId();
    const poll = knocking(() => this.queue.poll(me));
    return restFirst(() => {
      const flags = poll();
      if (flags > 0) this.wakeSenders(flags);
      return flags >= 0;
    });
  }

  /** Takes messages into `box` if there are any and nobody is at the gate. */
  takeQuickly(box: Receiving): boolean {
    this.#throwOwed();
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
    if (flags > 0) this.wakeSenders(flags);
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
    if (isThere && queue.flags > 0) this.wakeSenders(queue.flags);
    return isThere;
  }

  /** Takes messages, blocking this thread until there is one. */
  take(box: Receiving, opts: WaitOptions | undefined): void {
    this.lookAround(Side.RECEIVERS);
    if (!(this.isQuick && box instanceof Box) && restFirst(() => this.takeQuickly(box))) return;
    this.demand?.enter();
    try {
      wait((waiter) => this.attemptTake(box, waiter, true), this, "recv", opts);
    } catch (error) {
      this.demand?.leave();
      // Somebody may have relied on it.
      if (!this.isRendezvous || !this.#takeSlowly(box)) throw error;
    }
  }

  async takeAsync(box: Receiving, opts: AsyncWaitOptions | undefined): Promise<void> {
    // As in sending.
    this.open(Side.RECEIVERS, false);
    this.demand?.enter();
    let demands = true;
    const leave = (): void => {
      if (demands) this.demand?.leave();
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
          isTaken = this.isRendezvous && this.#takeSlowly(box);
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
    this.#throwOwed();
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
      if (demands) this.demand?.end();
      box.take(queue, this.cargo.store);
      flags = queue.flags;
      if (waiter.wakes > 0) passOn(queue.tail, queue.knownTail, queue.available() > 0);
    } finally {
      queue.rx.leave(waiter.me);
    }
    if (flags > 0) this.wakeSenders(flags);
    return undefined;
  }

  owe(error: unknown): void {
    this.#owed.push(error);
  }
  #throwOwed(): void {
    if (this.#owed.length > 0) throw this.#owed.shift();
  }

  #drained(): DisconnectedError {
    return new DisconnectedError(
      `${this.describe()} is empty, and has no sender any more: all were closed, or their threads ended. Nothing will ever come.`,
    );
  }

  wakeSenders(flags: Flags): void {
    if (wakesOne(flags)) wakeSleepers(this.queue.head, flags);
    if (isSelected(flags)) this.ring(Side.SENDERS);
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
    return this.isRendezvous ? 0 : this.queue.length;
  }

  /** Rings the bells of those who have such ends, and may sleep on several channels. */
  ring(side: Side): void {
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

/**
 * A queue in shared memory with two gates: senders pass one, receivers the other, and neither side waits for the other while
 * there is room and there are messages.
 *
 *     word 0  TX          the senders' gate: see gate.ts
 *          1  TAIL        what was sent        moves when messages are published, all those of one call at once
 *          2  TAIL_NOW    TAIL without flags                     \
 *          3  KNOWN_HEAD  HEAD when a sender last looked          \
 *          4  KNOWN_CELL  its cell                                 > plain, inside TX
 *          5  TAIL_AT     two times CELL, SIZE: where the next     /
 *                         message goes, in a ring of how many     /
 *                         cells; PARITY says which is true       /
 *          9  SIZES       two times SIZE, for receivers; PARITY says which is true
 *         11  EPOCH       how often a sender broke off inside TX: see places.ts
 *         16  RX          the receivers' gate
 *         17  HEAD        what was received    moves likewise
 *         18  HEAD_NOW    HEAD without flags                     \
 *         19  KNOWN_TAIL  TAIL when a receiver last looked        > plain, inside RX
 *         20  KNOWN_SIZE  its SIZE                               /
 *         21  HEAD_AT     two times CELL: where the next message is; PARITY says which is true
 *         24  BEGAN       8 times: the COUNT in TAIL when the epoch of that number, modulo 8, began
 *
 * Whatever a sender does is seen at one instruction, the exchange of TAIL, which is also a change of PARITY: before it the old
 * CELL and SIZE are true, after it the new ones. So a sender that dies inside has sent all of its messages or none, whoever enters
 * after it finds the queue in order, and repairs no more than TAIL_NOW; and likewise a receiver and HEAD.
 *
 * The ring grows inside both gates. If messages lie across its end, those at its beginning are moved to behind the end, so that all
 * lie side by side in the longer ring; TAIL then changes PARITY alone. A receiver that knew the old SIZE has its KNOWN_TAIL taken away before.
 *
 * Why no wake-up is lost is told where TAIL and HEAD are: position.ts.
 *
 * Source: M. Michael, M. Scott, "Simple, Fast, and Practical Non-Blocking and Blocking Concurrent Queue Algorithms" (1996), the one
 * with two locks; the ring, the names and the parity are ours.
 */
import { Cells } from "../memory/cells.ts";
import { owned, type WordName } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import type { Awaited } from "../park/wait.ts";
import type { Moves } from "../send/moving.ts";
import { currentThread } from "../thread/current.ts";
import { Gate } from "./gate.ts";
import { Places } from "./places.ts";
import {
  between,
  BUSY,
  countOf,
  FLAGS,
  GONE,
  MAX_MESSAGES,
  MOVE_MASK,
  moved,
  NOTHING,
  ONE,
  PARITY,
  parityOf,
  position,
  type Flags,
} from "./position.ts";
import type { Store } from "./store.ts";

const TX = 0;
const TAIL = 1;
const TAIL_NOW = 2;
const KNOWN_HEAD = 3;
const KNOWN_CELL = 4;
const TAIL_AT = 5;
const SIZES = 9;
const EPOCH = 11;
const RX = 16;
const HEAD = 17;
const HEAD_NOW = 18;
const KNOWN_TAIL = 19;
const KNOWN_SIZE = 20;
const HEAD_AT = 21;
const BEGAN = 24;
export const QUEUE_WORDS = 32;

/**
 * Where receivers are the slower ones the ring is full all the time: looking at HEAD for each message would take its cache line from
 * them as often. So who finds the ring full rests, at the senders' expense only, until a sixteenth of it is free; or until it has rested
 * enough, and takes what there is by the slow way.
 */
const WORTHWHILE_SHIFT = 4;

/** How a queue is made. */
export interface QueueShape {
  /** The most messages at a time; 0: each is handed over; Infinity: as many as there are cells for. */
  readonly capacity: number;
  /** Cells of the ring at first, and at most. */
  readonly cells: number;
  readonly mostCells: number;
}

/** Why a message cannot be put: it must wait, for messages to be taken or for bytes; or it never can. */
export const Verdict = { FITS: 0, FULL: 1, NO_BYTES: 2, NEVER: 3 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export class Queue {
  readonly tx: Gate;
  readonly rx: Gate;
  readonly tail: Word;
  readonly head: Word;
  /** What was taken last, by the quick way; and who is to be woken after what was taken by any other. */
  item: unknown;
  flags: Flags = 0;
  /** May messages be put and taken by the quick way? All have one length, and the ring has one for ever. */
  readonly isQuick: boolean;
  /** Has this thread all ends of a side? Then by the quick way it need not knock at the gate: nobody else can be inside. */
  isSoleSender = false;
  isSoleReceiver = false;
  /** What is to be done with a message before it is out of the queue, and then after that. */
  onTake: ((item: unknown, count: number) => (() => void) | undefined) | undefined;
  /** The channel's number, asked of a message with ends of channels in it. */
  number: () => number = () => 0;
  readonly #first: Word;
  readonly #places: Places;
  readonly #cells: Cells;
  readonly #store: Store;
  /** 0 if each message is handed over; one lies here then, all the same. */
  readonly capacity: number;
  readonly #capacity: number;
  readonly #mostCells: number;
  readonly #smallest: number;
  /** How many cells this thread's views show. */
  #seen: number;
  /** So many must fit again before the quick way goes on in a ring that was full. */
  readonly #worthwhile: number;

  constructor(buffer: SharedArrayBuffer, { capacity, cells, mostCells }: QueueShape, store: Store) {
    this.#first = Word.at(buffer, 0);
    this.#places = new Places(this.#first.next(EPOCH), this.#first.next(BEGAN));
    this.#cells = new Cells(buffer, 0, QUEUE_WORDS);
    this.#store = store;
    this.capacity = capacity;
    this.#capacity = capacity === 0 ? 1 : Math.min(capacity, MAX_MESSAGES);
    this.#smallest = cells;
    // Who cannot rest meanwhile takes what there is.
    this.#worthwhile = currentThread().spins ? Math.max(1, this.#capacity >> WORTHWHILE_SHIFT) : 1;
    this.isQuick = capacity !== 0 && store.cells !== 0 && cells === mostCells;
    this.#mostCells = mostCells;
    this.#seen = cells;
    this.tail = this.#first.next(TAIL);
    this.head = this.#first.next(HEAD);
    this.tx = new Gate(this.#first.next(TX), () => {
      this.#cells.set(TAIL_NOW, this.tail.load() & MOVE_MASK);
      if (store.cells === 0) this.#places.beginEpoch(countOf(this.tail.load()));
    });
    this.rx = new Gate(this.#first.next(RX), () => {
      this.#cells.set(HEAD_NOW, this.head.load() & MOVE_MASK);
      this.#cells.set(KNOWN_TAIL, this.#cells.get(HEAD_NOW));
    });
  }

  // --- the quick way, of messages of one length ---

  /** Puts a message if nobody is at the gate, and if there is room, or enough of it in a ring that was full; returns who is to be woken, or NOTHING. */
  offer(me: number, item: unknown): Flags {
    const knocks = !this.isSoleSender;
    if (knocks && !this.tx.enterQuickly(me)) return BUSY;
    const cells = this.#cells;
    const tail = cells.get(TAIL_NOW);
    let flags = NOTHING;
    if (between(cells.get(KNOWN_HEAD), tail) < this.#capacity || this.#hasRoomAgain(tail)) {
      const at = cells.get(TAIL_AT + 2 * parityOf(tail));
      this.#store.put(at, item, 0);
      const end = at + this.#store.cells;
      const next = ((tail + ONE) & MOVE_MASK) ^ PARITY;
      cells.set(TAIL_AT + 2 * parityOf(next), end === this.#smallest ? 0 : end);
      cells.set(TAIL_NOW, next);
      flags = this.tail.exchange(next) & FLAGS;
    }
    if (knocks) this.tx.leave(me);
    return flags;
  }
  #hasRoomAgain(tail: number): boolean {
    const head = this.head.load();
    this.#cells.set(KNOWN_HEAD, head & MOVE_MASK);
    return this.#capacity - between(head, tail) >= this.#worthwhile;
  }

  /** Takes a message into {@link item} if nobody is at the gate, and if there is one; returns who is to be woken, or NOTHING. */
  poll(me: number): Flags {
    const knocks = !this.isSoleReceiver;
    if (knocks && !this.rx.enterQuickly(me)) return BUSY;
    const cells = this.#cells;
    const head = cells.get(HEAD_NOW);
    let flags = NOTHING;
    if (between(head, cells.get(KNOWN_TAIL)) !== 0 || this.#hasMessageAgain(head)) {
      const at = cells.get(HEAD_AT + parityOf(head));
      this.item = this.#store.take(at, 0);
      const end = at + this.#store.cells;
      const next = ((head + ONE) & MOVE_MASK) ^ PARITY;
      cells.set(HEAD_AT + parityOf(next), end === this.#smallest ? 0 : end);
      cells.set(HEAD_NOW, next);
      flags = this.head.exchange(next) & FLAGS;
    }
    if (knocks) this.rx.leave(me);
    return flags;
  }
  #hasMessageAgain(head: number): boolean {
    const tail = this.tail.load();
    this.#cells.set(KNOWN_TAIL, tail & MOVE_MASK);
    return between(head, tail) !== 0;
  }

  // --- inside TX ---

  /** May a message of so many cells be put now? */
  verdict(cells: number): Verdict {
    const known = this.#cells;
    if (between(known.get(KNOWN_HEAD), known.get(TAIL_NOW)) >= this.#capacity && this.#lookAtHead() >= this.#capacity) return Verdict.FULL;
    if (this.#free() >= cells) return Verdict.FITS;
    this.#lookAtHead();
    if (this.#free() >= cells) return Verdict.FITS;
    return cells > this.#mostCells - this.#spare ? Verdict.NEVER : Verdict.NO_BYTES;
  }

  /** Looks how far receivers are; returns how many messages there are. */
  #lookAtHead(): number {
    const cells = this.#cells;
    let head = this.head.load();
    for (;;) {
      // Where the next message is stands in a place that is written anew only after HEAD has moved.
      if (this.#store.cells === 0) cells.set(KNOWN_CELL, this.#first.next(HEAD_AT + parityOf(head)).load());
      const again = this.#store.cells === 0 ? this.head.load() : head;
      if ((again & MOVE_MASK) === (head & MOVE_MASK)) break;
      head = again;
    }
    cells.set(KNOWN_HEAD, head & MOVE_MASK);
    return between(head, cells.get(TAIL_NOW));
  }

  /** Cells that no message lies in, as far as is known. */
  #free(): number {
    const cells = this.#cells;
    const tail = cells.get(TAIL_NOW);
    const size = this.#size(tail);
    if (this.#store.cells !== 0) return size - between(cells.get(KNOWN_HEAD), tail) * this.#store.cells;
    const used = cells.get(TAIL_AT + 2 * parityOf(tail)) - cells.get(KNOWN_CELL);
    return size - (used < 0 ? used + size : used) - this.#spare;
  }
  /** A ring whose messages have different lengths is never quite full: else it would look empty. */
  get #spare(): number {
    return this.#store.cells === 0 ? 2 : 0;
  }
  #size(tail: number): number {
    const size = this.#cells.get(TAIL_AT + 2 * parityOf(tail) + 1);
    return size === 0 ? this.#smallest : size;
  }

  /** How many more messages of a fixed length fit, `most` at most. */
  roomFor(most: number): number {
    const room = (): number => {
      const { cells } = this.#store;
      const left = this.#capacity - between(this.#cells.get(KNOWN_HEAD), this.#cells.get(TAIL_NOW));
      return Math.min(most, left, Math.floor(this.#free() / cells));
    };
    if (room() < most) this.#lookAtHead();
    return room();
  }

  /** Puts a message that fits, and counts what moves with it as being in it. */
  put(item: unknown, moves?: Moves): Flags {
    if (moves === undefined) return this.#put(item);
    try {
      const place = this.#places.at(countOf(this.#cells.get(TAIL_NOW)));
      moves.begin({ queue: this.number(), place, ahead: (other) => this.ahead(other) });
      return this.#put(item);
    } catch (error) {
      this.#places.beginEpoch(countOf(this.tail.load()));
      throw error;
    }
  }
  #put(item: unknown): Flags {
    const store = this.#store;
    const tail = this.#cells.get(TAIL_NOW);
    const size = this.#sized(this.#size(tail));
    const at = this.#cells.get(TAIL_AT + 2 * parityOf(tail));
    store.put(at, item, size);
    const end = at + (store.cells === 0 ? store.cellsOf(item) : store.cells);
    return this.#publish(tail, 1, end >= size ? end - size : end, size);
  }

  /** Puts so many messages of a fixed length, which fit: `write(cell, from, count)` is called once or twice, for those side by side. */
  putSome(count: number, write: (cell: number, from: number, count: number) => void): Flags {
    const { cells } = this.#store;
    const tail = this.#cells.get(TAIL_NOW);
    const size = this.#sized(this.#size(tail));
    const at = this.#cells.get(TAIL_AT + 2 * parityOf(tail));
    const first = Math.min(count, (size - at) / cells);
    write(at, 0, first);
    if (first < count) write(0, first, count - first);
    const end = at + count * cells;
    return this.#publish(tail, count, end >= size ? end - size : end, size);
  }

  #publish(tail: number, count: number, cell: number, size: number): Flags {
    const next = moved(tail, count);
    const side = TAIL_AT + 2 * parityOf(next);
    this.#cells.set(side, cell);
    if (this.#smallest !== this.#mostCells && this.#cells.get(side + 1) !== size) {
      this.#cells.set(side + 1, size);
      this.#first.next(SIZES + parityOf(next)).store(size);
    }
    this.#cells.set(TAIL_NOW, next);
    return this.tail.exchange(next) & FLAGS;
  }

  /** Makes this thread's views show so many cells. */
  #sized(size: number): number {
    if (size > this.#seen) {
      this.#store.fit(size);
      this.#seen = size;
    }
    return size;
  }

  /**
   * Makes the ring long enough for `cells` more, inside TX, waiting at the gate for who receives. Not by a sleep of the sender's attempt:
   * who is woken at a gate must pass it, else the next one sleeps on, and that attempt may find room without it.
   * @returns false if the ring would be longer than allowed
   */
  grow(me: number, cells: number, awaited: Awaited): boolean {
    this.rx.enter(me, awaited, "send to");
    try {
      this.#lookAtHead();
      return this.#longer(cells);
    } finally {
      this.rx.leave(me);
    }
  }

  #longer(need: number): boolean {
    const cells = this.#cells;
    const tail = cells.get(TAIL_NOW);
    const size = this.#size(tail);
    const wanted = size - this.#free() + need;
    // Receivers may have made room meanwhile.
    if (wanted <= size) return true;
    let next = size;
    while (next < wanted && next < this.#mostCells) next = Math.min(2 * next, this.#mostCells);
    const at = cells.get(TAIL_AT + 2 * parityOf(tail));
    const head = cells.get(HEAD_AT + parityOf(cells.get(HEAD_NOW)));
    const isSplit = between(cells.get(HEAD_NOW), tail) > 0 && at <= head;
    if (next < wanted || (isSplit && next - size < at)) return false;
    try {
      this.#store.fit(next);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
    this.#seen = Math.max(this.#seen, next);
    // What receivers know of the ring is taken away before it is true no more.
    cells.set(KNOWN_TAIL, cells.get(HEAD_NOW));
    if (isSplit) this.#store.copy(size, 0, at);
    const flags = this.#publish(tail, 0, isSplit ? size + at : at, next);
    // Nothing was sent: who waits goes on waiting, for a value that is another one now.
    if (flags !== 0) {
      this.tail.or(flags);
      this.tail.notify();
    }
    return true;
  }

  // --- inside RX ---

  /** How many messages can be taken now; looks anew if fewer than `most` are known. */
  available(most = 1): number {
    const cells = this.#cells;
    const known = between(cells.get(HEAD_NOW), cells.get(KNOWN_TAIL));
    return known >= most ? known : this.#lookAtTail();
  }
  /** Where TAIL was when it was looked at last. */
  get knownTail(): number {
    return this.#cells.get(KNOWN_TAIL);
  }

  #lookAtTail(): number {
    const cells = this.#cells;
    const tail = this.tail.load();
    if (this.#smallest !== this.#mostCells) {
      // It is written anew with another value only after the ring has grown, for which RX is needed.
      const size = this.#first.next(SIZES + parityOf(tail)).load();
      cells.set(KNOWN_SIZE, size === 0 ? this.#smallest : size);
    }
    cells.set(KNOWN_TAIL, tail & MOVE_MASK);
    return between(cells.get(HEAD_NOW), tail);
  }
  #knownSize(): number {
    return this.#smallest === this.#mostCells ? this.#smallest : this.#sized(this.#cells.get(KNOWN_SIZE));
  }

  /** Takes the next message, which is there; who is to be woken then stands in {@link flags}. */
  take(): unknown {
    const store = this.#store;
    const head = this.#cells.get(HEAD_NOW);
    const size = this.#knownSize();
    const at = this.#headAt(head, size);
    const item = store.take(at, size);
    const then = this.onTake?.(item, countOf(head));
    this.flags = this.#retire(head, 1, at + (store.cells === 0 ? store.cellsAt(at) : store.cells), size);
    then?.();
    return item;
  }

  /** Takes so many messages of a fixed length, which are there: as {@link putSome}. */
  takeSome(count: number, read: (cell: number, from: number, count: number) => void): Flags {
    const { cells } = this.#store;
    const head = this.#cells.get(HEAD_NOW);
    const size = this.#knownSize();
    const at = this.#headAt(head, size);
    const first = Math.min(count, (size - at) / cells);
    read(at, 0, first);
    if (first < count) read(0, first, count - first);
    return this.#retire(head, count, at + count * cells, size);
  }

  #headAt(head: number, size: number): number {
    const at = this.#cells.get(HEAD_AT + parityOf(head));
    // It ended where the ring did, before the ring grew or not.
    return at >= size ? at - size : at;
  }

  #retire(head: number, count: number, cell: number, size: number): Flags {
    const next = moved(head, count);
    const at = cell >= size ? cell - size : cell;
    const side = HEAD_AT + parityOf(next);
    // Senders look at it only if messages have different lengths.
    if (this.#store.cells === 0) this.#first.next(side).store(at);
    else this.#cells.set(side, at);
    this.#cells.set(HEAD_NOW, next);
    return this.head.exchange(next) & FLAGS;
  }

  /** Leaves the next message out, which is there. */
  drop(): Flags {
    const store = this.#store;
    const head = this.#cells.get(HEAD_NOW);
    const size = this.#knownSize();
    const at = this.#headAt(head, size);
    return this.#retire(head, 1, at + store.cellsAt(at), size);
  }

  /** Inside RX: where the next message lies, which is there. */
  get nextCell(): number {
    return this.#headAt(this.#cells.get(HEAD_NOW), this.#knownSize());
  }

  /** Inside RX: tells where each message lies. */
  seeAll(see: (cell: number) => void): void {
    const count = this.available(Infinity);
    const size = this.#knownSize();
    let at = this.nextCell;
    for (let n = 0; n < count; n++) {
      see(at);
      at += this.#store.cellsAt(at);
      if (at >= size) at -= size;
    }
  }

  // --- anywhere ---

  /** Nobody will receive any more: stops senders, those that knock and the one that does not. */
  abandon(): void {
    this.tx.abandon();
    this.tail.or(GONE);
  }

  /** How many messages are to be taken before the one at that place; -1 if it is not in the queue: see places.ts. */
  ahead(place: number): number {
    const head = countOf(this.head.load());
    return this.#places.ahead(place, head, countOf(this.tail.load()));
  }

  /** How many messages there are. */
  get length(): number {
    const head = this.head.load();
    return Math.min(between(head, this.tail.load()), this.#capacity);
  }

  /** Inside TX: where HEAD was when it was looked at last. */
  get knownHead(): number {
    return this.#cells.get(KNOWN_HEAD);
  }
  /** Inside TX: the position of the message that was put last. */
  get lastPut(): number {
    return this.#cells.get(TAIL_NOW);
  }
  /**
   * Was the message at that position, and all before it, taken?
   * BOUND: asked before 16 million more have been, for positions wrap around.
   */
  isTaken(position: number, head: number): boolean {
    return between(position, head) < MAX_MESSAGES / 2;
  }
}

const gate = owned(2, ["CONTENDED", "ABANDONED"]);

/** How the words of a queue read. */
export const QUEUE_NAMES: readonly WordName[] = Array.from({ length: QUEUE_WORDS }, (_, at) => {
  const named: Readonly<Record<number, WordName>> = {
    [TX]: { name: "tx", show: gate },
    [TAIL]: { name: "tail", show: position },
    [TAIL_NOW]: { name: "tail now", show: position },
    [KNOWN_HEAD]: { name: "known head", show: position },
    [KNOWN_CELL]: { name: "known cell" },
    [EPOCH]: { name: "epoch" },
    [RX]: { name: "rx", show: gate },
    [HEAD]: { name: "head", show: position },
    [HEAD_NOW]: { name: "head now", show: position },
    [KNOWN_TAIL]: { name: "known tail", show: position },
    [KNOWN_SIZE]: { name: "known size" },
  };
  const within =
    at >= BEGAN
      ? ["began", at - BEGAN]
      : at >= HEAD_AT
        ? ["head at", at - HEAD_AT]
        : at >= SIZES
          ? ["sizes", at - SIZES]
          : ["tail at", at - TAIL_AT];
  return named[at] ?? { name: `${String(within[0])}[${String(within[1])}]` };
});

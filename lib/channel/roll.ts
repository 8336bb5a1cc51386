/**
 * Who has ends of a channel: a word for each thread that there can be, so that a dead thread's ends are closed by its death alone.
 *
 *     word 0        TRAVELLING   senders << 15 | receivers that are on their way, and belong to no thread
 *          1        UP_TO        1 + the highest index of a thread that ever had an end
 *          2        MOVES        moves when something was counted at a new place, before it is not counted at its old one
 *          3        CARRIERS     16 times: the number of a channel whose messages have had ends of this one in them; and for each side the
 *                                places of two of them, see places.ts, the newest that is in the queue among them
 *         83 ...    thread 0 ... 1023, by the index in its id:
 *
 *                    31 30 29 ............. 14 13 ....... 7 6 ........... 0
 *                   +-----+-------------------+------------+---------------+
 *                   |  0  | GENERATION of id  |  SENDERS   |   RECEIVERS   |     of another generation: none
 *                   +-----+-------------------+------------+---------------+
 *
 * SENDERS and RECEIVERS count the faces of this channel that a thread has, most often one; each face counts its ends in its own
 * heap, and is gone with its thread as a whole. An end that goes elsewhere is counted there before it is not counted here any more:
 * so once a side is seen to have nobody, it has nobody for ever.
 *
 * Of an end in the queue of another channel nothing is counted: whether its message is there, the words of that queue tell, which change in the very
 * instructions that put it and take it. So wherever its sender or its receiver dies, the end is either in the message or theirs. Since messages are
 * taken in the order in which they were put, it is enough to know the newest one: and the one before it, as its sender may die before it has put
 * the newest. With the carrier's last receiver all that is in its queue perishes.
 */
import type { Word } from "../memory/word.ts";
import type { Berth, Unloading } from "../send/moving.ts";
import { currentThread } from "../thread/current.ts";
import { MAX_THREADS } from "../thread/registry.ts";

const TRAVELLING = 0;
const UP_TO = 1;
const MOVES = 2;
const CARRIERS = 3;
const CARRIER_WORDS = 5;
/** Ends in the queues of more are counted in TRAVELLING, and perish with nothing: not even with a thread that dies in sending or receiving them. */
const MAX_CARRIERS = 16;
const THREADS = CARRIERS + CARRIER_WORDS * MAX_CARRIERS;
/** The checker's worlds have few threads, and use small buffers again. */
const MODELLED_THREADS = 16;
export const rollWords = (): number => THREADS + (currentThread().modelled ? MODELLED_THREADS : MAX_THREADS);

/** Which end of a channel. */
export const Side = { SENDERS: 7, RECEIVERS: 0 } as const;
export type Side = (typeof Side)[keyof typeof Side];

const COUNT = 0x7f;
const COUNT_BITS = 14;
const INDEX_BITS = 10;
const indexOf = (id: number): number => id & (MAX_THREADS - 1);
const generationOf = (id: number): number => id >>> INDEX_BITS;

const FAR = 15;
const FAR_COUNT = (1 << FAR) - 1;
const farShift = (side: Side): number => (side === Side.SENDERS ? FAR : 0);

let mayArrive: (queue: number, place: number) => boolean = () => true;
/** Tells how to ask whether a message is in the queue of the channel of a number, and somebody can receive it. */
export function askQueuesBy(ask: (queue: number, place: number) => boolean): void {
  mayArrive = ask;
}

export class Roll {
  readonly #first: Word;
  /** By side: a thread that had such an end when last looked, 0 if none is known. */
  #senders = 0;
  #receivers = 0;
  /** Another thread that had such an end when {@link isSole} looked, 0 if none was found. */
  #otherSender = 0;
  #otherReceiver = 0;
  #pulse: { readonly beats: boolean } | undefined;

  constructor(first: Word) {
    this.#first = first;
  }

  /** Does a thread live that had a receiver when last looked? False if none is known: then {@link has} tells. */
  get seemsReceived(): boolean {
    return this.#pulse?.beats === true;
  }

  /**
   * Counts one more of a thread's faces that have such ends.
   * @throws {RangeError} it has 127 already
   */
  add(id: number, side: Side): void {
    const word = this.#of(id);
    for (;;) {
      const seen = word.load();
      const counts = seen >>> COUNT_BITS === generationOf(id) ? seen & ((1 << COUNT_BITS) - 1) : 0;
      if (((counts >>> side) & COUNT) === COUNT)
        throw new RangeError("a thread has met this channel 127 times, and can have no more of its ends");
      const next = (generationOf(id) << COUNT_BITS) | (counts + (1 << side));
      if (word.compareExchange(seen, next) === seen) break;
    }
    const upTo = this.#first.next(UP_TO);
    for (let seen = upTo.load(); seen <= indexOf(id); seen = upTo.load()) if (upTo.compareExchange(seen, indexOf(id) + 1) === seen) break;
    // PAIRS: with the looks in has and isSole: who looks from now on finds it here, and who looked before looks again.
    this.#first.next(MOVES).add(1);
  }

  remove(id: number, side: Side): void {
    const word = this.#of(id);
    for (;;) {
      const seen = word.load();
      if (seen >>> COUNT_BITS !== generationOf(id) || ((seen >>> side) & COUNT) === 0) return;
      if (word.compareExchange(seen, seen - (1 << side)) === seen) return;
    }
  }

  /**
   * One more end that is on its way, anywhere.
   * BOUND: 32,767 of each side.
   */
  depart(side: Side): void {
    this.#first.next(TRAVELLING).add(1 << farShift(side));
    this.#first.next(MOVES).add(1);
  }
  /** It has come. */
  arrive(side: Side): void {
    const travelling = this.#first.next(TRAVELLING);
    for (let seen = travelling.load(); ((seen >>> farShift(side)) & FAR_COUNT) !== 0; seen = travelling.load()) {
      if (travelling.compareExchange(seen, seen - (1 << farShift(side))) === seen) return;
    }
  }

  /** An end is going to be in that message, whose sender is inside the gate. False if it must {@link depart} instead. */
  embark(side: Side, { queue, place, ahead }: Berth): boolean {
    const places = this.#placesIn(queue, side, true);
    if (places === undefined) return false;
    const [one, other] = places;
    // The newest that is there stays: this one may never be put.
    (ahead(one.load()) < ahead(other.load()) ? one : other).store(place);
    this.#first.next(MOVES).add(1);
    return true;
  }
  /** It is this thread's, and about to be out of that message. */
  disembark(side: Side, { queue, isAt, then }: Unloading): void {
    const places = this.#placesIn(queue, side, false);
    then.push(() => {
      if (places === undefined) this.arrive(side);
      else clear(places, isAt);
    });
  }
  /** It was not sent after all. */
  stay(side: Side, { queue, place }: Berth): void {
    clear(this.#placesIn(queue, side, false) ?? [], (seen) => seen === place);
  }

  /** A carrier's two places; without any yet, one of the 16 is taken if it `claims`. */
  #placesIn(queue: number, side: Side, claims: boolean): readonly [Word, Word] | undefined {
    for (let at = CARRIERS; at < THREADS; at += CARRIER_WORDS) {
      const number = this.#first.next(at);
      const seen = number.load();
      if (seen === queue || (seen === 0 && claims && this.#claim(number, queue))) return this.#placesAt(at, side);
    }
    return undefined;
  }
  #claim(number: Word, queue: number): boolean {
    const before = number.compareExchange(0, queue);
    return before === 0 || before === queue;
  }
  #placesAt(carrier: number, side: Side): readonly [Word, Word] {
    const at = carrier + (side === Side.SENDERS ? 1 : 3);
    return [this.#first.next(at), this.#first.next(at + 1)];
  }

  /** Is there such an end on its way, to where somebody can receive it? */
  #isTravelling(side: Side): boolean {
    if (((this.#first.next(TRAVELLING).load() >>> farShift(side)) & FAR_COUNT) !== 0) return true;
    for (let at = CARRIERS; at < THREADS; at += CARRIER_WORDS) {
      const queue = this.#first.next(at).load();
      // Places are taken in this order, and never given back.
      if (queue === 0) return false;
      for (const word of this.#placesAt(at, side)) {
        const place = word.load();
        if (place !== 0 && mayArrive(queue, place)) return true;
      }
    }
    return false;
  }

  /** Has anybody who lives such an end? */
  has(side: Side): boolean {
    const known = side === Side.SENDERS ? this.#senders : this.#receivers;
    if (known !== 0 && this.#hasEnd(known, this.#of(known).load(), side)) return true;
    for (;;) {
      const moves = this.#first.next(MOVES).load();
      const found = this.#find(side);
      if (side === Side.SENDERS) this.#senders = found;
      else {
        this.#receivers = found;
        this.#pulse = found === 0 ? undefined : pulseOf(found);
      }
      if (found !== 0 || this.#isTravelling(side)) return true;
      // An end that moved meanwhile may have been neither here nor there, each time when it was looked for.
      if (this.#first.next(MOVES).load() === moves) return false;
    }
  }

  /** Has this thread all such ends, and does nobody else come by one but through it? */
  isSole(id: number, side: Side): boolean {
    const other = side === Side.SENDERS ? this.#otherSender : this.#otherReceiver;
    if (other !== 0 && this.#hasEnd(other, this.#of(other).load(), side)) return false;
    // BOUND: MOVES wraps around at 2^32; it does not come around while one thread looks at a thousand words.
    const moves = this.#first.next(MOVES).load();
    if (this.#isTravelling(side)) return false;
    for (const owner of this.owners(side)) {
      if (owner === id) continue;
      if (side === Side.SENDERS) this.#otherSender = owner;
      else this.#otherReceiver = owner;
      return false;
    }
    return ((this.#of(id).load() >>> side) & COUNT) === 1 && this.#first.next(MOVES).load() === moves;
  }

  #find(side: Side): number {
    const upTo = this.#first.next(UP_TO).load();
    for (let index = 0; index < upTo; index++) {
      const seen = this.#first.next(THREADS + index).load();
      const id = ((seen >>> COUNT_BITS) << INDEX_BITS) | index;
      if (this.#hasEnd(id, seen, side)) return id;
    }
    return 0;
  }

  /** All who live and have such an end. */
  *owners(side: Side): Iterable<number> {
    const upTo = this.#first.next(UP_TO).load();
    for (let index = 0; index < upTo; index++) {
      const seen = this.#first.next(THREADS + index).load();
      const id = ((seen >>> COUNT_BITS) << INDEX_BITS) | index;
      if (this.#hasEnd(id, seen, side)) yield id;
    }
  }

  #hasEnd(id: number, seen: number, side: Side): boolean {
    return ((seen >>> side) & COUNT) !== 0 && seen >>> COUNT_BITS === generationOf(id) && currentThread().registry.isAlive(id);
  }

  #of(id: number): Word {
    return this.#first.next(THREADS + indexOf(id));
  }
}

/** Positions come around again: a place that is left over would be taken for another message's some day. */
function clear(places: readonly Word[], isIt: (place: number) => boolean): void {
  for (const word of places) {
    const seen = word.load();
    if (seen !== 0 && isIt(seen)) word.compareExchange(seen, 0);
  }
}

/** In the checker's worlds, who lives is asked in full. */
function pulseOf(id: number): { readonly beats: boolean } {
  const { modelled, registry } = currentThread();
  if (!modelled) return registry.pulseOf(id);
  return {
    get beats() {
      return registry.isAlive(id);
    },
  };
}

/**
 * The places of messages in a queue, by which the ends of channels that are in them are known to be there: from the very instruction on that
 * puts a message into the queue to the one that takes it out. See roll.ts.
 *
 *     place:  30 29 .. 25 24 ........... 0
 *            +--+--------+----------------+
 *            |1 | EPOCH  | COUNT of TAIL  |       in queue.ts' words: EPOCH, and BEGAN, 8 times
 *            +--+--------+----------------+
 *
 * A sender inside TX tells the place of its message to the channels whose ends it sends, and puts it then. If it breaks off in between, because it
 * died or threw, another message gets that COUNT; but whoever enters TX after it begins another epoch before, and BEGAN says from which COUNT on.
 * Who dies as it begins one leaves that to be done again: BEGAN is written first, and TAIL has not moved.
 */
import type { Word } from "../memory/word.ts";

/** BOUND: counts of messages wrap around at 2^25. They are compared within the capacity, which is less. */
export const COUNT_MASK = (1 << 25) - 1;

export const BEGINNINGS = 8;
/** So a place is never 0. */
const IS_PLACE = 1 << 30;
const EPOCH_SHIFT = 25;
/** BOUND: epochs modulo 32: so many senders would have to break off while a message with an end in it is queued. */
const EPOCHS = 31;

/** Is that the place of a message with that count? */
export const isPlaceOf = (place: number, count: number): boolean => (place & COUNT_MASK) === count;

export class Places {
  readonly #epoch: Word;
  readonly #firstBegan: Word;

  constructor(epoch: Word, firstBegan: Word) {
    this.#epoch = epoch;
    this.#firstBegan = firstBegan;
  }

  /** Inside TX: the place of the message that is put at that count. */
  at(count: number): number {
    return IS_PLACE | ((this.#epoch.load() & EPOCHS) << EPOCH_SHIFT) | count;
  }

  /** Inside TX, after somebody broke off there: what was told of the message at that count, or of one behind it, is true no more. */
  beginEpoch(count: number): void {
    const next = this.#epoch.load() + 1;
    this.#began(next).store(count);
    this.#epoch.store(next);
  }
  #began(epoch: number): Word {
    return this.#firstBegan.next(epoch & (BEGINNINGS - 1));
  }

  /**
   * How many messages are to be taken before the one at that place; -1 if it is not in the queue: it was taken, or has not been put, or its
   * sender broke off.
   * @param head  the counts of what was taken and put: read in this order, and before this is called
   */
  ahead(place: number, head: number, tail: number): number {
    const count = place & COUNT_MASK;
    const at = (count - head) & COUNT_MASK;
    if (place === 0 || at >= ((tail - head) & COUNT_MASK)) return -1;
    // After TAIL: where another message was put instead, the epoch began before.
    const epoch = this.#epoch.load();
    const since = (epoch - (place >>> EPOCH_SHIFT)) & EPOCHS;
    // Too long ago: rather there for too long than overlooked.
    if (since === 0 || since >= BEGINNINGS) return at;
    const before = (this.#began(epoch - since + 1).load() - count) & COUNT_MASK;
    return before !== 0 && before <= COUNT_MASK >>> 1 ? at : -1;
  }
}

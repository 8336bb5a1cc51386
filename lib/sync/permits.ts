/**
 * The permits of a semaphore, in shared memory.
 *
 *     word 0  LOCK     id << 1 | CONTENDED    who is between enter() and leave(), for some tens of instructions; 0: nobody
 *          1  EVENT    moves when somebody who waits for permits must look again
 *          2  RULES    FIRST id << 4 | LEVEL << 1 | CLOSED: who may not be overtaken, for how long; 0: nobody
 *          3  TAKEN    a cache: the sum of all COUNTED
 *          4  slots, three words each:
 *             OWNER    id << 4 | STRICT 8 | WANTED 4 | SPARE 2 | ONE 1    of the thread whose permits are counted here; 0: free
 *             HELD     how many it holds besides ONE << 1 | WANTED
 *             COUNTED  how many of them TAKEN includes: what it holds at least, more after a release
 *
 *     ONE      it holds a permit, which only this flag tells of
 *     SPARE    it held one, and may take that again: COUNTED still includes it. Never both
 *     WANTED   releasing what stands in this word must tell
 *     STRICT   while RULES holds anything, or somebody counts exactly: nobody takes but under LOCK. Set first and taken off first, so a
 *              death in between leaves it where it does no harm, until the slot is taken anew, or leaves RULES that name a dead thread
 *
 * The truth is the total minus what living owners hold. OWNER and HELD move in one instruction each, so they are exact whenever a
 * thread dies:
 *   taking      under LOCK: TAKEN, OWNER, COUNTED, and ONE or HELD last, so that wherever a thread breaks off, TAKEN is not too low
 *   releasing   without LOCK: ONE -> SPARE, or a subtraction from the own HELD. TAKEN is then too high, never too low
 *   retaking    without LOCK: SPARE -> ONE. The id stands in the same word, so nobody retakes in a slot that went to another
 *   counting    when TAKEN tells of too few, and for who asks how many are free: each slot anew, without its SPARE and the dead; TAKEN last.
 *               One slot may be released after it was looked at, and the next retaken before: then more is counted than was ever held at
 *               once. To who waits the release tells; who does not wait counts again with STRICT, when what is held can only become less
 * Whoever releases one permit gives up ONE if it has that: so what the permits of several need is always in HELD. RULES, TAKEN and
 * COUNTED are plain memory that LOCK orders. A slot of which nothing is held or spare is anybody's, since its owner gets something
 * only under LOCK; while something is, all permits of its thread are in it.
 *
 * No wake-up is lost: who waits reads EVENT, then sets WANTED wherever something is held, and sleeps on what it read. A release clears
 * WANTED in its own step, then moves EVENT, then notifies; so a mark that it cleared belongs to somebody whose EVENT is stale. What
 * others take after the marks need not tell: there is not enough for the sleeper until something marked is released as well.
 * Who waits for LOCK sleeps on LOCK with CONTENDED, which leaving clears before it notifies.
 *
 * Sources: U. Drepper, "Futexes Are Tricky" (2011), section 4 (the event count); the named slots are ours.
 */
import { Cells } from "../memory/cells.ts";
import { owned, type WordName } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { mayBlock, wait, type Awaited, type Sleep } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";

const CONTENDED = 1;
/** In HELD. */
const WANTED = 1;
/** In OWNER. */
const ONE = 1;
const SPARE = 2;
const ONE_WANTED = 4;
const STRICT = 8;
const OWNER_SHIFT = 4;
const CLOSED = 1;
const RULES = 2;
const TAKEN = 3;
const SLOTS = 4;
const SLOT_WORDS = 3;

/** BOUND: HELD << 1 stays below 2^30. */
export const MAX_PERMITS = (1 << 29) - 1;
/** The highest LEVEL. */
export const MAX_LEVEL = 7;

export const bytesOfPermits = (slots: number): number => (SLOTS + slots * SLOT_WORDS) * 4;

/** How the words read. */
export const permitNames = (slots: number): readonly WordName[] => [
  { name: "lock", show: owned(1, ["CONTENDED"]) },
  ...["event", "rules", "taken"].map((name) => ({ name })),
  ...Array.from({ length: slots }, (_, n): WordName[] => [
    { name: `owner ${String(n)}`, show: owned(OWNER_SHIFT, ["ONE", "SPARE", "WANTED", "STRICT"]) },
    { name: `held ${String(n)}`, show: (held) => `${String(held >> 1)} held${(held & WANTED) === 0 ? "" : "+WANTED"}` },
    { name: `counted ${String(n)}` },
  ]).flat(),
];

/** Who may not be overtaken, and how strictly. */
export interface First {
  readonly id: number;
  readonly level: number;
}

/** Where a thread's permits are: in `slot`, among them ONE if `one`. If it has no slot yet, the first free one, or undefined. */
interface Home {
  readonly slot: number | undefined;
  readonly one: number | undefined;
}

/** One thread's face of a semaphore's words. */
export class Permits {
  readonly total: number;
  readonly slots: number;
  readonly event: Word;
  readonly #lock: Word;
  readonly #cells: Cells;
  /** Where this thread's slot was when it took last, and the first two words of that. */
  #slot = SLOTS;
  #owner: Word;
  #held: Word;
  /** Has it ever taken through this face? */
  #knows = false;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, total: number, slots: number) {
    this.total = total;
    this.slots = slots;
    this.#lock = Word.at(buffer, byteOffset);
    this.event = this.#lock.next(1);
    this.#owner = this.#lock.next(SLOTS);
    this.#held = this.#lock.next(SLOTS + 1);
    this.#cells = new Cells(buffer, byteOffset, SLOTS + slots * SLOT_WORDS);
  }

  get buffer(): SharedArrayBuffer {
    return this.#lock.buffer;
  }
  get byteOffset(): number {
    return this.#lock.byteOffset;
  }

  /** Takes the one permit that this thread had before, if nobody has claimed it since; false otherwise. */
  retake(): boolean {
    const spare = (currentId() << OWNER_SHIFT) | SPARE;
    // PAIRS: with the exchange in give(), and with whoever takes SPARE away.
    return this.#owner.compareExchange(spare, spare + ONE - SPARE) === spare;
  }

  /** Takes `count` permits if nobody is at it, and if this thread's slot and TAKEN tell of enough; false otherwise. */
  takeQuickly(count: number): boolean {
    if (!this.#knows) return false;
    const me = currentId();
    if (this.#lock.compareExchange(0, me << 1) !== 0) return false;
    const took = this.#takeHere(me, count);
    this.leave(me);
    return took;
  }

  // PLAIN: under LOCK. HELD changes without it too, but a thread's own only by its own releases: so OWNER is looked at first.
  #takeHere(me: number, count: number): boolean {
    const cells = this.#cells;
    const slot = this.#slot;
    const owner = this.#owner.load();
    if (owner >>> OWNER_SHIFT !== me || cells.get(RULES) !== 0) return false;
    const held = cells.get(slot + 1);
    const needed = (held >> 1) + ((owner & (ONE | SPARE)) === 0 ? 0 : 1) + count;
    if (needed > cells.get(slot + 2) && !this.#credit(slot, needed)) return false;
    if (count === 1 && (owner & (ONE | SPARE)) === 0) this.#owner.store((me << OWNER_SHIFT) | ONE);
    else cells.set(slot + 1, held + (count << 1));
    return true;
  }

  /** Lets TAKEN include so many of this slot, if there are enough. */
  #credit(slot: number, needed: number): boolean {
    const taken = this.#cells.get(TAKEN) + needed - this.#cells.get(slot + 2);
    if (taken > this.total) return false;
    this.#cells.set(TAKEN, taken);
    this.#cells.set(slot + 2, needed);
    return true;
  }

  /** Takes if nobody is at it and there are enough, counted anew; undefined if looking on is in vain: it is closed, or somebody has precedence. */
  takeAnew(count: number): boolean | undefined {
    const me = currentId();
    if (this.#lock.compareExchange(0, me << 1) !== 0) return false;
    const took = this.#cells.get(RULES) === 0 ? this.#seize(me, count, this.#count(me, false)) : undefined;
    this.leave(me);
    return took;
  }

  /** Gives permits of this thread back. */
  give(count: number): void {
    // PAIRS: with the reading of OWNER and HELD by who counts anew, which then sees all that was done while these were held.
    if (count === 1) {
      const one = (currentId() << OWNER_SHIFT) | ONE;
      const seen = this.#owner.compareExchange(one, one + SPARE - ONE);
      if (seen === one) return;
      if ((seen & ONE) !== 0) {
        // Somebody waits, or has precedence: nothing is kept.
        if ((this.#owner.and(~(ONE | ONE_WANTED)) & ONE_WANTED) !== 0) this.moveEvent();
        return;
      }
    }
    // In one step with the mark: once nothing is held, the slot may be another thread's.
    let seen = this.#held.load();
    for (let next = -1; next !== seen;) {
      next = seen;
      seen = this.#held.compareExchange(next, (next - (count << 1)) & ~WANTED);
    }
    if ((seen & WANTED) !== 0) this.moveEvent();
  }

  /** Makes all who wait for permits look again. */
  moveEvent(): void {
    // BOUND: wraps around at 2^32; only sameness is asked.
    this.event.add(1);
    this.event.notify();
  }

  // --- LOCK ---

  /** Enters, or marks LOCK as waited for and returns what to sleep on. A thread is never inside twice, so who finds itself broke off. */
  tryEnter(me: number): Sleep | undefined {
    const { registry } = currentThread();
    for (;;) {
      const seen = this.#lock.load();
      const owner = seen >>> 1;
      if (owner === 0 || owner === me || !registry.isAlive(owner)) {
        if (this.#lock.compareExchange(seen, (me << 1) | (seen & CONTENDED)) !== seen) continue;
        return undefined;
      }
      const next = seen | CONTENDED;
      if (next !== seen && this.#lock.compareExchange(seen, next) !== seen) continue;
      return { word: this.#lock, value: next, soon: true };
    }
  }

  /** Enters, however long it takes: the owner is no further than some tens of instructions from leaving. */
  enter(me: number, awaited: Awaited, verb: string): void {
    if (this.tryEnter(me) === undefined) return;
    if (mayBlock()) wait((waiter) => this.tryEnter(waiter.me), { describe: () => awaited.describe() }, verb, undefined);
    else while (this.tryEnter(me) !== undefined);
  }

  leave(me: number): void {
    // Never a plain store: if LOCK was taken over, it would throw the successor out.
    if (this.#lock.compareExchange(me << 1, 0) !== me << 1) this.#leaveSlow((me << 1) | CONTENDED);
  }
  #leaveSlow(mine: number): void {
    if (this.#lock.compareExchange(mine, 0) === mine) this.#lock.notify();
  }

  // --- under LOCK ---

  /**
   * Takes `count` permits if there are enough, and a slot.
   * @param mark  if there are not, marks who holds some, so that they tell when they release
   */
  take(me: number, count: number, mark: boolean): boolean {
    const { id } = this.first;
    // Who had precedence and died would keep everybody from taking quickly.
    if (id !== 0 && !currentThread().registry.isAlive(id)) this.first = { id: 0, level: 0 };
    if (this.#seize(me, count, this.#count(me, false))) return true;
    return this.#seize(me, count, mark ? this.#count(me, true) : this.#countExactly(me));
  }

  // PLAIN: under LOCK.
  #seize(me: number, count: number, { slot, one }: Home): boolean {
    const taken = this.#cells.get(TAKEN) + count;
    if (taken > this.total || slot === undefined) return false;
    this.#knows = true;
    this.#slot = slot;
    this.#owner = this.#lock.next(slot);
    this.#held = this.#lock.next(slot + 1);
    // TAKEN before COUNTED before what is held, and OWNER not after that: nothing is held by nobody.
    const name = (me << OWNER_SHIFT) | (this.#cells.get(RULES) === 0 ? 0 : STRICT);
    this.#cells.set(TAKEN, taken);
    this.#cells.set(slot + 2, this.#cells.get(slot + 2) + count);
    if (count === 1 && one !== 1) {
      this.#owner.store(name | ONE);
    } else {
      if (one === undefined) this.#owner.store(name);
      this.#held.add(count << 1);
    }
    return true;
  }

  /** Counts anew, and frees the slots of the dead. Gives where the permits of this thread are, or could be. */
  #count(me: number, mark: boolean): Home {
    const { registry } = currentThread();
    let taken = 0;
    let free: number | undefined;
    let own: Home | undefined;
    for (let n = 0, slot = SLOTS; n < this.slots; n++, slot += SLOT_WORDS) {
      const word = this.#lock.next(slot);
      const owner = word.load();
      let [held, one] = [0, owner & (ONE | SPARE)];
      if (owner !== 0) {
        const heldWord = this.#lock.next(slot + 1);
        held = heldWord.load() >> 1;
        if ((held !== 0 || one !== 0) && owner >>> OWNER_SHIFT !== me && !registry.isAlive(owner >>> OWNER_SHIFT)) {
          heldWord.store((held = 0));
          word.store((one = 0));
        }
        if (mark && held !== 0) held = heldWord.or(WANTED) >> 1;
        if (one !== 0) one = takeSpare(word, mark);
      }
      const counted = held + one;
      // COUNTED of a slot without an owner: whoever was taking it broke off.
      if (this.#cells.get(slot + 2) !== counted) this.#cells.set(slot + 2, counted);
      taken += counted;
      if (owner >>> OWNER_SHIFT === me) own = { slot, one };
      else if (counted === 0) free ??= slot;
    }
    this.#cells.set(TAKEN, taken);
    return own ?? { slot: free, one: undefined };
  }

  /** As {@link #count}, giving no more than were held at some moment. */
  #countExactly(me: number): Home {
    // With RULES it is STRICT already; and one slot is looked at at one moment.
    const ruled = this.slots === 1 || this.#cells.get(RULES) !== 0;
    if (!ruled) this.#setStrict(true);
    const home = this.#count(me, false);
    if (!ruled) this.#setStrict(false);
    return home;
  }

  /** How many permits nobody holds. */
  free(me: number): number {
    this.#countExactly(me);
    return this.total - this.#cells.get(TAKEN);
  }
  /** How many this thread holds: exactly, since only it gives them back. */
  heldBy(me: number): number {
    for (let n = 0, slot = SLOTS; n < this.slots; n++, slot += SLOT_WORDS) {
      const owner = this.#lock.next(slot).load();
      if (owner >>> OWNER_SHIFT === me) return (this.#lock.next(slot + 1).load() >> 1) + (owner & ONE);
    }
    return 0;
  }

  get closed(): boolean {
    return (this.#cells.get(RULES) & CLOSED) !== 0;
  }
  close(): void {
    this.#rule(this.#cells.get(RULES) | CLOSED);
  }
  get first(): First {
    const rules = this.#cells.get(RULES);
    return { id: rules >>> 4, level: (rules >>> 1) & MAX_LEVEL };
  }
  set first({ id, level }: First) {
    this.#rule((id << 4) | (level << 1) | (this.#cells.get(RULES) & CLOSED));
  }
  /** STRICT first: once RULES hold, nobody retakes. */
  #rule(rules: number): void {
    this.#setStrict(rules !== 0);
    this.#cells.set(RULES, rules);
  }
  #setStrict(strict: boolean): void {
    for (let n = 0, slot = SLOTS; n < this.slots; n++, slot += SLOT_WORDS) {
      const word = this.#lock.next(slot);
      if (word.load() === 0) continue;
      if (!strict) word.and(~STRICT);
      else if ((word.or(STRICT) & SPARE) !== 0) word.and(~SPARE);
    }
  }

  // --- what others ask ---

  /** Who keeps a thread waiting that holds `own` permits and wants `count` more. */
  holders(own: number, count: number): Holders {
    const offset = this.byteOffset + SLOTS * 4;
    return {
      offset,
      stride: SLOT_WORDS * 4,
      count: this.slots,
      shift: OWNER_SHIFT,
      held: { at: 4, shift: 1, one: ONE },
      spare: this.total - own - count,
    };
  }
}

/** Takes what an owner keeps without holding it; with `mark`, lets it tell when it releases what it holds. Gives 1 if it holds ONE. */
function takeSpare(word: Word, mark: boolean): 0 | 1 {
  if ((word.and(~SPARE) & ONE) === 0) return 0;
  if (!mark || (word.or(ONE_WANTED) & ONE) !== 0) return 1;
  // Released between the two. From the mark on nobody retakes.
  word.and(~(SPARE | ONE_WANTED));
  return 0;
}

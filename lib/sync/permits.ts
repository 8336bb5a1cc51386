/**
 * The permits of a semaphore, in shared memory.
 *
 *     word 0  LOCK     id << 1 | CONTENDED    who is between enter() and leave(), for some tens of instructions; 0: nobody
 *          1  EVENT    moves when somebody who waits for permits must look again
 *          2  RULES    FIRST id << 4 | LEVEL << 1 | CLOSED: who may not be overtaken, for how long; 0: nobody
 *          3  TAKEN    a cache: the sum of all COUNTED
 *          4  slots, three words each:
 *             OWNER    the id of the thread whose permits are counted here; 0: free
 *             HELD     how many it holds << 1 | WANTED: releasing must tell
 *             COUNTED  how many of them TAKEN includes: HELD at least, more after a release
 *
 * The truth is the total minus what living owners hold. HELD moves in one instruction, so it is exact whenever a thread dies:
 *   taking      under LOCK: TAKEN, OWNER, COUNTED, and HELD last, so that wherever a thread breaks off, TAKEN is not too low
 *   releasing   one subtraction from the own HELD, without LOCK: TAKEN is then too high, never too low
 *   counting    when TAKEN tells of too few: each slot anew, without the dead; TAKEN last
 * All but HELD is plain memory that LOCK orders. A slot whose HELD is 0 is anybody's, since HELD rises only under LOCK; while it
 * is not, all permits of its thread are in it.
 *
 * No wake-up is lost: who waits reads EVENT, then sets WANTED in every HELD that is not 0, and sleeps on what it read. A release that
 * sees WANTED clears it, then moves EVENT, then notifies; so a mark that it cleared belongs to somebody whose EVENT is stale.
 * Who waits for LOCK sleeps on LOCK with CONTENDED, which leaving clears before it notifies.
 *
 * Sources: U. Drepper, "Futexes Are Tricky" (2011), section 4 (the event count); the named slots are ours.
 */
import { Cells } from "../memory/cells.ts";
import { owned, someThread, type WordName } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { mayBlock, wait, type Awaited, type Sleep } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";

const CONTENDED = 1;
const WANTED = 1;
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
    { name: `owner ${String(n)}`, show: someThread },
    { name: `held ${String(n)}`, show: (held) => `${String(held >> 1)} held${(held & WANTED) === 0 ? "" : "+WANTED"}` },
    { name: `counted ${String(n)}` },
  ]).flat(),
];

/** Who may not be overtaken, and how strictly. */
export interface First {
  readonly id: number;
  readonly level: number;
}

/** One thread's face of a semaphore's words. */
export class Permits {
  readonly total: number;
  readonly slots: number;
  readonly event: Word;
  readonly #lock: Word;
  readonly #cells: Cells;
  /** Where this thread's slot was when it took last, and its HELD. */
  #slot = SLOTS;
  #held: Word;

  constructor(buffer: SharedArrayBuffer, byteOffset: number, total: number, slots: number) {
    this.total = total;
    this.slots = slots;
    this.#lock = Word.at(buffer, byteOffset);
    this.event = this.#lock.next(1);
    this.#held = this.#lock.next(SLOTS + 1);
    this.#cells = new Cells(buffer, byteOffset, SLOTS + slots * SLOT_WORDS);
  }

  get buffer(): SharedArrayBuffer {
    return this.#lock.buffer;
  }
  get byteOffset(): number {
    return this.#lock.byteOffset;
  }

  /** Takes `count` permits if nobody is at it, and if this thread's slot and TAKEN tell of enough; false otherwise. */
  takeQuickly(count: number): boolean {
    const me = currentId();
    if (this.#lock.compareExchange(0, me << 1) !== 0) return false;
    // PLAIN: under LOCK. HELD changes without it too, but a thread's own only by its own releases: so OWNER is looked at first.
    const cells = this.#cells;
    const slot = this.#slot;
    let took = false;
    if (cells.get(slot) === me && cells.get(RULES) === 0) {
      const held = cells.get(slot + 1);
      const needed = (held >> 1) + count;
      took = needed <= cells.get(slot + 2) || this.#credit(slot, needed);
      if (took) cells.set(slot + 1, held + (count << 1));
    }
    this.leave(me);
    return took;
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
    const took = this.#cells.get(RULES) === 0 ? this.take(me, count, false) : undefined;
    this.leave(me);
    return took;
  }

  /** Gives permits of this thread back. */
  give(count: number): void {
    // PAIRS: with the reading of HELD by who counts anew, which then sees all that was done while these were held.
    if ((this.#held.sub(count << 1) & WANTED) !== 0) this.#tell();
  }
  #tell(): void {
    this.#held.and(~WANTED);
    this.moveEvent();
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
    this.#count(me, false);
    if (this.#seize(me, count)) return true;
    if (!mark) return false;
    this.#count(me, true);
    return this.#seize(me, count);
  }

  // PLAIN: under LOCK.
  #seize(me: number, count: number): boolean {
    const taken = this.#cells.get(TAKEN) + count;
    const slot = this.#slotFor(me);
    if (taken > this.total || slot === undefined) return false;
    this.#slot = slot;
    this.#held = this.#lock.next(slot + 1);
    // TAKEN before COUNTED before HELD, and OWNER before HELD: nothing is held by nobody.
    this.#cells.set(TAKEN, taken);
    this.#cells.set(slot, me);
    this.#cells.set(slot + 2, this.#cells.get(slot + 2) + count);
    this.#held.add(count << 1);
    return true;
  }

  /** Where this thread's permits are, or could be. */
  #slotFor(me: number): number | undefined {
    let free: number | undefined;
    for (let n = 0, slot = SLOTS; n < this.slots; n++, slot += SLOT_WORDS) {
      const owner = this.#cells.get(slot);
      // Just counted: what nobody holds is not counted.
      if (owner === me) return slot;
      if (free === undefined && this.#cells.get(slot + 2) === 0) free = slot;
    }
    return free;
  }

  /** Counts anew, and frees the slots of the dead. */
  #count(me: number, mark: boolean): void {
    const { registry } = currentThread();
    let taken = 0;
    for (let n = 0, slot = SLOTS; n < this.slots; n++, slot += SLOT_WORDS) {
      const owner = this.#cells.get(slot);
      if (owner === 0) continue;
      const word = this.#lock.next(slot + 1);
      let held = word.load();
      if (held >> 1 !== 0 && owner !== me && !registry.isAlive(owner)) {
        word.store((held = 0));
        this.#cells.set(slot, 0);
      } else if (mark && held >> 1 !== 0) held = word.or(WANTED);
      this.#cells.set(slot + 2, held >> 1);
      taken += held >> 1;
    }
    this.#cells.set(TAKEN, taken);
  }

  /** How many permits nobody holds. */
  free(me: number): number {
    this.#count(me, false);
    return this.total - this.#cells.get(TAKEN);
  }
  /** How many this thread held when last counted. */
  heldBy(me: number): number {
    const slot = this.#slotFor(me);
    return slot === undefined || this.#cells.get(slot) !== me ? 0 : this.#cells.get(slot + 2);
  }

  get closed(): boolean {
    return (this.#cells.get(RULES) & CLOSED) !== 0;
  }
  close(): void {
    this.#cells.set(RULES, this.#cells.get(RULES) | CLOSED);
  }
  get first(): First {
    const rules = this.#cells.get(RULES);
    return { id: rules >>> 4, level: (rules >>> 1) & MAX_LEVEL };
  }
  set first({ id, level }: First) {
    this.#cells.set(RULES, (id << 4) | (level << 1) | (this.#cells.get(RULES) & CLOSED));
  }

  // --- what others ask ---

  /** Who keeps a thread waiting that holds `own` permits and wants `count` more. */
  holders(own: number, count: number): Holders {
    const offset = this.byteOffset + SLOTS * 4;
    return { offset, stride: SLOT_WORDS * 4, count: this.slots, shift: 0, held: { at: 4, shift: 1 }, spare: this.total - own - count };
  }
}

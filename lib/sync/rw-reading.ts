/** The readers' side of {@link RwLock}, as one object of it sees it. The words, the picture and the proof are in rw-words.ts. */
import { ReleasedError } from "../errors.ts";
import type { Word } from "../memory/word.ts";
import { backOff } from "../park/backoff.ts";
import type { Attempt, Sleep, Waiter } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import {
  COUNT,
  IDLE,
  letsRead,
  modeOf,
  OPEN,
  openUnless,
  OWNER_SHIFT,
  ownerOf,
  POISONED,
  REOPENED,
  UNLOCKING,
  WAITS,
  WANTED,
  type RwWords,
} from "./rw-words.ts";

/** In steps of 0.8 ns. */
const FIRST_REST = 16;
const LAST_REST = 512;

/** May this thread read now? */
const Entry = { IN: 0, WRITER: 1, FULL: 2 } as const;
type Entry = (typeof Entry)[keyof typeof Entry];

export class Reading {
  readonly #words: RwWords;
  readonly #state: Word;
  /** The slot in which this thread reads or waits through this object; the one to try first while it does neither. */
  #own: Word | undefined;
  /** How many guards of this object read, all of them in the one slot. */
  #reads = 0;
  /** Does this object wait in its slot? */
  #stands = false;

  constructor(words: RwWords) {
    this.#words = words;
    this.#state = words.state;
  }

  /** In by one step, if nobody stands in the way. Slots are open only while the data is in no doubt. */
  enter(): boolean {
    const own = this.#own;
    if (this.#reads !== 0 || own === undefined) return false;
    const name = (currentId() << OWNER_SHIFT) | OPEN;
    const seen = own.compareExchange(OPEN, name);
    if (seen !== OPEN && (seen !== REOPENED || own.compareExchange(REOPENED, name) !== REOPENED)) return false;
    this.#reads = 1;
    return true;
  }
  /**
   * As {@link enter}, once the writer who has shut the slot opens it again, if that is soon. Who is shut out looks at nothing else: its
   * slot's cache line is its own, and STATE's is the writer's.
   */
  enterSoon(): boolean {
    return backOff(this.#enterAgain, LAST_REST, FIRST_REST);
  }
  /** One for all calls: whoever comes here should not make anything that is garbage soon. */
  readonly #enterAgain = (): boolean | undefined => this.enter() || (this.#own?.load() === 0 ? false : undefined);

  leave(): void {
    if (--this.#reads > 0) return;
    const mine = (currentId() << OWNER_SHIFT) | OPEN;
    const own = this.#own as Word;
    const seen = own.compareExchange(mine, OPEN);
    if (seen !== mine) this.#leaveSlow(own, seen);
  }

  #leaveSlow(own: Word, seen: number): void {
    if (ownerOf(seen) !== currentId()) throw new ReleasedError(this.#words.describe());
    // It stays open unless a writer has shut it.
    const before = own.and(OPEN);
    if ((before & WANTED) !== 0) this.#tellOf(own);
  }

  /** Whoever wanted this slot looks again, the owner of STATE or a reader who found none. */
  #tellOf(slot: Word): void {
    slot.notify();
    this.#words.move();
  }

  /** In, if that is possible without waiting. */
  tryEnter(): boolean {
    return this.#enterNow(currentThread().id) === Entry.IN;
  }

  /** Comes in, or stands in a slot as one who waits. */
  entering(): Attempt {
    return (waiter) => {
      for (;;) {
        const entry = this.#enterNow(waiter.me);
        if (entry === Entry.IN) return undefined;
        const sleep = this.#markReader(waiter, entry);
        if (sleep !== undefined) return sleep;
      }
    };
  }

  #enterNow(me: number): Entry {
    for (;;) {
      if (this.#reads > 0) {
        // Safe in any case, since this thread's name stands there; but who comes after a waiting writer waits too.
        if (!letsRead(this.#state.load())) return Entry.WRITER;
        this.#reads++;
        return Entry.IN;
      }
      if (this.#wasLetIn()) return Entry.IN;
      const seen = this.#state.load();
      const owner = ownerOf(seen);
      if (owner !== 0 && this.#words.isDead(owner)) {
        this.#words.bury(seen);
        continue;
      }
      if (!letsRead(seen)) return Entry.WRITER;
      if ((seen & OPEN) === 0) {
        this.#state.compareExchange(seen, seen | OPEN);
        continue;
      }
      const claimed = this.#claim((me << OWNER_SHIFT) | openUnless(seen));
      if (claimed === undefined) continue;
      if (!claimed) return Entry.FULL;
      // PAIRS: with the CAS by which a writer begins; either it sees the name, or this sees it.
      const now = this.#state.load();
      const mayStay = (now & OPEN) !== 0 && letsRead(now) && (now & POISONED) === (seen & POISONED);
      if (mayStay) {
        this.#reads = 1;
        return Entry.IN;
      }
      this.#vacate(this.#own as Word);
    }
  }

  /** For a thread that writes: reads from now on, whoever waits; false if all slots are taken. */
  begin(flags: number): boolean {
    const inSlot = this.#claim((currentId() << OWNER_SHIFT) | flags) === true;
    if (inSlot) this.#reads = 1;
    return inSlot;
  }

  /** Did a writer that unlocked turn our WAITS into a name? */
  #wasLetIn(): boolean {
    if (!this.#stands || ((this.#own as Word).load() & WAITS) !== 0) return false;
    this.#stands = false;
    this.#reads = 1;
    return true;
  }

  /** Puts `name` into the slot in which this object waits, or into a new one; undefined if it was let in meanwhile, false if all are taken. */
  #claim(name: number): boolean | undefined {
    if (!this.#stands) return this.#takeSlot(name);
    const before = this.#standNoMore(name);
    return before === undefined ? undefined : true;
  }
  /** Replaces WAITS in the own slot; undefined if a writer has let this thread in. */
  #standNoMore(next: number): boolean | undefined {
    const own = this.#own as Word;
    for (let seen = own.load(); (seen & WAITS) !== 0; seen = own.load()) {
      if (own.compareExchange(seen, next) !== seen) continue;
      this.#stands = false;
      // Tasks of this thread may wait in the same slot, and must look again.
      this.#tellOf(own);
      return true;
    }
    return undefined;
  }

  /** Puts `name` into a slot that is free or a dead reader's: the last one it had, else one that nobody else has used. */
  #takeSlot(name: number): boolean {
    const { slots } = this.#words.shape;
    const last = this.#own;
    if (last !== undefined && this.#takeThis(last, name)) return true;
    const first = this.#words.used.load() & COUNT;
    for (let n = 0; n < slots; n++) {
      const at = (first + n) % slots;
      this.#use(at);
      if (this.#takeThis(this.#words.slot(at), name)) return true;
    }
    return false;
  }
  #takeThis(slot: Word, name: number): boolean {
    const seen = slot.load();
    const owner = ownerOf(seen);
    if ((owner !== 0 && !this.#words.isDead(owner)) || slot.compareExchange(seen, name) !== seen) return false;
    this.#own = slot;
    return true;
  }
  /** Before a name comes into slot number `n`. PAIRS: with the load of USED by a writer that has become the owner. */
  #use(n: number): void {
    const { used } = this.#words;
    for (let seen = used.load(); (seen & COUNT) <= n; seen = used.load()) used.compareExchange(seen, (seen & ~COUNT) | (n + 1));
  }

  /** Leaves a slot in which nothing was read yet, or in which this thread only waited. It is shut: a writer may be at work. */
  #vacate(slot: Word): void {
    if ((slot.exchange(IDLE) & WANTED) !== 0) this.#tellOf(slot);
  }

  /** In how many slots this thread reads through other objects. Not in the one in which it waits: that it was let in there it may not know yet. */
  get elsewhere(): number {
    return this.#words.slotsOf(currentThread().id, this.#stands ? this.#own : undefined);
  }

  #markReader({ me, blocks }: Waiter, entry: Entry): Sleep | undefined {
    if (entry === Entry.FULL) {
      // Through other objects at this place: nobody else is in the way.
      if (blocks && this.#words.slotsOf(me) === this.#words.shape.slots) throw this.#words.relock();
      return this.#markFull();
    }
    const seen = this.#state.load();
    const owner = ownerOf(seen);
    if (letsRead(seen) || this.#words.isDead(owner)) return undefined;
    if (modeOf(seen) === UNLOCKING) return this.#words.markState(seen);
    if (blocks && (owner === me || this.#reads > 0)) throw this.#words.relock();
    if (this.#reads === 0 && !this.#stands) {
      // Through another object at this place.
      if (blocks && this.#words.isReadBy(me)) return this.#words.refuse(seen);
      // In the slot first; then STATE is looked at again.
      if (this.#takeSlot((me << OWNER_SHIFT) | WAITS)) {
        this.#stands = true;
        return undefined;
      }
      // The first slot that is left is to wait in: who waited as a writer does would find them all taken again.
      return this.#markFull();
    }
    const sleep = this.#words.markState(seen);
    // Who reads already, as another task of this thread, waits as a writer does.
    if (sleep === undefined || !this.#stands) return sleep;
    return { word: this.#own as Word, value: (me << OWNER_SHIFT) | WAITS };
  }

  /** All slots are taken by others: any of them may leave. */
  #markFull(): Sleep | undefined {
    const moves = this.#words.used.load();
    for (let n = 0; n < this.#words.shape.slots; n++) {
      const slot = this.#words.slot(n);
      const seen = slot.load();
      if (ownerOf(seen) === 0) return undefined;
      // Who waits there tells of itself, and the writer who lets it in does.
      if ((seen & (WAITS | WANTED)) === 0 && slot.compareExchange(seen, seen | WANTED) !== seen) return undefined;
    }
    return { word: this.#words.used, value: moves };
  }

  /** Takes back what `entering` has marked. */
  stopEntering(): void {
    if (!this.#stands || this.#standNoMore(IDLE) === true) return;
    // Let in, and gone again.
    this.#stands = false;
    const own = this.#own as Word;
    this.#leaveSlow(own, own.load());
    own.notify();
  }
}

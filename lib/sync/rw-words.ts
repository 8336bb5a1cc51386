/**
 * Many readers or one writer: the words and the algorithm of {@link RwLock}. A reader's name stands in a slot, so a dead reader stops
 * counting, and readers on different cores do not fight over one counter.
 *
 *     word 0  STATE    OWNER << 4 | OPEN 8 | POISONED 4 | UPGRADABLE 2 | WAITERS 1
 *          1  CULPRIT  the id of the thread that poisoned it, for messages
 *          2  TAG      a number of its own, once a Condvar has asked for one
 *          3  USED     MOVES << 11 | COUNT: so many slots were ever used, a writer looks at no more; COUNT only grows
 *             SLOTS    OWNER << 4 | OPEN 8 | IDLE 4 | WAITS 2 | WANTED 1     in a field 12, packed; else 16, each with a cache line of its own
 *
 *     STATE    OWNER   OPEN  UPGRADABLE                       SLOT   OWNER  OPEN  WAITS
 *                0      0        0      free, all slots shut           0     0      0    shut; with IDLE, for longer
 *                0      1        0      readers may come in            0     1      0    a reader may come in by one CAS
 *                id     1        1      so too; id may upgrade         id    1      0    id reads
 *                id     1        0      id shuts the slots, and        id    0      0    id reads; a writer waits, or the data is in doubt
 *                                       waits for who still reads      id    0      1    id waits for the writer to let it in
 *                id     0        0      id writes
 *                id     0        1      id unlocks: it lets in who waits in the slots, and opens those that it has shut
 *
 *     read     own slot: CAS OPEN -> id|OPEN, and back. If it is shut: OPEN into STATE, id|OPEN into a slot, look at STATE again: who
 *              finds a writer there, or that all was shut meanwhile, leaves its slot again before it has read anything
 *     write    STATE: CAS 0 -> id. If it is OPEN: CAS -> id|OPEN, takes OPEN from each slot, waits for each living name (WANTED), OPEN off
 *     unlock   STATE: CAS id -> 0. If it has shut slots: CAS -> unlocking, OPEN|IDLE into each that is 0, CAS -> OPEN
 *
 * IDLE says that nobody has read in this slot since it was opened, if it was: the next writer leaves it shut, so that who writes over
 * and over pays for readers once. A reader who finds its slot at 0 may suppose that a writer is at it and will open it again, and looks
 * at that for a moment before it looks at STATE, whose cache line that writer uses. (It is wrong after a writer's death or poison.)
 *
 * Nobody is kept out for ever. A waiting writer holds back new readers from its first step on. Who waits to read stands in a slot
 * (WAITS), and the writer that unlocks lets all of them in, before the next writer can shut the slots.
 *
 * No wake-up is lost. A writer sleeps on a STATE with WAITERS, or on a slot with WANTED; who takes OWNER or a name out of them finds
 * the flag, and wakes. A reader sleeps on its own slot; it puts WAITS there first and looks at STATE second, until WAITERS stands
 * there; who unlocks looks at the slots after it has taken WAITERS off. Who comes while it unlocks sleeps on STATE, with WAITERS, which
 * the end of unlocking takes off, and wakes. A reader for whom no slot is left sleeps on a USED that it read
 * before it put WANTED into all of them: whoever leaves one of these, or waits there no more, counts MOVES and notifies. (An unlocking that started over whenever somebody had set
 * WAITERS again never ended in one of the checker's executions.)
 *
 * Who only looks for a while before it sleeps (`spins`) sets no flags: so whoever it waits for need not notify.
 *
 * A death: in a slot the next writer clears it. As OWNER it leaves poison only if it wrote.
 *
 * Source: ours; the readers' own slots are those of "big-reader locks": W. Hsieh, W. Weihl, "Scalable Reader-Writer Locks for
 * Parallel Systems" (1992).
 */
import { DeadlockError, PoisonedError, ReleasedError } from "../errors.ts";
import { owned, someThread, type WordName } from "../memory/word-names.ts";
import type { Word } from "../memory/word.ts";
import type { Attempt, Sleep, Waiter } from "../park/wait.ts";
import { currentId, currentThread, tagIn } from "../thread/current.ts";

const FREE = 0;
const WAITERS = 1 << 0;
export const UPGRADABLE = 1 << 1;
const POISONED = 1 << 2;
const OPEN = 1 << 3;
/** The slots' own: a writer sleeps on the slot; a reader waits in it. */
const WANTED = 1 << 0;
export const WAITS = 1 << 1;
const IDLE = 1 << 2;
const REOPENED = OPEN | IDLE;
export const OWNER_SHIFT = 4;
const ownerOf = (word: number): number => word >>> OWNER_SHIFT;
/** The COUNT in USED. BOUND: MOVES wraps around at 2^21; only sameness is asked. */
const COUNT = (1 << 11) - 1;
const ONE_MOVE = COUNT + 1;
const flagsOf = (word: number): number => word & ((1 << OWNER_SHIFT) - 1);

/** Of an owned STATE: what the owner is at. */
const MODE = OPEN | UPGRADABLE;
const WRITING = 0;
const UNLOCKING = UPGRADABLE;
const modeOf = (state: number): number => state & MODE;
/** Does this STATE let readers in, or would it if it were OPEN? */
const letsRead = (state: number): boolean => ownerOf(state) === 0 || modeOf(state) === MODE;

/** How the words lie. */
export interface Shape {
  readonly slots: number;
  /** From one slot to the next, in words; the first comes at `stride`, or behind the header if that is longer. */
  readonly stride: number;
}
const HEADER_WORDS = 4;
const LINE_WORDS = 16;
/** In 64 bytes. */
export const PACKED: Shape = { slots: 12, stride: 1 };
export const spread = (slots: number): Shape => ({ slots, stride: LINE_WORDS });
export const firstOf = ({ stride }: Shape): number => Math.max(HEADER_WORDS, stride);
export const bytesOf = (shape: Shape): number => (firstOf(shape) + shape.slots * shape.stride) * 4;

/** How the words read. */
export function rwNames(shape: Shape): readonly WordName[] {
  const names: WordName[] = [
    { name: "state", show: owned(OWNER_SHIFT, ["WAITERS", "UPGRADABLE", "POISONED", "OPEN"]) },
    { name: "culprit", show: someThread },
    { name: "tag" },
    { name: "used", show: (used) => `${String(used & COUNT)} slots used` },
  ];
  for (let at = HEADER_WORDS, first = firstOf(shape); at < bytesOf(shape) / 4; at++) {
    const isSlot = at >= first && (at - first) % shape.stride === 0;
    const slot = `slot ${String((at - first) / shape.stride)}`;
    names.push(isSlot ? { name: slot, show: owned(OWNER_SHIFT, ["WANTED", "WAITS", "IDLE", "OPEN"]) } : { name: "unused" });
  }
  return names;
}

/** May this thread read now? */
const Entry = { IN: 0, WRITER: 1, FULL: 2 } as const;
type Entry = (typeof Entry)[keyof typeof Entry];

export class RwWords {
  readonly state: Word;
  readonly used: Word;
  readonly shape: Shape;
  /** Made once each: who shuts and opens slots keeps others waiting, and should make nothing meanwhile that is garbage soon. */
  readonly #slots: Word[] = [];
  readonly #describe: () => string;
  /** The slot in which this thread reads or waits through this object; the one to try first while it does neither. */
  #own: Word | undefined;
  /** How many guards of this object read, all of them in the one slot. */
  #reads = 0;
  /** Does this object wait in its slot? */
  #stands = false;
  /** While it writes: so many slots it has shut, to open them again. */
  #shutSlots = 0;

  constructor(state: Word, shape: Shape, describe: () => string) {
    this.state = state;
    this.used = state.next(3);
    this.shape = shape;
    this.#describe = describe;
  }

  // --- reading ---

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
  /** Did a writer shut this thread's slot, which will open it again? So it is most of the time. */
  get isShutOut(): boolean {
    return this.#own?.load() === 0;
  }

  leave(): void {
    if (--this.#reads > 0) return;
    const mine = (currentId() << OWNER_SHIFT) | OPEN;
    const own = this.#own as Word;
    const seen = own.compareExchange(mine, OPEN);
    if (seen !== mine) this.#leaveSlow(own, seen);
  }

  #leaveSlow(own: Word, seen: number): void {
    if (ownerOf(seen) !== currentId()) throw new ReleasedError(this.#describe());
    // It stays open unless a writer has shut it.
    const before = own.and(OPEN);
    if ((before & WANTED) !== 0) this.#tellOf(own);
  }

  /** Whoever wanted this slot looks again, the owner of STATE or a reader who found none. */
  #tellOf(slot: Word): void {
    slot.notify();
    this.#move();
  }
  /** Readers who found no slot look again; there are none unless all were used. */
  #move(): void {
    if ((this.used.load() & COUNT) < this.shape.slots) return;
    this.used.add(ONE_MOVE);
    this.used.notify();
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
        if (!letsRead(this.state.load())) return Entry.WRITER;
        this.#reads++;
        return Entry.IN;
      }
      if (this.#wasLetIn()) return Entry.IN;
      const seen = this.state.load();
      const owner = ownerOf(seen);
      if (owner !== 0 && this.#isDead(owner)) {
        this.#bury(seen);
        continue;
      }
      if (!letsRead(seen)) return Entry.WRITER;
      if ((seen & OPEN) === 0) {
        this.state.compareExchange(seen, seen | OPEN);
        continue;
      }
      const claimed = this.#claim((me << OWNER_SHIFT) | openUnless(seen));
      if (claimed === undefined) continue;
      if (!claimed) return Entry.FULL;
      // PAIRS: with the CAS by which a writer begins; either it sees the name, or this sees it.
      const now = this.state.load();
      const mayStay = (now & OPEN) !== 0 && letsRead(now) && (now & POISONED) === (seen & POISONED);
      if (mayStay) {
        this.#reads = 1;
        return Entry.IN;
      }
      this.#vacate(this.#own as Word);
    }
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
    const { slots } = this.shape;
    const last = this.#own;
    if (last !== undefined && this.#takeThis(last, name)) return true;
    const first = this.used.load() & COUNT;
    for (let n = 0; n < slots; n++) {
      const at = (first + n) % slots;
      this.#use(at);
      if (this.#takeThis(this.#slot(at), name)) return true;
    }
    return false;
  }
  #takeThis(slot: Word, name: number): boolean {
    const seen = slot.load();
    const owner = ownerOf(seen);
    if ((owner !== 0 && !this.#isDead(owner)) || slot.compareExchange(seen, name) !== seen) return false;
    this.#own = slot;
    return true;
  }
  /** Before a name comes into slot number `n`. PAIRS: with the load of USED by a writer that has become the owner. */
  #use(n: number): void {
    const { used } = this;
    for (let seen = used.load(); (seen & COUNT) <= n; seen = used.load()) used.compareExchange(seen, (seen & ~COUNT) | (n + 1));
  }

  /** Leaves a slot in which nothing was read yet, or in which this thread only waited. It is shut: a writer may be at work. */
  #vacate(slot: Word): void {
    if ((slot.exchange(IDLE) & WANTED) !== 0) this.#tellOf(slot);
  }

  #markReader({ me, blocks }: Waiter, entry: Entry): Sleep | undefined {
    if (entry === Entry.FULL) return this.#markFull();
    const seen = this.state.load();
    const owner = ownerOf(seen);
    if (letsRead(seen) || this.#isDead(owner)) return undefined;
    if (modeOf(seen) === UNLOCKING) return this.#markState(seen);
    if (blocks && (owner === me || this.#reads > 0)) throw this.relock();
    // In the slot first; then STATE is looked at again.
    if (this.#reads === 0 && !this.#stands && this.#takeSlot((me << OWNER_SHIFT) | WAITS)) {
      this.#stands = true;
      return undefined;
    }
    const sleep = this.#markState(seen);
    // Who has no slot to wait in waits as a writer does.
    if (sleep === undefined || !this.#stands) return sleep;
    return { word: this.#own as Word, value: (me << OWNER_SHIFT) | WAITS };
  }
  #markState(seen: number): Sleep | undefined {
    const value = seen | WAITERS;
    if (value !== seen && this.state.compareExchange(seen, value) !== seen) return undefined;
    return { word: this.state, value };
  }

  /** All slots are taken by others: any of them may leave. */
  #markFull(): Sleep | undefined {
    const moves = this.used.load();
    for (let n = 0; n < this.shape.slots; n++) {
      const slot = this.#slot(n);
      const seen = slot.load();
      if (ownerOf(seen) === 0) return undefined;
      // Who waits there tells of itself, and the writer who lets it in does.
      if ((seen & (WAITS | WANTED)) === 0 && slot.compareExchange(seen, seen | WANTED) !== seen) return undefined;
    }
    return { word: this.used, value: moves };
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

  // --- writing ---

  /** Alone by one step, if nobody reads, writes or waits. */
  seize(): boolean {
    return this.state.compareExchange(FREE, currentId() << OWNER_SHIFT) === FREE;
  }

  /** Becomes the owner of a lock that readers use; then it must drain. */
  begin(): boolean {
    return this.state.compareExchange(OPEN, (currentId() << OWNER_SHIFT) | OPEN) === OPEN;
  }
  /** Alone, if no reader is in and nobody waits. */
  drain(me: number, spins: boolean): boolean {
    const mine = me << OWNER_SHIFT;
    return this.#shut(me, true, spins, false) === undefined && this.state.compareExchange(mine | OPEN, mine) === (mine | OPEN);
  }

  release(): void {
    const mine = currentId() << OWNER_SHIFT;
    if (this.#shutSlots !== 0 || this.state.compareExchange(mine, FREE) !== mine) this.#open(false);
  }

  /** Alone, if that is possible without waiting. Nobody is held back for it. */
  trySeize(): boolean {
    const { id } = currentThread();
    for (let n = 0; n < (this.used.load() & COUNT); n++) if (this.#isRead(this.#slot(n).load())) return false;
    const seizing = this.seizing();
    const seen = this.state.load();
    if (ownerOf(seen) !== 0 && !this.#isDead(ownerOf(seen))) return false;
    if (seizing.attempt({ me: id, blocks: false, wakes: 0 }) === undefined) return true;
    seizing.giveUp();
    return false;
  }
  #isRead(slot: number): boolean {
    const owner = ownerOf(slot);
    return owner !== 0 && (slot & WAITS) === 0 && !this.#isDead(owner);
  }

  /** Becomes the owner, then waits for the readers; `giveUp` lets them in again. */
  seizing(upgrading = false, begun = false): { readonly attempt: Attempt; readonly giveUp: () => void } {
    let shutting = begun;
    /** Has it looked at all slots before? */
    let again = begun;
    const attempt = (waiter: Waiter): Sleep | undefined => {
      const mine = waiter.me << OWNER_SHIFT;
      for (;;) {
        const seen = this.state.load();
        const owner = ownerOf(seen);
        if (shutting) {
          const sleep = this.#shut(waiter.me, waiter.blocks, waiter.spins === true, again);
          again = true;
          if (sleep !== undefined) return sleep;
          // In no slot stands a name: off with OPEN, and whoever has waited goes on waiting.
          for (let now = seen, next = now; ; now = next) {
            next = this.state.compareExchange(now, now & ~OPEN);
            if (next === now) break;
          }
          shutting = false;
          return undefined;
        }
        if (upgrading) {
          if (owner !== waiter.me) throw new ReleasedError(this.#describe());
          shutting = this.state.compareExchange(seen, seen & ~UPGRADABLE) === seen;
          continue;
        }
        const dead = owner !== 0 && this.#isDead(owner);
        if (owner === 0 || dead) {
          const orphaned = dead && modeOf(seen) === WRITING;
          const shut = owner === 0 ? (seen & OPEN) === 0 : orphaned;
          const flags = (seen & (POISONED | WAITERS)) | (orphaned ? POISONED : 0) | (waiter.wakes > 0 ? WAITERS : 0);
          if (this.state.compareExchange(seen, mine | flags | (shut ? 0 : OPEN)) !== seen) continue;
          if (orphaned) this.culprit.store(owner);
          if (shut) return undefined;
          shutting = true;
          continue;
        }
        const sleep = this.#markWriter(waiter, seen);
        if (sleep !== undefined) return sleep;
      }
    };
    const giveUp = (): void => {
      if (!shutting) return;
      shutting = false;
      this.#open(upgrading);
    };
    return { attempt, giveUp };
  }

  #markWriter(waiter: Waiter, seen: number): Sleep | undefined {
    if (waiter.blocks && ownerOf(seen) === waiter.me) throw this.relock();
    return waiter.spins === true ? { word: this.state, value: seen } : this.#markState(seen);
  }

  /** Takes OPEN from every slot, so that nobody comes in any more; the first living reader is who to wait for. */
  #shut(me: number, blocks: boolean, spins: boolean, again: boolean): Sleep | undefined {
    // PAIRS: with the look at STATE by a reader that has just taken a slot beyond these.
    const used = this.used.load() & COUNT;
    this.#shutSlots = used;
    let awaited: Sleep | undefined;
    for (let n = 0; n < used; n++) {
      const slot = this.#slot(n);
      for (;;) {
        // From the second time on it only looks: a reader needs the slot's cache line to leave.
        const looked = again ? slot.load() : OPEN;
        const seen = (looked & OPEN) === 0 ? looked : slot.and(~OPEN) & ~OPEN;
        const owner = ownerOf(seen);
        if (owner === 0 || (seen & WAITS) !== 0) break;
        if (this.#isDead(owner)) {
          slot.compareExchange(seen, 0);
          continue;
        }
        if (owner === me && blocks) throw this.relock();
        if (awaited !== undefined) break;
        const value = spins ? seen : seen | WANTED;
        if (value !== seen && slot.compareExchange(seen, value) !== seen) continue;
        awaited = { word: slot, value };
        break;
      }
    }
    return awaited;
  }

  /**
   * Gives up ownership, whether it writes, shuts the slots or may upgrade: lets in who waits to read, opens the slots again, then wakes
   * who waits to write. With `keep` it stays the one who may upgrade.
   */
  #open(keep: boolean, reading = false): void {
    const { id } = currentThread();
    const mine = id << OWNER_SHIFT;
    const shut = this.#shutSlots;
    this.#shutSlots = 0;
    // As a writer's unlocking mostly finds it; what else it is, the first step tells.
    for (let seen = mine, found = seen; ; seen = found) {
      // Never a plain store: if the lock was taken over, it would free the successor's.
      if (ownerOf(seen) !== id) throw new ReleasedError(this.#describe());
      const readers = reading || (seen & OPEN) !== 0;
      const waited = (seen & WAITERS) !== 0;
      const poisoned = seen & POISONED;
      if (!readers && !waited && shut === 0) {
        found = this.state.compareExchange(seen, poisoned);
        if (found === seen) return;
        continue;
      }
      const unlocking = mine | UNLOCKING | poisoned;
      found = this.state.compareExchange(seen, unlocking);
      if (found !== seen) continue;
      const slots = waited ? this.used.load() & COUNT : shut;
      const open = this.#openSlots(slots, poisoned) || readers || keep ? OPEN : 0;
      this.#endUnlocking(unlocking, (keep ? mine | UPGRADABLE : 0) | open, waited);
      return;
    }
  }

  /** Whoever has come meanwhile is woken with the others, and whoever stays the owner hears of them when they wait again. */
  #endUnlocking(unlocking: number, next: number, waited: boolean): void {
    // The poison may be cleared, and WAITERS set; nothing else is changed by others.
    for (let now = unlocking; ;) {
      if (ownerOf(now) !== ownerOf(unlocking)) throw new ReleasedError(this.#describe());
      const before = this.state.compareExchange(now, next | (now & POISONED));
      if (before === now) {
        if (waited || (now & WAITERS) !== 0) this.state.notify();
        return;
      }
      now = before;
    }
  }

  /**
   * Gives each thread that waits in a slot its name there, a dead one's too, which the next writer clears; and opens the slots in which
   * somebody has read since they were opened.
   */
  #openSlots(count: number, poisoned: number): boolean {
    const open = openUnless(poisoned);
    let [any, letIn] = [false, false];
    for (let n = 0; n < count; n++) {
      const slot = this.#slot(n);
      let seen = open === 0 ? slot.load() : slot.compareExchange(0, REOPENED);
      any ||= open !== 0 && seen === 0;
      for (let before; (seen & WAITS) !== 0; seen = before) {
        before = slot.compareExchange(seen, (ownerOf(seen) << OWNER_SHIFT) | open);
        if (before !== seen) continue;
        slot.notify();
        any = letIn = true;
        break;
      }
    }
    if (letIn) this.#move();
    return any;
  }

  /** From writing to reading, never unlocked in between. Gives false if there is no slot to read in: then it stays the one who may upgrade. */
  downgrade(): boolean {
    const { id } = currentThread();
    const inSlot = this.#claim((id << OWNER_SHIFT) | openUnless(this.state.load())) === true;
    if (inSlot) this.#reads = 1;
    this.#open(!inSlot, true);
    return inSlot;
  }

  // --- upgradable reading ---

  /** The one reader who may become a writer: it stands in STATE, among readers who stand in slots. */
  reserving(): Attempt {
    return (waiter) => {
      for (;;) {
        const seen = this.state.load();
        const owner = ownerOf(seen);
        if (owner !== 0 && this.#isDead(owner)) {
          this.#bury(seen);
          continue;
        }
        if (owner === 0) {
          const flags = (seen & (POISONED | WAITERS)) | (waiter.wakes > 0 ? WAITERS : 0);
          if (this.state.compareExchange(seen, (waiter.me << OWNER_SHIFT) | UPGRADABLE | OPEN | flags) === seen) return undefined;
          continue;
        }
        const sleep = this.#markWriter(waiter, seen);
        if (sleep !== undefined) return sleep;
      }
    };
  }
  tryReserve(): boolean {
    const seen = this.state.load();
    if (ownerOf(seen) !== 0 && !this.#isDead(ownerOf(seen))) return false;
    return this.reserving()({ me: currentThread().id, blocks: false, wakes: 0 }) === undefined;
  }
  tryUpgrade(): boolean {
    const upgrading = this.seizing(true);
    if (upgrading.attempt({ me: currentThread().id, blocks: false, wakes: 0 }) === undefined) return true;
    upgrading.giveUp();
    return false;
  }
  unreserve(): void {
    this.#open(false);
  }

  // --- the dead ---

  #isDead(owner: number): boolean {
    const { id, registry } = currentThread();
    return owner !== id && !registry.isAlive(owner);
  }

  /** Takes a dead owner out of STATE. */
  #bury(seen: number): void {
    const orphaned = modeOf(seen) === WRITING;
    const next = (flagsOf(seen) & ~UPGRADABLE) | (orphaned ? POISONED : OPEN);
    if (this.state.compareExchange(seen, next) === seen && orphaned) this.culprit.store(ownerOf(seen));
  }

  get poisoned(): boolean {
    const seen = this.state.load();
    return (seen & POISONED) !== 0 || (modeOf(seen) === WRITING && ownerOf(seen) !== 0 && this.#isDead(ownerOf(seen)));
  }
  poison(): void {
    this.culprit.store(currentThread().id);
    this.state.or(POISONED);
  }
  clearPoison(): void {
    const seen = this.state.load();
    // A dead writer's poison is only latent: bury it, so that there is a bit to clear.
    if (ownerOf(seen) !== 0 && this.#isDead(ownerOf(seen))) this.#bury(seen);
    this.state.and(~POISONED);
  }
  poisonedError(): PoisonedError {
    const culprit = this.culprit.load();
    return new PoisonedError(this.#describe(), culprit === 0 ? "a thread" : currentThread().registry.describe(culprit));
  }
  relock(): DeadlockError {
    const { registry, id } = currentThread();
    return new DeadlockError(`${registry.describe(id)} would wait for ${this.#describe()}, which it holds itself`);
  }

  // --- places ---

  get culprit(): Word {
    return this.state.next(1);
  }
  get tag(): number {
    return tagIn(this.state.next(2));
  }
  #slot(n: number): Word {
    return (this.#slots[n] ??= this.state.next(firstOf(this.shape) + n * this.shape.stride));
  }
}

/** While the data is in doubt no slot is open, so that everybody looks at STATE. */
const openUnless = (state: number): number => ((state & POISONED) === 0 ? OPEN : 0);

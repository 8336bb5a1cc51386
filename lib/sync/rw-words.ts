/**
 * Many readers or one writer: the words of {@link RwLock}, and why its two sides, rw-reading.ts and rw-writing.ts, fit together.
 * A reader's name stands in a slot, so a dead reader stops counting, and readers on different cores do not fight over one counter.
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
 *                id     0        1      id unlocks: it lets in who waits in the slots, and opens those that it has shut; or it
 *                                       shuts them, but waits for nobody (tryWrite, tryUpgrade)
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
import { DeadlockError, PoisonedError } from "../errors.ts";
import { owned, someThread, type WordName } from "../memory/word-names.ts";
import type { Word } from "../memory/word.ts";
import type { Sleep } from "../park/wait.ts";
import { currentThread, tagIn } from "../thread/current.ts";

export const FREE = 0;
export const WAITERS = 1 << 0;
export const UPGRADABLE = 1 << 1;
export const POISONED = 1 << 2;
export const OPEN = 1 << 3;
/** The slots' own: a writer sleeps on the slot; a reader waits in it. */
export const WANTED = 1 << 0;
export const WAITS = 1 << 1;
export const IDLE = 1 << 2;
export const REOPENED = OPEN | IDLE;
export const OWNER_SHIFT = 4;
export const ownerOf = (word: number): number => word >>> OWNER_SHIFT;
/** The COUNT in USED. BOUND: MOVES wraps around at 2^21; only sameness is asked. */
export const COUNT = (1 << 11) - 1;
export const ONE_MOVE = COUNT + 1;
const flagsOf = (word: number): number => word & ((1 << OWNER_SHIFT) - 1);

/** Of an owned STATE: what the owner is at. */
export const MODE = OPEN | UPGRADABLE;
export const WRITING = 0;
export const UNLOCKING = UPGRADABLE;
export const modeOf = (state: number): number => state & MODE;
/** Does this STATE let readers in, or would it if it were OPEN? */
export const letsRead = (state: number): boolean => ownerOf(state) === 0 || modeOf(state) === MODE;

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

/** What both sides see of it: the state, the slots, the dead, the poison. */
export class RwWords {
  readonly state: Word;
  readonly used: Word;
  readonly shape: Shape;
  readonly describe: () => string;
  /** Made once each: who shuts and opens slots keeps others waiting, and should make nothing meanwhile that is garbage soon. */
  readonly #slots: Word[] = [];

  constructor(state: Word, shape: Shape, describe: () => string) {
    this.state = state;
    this.used = state.next(3);
    this.shape = shape;
    this.describe = describe;
  }

  // --- places ---

  slot(n: number): Word {
    return (this.#slots[n] ??= this.state.next(firstOf(this.shape) + n * this.shape.stride));
  }
  get culprit(): Word {
    return this.state.next(1);
  }
  get tag(): number {
    return tagIn(this.state.next(2));
  }

  // --- who waits ---

  /** Where to sleep until STATE is another; undefined if it is by now. */
  markState(seen: number): Sleep | undefined {
    const value = seen | WAITERS;
    if (value !== seen && this.state.compareExchange(seen, value) !== seen) return undefined;
    return { word: this.state, value };
  }
  /** Does this thread read, through whichever object? */
  isReadBy(me: number): boolean {
    return this.slotsOf(me) > 0;
  }
  /** In how many slots it does, but for that one. */
  slotsOf(me: number, but?: Word): number {
    let count = 0;
    for (let n = 0; n < (this.used.load() & COUNT); n++) {
      const slot = this.slot(n);
      const seen = slot.load();
      if (ownerOf(seen) === me && (seen & WAITS) === 0 && slot.byteOffset !== but?.byteOffset) count++;
    }
    return count;
  }
  /** To a thread that reads and would wait for a writer who waits for it; undefined if that one has let it in meanwhile. */
  refuse(seen: number): undefined {
    if (this.state.load() === seen) throw this.relock();
    return undefined;
  }
  /** Readers who found no slot look again; there are none unless all were used. */
  move(): void {
    if ((this.used.load() & COUNT) < this.shape.slots) return;
    this.used.add(ONE_MOVE);
    this.used.notify();
  }

  // --- the dead ---

  isDead(owner: number): boolean {
    const { id, registry } = currentThread();
    return owner !== id && !registry.isAlive(owner);
  }

  /** Takes a dead owner out of STATE. */
  bury(seen: number): void {
    const orphaned = modeOf(seen) === WRITING;
    const next = (flagsOf(seen) & ~UPGRADABLE) | (orphaned ? POISONED : OPEN);
    if (orphaned && !this.#accuse(seen)) return;
    this.state.compareExchange(seen, next);
  }
  /**
   * Notes the dead writer as the culprit, before there is poison: who sees that may ask at once. False if STATE is another by now; then others may
   * have poisoned it since, and it is their names that stand there. (A late name could still land if one thread was the culprit before and after.)
   */
  #accuse(seen: number): boolean {
    for (;;) {
      const before = this.culprit.load();
      if (this.state.load() !== seen) return false;
      if (this.culprit.compareExchange(before, ownerOf(seen)) === before) return true;
    }
  }

  get poisoned(): boolean {
    const seen = this.state.load();
    return (seen & POISONED) !== 0 || (modeOf(seen) === WRITING && ownerOf(seen) !== 0 && this.isDead(ownerOf(seen)));
  }
  poison(): void {
    this.culprit.store(currentThread().id);
    this.state.or(POISONED);
  }
  clearPoison(): void {
    // A dead writer's poison is only latent: bury it, so that there is a bit to clear.
    for (let seen = this.state.load(); ownerOf(seen) !== 0 && this.isDead(ownerOf(seen)); seen = this.state.load()) this.bury(seen);
    this.state.and(~POISONED);
  }
  poisonedError(): PoisonedError {
    const culprit = this.culprit.load();
    return new PoisonedError(this.describe(), culprit === 0 ? "a thread" : currentThread().registry.describe(culprit));
  }
  relock(): DeadlockError {
    const { registry, id } = currentThread();
    return new DeadlockError(
      `${registry.describe(id)} would wait for ${this.describe()}, which it holds itself`,
      "Release what it holds first, or use the guard that it has; who reads and may want to write takes upgradable().",
    );
  }
}

/** While the data is in doubt no slot is open, so that everybody looks at STATE. */
export const openUnless = (state: number): number => ((state & POISONED) === 0 ? OPEN : 0);

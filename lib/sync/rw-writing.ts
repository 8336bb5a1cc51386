/** The writers' side of {@link RwLock}, as one object of it sees it. The words, the picture and the proof are in rw-words.ts. */
import { ReleasedError } from "../errors.ts";
import type { Word } from "../memory/word.ts";
import { backOff } from "../park/backoff.ts";
import type { Attempt, Sleep, Waiter } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import type { Reading } from "./rw-reading.ts";
import {
  COUNT,
  FREE,
  MODE,
  modeOf,
  OPEN,
  openUnless,
  OWNER_SHIFT,
  ownerOf,
  POISONED,
  REOPENED,
  UNLOCKING,
  UPGRADABLE,
  WAITERS,
  WAITS,
  WANTED,
  WRITING,
  type RwWords,
} from "./rw-words.ts";

/** In steps of 0.8 ns: a writer's first rest. The readers for whom it waits are mostly gone sooner than another writer would be. */
export const WRITER_REST = 12;

export class Writing {
  readonly #words: RwWords;
  readonly #state: Word;
  /** While it writes: so many slots it has shut, to open them again. */
  #shutSlots = 0;

  constructor(words: RwWords) {
    this.#words = words;
    this.#state = words.state;
  }

  /** Alone by one step, if nobody reads, writes or waits. */
  seize(): boolean {
    return this.#state.compareExchange(FREE, currentId() << OWNER_SHIFT) === FREE;
  }

  /** Becomes the owner of a lock that readers use; then it must drain. */
  begin(): boolean {
    return this.#state.compareExchange(OPEN, (currentId() << OWNER_SHIFT) | OPEN) === OPEN;
  }
  /** Alone, if no reader is in, or if it `spins` soon none is; and if nobody waits. */
  drain(me: number, spins: boolean): boolean {
    const mine = me << OWNER_SHIFT;
    const isDrained = this.#shut(me, true, spins, false) === undefined || (spins && backOff(this.#isDrained, undefined, WRITER_REST));
    return isDrained && this.#state.compareExchange(mine | OPEN, mine) === (mine | OPEN);
  }
  /** One for all calls: nothing is made while readers are kept waiting. */
  readonly #isDrained = (): boolean => this.#shut(currentId(), true, true, true) === undefined;

  release(): void {
    const mine = currentId() << OWNER_SHIFT;
    if (this.#shutSlots !== 0 || this.#state.compareExchange(mine, FREE) !== mine) this.#open(false);
  }

  /** Alone, if that is possible without waiting. Nobody is held back for it. */
  trySeize(): boolean {
    const { id } = currentThread();
    for (let n = 0; n < (this.#words.used.load() & COUNT); n++) if (this.#isRead(this.#words.slot(n).load())) return false;
    const seizing = this.seizing(false, false, true);
    const seen = this.#state.load();
    if (ownerOf(seen) !== 0 && !this.#words.isDead(ownerOf(seen))) return false;
    if (seizing.attempt({ me: id, blocks: false, wakes: 0 }) === undefined) return true;
    seizing.giveUp();
    return false;
  }
  #isRead(slot: number): boolean {
    const owner = ownerOf(slot);
    return owner !== 0 && (slot & WAITS) === 0 && !this.#words.isDead(owner);
  }

  /**
   * Becomes the owner, then waits for the readers; `giveUp` lets them in again. Who only `tries` passes for one who unlocks: it waits for
   * nobody either, so nobody who reads is refused on its account.
   */
  seizing(upgrading = false, begun = false, tries = false): { readonly attempt: Attempt; readonly giveUp: () => void } {
    const mode = tries ? UNLOCKING : OPEN;
    let shutting = begun;
    /** Has it looked at all slots before? */
    let again = begun;
    const attempt = (waiter: Waiter): Sleep | undefined => {
      const mine = waiter.me << OWNER_SHIFT;
      for (;;) {
        const seen = this.#state.load();
        const owner = ownerOf(seen);
        if (shutting) {
          const sleep = this.#shut(waiter.me, waiter.blocks, waiter.spins === true, again);
          again = true;
          if (sleep !== undefined) return sleep;
          // In no slot stands a name: off with OPEN, and whoever has waited goes on waiting.
          for (let now = seen, next = now; ; now = next) {
            next = this.#state.compareExchange(now, now & ~MODE);
            if (next === now) break;
          }
          shutting = false;
          return undefined;
        }
        if (upgrading) {
          if (owner !== waiter.me) throw new ReleasedError(this.#words.describe());
          shutting = this.#state.compareExchange(seen, (seen & ~MODE) | mode) === seen;
          continue;
        }
        const dead = owner !== 0 && this.#words.isDead(owner);
        if (owner === 0 || dead) {
          const orphaned = dead && modeOf(seen) === WRITING;
          const shut = owner === 0 ? (seen & OPEN) === 0 : orphaned;
          const flags = (seen & (POISONED | WAITERS)) | (orphaned ? POISONED : 0) | (waiter.wakes > 0 ? WAITERS : 0);
          if (this.#state.compareExchange(seen, mine | flags | (shut ? 0 : mode)) !== seen) continue;
          if (orphaned) this.#words.culprit.store(owner);
          if (shut) return undefined;
          shutting = true;
          continue;
        }
        const sleep = this.#markWriter(waiter, seen, true);
        if (sleep !== undefined) return sleep;
      }
    };
    const giveUp = (): void => {
      if (!shutting) return;
      shutting = false;
      this.#open(upgrading, true);
    };
    return { attempt, giveUp };
  }

  /** @param inTheWay  would it keep waiting, and the owner too, if this thread reads? */
  #markWriter({ me, blocks, spins }: Waiter, seen: number, inTheWay: boolean): Sleep | undefined {
    if (blocks && ownerOf(seen) === me) throw this.#words.relock();
    if (spins === true) return { word: this.#state, value: seen };
    if (blocks && inTheWay && this.#words.isReadBy(me)) return this.#words.refuse(seen);
    return this.#words.markState(seen);
  }

  /** Takes OPEN from every slot, so that nobody comes in any more; the first living reader is who to wait for. */
  #shut(me: number, blocks: boolean, spins: boolean, again: boolean): Sleep | undefined {
    // PAIRS: with the look at STATE by a reader that has just taken a slot beyond these.
    const used = this.#words.used.load() & COUNT;
    this.#shutSlots = used;
    let awaited: Sleep | undefined;
    for (let n = 0; n < used; n++) {
      const slot = this.#words.slot(n);
      for (;;) {
        // From the second time on it only looks: a reader needs the slot's cache line to leave.
        const looked = again ? slot.load() : OPEN;
        const seen = (looked & OPEN) === 0 ? looked : slot.and(~OPEN) & ~OPEN;
        const owner = ownerOf(seen);
        if (owner === 0 || (seen & WAITS) !== 0) break;
        if (this.#words.isDead(owner)) {
          slot.compareExchange(seen, 0);
          continue;
        }
        if (owner === me && blocks) throw this.#words.relock();
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
      if (ownerOf(seen) !== id) throw new ReleasedError(this.#words.describe());
      const readers = reading || (seen & OPEN) !== 0;
      const waited = (seen & WAITERS) !== 0;
      const poisoned = seen & POISONED;
      if (!readers && !waited && shut === 0) {
        found = this.#state.compareExchange(seen, poisoned);
        if (found === seen) return;
        continue;
      }
      const unlocking = mine | UNLOCKING | poisoned;
      found = this.#state.compareExchange(seen, unlocking);
      if (found !== seen) continue;
      const slots = waited ? this.#words.used.load() & COUNT : shut;
      const open = this.#openSlots(slots, poisoned) || readers || keep ? OPEN : 0;
      this.#endUnlocking(unlocking, (keep ? mine | UPGRADABLE : 0) | open, waited);
      return;
    }
  }

  /** Whoever has come meanwhile is woken with the others, and whoever stays the owner hears of them when they wait again. */
  #endUnlocking(unlocking: number, next: number, waited: boolean): void {
    // The poison may be cleared, and WAITERS set; nothing else is changed by others.
    for (let now = unlocking; ;) {
      if (ownerOf(now) !== ownerOf(unlocking)) throw new ReleasedError(this.#words.describe());
      const before = this.#state.compareExchange(now, next | (now & POISONED));
      if (before === now) {
        if (waited || (now & WAITERS) !== 0) this.#state.notify();
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
      const slot = this.#words.slot(n);
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
    if (letIn) this.#words.move();
    return any;
  }

  /** From writing to reading, never unlocked in between. Gives false if there is no slot to read in: then it stays the one who may upgrade. */
  downgrade(reading: Reading): boolean {
    const inSlot = reading.begin(openUnless(this.#state.load()));
    this.#open(!inSlot, true);
    return inSlot;
  }
  // --- upgradable reading ---

  /** The one reader who may become a writer: it stands in STATE, among readers who stand in slots. */
  reserving(): Attempt {
    return (waiter) => {
      for (;;) {
        const seen = this.#state.load();
        const owner = ownerOf(seen);
        if (owner !== 0 && this.#words.isDead(owner)) {
          this.#words.bury(seen);
          continue;
        }
        if (owner === 0) {
          const flags = (seen & (POISONED | WAITERS)) | (waiter.wakes > 0 ? WAITERS : 0);
          if (this.#state.compareExchange(seen, (waiter.me << OWNER_SHIFT) | UPGRADABLE | OPEN | flags) === seen) return undefined;
          continue;
        }
        // Only while the owner shuts the slots: who may upgrade might do without, and who unlocks waits for nobody.
        const sleep = this.#markWriter(waiter, seen, modeOf(seen) === OPEN);
        if (sleep !== undefined) return sleep;
      }
    };
  }
  tryReserve(): boolean {
    const seen = this.#state.load();
    if (ownerOf(seen) !== 0 && !this.#words.isDead(ownerOf(seen))) return false;
    return this.reserving()({ me: currentThread().id, blocks: false, wakes: 0 }) === undefined;
  }
  tryUpgrade(): boolean {
    const upgrading = this.seizing(true, false, true);
    if (upgrading.attempt({ me: currentThread().id, blocks: false, wakes: 0 }) === undefined) return true;
    upgrading.giveUp();
    return false;
  }
  unreserve(): void {
    this.#open(false);
  }
}

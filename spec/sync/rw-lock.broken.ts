/** The algorithm of RwLock (`lib/sync/rw-words.ts` and both sides), without poison, upgrades and tasks; right and with one mistake each: what the checker must catch. */
import { Word } from "../../lib/memory/word.ts";
import { wait, type Sleep } from "../../lib/park/wait.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";

const WAITERS = 1;
const UNLOCKING = 2;
const OPEN = 8;
const WAITS = 2;
const SHIFT = 4;
const SLOTS = 2;
const ownerOf = (word: number): number => word >>> SHIFT;
const awaited = { describe: () => "a twin" };
const isDead = (owner: number): boolean => owner !== 0 && owner !== currentId() && !currentThread().registry.isAlive(owner);

/** A lock in the first words of a view; each thread says which slot is its own. */
export class Twin {
  protected readonly state: Word;
  constructor(cells: Int32Array) {
    this.state = new Word(cells as Int32Array<SharedArrayBuffer>, 0);
  }
  protected slot(n: number): Word {
    return this.state.next(1 + n);
  }

  read(n: number, section: () => void): void {
    wait(() => this.enter(n), awaited, "read", undefined);
    section();
    this.leave(n);
  }

  protected enter(n: number): Sleep | undefined {
    const me = currentId() << SHIFT;
    const slot = this.slot(n);
    for (;;) {
      const own = slot.load();
      if (ownerOf(own) === currentId() && (own & WAITS) === 0) return undefined;
      const seen = this.state.load();
      const owner = ownerOf(seen);
      if (isDead(owner)) this.state.compareExchange(seen, OPEN);
      else if (owner === 0 && (seen & OPEN) === 0) this.state.compareExchange(seen, seen | OPEN);
      else if (owner === 0) {
        if (slot.compareExchange(own, me | OPEN) !== own) continue;
        if (this.mayStay(this.state.load())) return undefined;
        slot.store(0);
        slot.notify();
      } else if ((seen & UNLOCKING) !== 0) {
        const next = seen | WAITERS;
        if (next === seen || this.state.compareExchange(seen, next) === seen) return { word: this.state, value: next };
      } else if (own !== (me | WAITS)) slot.compareExchange(own, me | WAITS);
      else if ((seen & WAITERS) !== 0 || this.state.compareExchange(seen, seen | WAITERS) === seen) return { word: slot, value: own };
    }
  }
  protected mayStay(now: number): boolean {
    return (now & OPEN) !== 0 && ownerOf(now) === 0;
  }
  protected leave(n: number): void {
    this.slot(n).and(OPEN);
    this.slot(n).notify();
  }

  write(section: () => void): void {
    let shutting = false;
    let hasShut = false;
    wait(
      () => {
        for (;;) {
          const seen = this.state.load();
          const mine = (currentId() << SHIFT) | (seen & WAITERS);
          if (shutting) {
            const sleep = this.shut();
            if (sleep !== undefined) return sleep;
            this.state.and(~OPEN);
            return undefined;
          }
          if (ownerOf(seen) === 0 || isDead(ownerOf(seen))) {
            const open = ownerOf(seen) === 0 ? seen & OPEN : OPEN;
            if (this.state.compareExchange(seen, mine | open) !== seen) continue;
            if (open === 0) return undefined;
            shutting = hasShut = true;
          } else {
            const next = seen | WAITERS;
            if (next !== seen && this.state.compareExchange(seen, next) !== seen) continue;
            return { word: this.state, value: next };
          }
        }
      },
      awaited,
      "write",
      undefined,
    );
    section();
    this.unlock(hasShut);
  }

  /** The first living reader is who to wait for. */
  protected shut(): Sleep | undefined {
    for (let n = 0; n < SLOTS; n++) {
      const seen = this.slot(n).and(~OPEN) & ~OPEN;
      if (ownerOf(seen) === 0 || (seen & WAITS) !== 0) continue;
      if (isDead(ownerOf(seen))) this.slot(n).compareExchange(seen, 0);
      else return { word: this.slot(n), value: seen };
    }
    return undefined;
  }

  protected unlock(hasShut: boolean): void {
    const mine = currentId() << SHIFT;
    if (!hasShut && this.state.compareExchange(mine, 0) === mine) return;
    // WAITERS, which others may set, is taken off here and at the end.
    const waited = (this.state.exchange(mine | UNLOCKING) & WAITERS) !== 0;
    this.end(this.openSlots() ? OPEN : 0, waited);
  }
  protected end(open: number, waited: boolean): void {
    if ((this.state.exchange(open) & WAITERS) !== 0 || waited) this.state.notify();
  }
  /** All of them, with the names of those who wait there; true: there may be such. */
  protected openSlots(): boolean {
    for (let n = 0; n < SLOTS; n++) {
      const seen = this.slot(n).compareExchange(0, OPEN);
      if ((seen & WAITS) !== 0) this.admit(n, seen);
    }
    return true;
  }
  protected admit(n: number, seen: number): void {
    if (this.slot(n).compareExchange(seen, (ownerOf(seen) << SHIFT) | OPEN) === seen) this.slot(n).notify();
  }
}

/** Reads without a second look: the writer may have looked at the slot already. */
export class Trusting extends Twin {
  protected override mayStay(): boolean {
    return true;
  }
}
/** Looks only whether there is a writer: one may have come and shut all, and if it leaves them shut, the next will not look at the slots. */
export class HalfTrusting extends Twin {
  protected override mayStay(now: number): boolean {
    return ownerOf(now) === 0;
  }
  protected override openSlots(): boolean {
    let any = false;
    for (let n = 0; n < SLOTS; n++) {
      const seen = this.slot(n).load();
      if ((seen & WAITS) === 0) continue;
      this.admit(n, seen);
      any = true;
    }
    return any;
  }
}
/** Leaves without waking the writer. */
export class Quiet extends Twin {
  protected override leave(n: number): void {
    this.slot(n).and(OPEN);
  }
}
/** Waits for the names of the dead too. */
export class Mourning extends Twin {
  protected override shut(): Sleep | undefined {
    for (let n = 0; n < SLOTS; n++) {
      const seen = this.slot(n).and(~OPEN) & ~OPEN;
      if (ownerOf(seen) !== 0 && (seen & WAITS) === 0) return { word: this.slot(n), value: seen };
    }
    return undefined;
  }
}
/** Lets nobody in who waits in a slot. */
export class Forgetful extends Twin {
  protected override openSlots(): boolean {
    for (let n = 0; n < SLOTS; n++) this.slot(n).compareExchange(0, OPEN);
    return true;
  }
}
/** Looks at the slots first and takes WAITERS off second. */
export class Early extends Twin {
  protected override unlock(hasShut: boolean): void {
    const mine = currentId() << SHIFT;
    if (!hasShut && this.state.compareExchange(mine, 0) === mine) return;
    this.openSlots();
    this.state.exchange(OPEN);
    this.state.notify();
  }
}
/** Opens the slots, and does not say so: the next writer does not look at them. */
export class Secretive extends Twin {
  protected override end(_open: number, waited: boolean): void {
    if ((this.state.exchange(0) & WAITERS) !== 0 || waited) this.state.notify();
  }
}
/** Wakes only who waited before it unlocked, and nobody who has come meanwhile. */
export class Hurried extends Twin {
  protected override end(open: number, waited: boolean): void {
    this.state.exchange(open);
    if (waited) this.state.notify();
  }
}

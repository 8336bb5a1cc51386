/**
 * The algorithm of `lib/sync/mutex.ts`, once more and smaller, right and with one mistake each: what the checker must catch.
 */
import { ReleasedError } from "../../lib/errors.ts";
import { Word } from "../../lib/memory/word.ts";
import { backOff } from "../../lib/park/backoff.ts";
import { wait, type Sleep, type Waiter } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";

const FREE = 0;
const WAITERS = 1;
const POISONED = 2;
const OWNER_SHIFT = 4;
const ownerOf = (state: number): number => state >>> OWNER_SHIFT;

/** What a thread is told that gets the lock of a dead one. */
export class Poisoned extends Error {}

/** A mutex in the first word of a view. */
export class Twin {
  protected readonly state: Word;
  constructor(cells: Int32Array) {
    this.state = new Word(cells as Int32Array<SharedArrayBuffer>, 0);
  }

  /** Calls `section` under the lock. A throw unlocks, and does not poison. */
  with<R>(section: () => R): R {
    this.lock();
    try {
      return section();
    } finally {
      this.unlock();
    }
  }

  lock(): void {
    wait((waiter) => this.attempt(waiter), { describe: () => "a twin" }, "lock", undefined);
    if ((this.state.load() & POISONED) === 0) return;
    this.unlock();
    throw new Poisoned("the holder died");
  }

  protected attempt(waiter: Waiter): Sleep | undefined {
    for (;;) {
      const seen = this.state.load();
      const orphaned = this.isOrphan(ownerOf(seen));
      if (ownerOf(seen) === 0 || orphaned) {
        if (this.state.compareExchange(seen, this.taken(seen, orphaned, waiter)) === seen) return undefined;
        continue;
      }
      const next = seen | WAITERS;
      if (next !== seen && this.state.compareExchange(seen, next) !== seen) continue;
      return { word: this.state, value: next };
    }
  }

  protected taken(seen: number, orphaned: boolean, { me, wakes }: Waiter): number {
    return (me << OWNER_SHIFT) | (seen & (WAITERS | POISONED)) | (orphaned ? POISONED : 0) | (wakes > 0 ? WAITERS : 0);
  }

  protected isOrphan(owner: number): boolean {
    const { id, registry } = currentThread();
    return owner !== 0 && owner !== id && !registry.isAlive(owner);
  }

  protected unlock(): void {
    const { id } = currentThread();
    for (let seen = this.state.load(); ;) {
      if (ownerOf(seen) !== id) throw new ReleasedError("a twin");
      const was = this.state.compareExchange(seen, seen & POISONED);
      if (was === seen) {
        if ((seen & WAITERS) !== 0) this.state.notify(1);
        return;
      }
      seen = was;
    }
  }
}

/** Unlocks, and lets the sleepers sleep. */
export class Forgetful extends Twin {
  protected override unlock(): void {
    const seen = this.state.load();
    if (this.state.compareExchange(seen, seen & POISONED) !== seen) this.unlock();
  }
}

/** Looks who sleeps, then stores: who marks itself in between is not seen. */
export class Storing extends Twin {
  protected override unlock(): void {
    const seen = this.state.load();
    this.state.store(seen & POISONED);
    if ((seen & WAITERS) !== 0) this.state.notify(1);
  }
}

/** Notifies while the lock is still held. */
export class Hasty extends Twin {
  protected override unlock(): void {
    if ((this.state.load() & WAITERS) !== 0) this.state.notify(1);
    this.state.and(POISONED);
  }
}

/** The woken takes the lock as if it had been the only sleeper. Needs three threads to show. */
export class OnlySleeper extends Twin {
  protected override taken(seen: number, orphaned: boolean, { me }: Waiter): number {
    return (me << OWNER_SHIFT) | (seen & (WAITERS | POISONED)) | (orphaned ? POISONED : 0);
  }
}

/** Takes over from the dead, and tells nobody. */
export class PoisonLost extends Twin {
  protected override taken(seen: number, _: boolean, waiter: Waiter): number {
    return super.taken(seen, false, waiter);
  }
}

/** Takes over from the dead by a store: two can do so at once. */
export class StoringHeir extends Twin {
  protected override attempt(waiter: Waiter): Sleep | undefined {
    const seen = this.state.load();
    if (!this.isOrphan(ownerOf(seen))) return super.attempt(waiter);
    this.state.store(this.taken(seen, true, waiter));
    return undefined;
  }
}

/** Asks whether the owner lives before the first sleep only. */
export class OneLook extends Twin {
  protected override attempt(waiter: Waiter): Sleep | undefined {
    if (waiter.wakes === 0) return super.attempt(waiter);
    const seen = this.state.load();
    if (ownerOf(seen) !== 0) return { word: this.state, value: seen };
    return this.state.compareExchange(seen, this.taken(seen, false, waiter)) === seen ? undefined : this.attempt(waiter);
  }
}

/** Clears what it finds, so that a lock that was poisoned under it is no longer. */
export class Cleaning extends Twin {
  protected override unlock(): void {
    if ((this.state.exchange(FREE) & WAITERS) !== 0) this.state.notify(1);
  }
}

/** Looks for a while before it sleeps, as `lib/sync/mutex.ts` does: nobody sleeps who would have to be woken, nor is the data in doubt. */
export class Patient extends Twin {
  override lock(): void {
    if (!currentThread().spins || !backOff(() => this.look(currentThread().id << OWNER_SHIFT))) super.lock();
  }
  protected look(mine: number): boolean {
    return this.state.compareExchange(FREE, mine) === FREE;
  }
}

/** Takes any lock that nobody holds, and forgets what else stands in the word. */
export class Barging extends Patient {
  protected override look(mine: number): boolean {
    const seen = this.state.load();
    return ownerOf(seen) === 0 && this.state.compareExchange(seen, mine) === seen;
  }
}

/**
 * Waiters that give up, each with one mistake: what the checker must catch. They wait as `lib/park/wait.ts` does, once more and smaller.
 */
import { Limits, type WaitOptions } from "../../lib/park/limits.ts";
import type { Waiter } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { Twin } from "./mutex.broken.ts";

const WAITERS = 1;

/** A mutex whose lock() can be called off. */
export class Leaver extends Twin {
  override lock(opts?: WaitOptions): void {
    const limits = new Limits(opts, "lock");
    limits.throwIfCancelled();
    const waiter: Waiter = { me: currentThread().id, blocks: true, wakes: 0 };
    for (let sleep = this.attempt(waiter); sleep !== undefined; sleep = this.again(waiter, limits)) {
      this.giveUp(limits);
      // As all of ferrous' sleeps are noted: who cancels makes those look that are.
      currentThread().sleeps?.(false);
      if (sleep.word.wait(sleep.value as never, limits.left) !== "timed-out") waiter.wakes++;
    }
  }

  /** Locks and unlocks. */
  pass(opts?: WaitOptions): void {
    this.lock(opts);
    this.unlock();
  }

  /** After each waking. First the lock, then the limits: who gives up has just seen that the lock is held, and marked it. */
  protected again(waiter: Waiter, _: Limits): ReturnType<Twin["attempt"]> {
    return this.attempt(waiter);
  }

  protected giveUp(limits: Limits): void {
    limits.throwIfCancelled();
    if (limits.left === 0) throw limits.timedOut("a twin", "lock");
  }
}

/** Is woken because the lock is free, sees that its time is over, and leaves without a word: the next in line sleeps on. */
export class Swallower extends Leaver {
  protected override again(waiter: Waiter, limits: Limits): ReturnType<Twin["attempt"]> {
    this.giveUp(limits);
    return super.again(waiter, limits);
  }
}

/** Looks at its time only. */
export class Deaf extends Leaver {
  protected override giveUp(limits: Limits): void {
    if (limits.left === 0) throw limits.timedOut("a twin", "lock");
  }
}

/** Takes its mark back when it gives up, although it may be another's too. */
export class Tidy extends Leaver {
  protected override giveUp(limits: Limits): void {
    try {
      super.giveUp(limits);
    } catch (error) {
      this.state.and(~WAITERS);
      throw error;
    }
  }
}

/** Gives up although its last look has got it the lock. */
export class Keeper extends Leaver {
  protected override again(waiter: Waiter, limits: Limits): ReturnType<Twin["attempt"]> {
    const sleep = super.again(waiter, limits);
    this.giveUp(limits);
    return sleep;
  }
}

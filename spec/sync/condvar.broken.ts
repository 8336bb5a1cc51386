/** The algorithm of `lib/sync/condvar.ts` for one waiting thread a slot, smaller, right and with one mistake each: what the checker must catch. */
import { TimeoutError } from "../../lib/errors.ts";
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import type { Mutex } from "../../lib/sync/mutex.ts";

const IDLE = 0;
const WAITING = 1;
const NOTIFIED = 2;
const SLOTS = 2;
const awaited = { describe: () => "a twin" };

/** A condvar in the first words of a view, for two threads that say which slot is theirs. */
export class Twin {
  protected readonly cells: Int32Array<SharedArrayBuffer>;
  constructor(cells: Int32Array) {
    this.cells = cells as Int32Array<SharedArrayBuffer>;
  }
  protected slot(at: number): Word {
    return new Word(this.cells, at);
  }

  /** Ends with the lock held again. `timed`: the checker may let the time run out. */
  wait<T>(lock: Mutex<T>, release: () => void, at: number, timed = false): "ok" | "timed-out" {
    this.enter(at);
    release();
    const outcome = this.sleep(at, timed);
    return outcome;
  }

  protected enter(at: number): void {
    this.slot(at).store(WAITING);
  }
  protected sleep(at: number, timed: boolean): "ok" | "timed-out" {
    const word = this.slot(at);
    try {
      wait(
        () => (word.compareExchange(NOTIFIED, IDLE) === NOTIFIED ? undefined : { word, value: WAITING }),
        awaited,
        "wait",
        timed ? { timeout: 50 } : undefined,
      );
      return "ok";
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      return this.giveUp(at) ? "ok" : "timed-out";
    }
  }
  /** True if a notification came meanwhile. */
  protected giveUp(at: number): boolean {
    return this.slot(at).exchange(IDLE) === NOTIFIED;
  }

  notifyOne(): number {
    for (let at = 0; at < SLOTS; at++) {
      const word = this.slot(at);
      if (word.compareExchange(WAITING, NOTIFIED) !== WAITING) continue;
      word.notify();
      return 1;
    }
    return 0;
  }
}

/** Is counted only after it has unlocked: a notification between the two finds nobody. */
export class LateComer extends Twin {
  override wait<T>(_lock: Mutex<T>, release: () => void, at: number, timed = false): "ok" | "timed-out" {
    release();
    this.enter(at);
    return this.sleep(at, timed);
  }
}

/** Forgets to wake whom it has notified. */
export class Silent extends Twin {
  override notifyOne(): number {
    for (let at = 0; at < SLOTS; at++) if (this.slot(at).compareExchange(WAITING, NOTIFIED) === WAITING) return 1;
    return 0;
  }
}

/** Wakes first and notifies second. */
export class Hasty extends Twin {
  override notifyOne(): number {
    for (let at = 0; at < SLOTS; at++) {
      const word = this.slot(at);
      if (word.load() !== WAITING) continue;
      word.notify();
      if (word.compareExchange(WAITING, NOTIFIED) === WAITING) return 1;
    }
    return 0;
  }
}

/** Gives up without looking whether a notification came meanwhile: it is lost to all. */
export class Forgetful extends Twin {
  protected override giveUp(at: number): boolean {
    this.slot(at).store(IDLE);
    return false;
  }
}

/** The algorithm of `lib/sync/once-lock.ts` for numbers, right and with one mistake each: what the checker must catch. */
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";

const EMPTY = 0;
const RUNNING = 1;
const DONE = 3;

/** A once-lock in the first two words of a view; its value is no zero. */
export class Twin {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  protected readonly state: Word;
  constructor(cells: Int32Array) {
    this.#cells = cells as Int32Array<SharedArrayBuffer>;
    this.state = new Word(this.#cells, 0);
  }
  get(): number | undefined {
    return this.state.load() === DONE ? this.#cells[1] : undefined;
  }
  getOrInit(fn: () => number): number {
    if (!this.claim()) return this.#cells[1] as number;
    let value: number;
    try {
      value = fn();
    } catch (error) {
      this.fail();
      throw error;
    }
    this.publish(value);
    return value;
  }

  /** False if there is a value. */
  protected claim(): boolean {
    let mine = false;
    const attempt = ({ me }: { me: number }): { word: Word; value: number } | undefined => {
      for (;;) {
        const seen = this.state.load();
        if (seen === DONE) return undefined;
        if (seen !== EMPTY && this.lives(seen >>> 2)) return { word: this.state, value: seen };
        if (!this.take(seen, (me << 2) | RUNNING)) continue;
        mine = true;
        return undefined;
      }
    };
    wait(attempt, { describe: () => "a twin" }, "getOrInit", undefined);
    return mine;
  }
  protected lives(id: number): boolean {
    return currentThread().registry.isAlive(id);
  }
  protected take(seen: number, next: number): boolean {
    return this.state.compareExchange(seen, next) === seen;
  }
  protected keep(value: number): void {
    this.#cells[1] = value;
  }
  protected publish(value: number): void {
    this.keep(value);
    this.leave(DONE);
  }
  protected fail(): void {
    this.leave(EMPTY);
  }
  protected leave(next: number): void {
    this.state.store(next);
    this.state.notify();
  }
}
export class Hasty extends Twin {
  protected override publish(value: number): void {
    this.leave(DONE);
    this.keep(value);
  }
}
export class Mute extends Twin {
  protected override leave(next: number): void {
    this.state.store(next);
  }
}
export class Storing extends Twin {
  protected override take(_: number, next: number): boolean {
    this.state.store(next);
    return true;
  }
}
export class Stuck extends Twin {
  protected override fail(): void {
    // Still RUNNING.
  }
}
export class Satisfied extends Twin {
  protected override fail(): void {
    this.leave(DONE);
  }
}
export class Trusting extends Twin {
  protected override lives(): boolean {
    return true;
  }
}
/** Wakes one of those who wait, who goes away without waking the next. */
export class OneOnly extends Twin {
  protected override leave(next: number): void {
    this.state.store(next);
    this.state.notify(1);
  }
}

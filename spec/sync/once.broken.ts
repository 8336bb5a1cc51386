/** The algorithm of `lib/sync/once-word.ts`, once more and smaller, right and with one mistake each: what the checker must catch. */
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";

const RUNNING = 1;
const DONE = 3;

/** A once in the first word of a view. */
export class Twin {
  protected readonly state: Word;
  constructor(cells: Int32Array) {
    this.state = new Word(cells as Int32Array<SharedArrayBuffer>, 0);
  }
  run(fn: () => void): void {
    let mine = false;
    wait(
      ({ me }) => {
        for (;;) {
          const seen = this.state.load();
          if (seen === DONE) return undefined;
          if (seen !== 0 && this.lives(seen >>> 2)) return { word: this.state, value: seen };
          if (!this.claim(seen, (me << 2) | RUNNING)) continue;
          mine = true;
          return undefined;
        }
      },
      { describe: () => "a twin" },
      "run",
      undefined,
    );
    if (mine) this.work(fn);
  }
  protected lives(id: number): boolean {
    return currentThread().registry.isAlive(id);
  }
  protected claim(seen: number, next: number): boolean {
    return this.state.compareExchange(seen, next) === seen;
  }
  protected work(fn: () => void): void {
    fn();
    this.state.store(DONE);
    this.state.notify();
  }
}
export class Mute extends Twin {
  protected override work(fn: () => void): void {
    fn();
    this.state.store(DONE);
  }
}
export class Hasty extends Twin {
  protected override work(fn: () => void): void {
    this.state.store(DONE);
    this.state.notify();
    fn();
  }
}
export class Storing extends Twin {
  protected override claim(_: number, next: number): boolean {
    this.state.store(next);
    return true;
  }
}
export class Forgetful extends Twin {
  protected override lives(): boolean {
    return true;
  }
}

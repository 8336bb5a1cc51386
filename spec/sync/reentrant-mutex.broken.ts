/** The algorithm of `lib/sync/reentrant-mutex.ts` on a smaller mutex, right and with one mistake each: what the checker must catch. */
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";

const COUNTER = 1;
const DEPTH = 2;
export const TWIN_WORDS = 3;

export class Twin {
  protected readonly cells: Int32Array<SharedArrayBuffer>;
  readonly #state: Word;
  constructor(cells: Int32Array) {
    this.cells = cells as Int32Array<SharedArrayBuffer>;
    this.#state = new Word(this.cells, 0);
  }

  lock(): void {
    if (this.isMine()) this.deeper();
    else {
      this.#take();
      this.first();
    }
  }
  unlock(): void {
    const depth = this.depth - 1;
    this.depth = depth;
    if (depth > 0) return;
    this.free();
  }

  isMine(): boolean {
    return this.#state.load() === currentId();
  }
  protected first(): void {
    if (this.counter !== currentId()) this.count(1);
  }
  protected deeper(): void {
    this.count(this.depth + 1);
  }
  protected free(): void {
    this.counter = 0;
    this.give();
  }
  protected count(depth: number): void {
    this.depth = depth;
    this.counter = currentId();
  }
  protected get counter(): number {
    return this.cells[COUNTER] as number;
  }
  protected set counter(id: number) {
    this.cells[COUNTER] = id;
  }
  protected get depth(): number {
    return this.cells[DEPTH] as number;
  }
  protected set depth(depth: number) {
    this.cells[DEPTH] = depth;
  }

  #take(): void {
    const { registry } = currentThread();
    const attempt = ({ me }: { me: number }): { word: Word; value: number } | undefined => {
      for (;;) {
        const seen = this.#state.load();
        if (seen !== 0 && registry.isAlive(seen)) return { word: this.#state, value: seen };
        if (this.#state.compareExchange(seen, me) === seen) return undefined;
      }
    };
    wait(attempt, { describe: () => "a twin" }, "lock", undefined);
  }
  protected give(): void {
    this.#state.store(0);
    this.#state.notify();
  }
}
/** Believes COUNTER, which others write, before it has the mutex. */
export class Believing extends Twin {
  override isMine(): boolean {
    return this.counter === currentId();
  }
}
export class Shallow extends Twin {
  protected override deeper(): void {
    // Counts no hold but the first.
  }
}
/** Goes on counting where the last owner stopped, dead or not. */
export class Heir extends Twin {
  protected override first(): void {
    this.count(this.depth + 1);
  }
}
/** After it was freed, the same owner seems to be inside still. */
export class Unforgetting extends Twin {
  protected override free(): void {
    this.give();
  }
}
export class Late extends Twin {
  protected override free(): void {
    this.give();
    this.counter = 0;
  }
}
/** Is its own stranger: waits for itself. */
export class Stranger extends Twin {
  override isMine(): boolean {
    return false;
  }
}

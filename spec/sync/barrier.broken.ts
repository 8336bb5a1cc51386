/** The algorithm of `lib/sync/barrier.ts`, smaller, right and with one mistake each: what the checker must catch. */
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";

const GENERATION = 1 << 8;
const awaited = { describe: () => "a twin" };
export class Broken extends Error {}

/** A barrier in the first words of a view: STATE, then a name for each thread. */
export class Twin {
  protected readonly state: Word;
  protected readonly count: number;
  constructor(cells: Int32Array, count: number) {
    this.state = new Word(cells as Int32Array<SharedArrayBuffer>, 0);
    this.count = count;
  }

  /** True for the last to come. */
  wait(slot: number): boolean {
    this.name(slot);
    const seen = this.arrive();
    if (seen === undefined) return true;
    const generation = this.generationOf(seen);
    wait(
      () => {
        const now = this.state.load();
        if (this.generationOf(now) !== generation) return undefined;
        this.lookForDead();
        return { word: this.state, value: now };
      },
      awaited,
      "wait",
      undefined,
    );
    return false;
  }

  protected name(slot: number): void {
    this.state.next(1 + slot).store(currentId());
  }
  protected generationOf(state: number): number {
    return Math.floor(state / GENERATION);
  }
  protected lookForDead(): void {
    for (let n = 0; n < this.count; n++) {
      const owner = this.state.next(1 + n).load();
      if (owner !== 0 && owner !== currentId() && !currentThread().registry.isAlive(owner)) throw new Broken("broken");
    }
  }
  /** The STATE that it came into, undefined if it was the last. */
  protected arrive(): number | undefined {
    for (;;) {
      const seen = this.state.load();
      this.lookForDead();
      const last = seen % GENERATION === this.count - 1;
      const next = last ? (this.generationOf(seen) + 1) * GENERATION : seen + 1;
      if (this.state.compareExchange(seen, next) !== seen) continue;
      if (last) this.complete();
      return last ? undefined : seen;
    }
  }
  protected complete(): void {
    this.state.notify();
  }
}

/** Has no number for the round: a quick thread comes again before the slow ones have gone on. */
export class Roundless extends Twin {
  protected override generationOf(state: number): number {
    return state % GENERATION === 0 ? 1 : 0;
  }
}
/** Counts by load and store. */
export class Careless extends Twin {
  protected override arrive(): number | undefined {
    const seen = this.state.load();
    const last = seen % GENERATION === this.count - 1;
    this.state.store(last ? (this.generationOf(seen) + 1) * GENERATION : seen + 1);
    if (last) this.complete();
    return last ? undefined : seen;
  }
}
/** Wakes one of those who wait. */
export class OneOnly extends Twin {
  protected override complete(): void {
    this.state.notify(1);
  }
}
/** Does not look for the dead. */
export class Blind extends Twin {
  protected override lookForDead(): void {
    // Nothing.
  }
}
/** Writes its name down only when it has come. */
export class NamedLate extends Twin {
  override wait(slot: number): boolean {
    const seen = this.arrive();
    this.name(slot);
    if (seen === undefined) return true;
    const generation = this.generationOf(seen);
    wait(
      () => {
        const now = this.state.load();
        if (this.generationOf(now) !== generation) return undefined;
        this.lookForDead();
        return { word: this.state, value: now };
      },
      awaited,
      "wait",
      undefined,
    );
    return false;
  }
}

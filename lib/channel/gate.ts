/**
 * One end of a queue, through which one thread passes at a time: for some tens of instructions, or as long as many values take.
 *
 *     31 30 .............. 2        1           0
 *    +----+------------------+-----------+-----------+
 *    | 0  | OWNER, thread id | ABANDONED | CONTENDED |       0: nobody is in it, and nobody waits
 *    +----+------------------+-----------+-----------+
 *
 * ABANDONED stays, once the ends of the other side are all gone: so who comes in the quick way is stopped by the exchange that he
 * makes anyway. A dead OWNER is replaced by whoever meets it first, who then repairs what the dead may have left half done.
 *
 * No wake-up is lost: a thread sleeps only on a value with CONTENDED set; leaving clears it, changes the word, and then notifies one,
 * who sets it again, since it cannot know that it was the only sleeper. Nobody awaits a gate: who has an event loop blocks here too.
 *
 * Source: U. Drepper, "Futexes Are Tricky" (2011), section 4; the owner is ours.
 */
import type { Word } from "../memory/word.ts";
import { mayBlock, wait, type Awaited, type Sleep, type Waiter } from "../park/wait.ts";
import { currentThread } from "../thread/current.ts";

const CONTENDED = 1 << 0;
const ABANDONED = 1 << 1;
const OWNER_SHIFT = 2;

export class Gate {
  readonly word: Word;
  readonly #repair: () => void;

  /** @param repair  makes good what an owner may have left that died inside; called by the next one */
  constructor(word: Word, repair: () => void) {
    this.word = word;
    this.#repair = repair;
  }

  /** Enters if nobody is inside or waits; says nothing of what else may be in the way. */
  enterQuickly(me: number): boolean {
    return this.word.compareExchange(0, me << OWNER_SHIFT) === 0;
  }

  /** Enters and returns undefined, or returns what to sleep on. A thread is never inside twice, so who finds itself broke off. */
  tryEnter(me: number, hasSlept: boolean): Sleep | undefined {
    for (;;) {
      const seen = this.word.load();
      const owner = seen >>> OWNER_SHIFT;
      if (owner === 0 || owner === me || !currentThread().registry.isAlive(owner)) {
        const flags = (seen & (ABANDONED | CONTENDED)) | (hasSlept ? CONTENDED : 0);
        if (this.word.compareExchange(seen, (me << OWNER_SHIFT) | flags) !== seen) continue;
        if (owner !== 0) this.#repair();
        return undefined;
      }
      const next = seen | CONTENDED;
      if (next !== seen && this.word.compareExchange(seen, next) !== seen) continue;
      return { word: this.word, value: next, soon: true };
    }
  }

  /** Enters, however long it takes: whoever is inside does not wait there for anything. */
  enter(me: number, awaited: Awaited, verb: string): void {
    if (this.tryEnter(me, false) === undefined) return;
    if (mayBlock()) wait((waiter) => this.tryEnter(waiter.me, waiter.wakes > 0), { describe: () => awaited.describe() }, verb, undefined);
    else while (this.tryEnter(me, false) !== undefined);
  }

  /** Enters, or if `waiter` can sleep returns what to sleep on. */
  pass(waiter: Waiter, awaited: Awaited, verb: string): Sleep | undefined {
    if (waiter.blocks) return this.tryEnter(waiter.me, waiter.wakes > 0);
    this.enter(waiter.me, awaited, verb);
    return undefined;
  }

  leave(me: number): void {
    // Never a plain store: if the gate was taken over, it would throw the successor out.
    if (this.word.compareExchange(me << OWNER_SHIFT, 0) !== me << OWNER_SHIFT) this.#leaveSlow(me);
  }
  #leaveSlow(me: number): void {
    for (;;) {
      const seen = this.word.load();
      if (seen >>> OWNER_SHIFT !== me) return;
      if (this.word.compareExchange(seen, seen & ABANDONED) !== seen) continue;
      if ((seen & CONTENDED) !== 0) this.word.notify(1);
      return;
    }
  }

  get isAbandoned(): boolean {
    return (this.word.load() & ABANDONED) !== 0;
  }
  abandon(): void {
    this.word.or(ABANDONED);
  }
}

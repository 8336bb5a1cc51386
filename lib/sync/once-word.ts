/**
 * The word in which threads agree on who initialises something.
 *
 *     word 0  STATE    OWNER, thread id << 2 | EMPTY, RUNNING, POISONED or DONE
 *
 *     EMPTY ---> RUNNING, by OWNER ---> DONE            it succeeded
 *       ^             |    ^       ---> POISONED        it threw or died, OWNER is the culprit; where nothing is poisoned, EMPTY
 *       +-------------+    +----------- POISONED        who accepts the poison tries again
 *
 * Each arrow is one compare-and-exchange. A dead OWNER is met by the next visitor, who does what the dead would have done by throwing.
 * No wake-up is lost: a thread sleeps only on RUNNING, and whoever leaves RUNNING changes the word first and notifies all second.
 */
import { DeadlockError, PoisonedError } from "../errors.ts";
import type { WordName } from "../memory/word-names.ts";
import type { Word } from "../memory/word.ts";
import type { Awaited, Sleep, Waiter } from "../park/wait.ts";
import { currentId, currentThread } from "../thread/current.ts";
import type { Holders } from "../thread/protocol.ts";

const EMPTY = 0;
const RUNNING = 1;
const POISONED = 2;
const DONE = 3;
const STATES = 3;
const OWNER_SHIFT = 2;

/** How the word reads. */
export const ONCE_STATE: WordName = {
  name: "state",
  show: (value, threadOf) => {
    const owner = value >>> OWNER_SHIFT;
    const state = ["EMPTY", "RUNNING", "POISONED", "DONE"][value & STATES] as string;
    return owner === 0 ? state : `${threadOf(owner)}+${state}`;
  },
};

/** What came of one caller's attempts. */
export class Turn {
  /** Is it this caller's to initialise? Otherwise it was done. */
  isMine = false;
  /** Had somebody failed before? */
  poisoned = false;
}

/** One thread's face of the word. */
export class OnceWord {
  readonly #word: Word;
  readonly #awaited: Awaited;

  constructor(word: Word, awaited: Awaited) {
    this.#word = word;
    this.#awaited = awaited;
  }

  get isDone(): boolean {
    return this.#word.load() === DONE;
  }
  /** Did the last who tried fail or die? */
  get isPoisoned(): boolean {
    const seen = this.#word.load();
    return (seen & STATES) === POISONED || this.#isOrphan(seen);
  }

  /** Done, or ours to do; else says what to sleep on. */
  attempt(waiter: Waiter, turn: Turn, poison: "never" | "throws" | "allowed"): Sleep | undefined {
    for (;;) {
      const seen = this.#word.load();
      if (seen === DONE) return undefined;
      const owner = seen >>> OWNER_SHIFT;
      const orphaned = this.#isOrphan(seen);
      if ((seen & STATES) === RUNNING && !orphaned) {
        if (waiter.blocks && owner === waiter.me) throw this.#reentry();
        return { word: this.#word, value: seen };
      }
      const poisoned = poison !== "never" && seen !== EMPTY;
      if (poisoned && poison === "throws") {
        // The dead one's poison stays, also for those who ask with other options.
        if (orphaned) this.#word.compareExchange(seen, (owner << OWNER_SHIFT) | POISONED);
        throw this.#poisonedError(owner);
      }
      if (this.#word.compareExchange(seen, (waiter.me << OWNER_SHIFT) | RUNNING) !== seen) continue;
      turn.isMine = true;
      turn.poisoned = poisoned;
      return undefined;
    }
  }

  /** Ends this thread's turn: all that it wrote is seen by whoever sees DONE. */
  succeed(): void {
    this.#leave(DONE);
  }
  /** Ends this thread's turn, as if nobody had tried or with poison. */
  fail(poisons: boolean): void {
    this.#leave(poisons ? (currentId() << OWNER_SHIFT) | POISONED : EMPTY);
  }
  #leave(next: number): void {
    // Only the owner leaves RUNNING while it lives.
    this.#word.compareExchange((currentId() << OWNER_SHIFT) | RUNNING, next);
    this.#word.notify();
  }

  /** The one thread that all wait for. */
  get holders(): Holders {
    return { offset: this.#word.byteOffset, stride: 4, count: 1, shift: OWNER_SHIFT };
  }

  #isOrphan(seen: number): boolean {
    return (seen & STATES) === RUNNING && !currentThread().registry.isAlive(seen >>> OWNER_SHIFT);
  }
  #reentry(): DeadlockError {
    const { id, registry } = currentThread();
    return new DeadlockError(
      `${registry.describe(id)} would wait for ${this.#awaited.describe()}, whose initialiser it is running itself`,
      "Initialise it without asking for it.",
    );
  }
  #poisonedError(culprit: number): PoisonedError {
    return new PoisonedError(
      this.#awaited.describe(),
      currentThread().registry.describe(culprit),
      "ended or failed while it initialised, so its work may be half-done. Finish it with run(fn, { allowPoisoned: true }).",
    );
  }
}

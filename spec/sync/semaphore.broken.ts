/**
 * The algorithm of `lib/sync/permits.ts` for threads that say which slot is theirs, without its cache: right, and with one mistake
 * each, which the checker must catch.
 */
import { Word } from "../../lib/memory/word.ts";
import { wait, type Sleep } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";

const LOCK = 0;
const EVENT = 1;
const SLOTS = 2;
const CONTENDED = 1;
const WANTED = 1;

/** So many permits has each twin, for so many threads. */
export const TOTAL = 2;
const THREADS = 3;
export const TWIN_WORDS = SLOTS + 2 * THREADS;

export class Twin {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  constructor(cells: Int32Array) {
    this.#cells = cells as Int32Array<SharedArrayBuffer>;
  }
  protected word(at: number): Word {
    return new Word(this.#cells, at);
  }
  protected get total(): number {
    return TOTAL;
  }
  protected owner(slot: number): Word {
    return this.word(SLOTS + 2 * slot);
  }
  protected held(slot: number): Word {
    return this.word(SLOTS + 2 * slot + 1);
  }

  acquire(slot: number, count: number): void {
    wait(() => this.attempt(slot, count), { describe: () => "a twin" }, "acquire", undefined);
  }
  protected attempt(slot: number, count: number): Sleep | undefined {
    const { id } = currentThread();
    const event = this.readEvent();
    const gate = this.enter(id);
    if (gate !== undefined) return gate;
    const got = this.mark() + count <= this.total;
    if (got) this.take(id, slot, count);
    const late = this.readEvent();
    this.leave(id);
    return got ? undefined : { word: this.word(EVENT), value: this.known(event, late) };
  }

  protected enter(me: number): Sleep | undefined {
    for (;;) {
      const seen = this.word(LOCK).load();
      if (seen >> 1 === 0 || this.isGone(seen >> 1)) {
        if (this.word(LOCK).compareExchange(seen, (me << 1) | (seen & CONTENDED)) === seen) return undefined;
        continue;
      }
      const next = seen | CONTENDED;
      if (next === seen || this.word(LOCK).compareExchange(seen, next) === seen) return { word: this.word(LOCK), value: next };
    }
  }
  protected leave(_me: number): void {
    if ((this.word(LOCK).exchange(0) & CONTENDED) !== 0) this.word(LOCK).notify();
  }

  protected readEvent(): number {
    return this.word(EVENT).load();
  }
  /** What EVENT was: as read before the marks, or after them. */
  protected known(before: number, _after: number): number {
    return before;
  }
  protected isGone(id: number): boolean {
    return !currentThread().registry.isAlive(id);
  }

  /** Marks who holds permits, and adds up how many those are. */
  protected mark(): number {
    let sum = 0;
    for (let slot = 0; slot < THREADS; slot++) {
      const owner = this.owner(slot).load();
      if (owner === 0 || this.isGone(owner) || this.held(slot).load() >> 1 === 0) continue;
      sum += this.held(slot).or(WANTED) >> 1;
    }
    return sum;
  }
  protected take(me: number, slot: number, count: number): void {
    this.owner(slot).store(me);
    this.held(slot).add(count << 1);
  }

  release(slot: number, count: number): void {
    if ((this.subtract(slot, count) & WANTED) !== 0) this.tell(slot);
  }
  protected subtract(slot: number, count: number): number {
    return this.held(slot).sub(count << 1);
  }
  protected tell(slot: number): void {
    this.held(slot).and(~WANTED);
    this.move();
  }
  protected move(): void {
    this.word(EVENT).add(1);
    this.word(EVENT).notify();
  }
}

/** Waits without telling those who hold permits. */
export class Unmarked extends Twin {
  protected override mark(): number {
    let sum = 0;
    for (let slot = 0; slot < THREADS; slot++) if (this.owner(slot).load() !== 0) sum += this.held(slot).load() >> 1;
    return sum;
  }
}
/** Sleeps on what EVENT is after the marks: a wake-up between them is missed. */
export class Late extends Twin {
  protected override known(_before: number, after: number): number {
    return after;
  }
}
/** Tells first and clears the mark second: also a mark that came in between. */
export class ClearsLate extends Twin {
  protected override tell(slot: number): void {
    this.move();
    this.held(slot).and(~WANTED);
  }
}
/** Notifies, and does not move EVENT: who is about to sleep misses it. */
export class Unmoved extends Twin {
  protected override move(): void {
    this.word(EVENT).notify();
  }
}
/** Releases by a load and a store: a mark between them is lost. */
export class Storing extends Twin {
  protected override subtract(slot: number, count: number): number {
    const seen = this.held(slot).load();
    this.held(slot).store(seen - (count << 1));
    return seen;
  }
}
/** Counts under no lock: two see the same permit. */
export class Unlocked extends Twin {
  protected override enter(): undefined {
    return undefined;
  }
  protected override leave(): void {}
}
/** Thinks that everybody lives: the dead keep their permits, or LOCK. */
export class Trusting extends Twin {
  protected override isGone(): boolean {
    return false;
  }
}
/** Counts permits before they have an owner: a death in between leaves them with nobody, or with the dead one before. */
export class Nameless extends Twin {
  protected override take(me: number, slot: number, count: number): void {
    this.held(slot).add(count << 1);
    this.owner(slot).store(me);
  }
  protected override mark(): number {
    let sum = 0;
    for (let slot = 0; slot < THREADS; slot++) {
      const owner = this.owner(slot).load();
      const held = this.held(slot).or(WANTED) >> 1;
      if (owner === 0 || !this.isGone(owner)) sum += held;
    }
    return sum;
  }
}

const ONE = 1;
const SPARE = 2;
const ONE_WANTED = 4;
const SHIFT = 4;

/** Of one permit, which a thread takes again without LOCK: OWNER alone says who has it, and who had it last. */
export class Retaking extends Twin {
  protected override get total(): number {
    return 1;
  }
  override acquire(slot: number, count: number): void {
    const spare = (currentThread().id << SHIFT) | SPARE;
    if (this.owner(slot).compareExchange(spare, spare + ONE - SPARE) !== spare) super.acquire(slot, count);
  }
  protected override take(me: number, slot: number): void {
    this.owner(slot).store((me << SHIFT) | ONE);
  }
  protected override mark(): number {
    let sum = 0;
    for (let slot = 0; slot < THREADS; slot++) {
      const owner = this.owner(slot).load();
      if ((owner & (ONE | SPARE)) !== 0 && !this.isGone(owner >>> SHIFT)) sum += this.takeSpare(this.owner(slot));
    }
    return sum;
  }
  protected takeSpare(word: Word): number {
    if ((word.and(~SPARE) & ONE) === 0) return 0;
    if ((word.or(ONE_WANTED) & ONE) !== 0) return 1;
    word.and(~(SPARE | ONE_WANTED));
    return 0;
  }
  override release(slot: number): void {
    const one = (currentThread().id << SHIFT) | ONE;
    if (this.owner(slot).compareExchange(one, one + SPARE - ONE) === one) return;
    if ((this.owner(slot).and(~(ONE | ONE_WANTED)) & ONE_WANTED) !== 0) this.move();
  }
}
/** Counts what is held, and leaves what is spare where it is: it is taken again when somebody else has it. */
export class Generous extends Retaking {
  protected override takeSpare(word: Word): number {
    return (word.load() & ONE) === 0 ? 0 : super.takeSpare(word);
  }
}
/** Keeps its permit to itself although somebody waits for it. */
export class Deaf extends Retaking {
  override release(slot: number): void {
    this.owner(slot).store((currentThread().id << SHIFT) | SPARE);
  }
}
/** Looks what is there first, and takes what was spare second: it may be held by then. */
export class Hasty extends Retaking {
  protected override takeSpare(word: Word): number {
    if ((word.load() & SPARE) === 0) return super.takeSpare(word);
    word.and(~SPARE);
    return 0;
  }
}

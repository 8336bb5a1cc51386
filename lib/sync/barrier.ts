/**
 * A meeting point: so many threads wait until all of them have come, again and again.
 *
 *     word 0  STATE    GENERATION << 15 | ARRIVED << 1 | BROKEN
 *          1  SLOTS    one for each of `count` threads: id << 4 | the last three bits of a GENERATION << 1 | WAITING
 *
 *     arriving     own name into a slot, WAITING in this generation; then ARRIVED + 1, if it is still the same; the last of a generation:
 *                  GENERATION + 1, ARRIVED = 0, wakes all
 *     giving up    ARRIVED - 1, if the generation is still the same; WAITING off
 *     a death      whoever comes, and every sleeper after a death, looks at the names of its generation: a dead one breaks the barrier
 *
 * A name stays in its slot when a generation is complete, and when its thread gave up: who took part once is expected again. So a thread
 * that ends after that, however it ends, breaks the barrier for those who wait then or later; it could never be complete again.
 * Where more threads meet than `count`, who finds no slot drives out a name that waits in no generation or in one that is complete. If there
 * is none, somebody has its name in a slot and has not come yet: fewer than `count` have. That takes it a few instructions, or it is dead.
 *
 * No wake-up is lost: a thread sleeps only on a STATE of its own generation that is not BROKEN; completing and breaking change STATE
 * first and notify second. A name is in its slot before it is counted, so no dead thread's arrival goes unseen.
 *
 * Source: the generation is that of C. D. Marlin's and of POSIX' barriers; the named slots are ours.
 */
import { BrokenBarrierError } from "../errors.ts";
import { checkPlace, kindOf, LAYOUT, registerLayout, type Layout, type Place } from "../memory/place.ts";
import { owned, registerWords, type WordName } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { rest } from "../park/backoff.ts";
import { Line } from "../park/line.ts";
import { abortSignalOf, Limits, timeoutOf, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { requireBlocking, wait, type Attempt } from "../park/wait.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { currentThread } from "../thread/current.ts";
import { nameOf, type NameOptions } from "./name.ts";

const KIND = "Barrier@1";
const BROKEN = 1;
const ONE_ARRIVED = 1 << 1;
const GENERATION_SHIFT = 15;
/** BOUND: STATE stays below 2^30. A sleeper would have to miss 2^15 generations on end to take another for its own. */
const GENERATIONS = (1 << 15) - 1;
const MAX_COUNT = (1 << 14) - 1;
const arrivedIn = (state: number): number => (state >>> 1) & MAX_COUNT;
const generationOf = (state: number): number => state >>> GENERATION_SHIFT;

const WAITING = 1;
const OWNER_SHIFT = 4;
const ownerOf = (slot: number): number => slot >>> OWNER_SHIFT;
/** How a slot says that its owner waits in a generation. A name that is older by a multiple of 8 is not driven out before its owner has woken. */
const waitingIn = (generation: number): number => ((generation & 7) << 1) | WAITING;
const MARKS = waitingIn(7);
/** Between two looks for a slot, in steps of 0.8 ns. */
const REST = 256;

const STATE_NAME: WordName = {
  name: "state",
  show: (state) => `generation ${String(generationOf(state))}, ${String(arrivedIn(state))} came${(state & BROKEN) === 0 ? "" : ", BROKEN"}`,
};
const slotName = (n: number): WordName => ({ name: `slot ${String(n)}`, show: owned(OWNER_SHIFT, ["WAITING"]) });

const bytesOf = (count: number): number => 4 + 4 * Math.max(1, count);

/** How a wait at a barrier ended. */
export interface BarrierResult {
  /** True for exactly one of those who met, the last one to come. */
  readonly leader: boolean;
}

/**
 * Lets threads go on only when `count` of them have come; then it starts over.
 *
 * When a thread that has taken part ends, the barrier is broken: who waits and who comes gets a {@link BrokenBarrierError}. That holds
 * too of a thread whose only wait timed out or was called off: it is expected to come again. For work whose threads come and go, make a
 * barrier for each group of them.
 *
 * @example
 * const round = new Barrier(3, { name: "round" });
 * // In each of them: compute(); if (round.wait().leader) swapBuffers(); round.wait();
 * for (const player of players) spawn(play, player, round);
 */
export class Barrier {
  readonly #state: Word;
  readonly #count: number;
  readonly #name: string | undefined;
  #line: Line | undefined;
  /** The number of this thread's slot, -1 before its first wait, and how many of its waits are going on. */
  #mine = -1;
  #waits = 0;

  /**
   * @param count         how many meet, 0 to 16,383; with 0 or 1, nobody waits and everybody leads
   * @param options.name  what messages call it
   * @throws {RangeError} `count` is no such number
   */
  constructor(count: number, options?: NameOptions);
  constructor(count: number, options?: NameOptions, place?: Place) {
    this.#count = checkCount(count);
    this.#name = nameOf(options, "a barrier");
    if (place !== undefined) checkPlace("a Barrier", place.buffer, place.byteOffset, bytesOf(count), 4);
    this.#state = place === undefined ? Word.fresh(bytesOf(count)) : Word.at(place.buffer, place.byteOffset);
  }

  /**
   * Opens the barrier that lies at a place, as a struct's field `barrier(count)` does; initialises nothing: zeroed bytes are one to which
   * nobody has come. It takes 4 bytes, and 4 for each thread.
   * The main thread must have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   * @param count  the same in every thread
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4; or it is no count
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number, count: number, options?: NameOptions): Barrier {
    return new (Barrier as new (count: number, options: NameOptions | undefined, place: Place) => Barrier)(count, options, {
      buffer,
      byteOffset,
    });
  }

  static {
    registerLayout(KIND, (count) => layoutOf(count as number));
    registerWords(KIND, (count) => [STATE_NAME, ...Array.from({ length: count as number }, (_, n) => slotName(n))]);
    registerKind(KIND, ({ place, name, type }) =>
      Barrier.at(place.buffer, place.byteOffset, type as number, name === undefined ? undefined : { name }),
    );
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#state;
    return { kind: KIND, place: { buffer, byteOffset }, name: this.#name, type: this.#count };
  }

  /** Has a thread that took part ended? True once somebody has noticed. */
  get broken(): boolean {
    return (this.#state.load() & BROKEN) !== 0;
  }

  /**
   * Blocks this thread until all have come. A wait that fails has not come, but its thread is expected again.
   * @param opts.timeout  milliseconds; without it, waits for ever
   * @param opts.signal   a CancelFlag that calls the wait off
   * @throws {BrokenBarrierError} a thread that has taken part, be it by a wait that failed, has ended
   * @throws {TimeoutError} the time was over
   * @throws {BlockingNotAllowedError} a page's main thread may not block: await {@link waitAsync}
   */
  wait(opts?: WaitOptions): BarrierResult {
    new Limits(opts, "wait").throwIfCancelled();
    requireBlocking(this, "wait");
    const generation = this.#arrive();
    if (generation === undefined) return { leader: true };
    try {
      wait(this.#attempt(generation), this, "wait", opts);
    } catch (error) {
      if (!this.#giveUp(generation)) throw error;
    }
    this.#leave();
    return { leader: false };
  }

  /**
   * As {@link wait}, awaiting.
   * @param opts.signal  a CancelFlag or an AbortSignal that calls the wait off
   */
  async waitAsync(opts?: AsyncWaitOptions): Promise<BarrierResult> {
    timeoutOf(opts);
    abortSignalOf(opts)?.throwIfAborted();
    const generation = this.#arrive();
    if (generation === undefined) return { leader: true };
    this.#line ??= new Line();
    let came = false;
    const giveUp = (): void => {
      came = this.#giveUp(generation);
    };
    try {
      await this.#line.wait(this.#attempt(generation), () => undefined, this, "wait", opts, giveUp);
    } catch (error) {
      if (!came) throw error;
    }
    this.#leave();
    return { leader: false };
  }

  // --- the algorithm ---

  /** Comes: gives the generation to wait for, undefined to the last one. */
  #arrive(): number | undefined {
    this.#waits++;
    for (;;) {
      const seen = this.#state.load();
      const generation = generationOf(seen);
      const isNamed = this.#takeSlot(generation);
      this.#throwIfBroken(seen);
      const last = arrivedIn(seen) + 1 >= this.#count;
      // The last one waits for nobody, so nobody need know it.
      if (!isNamed && !last) {
        rest(REST);
        continue;
      }
      const next = last ? ((generation + 1) & GENERATIONS) << GENERATION_SHIFT : seen + ONE_ARRIVED;
      if (this.#state.compareExchange(seen, next) !== seen) continue;
      if (!last) return generation;
      this.#state.notify();
      this.#leave();
      return undefined;
    }
  }

  /** Goes on if the generation is complete; else says what to sleep on. */
  #attempt(generation: number): Attempt {
    return () => {
      const seen = this.#state.load();
      if (generationOf(seen) !== generation) return undefined;
      this.#throwIfBroken(seen);
      return { word: this.#state, value: seen };
    };
  }

  /** Looks at the names too. What it throws leaves this thread's name where it is: it has come, and others may wait for it. */
  #throwIfBroken(seen: number): void {
    if ((seen & BROKEN) === 0) {
      if (this.#findDead() === undefined) return;
      for (let now = seen, next = now; ; now = next) {
        // Complete after all: then this generation is not concerned.
        if (generationOf(now) !== generationOf(seen)) return;
        next = this.#state.compareExchange(now, now | BROKEN);
        if (next === now) break;
      }
      this.#state.notify();
    }
    this.#leave();
    const dead = this.#findDead();
    const who = dead === undefined ? "a thread" : currentThread().registry.describe(dead);
    throw new BrokenBarrierError(
      `${this.describe()} is broken: ${who} has taken part in it and has ended, so it can never be complete again. ` +
        `Let threads that meet at a barrier live until the last meeting, and make a new one for others.`,
    );
  }

  #findDead(): number | undefined {
    const { id, registry } = currentThread();
    for (let n = 0; n < this.#count; n++) {
      const owner = ownerOf(this.#slot(n).load());
      if (owner !== 0 && owner !== id && !registry.isAlive(owner)) return owner;
    }
    return undefined;
  }

  /** Puts this thread's name into a slot, for good, as one who waits; with more threads than slots, instead of one who does not. False: all do. */
  #takeSlot(generation: number): boolean {
    const { id } = currentThread();
    const waiting = (id << OWNER_SHIFT) | waitingIn(generation);
    if (this.#mine !== -1 && this.#replace(this.#mine, (owner) => owner === id, waiting)) return true;
    const isOurs = (owner: number, marks: number): boolean => owner === id && marks !== waitingIn(generation);
    const isFree = (owner: number): boolean => owner === 0;
    // Through another object at this place, which has not woken yet.
    const isShared = (owner: number): boolean => owner === id;
    const takes = [
      (n: number): boolean => this.#replace(n, isOurs, waiting),
      (n: number): boolean => this.#replace(n, isFree, waiting),
      (n: number): boolean => this.#driveOut(n, generation, waiting),
      (n: number): boolean => this.#replace(n, isShared, waiting),
    ];
    for (const take of takes) {
      for (let n = 0; n < this.#count; n++) {
        if (!take(n)) continue;
        this.#mine = n;
        return true;
      }
    }
    // Of none nobody waits.
    return this.#count === 0;
  }
  #replace(n: number, suits: (owner: number, marks: number) => boolean, next: number): boolean {
    const slot = this.#slot(n);
    const seen = slot.load();
    if (!suits(ownerOf(seen), seen & MARKS)) return false;
    return seen === next || slot.compareExchange(seen, next) === seen;
  }
  /** Never a dead one's name, which must be found. */
  #driveOut(n: number, generation: number, next: number): boolean {
    const slot = this.#slot(n);
    const seen = slot.load();
    // Asked after the name was read: nobody waits in a later generation under it.
    const isOver = (): boolean => generationOf(this.#state.load()) === generation && (seen & MARKS) !== waitingIn(generation);
    if (!isOver() || !currentThread().registry.isAlive(ownerOf(seen)) || slot.compareExchange(seen, next) !== seen) return false;
    if (isOver()) return true;
    // Eight generations later its owner may have come under the same name.
    slot.compareExchange(next, seen);
    return false;
  }

  /** The name stays. */
  #leave(): void {
    this.#waits--;
    if (this.#waits > 0 || this.#mine === -1) return;
    const slot = this.#slot(this.#mine);
    const seen = slot.load();
    if (ownerOf(seen) === currentThread().id) slot.compareExchange(seen, seen & ~MARKS);
  }

  /** Takes the arrival back; true if the generation was complete before. What is broken is left as it is. */
  #giveUp(generation: number): boolean {
    for (;;) {
      const seen = this.#state.load();
      if (generationOf(seen) !== generation) return true;
      if ((seen & BROKEN) !== 0) break;
      if (this.#state.compareExchange(seen, seen - ONE_ARRIVED) !== seen) continue;
      this.#leave();
      break;
    }
    return false;
  }

  #slot(n: number): Word {
    return this.#state.next(1 + n);
  }

  /** As messages call it. @internal */
  describe(): string {
    return this.#name === undefined ? "a barrier without a name" : `barrier "${this.#name}"`;
  }
}

/** The type of a struct's field that is a barrier of so many: `struct("Game", { round: barrier(4) })`. See {@link Barrier.at}. */
export function barrier(count: number): { readonly [LAYOUT]: Layout<Barrier> } {
  return { [LAYOUT]: layoutOf(count) };
}

function layoutOf(count: number): Layout<Barrier> {
  return {
    kind: KIND,
    type: checkCount(count),
    byteLength: bytesOf(count),
    align: 4,
    at: (buffer, byteOffset) => Barrier.at(buffer, byteOffset, count),
  };
}

function checkCount(count: unknown): number {
  if (typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= MAX_COUNT) return count;
  throw new RangeError(
    `a barrier is for a whole number of threads from 0 to ${String(MAX_COUNT)}; it was given ${typeof count === "number" ? String(count) : kindOf(count)}.`,
  );
}

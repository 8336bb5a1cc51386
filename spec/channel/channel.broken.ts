/**
 * The algorithm of `lib/channel/queue.ts` and `pipe.ts` for a few messages of one cell, with counters instead of rolls: right, and with
 * one mistake each, which the checker must catch. What is not mistaken is the library's own.
 */
import { Gate } from "../../lib/channel/gate.ts";
import { mark, passOn, wakeForGood, wakeSleepers } from "../../lib/channel/position.ts";
import { Roll, type Side } from "../../lib/channel/roll.ts";
import { TimeoutError } from "../../lib/errors.ts";
import { Word } from "../../lib/memory/word.ts";
import type { WaitOptions } from "../../lib/park/limits.ts";
import { wait, type Sleep, type Waiter } from "../../lib/park/wait.ts";
import { currentThread } from "../../lib/thread/current.ts";

const TX = 0;
const TAIL = 1;
const TAIL_NOW = 2;
/** Two times, by the parity. */
const TAIL_AT = 3;
const RX = 5;
const HEAD = 6;
const HEAD_NOW = 7;
const HEAD_AT = 8;
const SENDERS = 10;
const RECEIVERS = 11;
/** How many wait to be handed a message. */
const DEMAND = 12;
const RING = 13;
const MOST_CELLS = 2;
export const TWIN_WORDS = RING + MOST_CELLS;

const ONE = 1 << 5;
const PARITY = 1 << 4;
const FLAGS = PARITY - 1;
const WANTED = 1;
const parityOf = (position: number): number => (position & PARITY) >>> 4;
const countOf = (position: number): number => position >>> 5;
const TWIN = { describe: () => "a twin" };
const PLAIN = { all: false, selected: false };

/** What receivers are told when there is nothing, and nobody who could send. */
export const ENDED = "ended";
/** What a call comes to that would wait. */
export const NOT_NOW = "not now";

export class Twin {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  protected readonly capacity: number;
  protected readonly tx: Gate;
  protected readonly rx: Gate;

  constructor(cells: Int32Array, capacity: number) {
    this.#cells = cells as Int32Array<SharedArrayBuffer>;
    this.capacity = capacity;
    this.tx = new Gate(this.word(TX), () => {
      this.repair(TAIL_NOW, TAIL);
    });
    this.rx = new Gate(this.word(RX), () => {
      this.repair(HEAD_NOW, HEAD);
    });
  }
  protected word(at: number): Word {
    return new Word(this.#cells, at);
  }
  protected get(at: number): number {
    // PLAIN: inside the gate, as all below.
    return this.#cells[at] as number;
  }
  protected set(at: number, value: number): void {
    this.#cells[at] = value;
  }

  /** So many ends there are of each side, before anything begins. */
  begin(senders: number, receivers: number): void {
    this.word(SENDERS).store(senders);
    this.word(RECEIVERS).store(receivers);
  }

  send(value: number): void {
    wait((waiter) => this.attemptSend(value, waiter), TWIN, "send", undefined);
  }
  protected attemptSend(value: number, waiter: Waiter): Sleep | undefined {
    const gate = this.tx.tryEnter(waiter.me, waiter.wakes > 0);
    if (gate !== undefined) return gate;
    let flags = 0;
    try {
      for (;;) {
        const head = this.word(HEAD).load();
        const left = this.capacity - (countOf(this.get(TAIL_NOW)) - countOf(head));
        if (left > 0) {
          flags = this.put(value);
          if (waiter.wakes > 0) this.passOn(HEAD, head, left > 1);
          return undefined;
        }
        const sleep = mark(this.word(HEAD), head, PLAIN);
        if (sleep !== undefined) return sleep;
      }
    } finally {
      this.leave(this.tx, waiter.me);
      if (flags > 0) wakeSleepers(this.word(TAIL), flags);
    }
  }

  recv(): number | typeof ENDED {
    const box: { value: number | typeof ENDED } = { value: ENDED };
    wait((waiter) => this.attemptRecv(box, waiter), TWIN, "recv", undefined);
    return box.value;
  }
  protected attemptRecv(box: { value: number | typeof ENDED }, waiter: Waiter): Sleep | undefined {
    const gate = this.rx.tryEnter(waiter.me, waiter.wakes > 0);
    if (gate !== undefined) return gate;
    let flags = 0;
    try {
      for (;;) {
        const tail = this.word(TAIL).load();
        const there = countOf(tail) - countOf(this.get(HEAD_NOW));
        if (there > 0) {
          this.beforeTake();
          [box.value, flags] = this.take();
          this.afterTake();
          if (waiter.wakes > 0) this.passOn(TAIL, tail, there > 1);
          return undefined;
        }
        const sleep = this.markUnlessEnded(tail);
        if (sleep === "ended") return undefined;
        if (sleep !== undefined) return sleep;
      }
    } finally {
      this.leave(this.rx, waiter.me);
      if (flags > 0) wakeSleepers(this.word(HEAD), flags);
    }
  }
  /** Asked after the mark; "ended" if nobody can send. */
  protected markUnlessEnded(tail: number): Sleep | "ended" | undefined {
    const sleep = mark(this.word(TAIL), tail, PLAIN);
    if (sleep !== undefined && this.word(SENDERS).load() === 0)
      return countOf(this.word(TAIL).load()) === countOf(tail) ? "ended" : undefined;
    return sleep;
  }

  /** All that nobody received, when everybody has ended. */
  rest(): number[] {
    const rest: number[] = [];
    this.repair(HEAD_NOW, HEAD);
    while (countOf(this.word(TAIL).load()) !== countOf(this.get(HEAD_NOW))) rest.push(this.take()[0]);
    return rest;
  }

  closeSender(): void {
    if (this.word(SENDERS).sub(1) === 1) this.wakeForGood();
  }

  /** Inside TX: who is to be woken. */
  protected put(value: number): number {
    const tail = this.get(TAIL_NOW);
    const at = this.get(this.cursor(TAIL_AT, tail));
    this.set(RING + at, value);
    return this.publish(TAIL, TAIL_NOW, TAIL_AT, tail, at);
  }
  /** Inside RX: the message, and who is to be woken. */
  protected take(): [number, number] {
    const head = this.get(HEAD_NOW);
    const at = this.get(this.cursor(HEAD_AT, head));
    const value = this.get(RING + at);
    return [value, this.publish(HEAD, HEAD_NOW, HEAD_AT, head, at)];
  }
  protected publish(word: number, now: number, cursors: number, seen: number, at: number): number {
    const next = (seen + ONE) ^ PARITY;
    this.set(this.cursor(cursors, next), (at + 1) % this.capacity);
    this.set(now, next);
    return this.word(word).exchange(next) & FLAGS;
  }
  /** Where the place is written that is true at a position. */
  protected cursor(cursors: number, position: number): number {
    return cursors + parityOf(position);
  }

  protected repair(now: number, word: number): void {
    this.set(now, this.word(word).load() & ~FLAGS);
  }
  protected leave(gate: Gate, me: number): void {
    gate.leave(me);
  }
  protected passOn(word: number, found: number, more: boolean): void {
    passOn(this.word(word), found, more);
  }
  protected wakeForGood(): void {
    wakeForGood(this.word(TAIL));
  }
  protected beforeTake(): void {}
  protected afterTake(): void {}
}

/** Publishes a message, and writes it second. */
export class Early extends Twin {
  protected override put(value: number): number {
    const tail = this.get(TAIL_NOW);
    const at = this.get(this.cursor(TAIL_AT, tail));
    const flags = this.publish(TAIL, TAIL_NOW, TAIL_AT, tail, at);
    this.set(RING + at, value);
    return flags;
  }
}
/** Has one place for the cursor, and not one for each parity: it is written before TAIL moves. */
export class InPlace extends Twin {
  protected override cursor(cursors: number): number {
    return cursors;
  }
}
/** Takes a dead thread's gate over as it is. */
export class Unrepaired extends Twin {
  protected override repair(): void {}
}
/** Leaves a gate by a store, and throws the mark of who waits there away. */
export class Storing extends Twin {
  protected override leave(gate: Gate): void {
    gate.word.store(0);
  }
}
/** Who was woken wakes nobody else, and leaves no mark. */
export class Selfish extends Twin {
  protected override passOn(): void {}
}
/** Was woken alone, and leaves the mark, but wakes nobody though there is more. */
export class Marking extends Twin {
  protected override passOn(word: number, found: number): void {
    mark(this.word(word), found, PLAIN);
  }
}
/** The last sender clears the marks, and leaves nothing that stays. */
export class Clearing extends Twin {
  protected override wakeForGood(): void {
    this.word(TAIL).and(~FLAGS | PARITY);
    this.word(TAIL).notify();
  }
}
/** The last sender wakes only if it finds a mark. */
export class Polite extends Twin {
  protected override wakeForGood(): void {
    if ((this.word(TAIL).or(1 << 3) & WANTED) !== 0) this.word(TAIL).notify();
  }
}
/** The last sender wakes one. */
export class Sparing extends Twin {
  protected override wakeForGood(): void {
    this.word(TAIL).or(1 << 3);
    this.word(TAIL).notify(1);
  }
}
/** Asks whether somebody can send, and marks second. */
export class Hasty extends Twin {
  protected override markUnlessEnded(tail: number): Sleep | "ended" | undefined {
    if (this.word(SENDERS).load() === 0) return countOf(this.word(TAIL).load()) === countOf(tail) ? "ended" : undefined;
    return mark(this.word(TAIL), tail, PLAIN);
  }
}
/** Having seen that nobody can send, does not look whether a last message came before. */
export class Forgetful extends Twin {
  protected override markUnlessEnded(tail: number): Sleep | "ended" | undefined {
    if (this.word(SENDERS).load() === 0) return "ended";
    return super.markUnlessEnded(tail);
  }
}

/** Hands each message over, to one receiver. */
export class Handing extends Twin {
  constructor(cells: Int32Array) {
    super(cells, 1);
  }

  /** Sends within the time, or keeps it. */
  offer(value: number, opts: WaitOptions): "sent" | typeof NOT_NOW {
    this.send(value);
    const position = countOf(this.word(TAIL).load());
    try {
      wait(() => this.seeTaken(position), TWIN, "send", opts);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      if (this.withdraw(position)) return NOT_NOW;
    }
    return "sent";
  }
  protected seeTaken(position: number): Sleep | undefined {
    for (;;) {
      const seen = this.word(HEAD).load();
      if (countOf(seen) >= position) return undefined;
      const sleep = mark(this.word(HEAD), seen, PLAIN);
      if (sleep !== undefined) return sleep;
    }
  }
  /** Takes the message back; false if it was taken. */
  protected withdraw(position: number): boolean {
    return this.inside(this.rx, () => {
      if (this.isTaken(position)) return false;
      this.take();
      return true;
    });
  }
  protected isTaken(position: number): boolean {
    return countOf(this.word(HEAD).load()) >= position;
  }

  /** Sends if a receiver waits. */
  trySend(value: number): boolean {
    let flags = 0;
    const isSent = this.inside(this.tx, () => {
      if (this.word(HEAD).load() >>> 5 !== countOf(this.get(TAIL_NOW)) || this.word(DEMAND).load() === 0) return false;
      flags = this.put(value);
      return true;
    });
    if (flags > 0) wakeSleepers(this.word(TAIL), flags);
    return isSent;
  }
  /** Receives within the time. */
  await(opts: WaitOptions): number | typeof NOT_NOW {
    const box: { value: number | typeof ENDED } = { value: ENDED };
    this.word(DEMAND).add(1);
    try {
      wait((waiter) => this.attemptRecv(box, waiter), TWIN, "recv", opts);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      this.leaveDemand();
      return this.lastLook();
    }
    return box.value as number;
  }
  /** Before the place is free again. */
  protected override beforeTake(): void {
    this.word(DEMAND).sub(1);
  }
  /** Inside TX: who may have seen the demand has put its message, or never will. */
  protected leaveDemand(): void {
    this.inside(this.tx, () => this.word(DEMAND).sub(1));
  }
  /** Somebody may have relied on the demand. */
  protected lastLook(): number | typeof NOT_NOW {
    const [found, flags] = this.inside(this.rx, (): [number | typeof NOT_NOW, number] =>
      countOf(this.word(TAIL).load()) === countOf(this.get(HEAD_NOW)) ? [NOT_NOW, 0] : this.take(),
    );
    if (flags > 0) wakeSleepers(this.word(HEAD), flags);
    return found;
  }

  protected inside<R>(gate: Gate, work: () => R): R {
    const { id } = currentThread();
    gate.enter(id, TWIN, "pass");
    try {
      return work();
    } finally {
      gate.leave(id);
    }
  }
}
/** Takes its offer back without looking whether it was taken. */
export class Grabbing extends Handing {
  protected override isTaken(): boolean {
    return false;
  }
}
/** Stops demanding outside the senders' gate: a sender that has seen the demand puts its message after the last look. */
export class Slipping extends Handing {
  protected override leaveDemand(): void {
    this.word(DEMAND).sub(1);
  }
}
/** Looks first, and stops demanding second. */
export class Turning extends Handing {
  #found: number | typeof NOT_NOW = NOT_NOW;
  protected override leaveDemand(): void {
    this.#found = super.lastLook();
    super.leaveDemand();
  }
  protected override lastLook(): number | typeof NOT_NOW {
    return this.#found;
  }
}
/** Frees the place, and stops demanding second. */
export class Lingering extends Handing {
  protected override beforeTake(): void {}
  protected override afterTake(): void {
    this.word(DEMAND).sub(1);
  }
}

/** Asks once who has ends, though they may move meanwhile. */
export class Careless extends Roll {
  override has(side: Side): boolean {
    for (const _ of this.owners(side)) return true;
    return false;
  }
  override isSole(id: number, side: Side): boolean {
    for (const owner of this.owners(side)) if (owner !== id) return false;
    return true;
  }
}

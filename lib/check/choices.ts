/**
 * What may happen next in an execution: what its threads would do, and what may befall them.
 *
 *     READY          goes on; not if it would only look at the same values again
 *     ASLEEP         its wait runs out, or it wakes without cause; naps end only where nothing else can happen
 *     DONE           its end is told, where nothing else can happen
 *     any of these   dies; one that is DONE, so that others find what it holds while they go on
 */
import { wrap } from "./effect.ts";
import { whoMissed } from "./failure.ts";
import type { Limits, Undertaker } from "./limits.ts";
import { addressOf, type Memory } from "./memory.ts";
import { Deed, Kind, Touch, choiceOf, deedOf, type Op, type Step } from "./operation.ts";
import { Status, type ModelThread, type ThreadState } from "./thread.ts";

/** A thread may die before each of its last so many plain writes since its last step. */
const MOST_LOST = 1000;
/** So often does the same nap (place, value and length) end by itself in one execution; who sleeps once more is stuck. */
const NAPS = 3;

/** Does it sleep where the supervisor finds it? */
export const isNotedSleeper = ({ state }: ModelThread): boolean => state.status === Status.ASLEEP && state.pending?.noted === true;

export class Choices {
  readonly #threads: readonly ModelThread[];
  readonly #steps: readonly Step[];
  readonly #memory: Memory;
  readonly #limits: Limits;
  readonly #undertaker: Undertaker;
  /** Were there deaths that are not gone through, because a thread made too many plain writes in a row? */
  leftOut = false;

  constructor(threads: readonly ModelThread[], steps: readonly Step[], memory: Memory, limits: Limits, undertaker: Undertaker) {
    this.#threads = threads;
    this.#steps = steps;
    this.#memory = memory;
    this.#limits = limits;
    this.#undertaker = undertaker;
  }

  /** All that may happen next: first what threads would do themselves, then what may befall them. */
  all(): number[] {
    const choices: number[] = [];
    for (const { id, state } of this.#threads) {
      if (state.status === Status.READY && state.spinsOn === undefined) choices.push(choiceOf(id, Deed.GO));
    }
    for (const { id, state } of this.#threads) {
      if (state.status !== Status.ASLEEP) continue;
      if (this.#canTimeOut(state)) choices.push(choiceOf(id, Deed.TIME_OUT));
      if (state.wakes < this.#limits.spurious) choices.push(choiceOf(id, Deed.WAKE));
    }
    // Time passes by itself only where nothing else can happen: a nap is too short to be told from what others do in it.
    if (choices.length === 0) {
      for (const { id, state } of this.#threads) {
        if (state.status === Status.ASLEEP && this.#mayNap(id, state.pending as Op)) choices.push(choiceOf(id, Deed.TIME_OUT));
      }
    }
    if (choices.length === 0) this.#addEnds(choices);
    // A death alone makes no execution: where nothing else can happen, the survivors are stuck already.
    if (choices.length > 0 && this.#mayDie) {
      for (const thread of this.#threads) {
        const { id, state } = thread;
        if (!this.isMortal(id)) continue;
        if (state.status <= Status.ASLEEP) this.#addDeaths(thread, choices);
        else if (this.#isDoneButAlive(thread)) choices.push(choiceOf(id, Deed.DIE));
      }
    }
    return choices;
  }

  /**
   * A thread ends with its body, and its end is told as a death is: what it held is poisoned or closed. It is told when nothing else can happen,
   * and not to heal what would be a bug if the thread lived on: so before, each sleeper is made to look, and whoever goes on then should
   * have been woken.
   */
  #addEnds(choices: number[]): void {
    const ended = this.#threads.filter(({ state }) => state.status === Status.DONE);
    if (!this.#undertaker.known || ended.length === 0 || this.wokenInVain.length > 0) return;
    if (!this.#mayHear(ended)) return;
    const looked = this.#looked();
    const sleeper = this.#threads.find((thread) => isNotedSleeper(thread) && !looked.has(thread.id));
    if (sleeper !== undefined) choices.push(choiceOf(sleeper.id, Deed.WAKE));
    else for (const { id } of ended) choices.push(choiceOf(id, Deed.TIME_OUT));
  }

  /**
   * Could the end of one of these change anything for somebody? For ferrous' own sleepers, whatever has become of the word that they sleep on; for
   * those that look at the record again and again. Not if another sleeps although its word has changed: that is a failure already.
   */
  #mayHear(ended: readonly ModelThread[]): boolean {
    const looks = this.#threads.some(({ state: { spinsOn } }) =>
      ended.some(({ id }) => {
        const { buffer, element, index } = this.#undertaker.life(id);
        const life = addressOf(buffer, element, index);
        return spinsOn?.some(({ start, end }) => start <= life && life < end) === true;
      }),
    );
    if (looks) return true;
    const isOwn = ({ state }: ModelThread): boolean => state.pending?.noted === true;
    return this.#threads.some(isNotedSleeper) && whoMissed(this.#threads, this.#memory).every(isOwn);
  }

  /** Who was made to look since the last end or death was told, and as which step. */
  #looked(): Map<number, number> {
    const looked = new Map<number, number>();
    for (let at = this.#steps.length - 1; at >= 0; at--) {
      const { quiet, choice, thread, op } = this.#steps[at] as Step;
      if (deedOf(choice) === Deed.DIE) break;
      if (!quiet) continue;
      if (op.kind === Kind.END) break;
      if (deedOf(choice) === Deed.WAKE && !looked.has(thread)) looked.set(thread, at);
    }
    return looked;
  }
  /** Whoever was made to look, and went on: nobody had woken it. One that sleeps again has not, if by now on another word, unless it woke somebody. */
  get wokenInVain(): readonly ModelThread[] {
    const looked = this.#looked();
    return this.#threads.filter(({ id, state }) => {
      const since = looked.get(id);
      if (since === undefined) return false;
      return state.status !== Status.ASLEEP || this.#steps.some(({ thread, woke }, at) => at > since && thread === id && woke.length > 0);
    });
  }

  /** May this thread die? */
  isMortal(thread: number): boolean {
    return this.#limits.deaths > 0 && this.#limits.mortal?.includes(thread) !== false;
  }

  /**
   * Between two steps a thread may die before any of the plain writes that it makes there. Nobody can have seen those yet, or it is a data race:
   * so they are made, and a death takes back as many as were still to come.
   *
   * If its last step only looked, nobody can tell a death right after it from one before it, which is gone through: what it saw has
   * died with it.
   */
  #addDeaths({ id, ops, results, state }: ModelThread, choices: number[]): void {
    let lost = 0;
    // How many are lost in a death right after the write that is looked at, and whether that death was noted.
    let after = 0;
    let isNoted = false;
    let at = state.logged - 1;
    for (; state.status === Status.READY && at >= 0 && (ops[at] as Op).kind >= Kind.READ; at--) {
      const op = ops[at] as Op;
      if (op.kind !== Kind.WRITE) continue;
      // Nobody dies in the midst of what a DataView writes at once.
      if (op.b !== true) [after, isNoted] = [lost, false];
      // One that changed nothing might as well have been lost.
      if (!isNoted && !Object.is(wrap(op.element, op.a as number | bigint), results[at])) {
        choices.push(choiceOf(id, Deed.DIE, after));
        isNoted = true;
      }
      if (++lost < MOST_LOST) continue;
      this.leftOut = true;
      return;
    }
    const leavesTraces = state.status === Status.ASLEEP || at < state.idleFrom || this.#memory.foreign.length > 0;
    if (leavesTraces || this.#limits.everyDeath === true) choices.push(choiceOf(id, Deed.DIE, lost));
  }

  /**
   * Who has done its last step may still die, with all that it holds, while the others go on. One that wrote plainly after it could do so
   * before it was done.
   */
  #isDoneButAlive(thread: ModelThread): boolean {
    return thread.state.status === Status.DONE && this.#undertaker.known && !thread.wroteLast;
  }
  /** May one more die in this execution? */
  get #mayDie(): boolean {
    const { deaths } = this.#limits;
    return deaths > 0 && this.#threads.filter(({ state }) => state.status === Status.DEAD).length < deaths;
  }
  /** The threads that are done and could die next, as bits. */
  get late(): number {
    if (!this.#mayDie) return 0;
    return this.#threads.reduce(
      (bits, thread) => bits | (this.isMortal(thread.id) && this.#isDoneButAlive(thread) ? 1 << thread.id : 0),
      0,
    );
  }
  /** Would a death wake somebody? */
  get hasNotedSleeper(): boolean {
    return this.#threads.some(isNotedSleeper);
  }
  /** Would this step have been another one, had the thread died before it? */
  mindsDeathOf(thread: number, step: Step): boolean {
    if (step.queue !== Touch.NONE && !step.isEndless) return true;
    const { buffer, element, index } = this.#undertaker.life(thread);
    const start = addressOf(buffer, element, index);
    return step.memory !== Touch.NONE && step.start < start + 4 && start < step.end;
  }

  #mayNap(thread: number, op: Op): boolean {
    if (!op.naps) return false;
    const again = this.#steps.filter(({ quiet, thread: who, op: { start, a, b } }) => {
      return quiet && who === thread && start === op.start && a === op.a && b === op.b;
    });
    return again.length < NAPS;
  }

  /** Is there nothing left to happen but that naps end? */
  get isQuiet(): boolean {
    return this.#threads.every(({ state }) => {
      if (state.status === Status.READY) return state.spinsOn !== undefined;
      return state.status !== Status.ASLEEP || !this.canEnd(state);
    });
  }
  /** Can its sleep end without anybody else? */
  canEnd(state: ThreadState): boolean {
    return this.#canTimeOut(state) || state.wakes < this.#limits.spurious;
  }
  #canTimeOut(state: ThreadState): boolean {
    return state.timeouts < this.#limits.timeouts && state.pending?.b !== Infinity;
  }
}

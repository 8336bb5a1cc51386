/**
 * Depth-first search through all executions, without two that differ only in the order of independent steps.
 *
 * Source sets decide where to branch: when a step is found in a race with an earlier one, and no branch at the earlier one begins
 * with a thread that could come first if the race went the other way, then such a thread gets a branch. Sleep sets decide what a
 * branch need not do: what was explored from here before, until something dependent has happened. Together, no two complete
 * executions are equivalent; a branch in which everything sleeps is cut short, and counted apart.
 *
 * The death of a thread that is done (a late one) is no step that must come: it is gone through only right before a step that would have been
 * another one after it.
 *
 * Sources: C. Flanagan, P. Godefroid, "Dynamic partial-order reduction for model checking software" (2005); P. Abdulla, S. Aronis,
 * B. Jonsson, K. Sagonas, "Optimal dynamic partial order reduction" (2014), algorithm 1; P. Godefroid on sleep sets (1996).
 *
 * Without `reduce` it is the naive search, the oracle that the other is measured against; with a bound on preemptions too, because
 * a bound makes equivalent executions differ.
 */
import { PRUNE, type Chooser, type Machine } from "../machine.ts";
import { Deed, Kind, choiceOf, deedOf, dependent, threadOf, type Step } from "../operation.ts";
import { shorten } from "../shorten.ts";
import type { State } from "../state.ts";
import { Status, type ThreadState } from "../thread.ts";
import { Clocks } from "./clocks.ts";
import type { Strategy } from "./strategy.ts";

/** One state on the path of the search. */
interface Frame {
  readonly choices: readonly number[];
  /** Steps that need not be taken from here: an equivalent execution has been seen. */
  readonly sleep: readonly Step[];
  /** Steps that were taken from here, their executions all explored. */
  readonly done: Step[];
  /** The threads that have a branch here, as bits. */
  branches: number;
  /** The threads that are done and could still die here, as bits. */
  readonly late: number;
  /** The choice that is being explored. */
  current: number;
}

export class Exhaustive implements Strategy, Chooser {
  readonly #reduce: boolean;
  readonly #preemptions: number;
  readonly #frames: Frame[] = [];
  #clocks = new Clocks(1);

  constructor(options: { reduce: boolean; preemptions: number }) {
    this.#reduce = options.reduce && options.preemptions === Infinity;
    this.#preemptions = options.preemptions;
  }

  get reduces(): boolean {
    return this.#reduce;
  }
  get complete(): boolean {
    return this.#preemptions === Infinity;
  }

  choose(machine: Machine, all: readonly number[]): number {
    const at = machine.state.steps.length;
    if (at === 0) this.#clocks = new Clocks(machine.state.threads.length);
    const choices = this.#preemptions === Infinity ? all : this.#affordable(machine, all);
    const { late } = machine.state.may;
    const sleep = this.#sleepOf(machine, at);
    const frame: Frame = { choices, sleep, done: [], branches: 0, late, current: PRUNE };
    this.#frames[at] = frame;
    const awake = sleep.length === 0 ? choices : choices.filter((choice) => !isIn(sleep, choice));
    // Going on with the same thread first makes first executions with few switches.
    const previous = machine.state.steps.at(-1)?.thread ?? 0;
    const on = choiceOf(previous, Deed.GO);
    let first = awake.includes(on) ? on : late === 0 ? awake[0] : awake.find((choice) => !isLate(choice, late));
    if (first !== undefined) frame.branches = 1 << threadOf(first);
    else {
      // All other steps were seen from elsewhere, but not with this death before them.
      frame.branches = this.#minded(machine.state, late, sleep);
      first = awake.find((choice) => (frame.branches & (1 << threadOf(choice))) !== 0);
      if (first === undefined) return PRUNE;
    }
    // Where nothing is left but that naps end, no race will tell that another could have ended first.
    if (machine.state.may.isQuiet) frame.branches = ~0;
    // A late death that wakes nobody can wait until a step minds it.
    else if (!this.#reduce) frame.branches = machine.limits.everyDeath === true || machine.state.may.hasNotedSleeper ? ~0 : ~late;
    frame.current = first;
    return first;
  }

  took(machine: Machine, at: number): void {
    this.#branchForLate(machine, at);
    if (!this.#reduce) return;
    const { steps } = machine.state;
    const state = machine.state.before(at)[(steps[at] as Step).thread];
    if (state === undefined) return;
    this.#clocks.advance(steps, at, state, (other) => {
      this.#reverse(steps, other, at);
    });
    this.#branchForLost(machine, at);
    this.#branchForNews(machine, at, state);
    this.#reverseForLate(machine, at);
  }

  next(machine: Machine): { at: number; choice: number } | undefined {
    const { steps } = machine.state;
    // The last frame may have been cut short before it chose.
    shorten(this.#frames, steps.length);
    // A failure has cut it short: no race tells any more where the steps that others had before them should have gone.
    if (machine.finding !== undefined && machine.state.may.all().length > 0) for (const frame of this.#frames) frame.branches = ~0;
    for (let at = this.#frames.length - 1; at >= 0; at--) {
      const frame = this.#frames[at] as Frame;
      frame.done.push(steps[at] as Step);
      const choice = frame.choices.find(
        (other) => (frame.branches & (1 << threadOf(other))) !== 0 && !isIn(frame.done, other) && !isIn(frame.sleep, other),
      );
      if (choice !== undefined) {
        frame.current = choice;
        return { at, choice };
      }
      this.#frames.pop();
    }
    return undefined;
  }

  /** The race between two steps went one way: sees to it that some branch lets it go the other. */
  #reverse(steps: readonly Step[], from: number, to: number): void {
    const frame = this.#frames[from] as Frame;
    const racer = (steps[from] as Step).thread;
    // The threads that could take the first step of an execution in which `to` comes before `from`.
    let initials = 0;
    let seen = 0;
    const between: number[] = [];
    for (let at = from + 1; at <= to; at++) {
      const { thread } = steps[at] as Step;
      if (at < to && this.#clocks.ordered(from, racer, at)) continue;
      if ((seen & (1 << thread)) === 0 && !between.some((other) => this.#clocks.ordered(other, (steps[other] as Step).thread, at))) {
        initials |= 1 << thread;
      }
      seen |= 1 << thread;
      between.push(at);
    }
    if ((frame.branches & initials) !== 0) return;
    const wanted = 1 << (steps[to] as Step).thread;
    frame.branches |= (initials & wanted) !== 0 ? wanted : initials & -initials;
  }

  /** A step can take away what others could have done in its place: a sleeper that it woke can no longer time out, nobody can die twice. */
  #branchForLost(machine: Machine, at: number): void {
    const frame = this.#frames[at] as Frame;
    const { woke, choice } = machine.state.steps[at] as Step;
    for (const other of frame.choices) {
      const thread = threadOf(other);
      if ((frame.late & (1 << thread)) !== 0) continue;
      const lost = deedOf(other) !== Deed.GO && (woke.includes(thread) || (deedOf(choice) === Deed.DIE && deedOf(other) === Deed.DIE));
      if (lost) frame.branches |= 1 << thread;
    }
  }

  /** A wait that has heard of a death does not sleep: had it slept first, which counts as the same, its thread could have died asleep. */
  #branchForNews(machine: Machine, at: number, { news }: ThreadState): void {
    const { steps } = machine.state;
    const { choice, op, result } = steps[at] as Step;
    const [heard] = news;
    if (heard === undefined || deedOf(choice) !== Deed.GO || op.kind !== Kind.WAIT || result !== "ok") return;
    const isDeath = deedOf((steps[heard - 1] as Step).choice) === Deed.DIE;
    if (machine.limits.deaths > (isDeath ? 1 : 0)) this.#reverse(steps, heard - 1, at);
  }

  /**
   * A late death branches right before a step that minds it. Nobody could tell one after the last such step from the thread's end.
   */
  #branchForLate({ state }: Machine, at: number): void {
    const frame = this.#frames[at] as Frame;
    if (frame.late === 0) return;
    const step = state.steps[at] as Step;
    // The last death that the limits allow does not come after another one.
    const late = deedOf(step.choice) === Deed.DIE ? frame.late & state.may.late : frame.late;
    frame.branches |= this.#minded(state, late, [step]);
    // Nor is a step that sleeps gone through again, unless this death wakes it; after this step it may sleep no longer.
    const woken = frame.sleep.filter((other) => dependent(other, step));
    frame.branches |= this.#minded(state, frame.late, woken);
  }
  /** Those of the late deaths, as bits, that one of these steps minds. */
  #minded(state: State, late: number, steps: readonly Step[]): number {
    if (late === 0 || steps.length === 0) return 0;
    return state.threads.reduce(
      (bits, { id }) => ((late & (1 << id)) !== 0 && steps.some((step) => state.may.mindsDeathOf(id, step)) ? bits | (1 << id) : bits),
      0,
    );
  }
  /** A thread is done since step `at`: sees to it that some branch has it done before the last step of each other that minds its death. */
  #reverseForLate({ state }: Machine, at: number): void {
    const news = state.may.late & ~(this.#frames[at] as Frame).late;
    if (news === 0) return;
    const { steps, threads } = state;
    for (const { id } of threads.filter((thread) => (news & (1 << thread.id)) !== 0)) {
      for (const { id: other } of threads) {
        const minds = steps.findLastIndex((step, index) => index < at && step.thread === other && state.may.mindsDeathOf(id, step));
        if (minds >= 0 && other !== id && !this.#clocks.ordered(minds, other, at)) this.#reverse(steps, minds, at);
      }
    }
  }

  #sleepOf(machine: Machine, at: number): readonly Step[] {
    if (!this.#reduce || at === 0) return [];
    const { sleep, done } = this.#frames[at - 1] as Frame;
    const step = machine.state.steps[at - 1] as Step;
    if (sleep.length === 0 && done.length === 0) return NONE;
    return [...sleep, ...done].filter((other) => !dependent(other, step) && other.thread !== step.thread);
  }

  /** The choices within the bound: leaving a thread that could go on costs one preemption. */
  #affordable(machine: Machine, choices: readonly number[]): readonly number[] {
    return preemptionsOf(machine) < this.#preemptions ? choices : choices.filter((choice) => !isPreemption(machine, choice));
  }
}

const NONE: readonly Step[] = [];
const isLate = (choice: number, late: number): boolean => deedOf(choice) === Deed.DIE && (late & (1 << threadOf(choice))) !== 0;
const isIn = (steps: readonly Step[], choice: number): boolean => steps.some((step) => step.choice === choice);

/** Would this choice leave a thread that could go on? What befalls a thread does not need a processor. */
export function isPreemption(machine: Machine, choice: number): boolean {
  const { steps, threads } = machine.state;
  return deedOf(choice) === Deed.GO && leaves(steps, steps.length, threadOf(choice), (id) => threads[id]?.state);
}

/** How many preemptions this execution has had. */
export function preemptionsOf(machine: Machine): number {
  const { state } = machine;
  return state.steps.filter(
    ({ choice, thread }, at) => deedOf(choice) === Deed.GO && leaves(state.steps, at, thread, (id) => state.before(at)[id]),
  ).length;
}

/** Does running `next` as step `at` leave the thread that ran before, although it could go on? */
function leaves(steps: readonly Step[], at: number, next: number, stateOf: (thread: number) => ThreadState | undefined): boolean {
  let last = at - 1;
  while (last >= 0 && deedOf((steps[last] as Step).choice) !== Deed.GO) last--;
  if (last < 0) return false;
  const { thread } = steps[last] as Step;
  const state = stateOf(thread);
  return thread !== next && state?.status === Status.READY && state.spinsOn === undefined;
}

/**
 * Runs one execution after another, step by step, as a strategy chooses.
 *
 * Every thread has been run up to its next operation before anything is chosen, so a choice is made knowing what each would do.
 *
 * An execution that begins like an earlier one is not run from its start: a fresh setup, the journal of what the shared steps
 * wrote, and the recorded lengths of the logs bring it to where the two part.
 */
import { ownCopy } from "./copy.ts";
import { Executor, type Turns, type World } from "./executor.ts";
import { NotLinearizable, Refusal, whoWasNotWoken, whyStuck } from "./failure.ts";
import type { Limits } from "./limits.ts";
import { Deed, Kind, choiceOf, deedOf, threadOf, type Op } from "./operation.ts";
import type { FailureKind } from "./report.ts";
import { findSpin, mayRepeat } from "./spin.ts";
import { State } from "./state.ts";
import { describe } from "./text.ts";
import { Status, type ModelThread } from "./thread.ts";

/** How an execution ended: all threads did, something failed, it would only repeat what was seen, or the strategy had enough. */
export type Ending = "complete" | "failed" | "pruned" | "stopped";
export const PRUNE = -1;
export const STOP = -2;
const UNDECIDED = -3;

/** Decides what happens next. */
export interface Chooser {
  /** One of `choices` (see {@link choiceOf}), or {@link PRUNE} or {@link STOP}. */
  choose(machine: Machine, choices: readonly number[]): number;
  /** Sees step number `at` once it is taken and all that it started is under way. */
  took?(machine: Machine, at: number): void;
}

/** What was found, before it is rendered. */
export interface Finding {
  readonly kind: FailureKind;
  readonly message: string;
  readonly error?: unknown;
  /** Who threw, if a thread did. */
  readonly thread?: number;
}

export class Machine implements Turns {
  readonly world: World;
  readonly state: State;
  readonly limits: Limits;
  readonly executor: Executor;
  finding: Finding | undefined;
  /** Steps taken in all executions together. */
  taken = 0;
  readonly #chooser: Chooser;
  #next: number = UNDECIDED;
  #ending: Ending = "complete";
  /** Is the running thread only to be brought to its next operation? */
  #arriving = false;
  /** Steps that the strategy has been told of. */
  #told = 0;
  /** What was found before any step, and so is found in every execution. */
  #first: Finding | undefined;

  constructor(world: World, limits: Limits, chooser: Chooser) {
    this.world = world;
    this.limits = limits;
    this.state = new State(world.names, world.memory, limits, world);
    this.#chooser = chooser;
    this.executor = new Executor(world, this.state, this);
  }

  /** Builds the state for the first execution and runs every thread up to its first operation. */
  begin(): void {
    this.#setup();
    for (const thread of this.state.threads) this.#arrive(thread);
    // Where nothing is left to choose no other mark is made, and executions that have no step are gone back to as well.
    this.state.mark();
    this.#first = this.finding;
  }

  /** Goes back to before step number `at`, in a state that was built anew. */
  rewind(at: number): void {
    this.finding = this.#first;
    this.#setup();
    this.state.rewind(at);
    this.#told = at;
  }

  /** Goes on from where {@link begin} or {@link rewind} left off, with this choice first. */
  run(first = UNDECIDED): Ending {
    this.#ending = "complete";
    this.#next = first === UNDECIDED ? this.#decide() : first;
    while (this.#next >= 0) {
      const choice = this.#next;
      const thread = this.state.threads[threadOf(choice)] as ModelThread;
      this.#next = UNDECIDED;
      const { pending } = thread.state;
      if (deedOf(choice) !== Deed.GO) this.state.befall(thread, choice);
      else if (pending?.kind === Kind.END) this.state.go(thread, pending);
      else this.executor.execute(thread, "live");
      if (this.#next === UNDECIDED) this.#next = this.#decide();
    }
    if (this.#ending === "complete" && this.finding === undefined) this.#after();
    return this.finding === undefined ? this.#ending : "failed";
  }

  fail(kind: FailureKind, message: string, thrown: { readonly error?: unknown; readonly thread?: number } = {}): void {
    this.finding ??= { kind, message, ...thrown };
  }

  /** The running thread has come to an operation: suspends it unless it goes on at once. */
  reached(thread: ModelThread, op: Op): void {
    if (this.#arriving) thread.suspend();
    if (mayRepeat(thread, op)) thread.suspend();
    const next = this.#decide();
    if (next !== choiceOf(thread.id, Deed.GO)) {
      this.#next = next;
      thread.suspend();
    }
  }

  /** The running thread has fallen asleep. */
  slept(): void {
    this.#next = this.#decide();
  }

  /** Lets all that was woken come to its next operation, tells the strategy what happened, and asks it what is next. */
  #decide(): number {
    const { state } = this;
    for (const thread of state.threads) {
      if (thread.state.status === Status.READY && thread.state.pending === undefined) this.#arrive(thread);
      else if (thread.suspect) this.#lookAhead(thread);
    }
    for (; this.#told < state.steps.length; this.#told++) {
      this.taken++;
      this.#chooser.took?.(this, this.#told);
    }
    if (this.finding !== undefined) return PRUNE;
    const choices = state.may.all();
    if (choices.length === 0) {
      const stuck = whoWasNotWoken(state.may.wokenInVain) ?? whyStuck(state.threads, this.world.memory);
      if (stuck !== undefined) this.fail(stuck.kind, stuck.message);
      return PRUNE;
    }
    if (state.steps.length >= this.limits.steps) {
      this.fail("step limit", `an execution took more than ${String(this.limits.steps)} steps; does a loop never end?`);
      return PRUNE;
    }
    state.mark();
    const choice = this.#chooser.choose(this, choices);
    if (choice < 0) this.#ending = choice === STOP ? "stopped" : "pruned";
    return choice;
  }

  /** Runs a thread, which is not on the stack, up to its next operation. */
  #arrive(thread: ModelThread): void {
    const outer = this.#arriving;
    this.#arriving = true;
    this.executor.execute(thread, "live");
    this.#arriving = outer;
    if (thread.suspect) this.#lookAhead(thread);
  }

  #lookAhead(thread: ModelThread): void {
    thread.suspect = false;
    const spinsOn = findSpin(thread, () => {
      this.executor.execute(thread, "lookahead");
    });
    if (spinsOn !== undefined) thread.state = thread.state.spinning(spinsOn);
  }

  #setup(): void {
    this.world.memory.reset();
    this.world.setup();
  }

  #after(): void {
    this.state.endAll();
    try {
      this.world.after(this.state.threads.map(({ state }) => ownCopy(state.result)));
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (error instanceof NotLinearizable) this.fail("not linearizable", error.message);
      this.fail("assertion", `after threw ${describe(error)}`, { error });
    }
  }
}

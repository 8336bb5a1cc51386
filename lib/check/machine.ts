/**
 * Runs one execution after another, step by step, as a strategy chooses.
 *
 * Every thread has been run up to its next operation before anything is chosen, so a choice is made knowing what each would do.
 * Code between two operations runs at once with the first of them: it touches nothing that other threads could see, or it is a
 * data race, and reported (M. Musuvathi, S. Qadeer, "Iterative Context Bounding", 2007, section 3: scheduling at synchronising
 * operations only misses nothing if races are looked for in every execution).
 *
 * An execution that begins like an earlier one is not run from its start: a fresh setup, the journal of what the shared steps
 * wrote, and the recorded lengths of the logs bring it to where the two part.
 */
import { CheckError } from "../errors.ts";
import {
  ADVICE,
  CAPTURED,
  describe,
  isAssertion,
  isForeignView,
  isPromise,
  NotLinearizable,
  textOf,
  titleOf,
  whyStuck,
} from "./failure.ts";
import { addressOf, type Memory, type SharedBuffer } from "./memory.ts";
import { Deed, Kind, choiceOf, deedOf, threadOf, type Op, type Step } from "./operation.ts";
import { BYTES_PER } from "./real.ts";
import type { FailureKind } from "./report.ts";
import { findSpin, isIdle, mayRepeat } from "./spin.ts";
import { State, type Limits, type Undertaker } from "./state.ts";
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

/** What the machine runs: see world.ts. */
export interface World extends Undertaker {
  readonly memory: Memory;
  readonly names: readonly string[];
  /** Builds the shared state for a new execution. */
  setup(): void;
  /** The shared state, as a thread that begins to run gets it. */
  open(): unknown;
  /** Runs a thread's body from its start. */
  run(thread: number, state: unknown): unknown;
  /** The assertions, once all threads have ended. */
  after(results: readonly unknown[]): void;
  /** The source line of the operation that is being asked for, if this execution is recorded. */
  site(): string | undefined;
}

/** What was found, before it is rendered. */
export interface Finding {
  readonly kind: FailureKind;
  readonly message: string;
  readonly error?: unknown;
  /** Who threw, if a thread did. */
  readonly thread?: number;
}

export class Machine {
  readonly world: World;
  readonly state: State;
  readonly limits: Limits;
  /** The thread whose code is running; none in setup and after. */
  current: ModelThread | undefined;
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
  #refused: CheckError | undefined;

  constructor(world: World, limits: Limits, chooser: Chooser) {
    this.world = world;
    this.limits = limits;
    this.state = new State(world.names, world.memory, limits, world);
    this.#chooser = chooser;
  }

  /** Builds the state for the first execution and runs every thread up to its first operation. */
  begin(): void {
    this.#setup();
    for (const thread of this.state.threads) this.#arrive(thread);
  }

  /** Goes back to before step number `at`, in a state that was built anew. */
  rewind(at: number): void {
    this.finding = undefined;
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
      if (deedOf(choice) === Deed.GO) this.#execute(thread, "live");
      else this.state.befall(thread, deedOf(choice));
      if (this.#next === UNDECIDED) this.#next = this.#decide();
    }
    if (this.#ending === "complete" && this.finding === undefined) this.#after();
    return this.finding === undefined ? this.#ending : "failed";
  }

  fail(kind: FailureKind, message: string, thrown: { readonly error?: unknown; readonly thread?: number } = {}): void {
    this.finding ??= { kind, message, ...thrown };
  }

  /** The running thread asked for what cannot be modelled. Thrown here, and out of the check even if the thread catches it. */
  refuse(error: CheckError): never {
    this.#refused ??= error;
    throw error;
  }

  /** An operation of the running thread: answered from its log, or done when its turn has come. */
  operate(kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b?: unknown): unknown {
    const thread = this.current as ModelThread;
    if (thread.mode === "suspended") return thread.suspend();
    if (thread.cursor < thread.ops.length) return this.#recall(thread, kind, buffer, element, index, a, b);
    if (thread.mode === "lookahead") return this.#look(thread, this.#operation(kind, buffer, element, index, a, b));
    let op = thread.state.pending;
    if (op === undefined) {
      op = this.#operation(kind, buffer, element, index, a, b);
      this.#reach(thread, op);
    } else if (!isThat(op, kind, buffer, element, index, a, b)) {
      return this.#differs(thread, op, kind, a);
    }
    const result = this.state.go(thread, op);
    (this.state.steps.at(-1) as Step).calls |= thread.calls;
    thread.calls = 0;
    if (thread.state.status === Status.ASLEEP) {
      this.#next = this.#decide();
      return thread.suspend();
    }
    thread.cursor++;
    return result;
  }

  /** A plain access of the running thread: `done` is called unless the log knows already what it gave. */
  access(kind: Kind, buffer: SharedBuffer, element: number, index: number, value: unknown, done: () => unknown): unknown {
    const thread = this.current as ModelThread;
    if (thread.mode === "suspended") return thread.suspend();
    if (thread.cursor < thread.ops.length) return this.#recall(thread, kind, buffer, element, index, value, undefined);
    const op = this.#operation(kind, buffer, element, index, value, undefined);
    if (thread.mode === "lookahead") return kind === Kind.READ ? done() : this.#look(thread, op);
    const result = done();
    thread.record(op, result);
    thread.cursor++;
    this.state.accesses.push({ at: this.state.steps.length, thread: thread.id, op, result });
    return result;
  }

  /** The running thread has come to an operation: suspends it unless it goes on at once. */
  #reach(thread: ModelThread, op: Op): void {
    thread.state = thread.state.reached(op, thread.ops.length);
    if (this.#arriving) thread.suspend();
    if (mayRepeat(thread, op)) thread.suspend();
    const next = this.#decide();
    if (next !== choiceOf(thread.id, Deed.GO)) {
      this.#next = next;
      thread.suspend();
    }
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
    const choices = state.choices();
    if (choices.length === 0) {
      const stuck = whyStuck(state.threads, this.world.memory);
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
    this.#execute(thread, "live");
    this.#arriving = outer;
    if (thread.suspect) this.#lookAhead(thread);
  }

  #lookAhead(thread: ModelThread): void {
    thread.suspect = false;
    const spinsOn = findSpin(thread, () => {
      this.#execute(thread, "lookahead");
    });
    if (spinsOn !== undefined) thread.state = thread.state.spinning(spinsOn);
  }

  #look(thread: ModelThread, op: Op): unknown {
    const seen = isIdle(this.world.memory, op);
    if (seen === undefined || thread.ahead.length >= thread.horizon) return thread.suspend();
    thread.ahead.push({ op, result: seen.result });
    return seen.result;
  }

  #execute(thread: ModelThread, mode: "live" | "lookahead"): void {
    const outer = this.current;
    this.current = undefined;
    const shared = this.world.open();
    this.current = thread;
    thread.restart(mode);
    this.world.memory.restart(thread.id + 1);
    let result: unknown;
    let thrown: { readonly error: unknown } | undefined;
    try {
      result = this.world.run(thread.id, shared);
    } catch (error) {
      thrown = { error };
    } finally {
      this.current = outer;
    }
    if (this.#refused !== undefined) throw this.#refused;
    if (thread.catchesAll) {
      throw new CheckError(
        `${titleOf(thread.name)} catches everything in a loop, and with it what suspends it. Let errors that you do not know pass: catch (e) { if (!(e instanceof Error)) throw e; ... }`,
      );
    }
    if (thread.mode === "suspended" || mode === "lookahead") return;
    this.#ended(thread, result, thrown);
  }

  #ended(thread: ModelThread, result: unknown, thrown: { readonly error: unknown } | undefined): void {
    if (isPromise(result)) {
      throw new CheckError(
        `${titleOf(thread.name)} returned a promise: check() runs synchronous code, in which every await would be a hole. Call the blocking forms (lock, not lockAsync).`,
      );
    }
    if (thread.cursor < thread.ops.length || thread.state.pending !== undefined) {
      this.fail("nondeterminism", `${titleOf(thread.name)} ended earlier when it was run again. ${ADVICE}`);
    } else if (thrown !== undefined) {
      const { error } = thrown;
      if (isForeignView(error)) throw new CheckError(CAPTURED, { cause: error });
      this.fail(isAssertion(error) ? "assertion" : "exception", `${titleOf(thread.name)} threw ${describe(error)}`, {
        error,
        thread: thread.id,
      });
    }
    thread.state = thread.state.ended(Status.DONE, thread.ops.length, result);
  }

  #setup(): void {
    this.world.memory.reset();
    this.world.setup();
  }

  #after(): void {
    try {
      this.world.after(this.state.threads.map(({ state }) => state.result));
    } catch (error) {
      if (error instanceof CheckError) throw error;
      if (error instanceof NotLinearizable) this.fail("not linearizable", error.message);
      this.fail("assertion", `after threw ${describe(error)}`, { error });
    }
  }

  #recall(thread: ModelThread, kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): unknown {
    const at = thread.cursor;
    const op = thread.ops[at] as Op;
    if (!isThat(op, kind, buffer, element, index, a, b)) return this.#differs(thread, op, kind, a);
    const result = thread.results[at];
    thread.cursor = at + 1;
    if (kind < Kind.READ) thread.calls = 0;
    if (kind === Kind.WAIT && result === "timed-out") thread.waited += op.b as number;
    return result;
  }

  #differs(thread: ModelThread, op: Op, kind: Kind, a: unknown): number {
    const was = textOf(op.kind, op.a);
    const became = op.kind === kind && Object.is(op.a, a) ? `${textOf(kind, a)} elsewhere` : textOf(kind, a);
    this.fail(
      "nondeterminism",
      `${titleOf(thread.name)} did something else when it was run again: its operation number ${String(thread.cursor + 1)} was ${was}, and became ${became}. ${ADVICE}`,
    );
    return thread.suspend();
  }

  #operation(kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): Op {
    const start = addressOf(buffer, element, index);
    const end = start + (BYTES_PER[element] as number);
    const site = this.current?.mode === "lookahead" ? undefined : this.world.site();
    return { kind, buffer: buffer.id, element, index, start, end, a, b, site };
  }
}

function isThat(op: Op, kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): boolean {
  return (
    op.kind === kind && op.buffer === buffer.id && op.element === element && op.index === index && Object.is(op.a, a) && Object.is(op.b, b)
  );
}

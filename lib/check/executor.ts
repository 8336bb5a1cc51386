/**
 * Runs the code of modelled threads: answers what their logs know, and suspends them at what they do next until it is their turn.
 *
 * Code between two operations runs at once with the first of them: it touches nothing that other threads could see, or it is a
 * data race, and reported (M. Musuvathi, S. Qadeer, "Iterative Context Bounding", 2007, section 3: scheduling at synchronising
 * operations only misses nothing if races are looked for in every execution).
 */
import { CheckError } from "../errors.ts";
import { ADVICE, CAPTURED, isAssertion, isForeignView, operationText } from "./failure.ts";
import { Segments } from "./foreign.ts";
import type { Undertaker } from "./limits.ts";
import { addressOf, type Memory, type SharedBuffer } from "./memory.ts";
import { END, Kind, type Op, type Step } from "./operation.ts";
import { BYTES_PER, INT32, is } from "./real.ts";
import type { FailureKind } from "./report.ts";
import { placeInCode } from "./site.ts";
import { LONGEST, isIdle, isTold, readsTheSame } from "./spin.ts";
import type { State } from "./state.ts";
import { describe, isGenerator, isPromise, silence, titleOf } from "./text.ts";
import { Status, type ModelThread } from "./thread.ts";

/** So many plain accesses in a row are no progress if they read the same again and again; so many more are none at all. */
const PLAIN_ROUNDS = 100_000;
const MOST_PLAIN = 2_000_000;
/** Of so many of them the source line is noted. */
const MOST_SITES = 1000;

/** What is run: see world.ts. */
export interface World extends Undertaker {
  readonly memory: Memory;
  readonly names: readonly string[];
  /** Builds the shared state for a new execution. */
  setup(): void;
  /** The shared state, as a thread that begins to run gets it. */
  open(thread: number): unknown;
  /** Runs a thread's body from its start. */
  run(thread: number, state: unknown): unknown;
  /** The assertions, once all threads have ended. */
  after(results: readonly unknown[]): void;
  /** The source line of the operation that is being asked for, if this execution is recorded. */
  site(): string | undefined;
}

/** Whose turn is it? The machine knows. */
export interface Turns {
  /** The running thread has come to its next operation: suspends it unless it goes on at once. */
  reached(thread: ModelThread, op: Op): void;
  /** The running thread has fallen asleep, and is going to be suspended. */
  slept(): void;
  fail(kind: FailureKind, message: string, thrown?: { readonly error?: unknown; readonly thread?: number }): void;
}

export class Executor {
  /** The thread whose code is running; none in setup and after. */
  current: ModelThread | undefined;
  readonly #world: World;
  readonly #state: State;
  readonly #turns: Turns;
  readonly #segments: Segments;
  #refused: CheckError | undefined;

  constructor(world: World, state: State, turns: Turns) {
    this.#world = world;
    this.#state = state;
    this.#turns = turns;
    this.#segments = new Segments(world.memory);
  }

  /** The running thread asked for what cannot be modelled. Thrown here, and out of the check even if the thread catches it. */
  refuse(error: CheckError): never {
    this.#note(error);
    throw error;
  }
  #note(error: CheckError): void {
    this.#refused ??= error;
  }
  /**
   * Refuses what asynchronous functions and generators return.
   *
   * @param where  in which part of the thread's body, in words
   */
  requireDone(thread: ModelThread, where: string, returned: unknown): void {
    const error = undoneError(thread, where, returned);
    if (error !== undefined) this.refuse(error);
  }

  /** What the running thread asks of the supervisor: every sleeper shall look again. In setup and after nobody sleeps. */
  wakeEverybody(registry: SharedBuffer): void {
    if (this.current !== undefined) this.operate(Kind.WAKE_ALL, registry, INT32, 0, undefined);
  }
  /** The running thread's next wait is noted, and may be one that ends by itself. */
  sleeps(naps: boolean): void {
    if (this.current === undefined) return;
    this.current.noted = true;
    this.current.naps = naps;
  }

  /** So many ms go by for the running thread. */
  passes(ms: number): void {
    if (this.current !== undefined) this.current.waited += ms;
  }

  /** An operation of the running thread: answered from its log, or done when its turn has come. */
  operate(kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b?: unknown): unknown {
    const thread = this.current as ModelThread;
    if (thread.mode === "suspended") return invented(thread.suspend(), kind, element);
    if (thread.cursor < thread.ops.length) return this.#recall(thread, kind, buffer, element, index, a, b);
    if (thread.mode === "lookahead") return this.#look(thread, this.#operation(kind, buffer, element, index, a, b));
    let op = thread.state.pending;
    if (op === undefined) {
      op = this.#operation(kind, buffer, element, index, a, b);
      thread.state = thread.state.reached(op, thread.ops.length);
      this.#turns.reached(thread, op);
    } else if (!isThat(op, kind, buffer, element, index, a, b)) {
      return this.#differs(thread, op, kind, a);
    } else {
      this.#segments.caughtUp(thread);
    }
    const result = this.#state.go(thread, op);
    (this.#state.steps.at(-1) as Step).calls |= thread.calls;
    thread.calls = 0;
    if (thread.state.status === Status.ASLEEP) {
      this.#turns.slept();
      return thread.suspend();
    }
    thread.cursor++;
    thread.naps = thread.noted = false;
    this.#segments.begin(thread);
    return result;
  }

  /**
   * A plain access of the running thread: `done` is called unless the log knows already what it gave. A write gives what was there before,
   * by which it can be taken back. One that `goesOn` is part of a longer one.
   */
  access(kind: Kind, buffer: SharedBuffer, element: number, index: number, value: unknown, done: () => unknown, goesOn = false): unknown {
    const thread = this.current as ModelThread;
    if (thread.mode === "suspended") return invented(thread.suspend(), kind, element);
    if (thread.cursor < thread.ops.length) return this.#recall(thread, kind, buffer, element, index, value, goesOn);
    const op = this.#operation(kind, buffer, element, index, value, goesOn);
    if (thread.mode === "lookahead") {
      if (kind === Kind.READ && thread.peeks++ < MOST_PLAIN) return done();
      return this.#look(thread, op);
    }
    const since = thread.ops.length - thread.state.logged;
    if (since >= PLAIN_ROUNDS && since % PLAIN_ROUNDS === 0) this.#requireProgress(thread, since);
    const result = done();
    thread.record(op, result);
    thread.cursor++;
    this.#segments.begin(thread);
    this.#state.accesses.push({ at: this.#state.steps.length, thread: thread.id, op, result });
    return result;
  }

  /** Plain accesses are no choice points, so nobody else comes to run in a loop of them. */
  #requireProgress(thread: ModelThread, since: number): void {
    const spins = readsTheSame(thread.ops.slice(-PLAIN_ROUNDS));
    if (!spins && since < MOST_PLAIN) return;
    const { accesses } = this.#state;
    // What is told of it need not be told so often.
    accesses.length -= since - LONGEST;
    thread.ops.length = thread.results.length -= since - LONGEST;
    const many = PLAIN_ROUNDS.toLocaleString("en");
    if (spins) {
      this.#turns.fail(
        "livelock",
        `${titleOf(thread.name)} reads the same plainly ${many} times, and no atomic operation comes in between: such a loop need never see what another thread writes. Read with Atomics.load.`,
      );
    } else {
      this.#turns.fail(
        "step limit",
        `${titleOf(thread.name)} made ${MOST_PLAIN.toLocaleString("en")} plain accesses to shared memory without an atomic operation in between; does a loop never end?`,
      );
    }
    thread.state = thread.state.ended(Status.DONE, thread.ops.length, undefined);
    thread.suspend();
  }

  #look(thread: ModelThread, op: Op): unknown {
    const seen = op.kind < Kind.READ ? isIdle(this.#world.memory, op) : undefined;
    if (seen === undefined || thread.ahead.length >= thread.horizon) return thread.suspend();
    thread.ahead.push({ op, result: seen.result, from: isTold(thread) ? placeInCode() : undefined });
    return seen.result;
  }

  /** Runs a thread's body from its start: up to where it is suspended, or to its end. */
  execute(thread: ModelThread, mode: "live" | "lookahead"): void {
    const outer = this.current;
    this.current = undefined;
    const shared = this.#world.open(thread.id);
    this.current = thread;
    thread.restart(mode);
    this.#world.memory.restart(thread.id + 1);
    this.#segments.enter(thread);
    let result: unknown;
    let thrown: { readonly error: unknown } | undefined;
    try {
      result = this.#world.run(thread.id, shared);
    } catch (error) {
      thrown = { error };
    } finally {
      this.current = outer;
      this.#segments.leave(thread);
    }
    const undone = undoneError(thread, "", result);
    if (undone !== undefined) this.#note(undone);
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
    if (thread.cursor < thread.ops.length || thread.state.pending !== undefined) {
      this.#turns.fail("nondeterminism", `${titleOf(thread.name)} ended earlier when it was run again. ${ADVICE}`);
    } else if (thrown !== undefined) {
      const { error } = thrown;
      if (isForeignView(error)) throw new CheckError(CAPTURED, { cause: error });
      this.#turns.fail(isAssertion(error) ? "assertion" : "exception", `${titleOf(thread.name)} threw ${describe(error)}`, {
        error,
        thread: thread.id,
      });
    }
    // It may die before what it wrote plainly since its last step. Without such writes it can die all the same once it is done.
    if (thrown === undefined && this.#state.may.isMortal(thread.id) && thread.wroteLast) {
      thread.state = thread.state.reached({ ...END, a: result }, thread.ops.length);
    } else thread.state = thread.state.ended(Status.DONE, thread.ops.length, result);
  }

  #recall(thread: ModelThread, kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): unknown {
    const at = thread.cursor;
    const op = thread.ops[at] as Op;
    if (!isThat(op, kind, buffer, element, index, a, b)) return this.#differs(thread, op, kind, a);
    const result = thread.results[at];
    thread.cursor = at + 1;
    thread.naps = thread.noted = false;
    this.#segments.repeat(thread);
    if (kind < Kind.READ) thread.calls = 0;
    if (kind === Kind.WAIT && result === "timed-out") thread.waited += op.b as number;
    return result;
  }

  #differs(thread: ModelThread, op: Op, kind: Kind, a: unknown): number {
    const was = operationText(op.kind, op.a);
    const became = op.kind === kind && Object.is(op.a, a) ? `${operationText(kind, a)} elsewhere` : operationText(kind, a);
    this.#turns.fail(
      "nondeterminism",
      `${titleOf(thread.name)} did something else when it was run again: its operation number ${String(thread.cursor + 1)} was ${was}, and became ${became}. ${ADVICE}`,
    );
    return thread.suspend();
  }

  #operation(kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): Op {
    const start = addressOf(buffer, element, index);
    const end = start + (BYTES_PER[element] as number);
    const running = this.current as ModelThread;
    const isNoted = running.mode !== "lookahead" && running.ops.length - running.state.logged < MOST_SITES;
    const site = isNoted ? this.#world.site() : undefined;
    const isWait = kind === Kind.WAIT;
    const [naps, noted] = [isWait && running.naps, isWait && running.noted];
    return { kind, buffer: buffer.id, element, index, start, end, a, b, naps, noted, site };
  }
}

/** What to say if not all of what returned this has run. */
function undoneError({ name }: ModelThread, where: string, returned: unknown): CheckError | undefined {
  if (isGenerator(returned))
    return new CheckError(`${titleOf(name)}${where} returned a generator, of which nothing has run. Write it as an ordinary function.`);
  if (!isPromise(returned)) return undefined;
  silence(returned);
  return new CheckError(
    `${titleOf(name)}${where} returned a promise: check() runs synchronous code, in which every await would be a hole. Call the blocking forms (lock, not lockAsync).`,
  );
}

/** A made-up result of the kind that the operation has. */
function invented(n: number, kind: Kind, element: number): unknown {
  if (kind === Kind.WAIT) return ["ok", "not-equal", "timed-out"][(n + 1) % 3];
  return element >= 9 && kind !== Kind.NOTIFY ? BigInt(n) : n;
}

function isThat(op: Op, kind: Kind, buffer: SharedBuffer, element: number, index: number, a: unknown, b: unknown): boolean {
  return op.kind === kind && op.buffer === buffer.id && op.element === element && op.index === index && is(op.a, a) && is(op.b, b);
}

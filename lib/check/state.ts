/**
 * The state of one execution, and the steps that change it.
 *
 *     READY  -> wait, the value is as expected -> ASLEEP -> notify, timeout, no cause -> READY
 *     READY  -> the body returns -> DONE -> the others are told -> GONE          READY, ASLEEP, DONE -> death -> DEAD
 *
 * A sleeper's wait has no result until it is woken: then the result goes into its log, and it is READY.
 */
import { Choices, isNotedSleeper } from "./choices.ts";
import { apply, isWrite } from "./effect.ts";
import type { Limits, Undertaker } from "./limits.ts";
import { addressOf, type Image, type Memory } from "./memory.ts";
import { Deed, END, Kind, Touch, choiceOf, deedOf, lostOf, type Op, type Step } from "./operation.ts";
import { shorten } from "./shorten.ts";
import { ModelThread, Status, type ThreadState } from "./thread.ts";

/** A plain access to shared memory, after so many steps. */
export interface Access {
  readonly at: number;
  readonly thread: number;
  readonly op: Op;
  readonly result: unknown;
}

/** Where an execution stood before a step: all that it takes to come back. */
interface Mark {
  readonly states: readonly ThreadState[];
  readonly written: number;
  readonly accesses: number;
  readonly image: Image | undefined;
}

const NOBODY: readonly number[] = [];
type Element = number | bigint | undefined;

export class State {
  readonly threads: readonly ModelThread[];
  readonly steps: Step[] = [];
  readonly accesses: Access[] = [];
  readonly #memory: Memory;
  readonly #limits: Limits;
  readonly #undertaker: Undertaker;
  readonly #marks: Mark[] = [];
  /** What may happen next. */
  readonly may: Choices;

  constructor(names: readonly string[], memory: Memory, limits: Limits, undertaker: Undertaker) {
    this.threads = names.map((name, id) => new ModelThread(id, name));
    this.#memory = memory;
    this.#limits = limits;
    this.#undertaker = undertaker;
    this.may = new Choices(this.threads, this.steps, memory, limits, undertaker);
  }

  /** All threads have ended, and whoever looks at their records sees it. */
  endAll(): void {
    if (!this.#undertaker.known) return;
    for (const { id, state } of this.threads) {
      if (state.status !== Status.DONE) continue;
      const { buffer, element, index, dead } = this.#undertaker.life(id);
      const cells = buffer.cells(element);
      this.#memory.note(buffer, element, index, cells[index] as number | bigint, dead, false);
      cells[index] = dead;
    }
  }

  /** Notes where this execution stands, under the number of its next step. */
  mark(): void {
    this.#marks[this.steps.length] = {
      states: this.threads.map((thread) => thread.state),
      written: this.#memory.written,
      accesses: this.accesses.length,
      image: this.#memory.image(),
    };
  }

  /** The states of all threads before step number `at`. */
  before(at: number): readonly ThreadState[] {
    return (this.#marks[at] as Mark).states;
  }

  /** Back to before step number `at`; the memory is as setup made it. */
  rewind(at: number): void {
    const mark = this.#marks[at] as Mark;
    this.#memory.redo(mark.written);
    this.#memory.restore(mark.image);
    shorten(this.steps, at);
    shorten(this.accesses, mark.accesses);
    for (const thread of this.threads) thread.rewind(mark.states[thread.id] as ThreadState);
  }

  /** The thread does its pending operation. Asleep afterwards, it has no result yet. */
  go(thread: ModelThread, op: Op): unknown {
    if (op.kind === Kind.END) {
      this.#took(thread, op, Deed.GO, Touch.NONE, Touch.NONE, undefined);
      thread.state = thread.state.ended(Status.DONE, thread.ops.length, op.a);
      return undefined;
    }
    if (op.kind === Kind.WAIT) return this.#wait(thread, op);
    if (op.kind === Kind.NOTIFY) return this.#notify(thread, op);
    if (op.kind === Kind.WAKE_ALL) {
      this.#wakeEverybody((woke) => {
        this.#took(thread, op, Deed.GO, Touch.NONE, Touch.WRITE, undefined, undefined, undefined, woke);
      });
      return this.#advance(thread, op, undefined);
    }
    const buffer = this.#memory.byId(op.buffer);
    const cells = buffer.cells(op.element);
    const before = cells[op.index] as number | bigint;
    const result = apply(cells, op);
    const after = cells[op.index] as number | bigint;
    const changed = before !== after;
    const writes = changed || (this.#limits.plain === true && isWrite(op, result));
    this.#took(thread, op, Deed.GO, writes ? Touch.WRITE : Touch.READ, Touch.NONE, result, before, after);
    if (changed) {
      this.#memory.note(buffer, op.element, op.index, before, after, true);
      this.#stopSpinning(op.start, op.end);
    }
    this.#advance(thread, op, result, !changed);
    return result;
  }

  /** Something happens to the thread instead of its pending operation. */
  befall(thread: ModelThread, choice: number): void {
    const op = thread.state.pending ?? END;
    const deed = deedOf(choice);
    if (deed === Deed.DIE) {
      this.#die(thread, op, lostOf(choice));
      return;
    }
    if (thread.state.status === Status.DONE) {
      this.#tell(thread, END, Deed.TIME_OUT, 0);
      thread.state = thread.state.ended(Status.GONE, thread.ops.length, thread.state.result);
      return;
    }
    const late = deed === Deed.TIME_OUT;
    const result = late ? "timed-out" : "ok";
    const quiet = this.may.isQuiet && (late || thread.state.wakes >= this.#limits.spurious);
    this.#took(thread, op, deed, Touch.NONE, Touch.WRITE, result, undefined, undefined, NOBODY, quiet);
    thread.record(op, result);
    thread.state = thread.state.gaveUp(thread.ops.length, this.steps.length, late ? 1 : 0, late ? 0 : 1);
  }

  #wait(thread: ModelThread, op: Op): unknown {
    const value = this.#memory.byId(op.buffer).cells(op.element)[op.index] as number | bigint;
    const equal = value === op.a;
    const isTold = op.noted && thread.state.news.length > 0;
    const sleeps = equal && (op.b as number) > 0 && !isTold;
    const result = sleeps ? undefined : !equal ? "not-equal" : (op.b as number) > 0 ? "ok" : "timed-out";
    // Even a wait that finds another value looks at the queue: whether it would sleep depends on bytes that a notify never reads.
    this.#took(thread, op, Deed.GO, Touch.READ, Touch.WRITE, result, value);
    if (sleeps) thread.state = thread.state.asleep(this.steps.length);
    else this.#advance(thread, op, result);
    if (result === "ok") thread.state = thread.state.heard();
    return result;
  }

  #notify(thread: ModelThread, op: Op): number {
    const sleepers = this.threads.filter(({ state }) => state.status === Status.ASLEEP && state.pending?.start === op.start);
    const woken = sleepers.sort((a, b) => a.state.last - b.state.last).slice(0, op.a as number);
    const woke = woken.length === 0 ? NOBODY : woken.map(({ id }) => id);
    const visits = woke.length > 0 || this.#limits.plain === true ? Touch.WRITE : Touch.READ;
    this.#took(thread, op, Deed.GO, Touch.NONE, visits, woke.length, undefined, undefined, woke);
    for (const sleeper of woken) this.#wake(sleeper);
    this.#advance(thread, op, woke.length);
    return woke.length;
  }

  #die(thread: ModelThread, op: Op, lost: number): void {
    this.#lose(thread, lost);
    if (!this.#undertaker.known) {
      const queue = thread.state.status === Status.ASLEEP ? Touch.WRITE : Touch.NONE;
      this.#took(thread, op, Deed.DIE, Touch.NONE, queue, undefined, undefined, undefined, NOBODY, false, lost);
      thread.state = thread.state.ended(Status.DEAD, thread.ops.length, undefined);
      return;
    }
    this.#tell(thread, op, Deed.DIE, lost);
    thread.state = thread.state.ended(Status.DEAD, thread.ops.length, undefined);
  }

  /** The thread's record says that it has ended, and every sleeper looks again. */
  #tell(thread: ModelThread, op: Op, deed: Deed, lost: number): void {
    const { buffer, element, index, dead } = this.#undertaker.life(thread.id);
    const cells = buffer.cells(element);
    const before = cells[index] as number;
    cells[index] = dead;
    this.#memory.note(buffer, element, index, before, dead, true);
    // Others are told, not itself.
    thread.state = thread.state.ended(Status.DEAD, thread.ops.length, thread.state.result);
    const start = addressOf(buffer, element, index);
    const life: Op = { ...op, start, end: start + 4 };
    this.#wakeEverybody((woke) => {
      this.#took(thread, life, deed, Touch.WRITE, Touch.WRITE, undefined, before, dead, woke, deed !== Deed.DIE, lost);
    });
    this.#stopSpinning(start, start + 4);
  }

  /** Takes back the last `count` plain writes of a thread. */
  #lose({ ops, results, state }: ModelThread, count: number): void {
    for (let [at, left] = [state.logged - 1, count]; left > 0; at--) {
      const { kind, buffer: id, element, index } = ops[at] as Op;
      if (kind !== Kind.WRITE) continue;
      left--;
      const buffer = this.#memory.byId(id);
      const cells = buffer.cells(element);
      const written = cells[index] as number | bigint;
      cells[index] = results[at] as number | bigint;
      this.#memory.note(buffer, element, index, written, cells[index] as number | bigint, true);
    }
  }

  /** As the supervisor does: makes every sleeper look again. `took` notes the step, given whom it wakes. */
  #wakeEverybody(took: (woke: readonly number[]) => void): void {
    const woken = this.threads.filter(isNotedSleeper);
    took(woken.map(({ id }) => id));
    for (const sleeper of woken) this.#wake(sleeper);
    // Who looked before and sleeps afterwards would miss it: the supervisor repeats the wake-up until everybody has looked.
    for (const other of this.threads) {
      if (other.state.status === Status.READY && !woken.includes(other)) other.state = other.state.told(this.steps.length);
    }
  }

  #wake(sleeper: ModelThread): void {
    sleeper.record(sleeper.state.pending as Op, "ok");
    sleeper.state = sleeper.state.woken(sleeper.ops.length, this.steps.length);
  }

  /** A thread that only looked has something new to see. */
  #stopSpinning(start: number, end: number): void {
    for (const thread of this.threads) {
      if (thread.state.spinsOn?.some((op) => op.start < end && start < op.end) !== true) continue;
      thread.state = thread.state.spinning(undefined, this.steps.length);
    }
  }

  #advance(thread: ModelThread, op: Op, result: unknown, idle = false): void {
    thread.record(op, result);
    thread.state = thread.state.did(thread.ops.length, this.steps.length, idle);
  }

  #took(
    thread: ModelThread,
    op: Op,
    deed: Deed,
    memory: Touch,
    queue: Touch,
    result: unknown,
    before?: Element,
    after?: Element,
    woke = NOBODY,
    quiet = false,
    lost = 0,
  ): void {
    const { start, end } = op;
    const everyQueue = (deed !== Deed.GO && memory === Touch.WRITE) || (deed === Deed.GO && op.kind === Kind.WAKE_ALL);
    const choice = choiceOf(thread.id, deed, lost);
    const isEndless = deed === Deed.GO && op.kind === Kind.WAIT && !op.naps && !this.may.canEnd(thread.state);
    this.steps.push({
      choice,
      thread: thread.id,
      op,
      memory,
      queue,
      start,
      end,
      everyQueue,
      isEndless,
      quiet,
      calls: 0,
      result,
      before,
      after,
      woke,
    });
  }
}

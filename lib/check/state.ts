/**
 * The state of one execution, and the steps that change it.
 *
 *     READY  -> wait, the value is as expected -> ASLEEP -> notify, timeout, no cause -> READY
 *     READY  -> the body returns -> DONE -> its end is told -> GONE          READY, ASLEEP, DONE -> death -> DEAD
 *
 * A sleeper's wait has no result until it is woken: then the result goes into its log, and it is READY.
 */
import { apply, isWrite, wrap } from "./effect.ts";
import { whyStuck } from "./failure.ts";
import { addressOf, type Image, type Memory, type SharedBuffer } from "./memory.ts";
import { Deed, END, Kind, Touch, choiceOf, deedOf, lostOf, type Op, type Step } from "./operation.ts";
import { ModelThread, Status, type ThreadState } from "./thread.ts";

/** How often things may befall the threads. */
export interface Limits {
  /** In one execution; more is the failure `step limit`. */
  readonly steps: number;
  /** In one execution. */
  readonly deaths: number;
  /** Whose; anybody's without it. */
  readonly mortal?: readonly number[] | undefined;
  /** Also where nobody could tell: where a thread has only looked since it could die last, and where it is done: see {@link State.choices}. */
  readonly everyDeath?: boolean;
  /** Is memory written through views that are not seen? Found out by a first try. */
  readonly unseen?: boolean;
  /** Do threads use ferrous, although the state has no object of it? Found out by a first try. */
  readonly known?: boolean;
  /** Do threads access memory plainly? Found out by a first try; then more steps depend on each other: see {@link dependent}. */
  readonly plain?: boolean;
  /** Do threads look at busy words before they sleep? */
  readonly spins: boolean;
  /** Per thread. */
  readonly spurious: number;
  readonly timeouts: number;
}

/** How the survivors of a ferrous thread hear of its death. */
export interface Undertaker {
  /** The word of its record that says whether it lives, and what stands there after its death. */
  life(thread: number): { buffer: SharedBuffer; element: number; index: number; dead: number };
  /** Are they threads of ferrous? Else nobody would hear. */
  readonly known: boolean;
}

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
  readonly deaths: number;
  readonly image: Image | undefined;
}

/** A thread may die before each of its last so many plain writes since its last step. */
const MOST_LOST = 1000;
const NOBODY: readonly number[] = [];
/** So often does the same nap (place, value and length) end by itself in one execution; who sleeps once more is stuck. */
const NAPS = 3;
type Element = number | bigint | undefined;

/** Does it sleep where the supervisor finds it? */
const isNotedSleeper = ({ state }: ModelThread): boolean => state.status === Status.ASLEEP && state.pending?.noted === true;

export class State {
  readonly threads: readonly ModelThread[];
  readonly steps: Step[] = [];
  readonly accesses: Access[] = [];
  readonly #memory: Memory;
  readonly #limits: Limits;
  readonly #undertaker: Undertaker;
  readonly #marks: Mark[] = [];
  #deaths = 0;
  /** Were there deaths that are not gone through, because a thread made too many plain writes in a row? */
  leftOut = false;

  constructor(names: readonly string[], memory: Memory, limits: Limits, undertaker: Undertaker) {
    this.threads = names.map((name, id) => new ModelThread(id, name));
    this.#memory = memory;
    this.#limits = limits;
    this.#undertaker = undertaker;
  }

  /** All that may happen next: first what threads would do themselves, then what may befall them. */
  choices(): number[] {
    const choices: number[] = [];
    for (const { id, state } of this.threads) {
      if (state.status === Status.READY && state.spinsOn === undefined) choices.push(choiceOf(id, Deed.GO));
    }
    for (const { id, state } of this.threads) {
      if (state.status !== Status.ASLEEP) continue;
      if (this.#canTimeOut(state)) choices.push(choiceOf(id, Deed.TIME_OUT));
      if (state.wakes < this.#limits.spurious) choices.push(choiceOf(id, Deed.WAKE));
    }
    // Time passes by itself only where nothing else can happen: a nap is too short to be told from what others do in it.
    if (choices.length === 0) {
      for (const { id, state } of this.threads) {
        if (state.status === Status.ASLEEP && this.#mayNap(id, state.pending as Op)) choices.push(choiceOf(id, Deed.TIME_OUT));
      }
    }
    if (choices.length === 0) this.#addEnds(choices);
    // A death alone makes no execution: where nothing else can happen, the survivors are stuck already.
    if (choices.length > 0 && this.#deaths < this.#limits.deaths) {
      for (const thread of this.threads) {
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
    const ended = this.threads.filter(({ state }) => state.status === Status.DONE);
    if (!this.#undertaker.known || ended.length === 0 || this.wokenInVain.length > 0) return;
    if ((whyStuck(this.threads, this.#memory)?.kind ?? "lost wake-up") === "lost wake-up") return;
    const looked = this.#looked();
    const sleeper = this.threads.find((thread) => isNotedSleeper(thread) && !looked.has(thread.id));
    if (sleeper !== undefined) choices.push(choiceOf(sleeper.id, Deed.WAKE));
    else for (const { id } of ended) choices.push(choiceOf(id, Deed.TIME_OUT));
  }

  /** Who was made to look since the last end was told, and at what each slept. */
  #looked(): Map<number, Op> {
    const looked = new Map<number, Op>();
    for (let at = this.steps.length - 1; at >= 0; at--) {
      const { quiet, choice, thread, op } = this.steps[at] as Step;
      if (!quiet) continue;
      if (op.kind === Kind.END) break;
      if (deedOf(choice) === Deed.WAKE && !looked.has(thread)) looked.set(thread, op);
    }
    return looked;
  }
  /** Whoever was made to look, and went on: nobody had woken it. */
  get wokenInVain(): readonly ModelThread[] {
    return this.threads.filter(({ id, state }) => {
      const slept = this.#looked().get(id);
      return slept !== undefined && !(state.status === Status.ASLEEP && state.pending?.start === slept.start);
    });
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
    let at = state.logged - 1;
    for (; state.status === Status.READY && at >= 0 && (ops[at] as Op).kind >= Kind.READ; at--) {
      const op = ops[at] as Op;
      if (op.kind !== Kind.WRITE) continue;
      // One that changed nothing might as well have been lost.
      if (wrap(op.element, op.a as number | bigint) !== results[at]) choices.push(choiceOf(id, Deed.DIE, lost));
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
  /** The threads that are done and could die next, as bits. */
  get late(): number {
    if (this.#deaths >= this.#limits.deaths) return 0;
    return this.threads.reduce((bits, thread) => bits | (this.isMortal(thread.id) && this.#isDoneButAlive(thread) ? 1 << thread.id : 0), 0);
  }
  /** Would a death wake somebody? */
  get hasNotedSleeper(): boolean {
    return this.threads.some(isNotedSleeper);
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
    const again = this.steps.filter(({ quiet, thread: who, op: { start, a, b } }) => {
      return quiet && who === thread && start === op.start && a === op.a && b === op.b;
    });
    return again.length < NAPS;
  }

  /** Is there nothing left to happen but that naps end? */
  get isQuiet(): boolean {
    return this.threads.every(({ state }) => {
      if (state.status === Status.READY) return state.spinsOn !== undefined;
      return state.status !== Status.ASLEEP || !this.#canEnd(state);
    });
  }
  /** Can its sleep end without anybody else? */
  #canEnd(state: ThreadState): boolean {
    return this.#canTimeOut(state) || state.wakes < this.#limits.spurious;
  }
  #canTimeOut(state: ThreadState): boolean {
    return state.timeouts < this.#limits.timeouts && state.pending?.b !== Infinity;
  }

  /** Notes where this execution stands, under the number of its next step. */
  mark(): void {
    this.#marks[this.steps.length] = {
      states: this.threads.map((thread) => thread.state),
      written: this.#memory.written,
      accesses: this.accesses.length,
      deaths: this.#deaths,
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
    this.steps.length = at;
    this.accesses.length = mark.accesses;
    this.#deaths = mark.deaths;
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
    const quiet = this.isQuiet && (late || thread.state.wakes >= this.#limits.spurious);
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
    this.#deaths++;
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
    const isEndless = deed === Deed.GO && op.kind === Kind.WAIT && !op.naps && !this.#canEnd(thread.state);
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

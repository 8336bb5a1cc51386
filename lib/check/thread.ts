/**
 * A modelled thread: ordinary synchronous code, suspended by throwing a private value out of its next operation, and resumed by
 * running it again from the start with the recorded results of its earlier operations.
 *
 *     live        the operations that have no recorded result yet are real ones
 *     lookahead   they are computed but not done: would this thread ever do anything but look? (see spin.ts)
 *     suspended   the private value is on its way out: whatever the code does now has no effect
 *
 * All that a thread knows is what its operations returned, so its local state is its log; a thread state is a length of the log.
 */
import { Kind, type Look, type Op } from "./operation.ts";
import { shorten } from "./shorten.ts";

/** GONE: it is done, and the others were told. */
export const Status = { READY: 0, ASLEEP: 1, DONE: 2, DEAD: 3, GONE: 4 } as const;
export type Status = (typeof Status)[keyof typeof Status];

const NONE: readonly number[] = [];

/** Where a thread stands; never changed, only replaced, so that going back is putting back. */
export class ThreadState {
  readonly status: Status;
  /** The operation that it will do when it is scheduled; a sleeper's wait. */
  readonly pending: Op | undefined;
  /** How much of its log there was, and from where on it did nothing but look. */
  readonly logged: number;
  readonly idleFrom: number;
  /** 1 + its own last step, and 1 + the step that woke it since; 0 for none. A sleeper's last step is the one that put it to sleep. */
  readonly last: number;
  readonly cause: number;
  /** How often a timeout ran out, or it woke without cause. */
  readonly timeouts: number;
  readonly wakes: number;
  /** 1 + each step since it last slept, such as a death, that made every sleeper look: each wakes it at once from one more sleep. */
  readonly news: readonly number[];
  /** For a thread that would only look at the same values for ever: what it looks at. */
  readonly spinsOn: readonly Op[] | undefined;
  /** What its body returned. */
  readonly result: unknown;

  // Positional, because this is made at every step, and spreading an object takes five times as long.
  private constructor(
    status: Status,
    pending: Op | undefined,
    logged: number,
    idleFrom: number,
    last: number,
    cause: number,
    timeouts: number,
    wakes: number,
    news: readonly number[],
    spinsOn: readonly Op[] | undefined,
    result: unknown,
  ) {
    this.status = status;
    this.pending = pending;
    this.logged = logged;
    this.idleFrom = idleFrom;
    this.last = last;
    this.cause = cause;
    this.timeouts = timeouts;
    this.wakes = wakes;
    this.news = news;
    this.spinsOn = spinsOn;
    this.result = result;
  }

  static readonly initial = new ThreadState(Status.READY, undefined, 0, 0, 0, 0, 0, 0, NONE, undefined, undefined);

  /** It has come to its next operation. */
  reached(pending: Op, logged: number): ThreadState {
    return new ThreadState(
      Status.READY,
      pending,
      logged,
      this.idleFrom,
      this.last,
      this.cause,
      this.timeouts,
      this.wakes,
      this.news,
      undefined,
      undefined,
    );
  }
  /** It has done its operation, as the step before `last`. */
  did(logged: number, last: number, idle: boolean): ThreadState {
    return new ThreadState(
      Status.READY,
      undefined,
      logged,
      idle ? this.idleFrom : logged,
      last,
      0,
      this.timeouts,
      this.wakes,
      this.news,
      undefined,
      undefined,
    );
  }
  /** Its wait, the step before `last`, has put it to sleep. */
  asleep(last: number): ThreadState {
    return new ThreadState(
      Status.ASLEEP,
      this.pending,
      this.logged,
      this.idleFrom,
      last,
      0,
      this.timeouts,
      this.wakes,
      this.news,
      undefined,
      undefined,
    );
  }
  /** The step before `cause` has woken it. */
  woken(logged: number, cause: number): ThreadState {
    return new ThreadState(
      Status.READY,
      undefined,
      logged,
      logged,
      this.last,
      cause,
      this.timeouts,
      this.wakes,
      NONE,
      undefined,
      undefined,
    );
  }
  /** Its wait was ended, as the step before `last`, by so many timeouts and wake-ups without cause. */
  gaveUp(logged: number, last: number, timeouts: number, wakes: number): ThreadState {
    return new ThreadState(
      Status.READY,
      undefined,
      logged,
      logged,
      last,
      0,
      this.timeouts + timeouts,
      this.wakes + wakes,
      this.news,
      undefined,
      undefined,
    );
  }
  /** It only looks, until the step before `cause` gives it something new to see. */
  spinning(spinsOn: readonly Op[] | undefined, cause = this.cause): ThreadState {
    return new ThreadState(
      this.status,
      this.pending,
      this.logged,
      this.idleFrom,
      this.last,
      cause,
      this.timeouts,
      this.wakes,
      this.news,
      spinsOn,
      undefined,
    );
  }
  /** The step before `at`, such as a death, made every sleeper look, and it did not sleep. */
  told(at: number): ThreadState {
    const { status, pending, logged, idleFrom, last, cause, timeouts, wakes, spinsOn, result } = this;
    const news = [...this.news, at];
    return new ThreadState(status, pending, logged, idleFrom, last, cause, timeouts, wakes, news, spinsOn, result);
  }
  /** It has done a wait that its oldest news ended at once. */
  heard(): ThreadState {
    const { status, pending, logged, idleFrom, last, timeouts, wakes, spinsOn, result } = this;
    const [cause = 0, ...news] = this.news;
    return new ThreadState(status, pending, logged, idleFrom, last, cause, timeouts, wakes, news, spinsOn, result);
  }
  ended(status: Status, logged: number, result: unknown): ThreadState {
    return new ThreadState(
      status,
      undefined,
      logged,
      logged,
      this.last,
      this.cause,
      this.timeouts,
      this.wakes,
      this.news,
      undefined,
      result,
    );
  }
}

/** What is thrown to suspend a thread. No error, so that no stack is captured, and nothing that code could mistake for its own. */
export const SUSPEND: unique symbol = Symbol("ferrous/check suspends this thread; let what you did not throw pass");

/** So often may a body catch {@link SUSPEND} in one run before its operations are answered with made-up values, to end its loop. */
const PATIENCE = 100;

export class ModelThread {
  readonly id: number;
  readonly name: string;
  state: ThreadState = ThreadState.initial;
  /** The log: operations and plain accesses in program order, and what they returned. */
  readonly ops: Op[] = [];
  readonly results: unknown[] = [];
  /** The next entry of the log that this run will meet. */
  cursor = 0;
  mode: "live" | "lookahead" | "suspended" = "live";
  /** How much time went by in this run as it asked for the time, and in its timeouts, in ms; how many random numbers it drew. */
  asked = 0;
  waited = 0;
  drawn = 0;
  /** How much went by when it last asked, and after how many operations that was: see {@link strideOf}. */
  stride = 1;
  askedAt = 0;
  /** CALL if its next operation is the first of a call: see history.ts. */
  calls = 0;
  /** Does its next wait end by itself? */
  naps = false;
  /** Is its next wait noted, so that a supervisor would make it look? */
  noted = false;
  /** Does it seem to go round? What it would do next, as far as `horizon` operations ahead: see spin.ts. */
  suspect = false;
  ahead: Look[] = [];
  horizon = 0;
  /** Does it look ahead to tell from where in the code it looks? Loops of which that is known already. */
  tells = false;
  readonly loops = new Set<string>();
  /** Rounds that it goes for ever, and looks of rounds that it gives up in the end. */
  readonly endless = new Set<string>();
  readonly givesUp = new Set<string>();
  /** How often a body caught what suspends it. */
  swallowed = 0;
  /** Plain reads of a look ahead. */
  peeks = 0;

  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  /** Has it written plainly since its last step? */
  get wroteLast(): boolean {
    const plain = this.ops.slice(this.ops.findLastIndex(({ kind }) => kind < Kind.READ) + 1);
    return plain.some(({ kind }) => kind === Kind.WRITE);
  }

  /** Before the body is run from its start. */
  restart(mode: "live" | "lookahead"): void {
    this.mode = mode;
    this.naps = this.noted = false;
    this.lookedAhead = mode === "lookahead";
    this.stride = 1;
    this.cursor = this.askedAt = this.asked = this.drawn = this.waited = this.swallowed = this.peeks = 0;
  }

  record(op: Op, result: unknown): void {
    this.ops.push(op);
    this.results.push(result);
  }

  /** Back to an earlier state of the same log. */
  rewind(state: ThreadState): void {
    this.state = state;
    shorten(this.ops, state.logged);
    shorten(this.results, state.logged);
  }

  /**
   * Throws the suspending value; after too many were caught, gives up and returns numbers: -1, 0, then -1, 0, 1, and so on, so that a
   * loop which waits for one of them ends.
   */
  suspend(): number {
    if (this.mode !== "suspended") this.whenSuspended();
    this.mode = "suspended";
    if (this.swallowed++ < PATIENCE) throw SUSPEND;
    if (++this.#invented > this.#most) {
      this.#invented = -1;
      this.#most++;
    }
    return this.#invented;
  }
  #invented = 0;
  #most = 0;

  /** Called before the code hears of it: what its finally blocks do is to have no effect. */
  whenSuspended: () => void = () => undefined;

  /** Was, or is, its run only a look ahead? */
  lookedAhead = false;

  get catchesAll(): boolean {
    return this.swallowed > PATIENCE;
  }
}

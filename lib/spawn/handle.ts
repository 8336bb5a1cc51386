/** The handle of a running thread: its end can be waited for, and gives the task's result or why there is none. */
/// <reference lib="esnext.disposable" preserve="true" />
import { host } from "#host";
import type { HostExit, Port } from "../host/host.ts";
import { deserialize } from "../host/packer-node.ts";
import { BlockingNotAllowedError, PanicError, TaskError, ThreadDiedError, type DeathReason } from "../errors.ts";
import { Word } from "../memory/word.ts";
import { Line } from "../park/line.ts";
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import { wait, type Attempt } from "../park/wait.ts";
import { arrivalError } from "../send/scan.ts";
import { NOT_SENDABLE } from "../send/refusals.ts";
import { arriving } from "../send/moving.ts";
import { decode } from "../send/transit.ts";
import { currentThread } from "../thread/current.ts";
import { requestKeep, requestTermination, supervisorFailure, watchSupervisor } from "../thread/supervision.ts";
import { NO_MAIL } from "../thread/shelf.ts";
import type { Letterbox } from "../thread/letterbox.ts";
import type { Registry } from "../thread/registry.ts";
import { Ending, type Holders } from "../thread/protocol.ts";
import { reportUnjoined, type Outcome } from "./outcome.ts";
import type { Thread } from "./thread.ts";

/**
 * A spawned thread. Dropping the handle detaches the thread, which runs on.
 * @example
 * const handle = spawn((n: number) => n * 2, 21);
 * handle.join(); // 42
 */
export class JoinHandle<R> implements AsyncDisposable {
  readonly thread: Thread;
  readonly #fate: Fate;
  readonly #end: Word;
  readonly #raised: Raised | undefined;
  readonly #isOnItsOwn = watchSupervisor();
  #line: Line | undefined;
  #settled: Settled | undefined;

  /** @internal `raised`: of a thread that is not the supervisor's child. */
  constructor(thread: Thread, cell: SharedArrayBuffer, post: Post, raised?: Raised) {
    this.thread = thread;
    this.#raised = raised;
    this.#end = Word.at(cell, 0);
    this.#fate = new Fate(thread, post);
    Fate.watch(this, this.#fate);
  }

  /**
   * Blocks this thread until the other has ended; all that it held is released or poisoned by then. Twice gives the same.
   * @returns what the task returned; a promise's value, if it was one
   * @throws {PanicError} the task threw; its cause is what it threw
   * @throws {ThreadDiedError} the thread ended otherwise
   * @throws {TaskError} the task's module could not be loaded, or has no task of that name
   * @throws {NotSendableError} what the task returned cannot be sent
   * @throws {DeadlockError} that thread waits for this one
   * @throws {TimeoutError} the time was over; the thread runs on
   * @throws {BlockingNotAllowedError} this is a page's main thread; or, in a browser, the result has shared memory in it, which reaches
   *                                   a thread only while it awaits {@link joinAsync}
   */
  join(opts?: WaitOptions): R {
    wait(this.#attempt, this, "join", opts);
    return this.#result();
  }

  /** As {@link join}, awaiting instead. */
  async joinAsync(opts?: AsyncWaitOptions): Promise<R> {
    this.#line ??= new Line();
    // Who has the result from a letter has closed the port: no message comes any more.
    const late = await this.#line.wait(
      this.#attempt,
      () => (this.wasJoined ? undefined : this.#fate.arrived(this.#end.load())),
      this,
      "join",
      opts,
    );
    if (late !== undefined) await late;
    if (this.#end.load() === Ending.FAILED) await this.#askItsParent();
    return this.#result();
  }

  /** Of a worker that this thread itself started, only its exit tells why it ended, if it did not say so itself. */
  async #askItsParent(): Promise<void> {
    const exit = this.#raised?.exit;
    if (exit === undefined) return;
    const alive = host.every(1000, () => undefined);
    const { outOfMemory, code, error } = await exit;
    alive.stop();
    if (!outOfMemory) this.#fate.unstarted = error;
    if (outOfMemory || code === 0) this.#end.compareExchange(Ending.FAILED, outOfMemory ? Ending.OUT_OF_MEMORY : Ending.EXIT);
  }

  /** Has the thread ended? */
  get isFinished(): boolean {
    return this.#end.load() !== Ending.RUNNING || this.#isOrphan();
  }

  /** Did somebody get the result, or the error, from this handle already? @internal */
  get wasJoined(): boolean {
    return this.#settled !== undefined;
  }

  /** Ends the thread wherever it is; what it held is poisoned. Resolves when no instruction of it can take effect any more. */
  async terminate(): Promise<void> {
    if (this.#raised === undefined) requestTermination(this.thread.id);
    else this.#raised.terminate();
    this.#line ??= new Line();
    await this.#line.wait(this.#attempt, () => undefined, this, "terminate", undefined);
  }

  /** Lets the process end although this thread still runs; {@link ref} takes that back. */
  unref(): this {
    requestKeep(this.thread.id, false);
    return this;
  }
  ref(): this {
    requestKeep(this.thread.id, true);
    return this;
  }

  /** Joins, as {@link joinAsync}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.joinAsync();
  }

  /** Its thread's outcome is told to one thread only. */
  get [NOT_SENDABLE](): "a JoinHandle belongs to the thread that spawned: send its result, or handle.thread" {
    return "a JoinHandle belongs to the thread that spawned: send its result, or handle.thread";
  }

  readonly #attempt: Attempt = () => {
    if (this.isFinished) return undefined;
    const isDead = !this.#registry.isAlive(this.thread.id);
    return { word: this.#end, value: Ending.RUNNING, ...(isDead ? { atMost: SOON_TOLD } : {}) };
  };

  /** Has it ended, or will it never begin, without a supervisor that could tell? One that a worker started ends with that worker, and its children before it. */
  #isOrphan(): boolean {
    if (!this.#isOnItsOwn() || this.#registry.isAlive(this.thread.id)) return false;
    this.#end.compareExchange(Ending.RUNNING, Ending.ORPHANED);
    this.#end.notify();
    return true;
  }
  get #registry(): Registry {
    return currentThread().registry;
  }

  #result(): R {
    if (this.#settled === undefined) {
      if (this.#fate.isOnItsWay) throw new BlockingNotAllowedError(`the result of ${describeThread(this.thread)}`, "join", NO_MAIL);
      this.#settled = this.#fate.settle(this.#end.load());
    }
    if ("error" in this.#settled) throw this.#settled.error;
    return this.#settled.value as R;
  }

  /** @internal */
  describe(): string {
    return `the end of ${describeThread(this.thread)}`;
  }
  /** @internal */
  get holders(): Holders {
    return { thread: this.thread.id };
  }
}

/** In ms: when to look again for the end of a thread that is known to be dead. */
const SOON_TOLD = 10;

type Settled = { readonly value: unknown } | { readonly error: unknown };

const describeThread = ({ id, name }: Thread): string => (name === "" ? `thread ${String(id)}` : `thread "${name}"`);

/** A thread in a worker that the spawner itself started. */
export interface Raised {
  terminate(): void;
  /** Its end, as only its parent hears of it, and only at its event loop; undefined where nobody does. */
  readonly exit: Promise<HostExit> | undefined;
}

/** How the outcome comes: by messages; and where a blocking thread receives none, as a letter too. */
export interface Post {
  readonly port: Port;
  readonly box: Letterbox | undefined;
}

/** What becomes of a thread, apart from its handle: so that a panic is reported even when nobody holds the handle any more. */
class Fate {
  readonly #thread: Thread;
  readonly #port: Port;
  readonly #box: Letterbox | undefined;
  /** The outcomes that were received at the event loop, if they come there only. */
  #received = 0;
  #last: Outcome | undefined;
  #tell: (() => void) | undefined;
  /** What its worker failed with, as only that one's parent hears it: a thread that has begun tells it itself. */
  unstarted: unknown;

  constructor(thread: Thread, { port, box }: Post) {
    this.#thread = thread;
    this.#port = port;
    this.#box = box;
    if (box === undefined) return;
    port.listen((message) => {
      this.#received++;
      this.#last = message as Outcome;
      this.#tell?.();
    });
  }

  /** Is there an outcome that can only come by a message, and has not come? */
  get isOnItsWay(): boolean {
    return this.#isLate && this.#box?.look() === undefined;
  }
  get #isLate(): boolean {
    return this.#box !== undefined && this.#received < this.#box.count;
  }
  /** Of an outcome that is on its way, when it has come. */
  arrived(ending: number): Promise<void> | undefined {
    if (!this.#isLate || ending === Ending.UNSTARTED) return undefined;
    return new Promise((resolve) => {
      this.#tell = () => {
        if (!this.#isLate) resolve();
      };
    });
  }

  /** Somebody joins: reads the outcome, which came before the end. */
  settle(ending: number): Settled {
    forget(this);
    const name = describeThread(this.#thread);
    try {
      const outcome = ending === Ending.UNSTARTED ? undefined : this.#outcome();
      if (outcome === undefined) return { error: new ThreadDiedError(name, reasonOf(ending), this.#causeOf(ending)) };
      if (outcome.type === "result") return { value: arriving("counted", () => decode(outcome.value)) };
      const error = arriving("counted", () => decode(outcome.error));
      if (outcome.type === "refused") return { error };
      return { error: outcome.type === "panic" ? new PanicError(name, error) : new ThreadDiedError(name, outcome.reason, error) };
    } catch (error) {
      // Too deep, or a handle of a kind that is not known here. Kept, so that joining twice gives the same.
      return { error: arrivalError("the task's result", error) };
    } finally {
      this.#port.close();
    }
  }

  /** What is known of an end of which the thread itself told nothing. */
  #causeOf(ending: number): Error | undefined {
    if (ending === Ending.ORPHANED) return supervisorFailure() ?? new Error(ORPHANED);
    const told = ending === Ending.UNSTARTED ? new TextDecoder().decode(this.#box?.look()) : this.unstarted;
    if (told === undefined) return undefined;
    const why = `it could not be started: ${String(told)}`;
    return this.unstarted === undefined ? new TaskError(why) : new TaskError(why, { cause: this.unstarted });
  }

  /** The last word counts: an error that the thread's own handler caught is told too, and then its result. */
  #outcome(): Outcome | undefined {
    if (this.#box !== undefined) {
      const letter = this.#isLate ? this.#box.look() : undefined;
      return letter === undefined ? this.#last : (deserialize(letter) as Outcome);
    }
    let last: Outcome | undefined;
    for (let got = this.#port.poll(); got !== undefined; got = this.#port.poll()) last = got.message as Outcome;
    return last;
  }

  /** The process ends, and nobody has joined. */
  report(): void {
    const outcome = this.#outcome();
    if (outcome !== undefined) reportUnjoined(describeThread(this.#thread), outcome);
  }

  /** The handle was dropped: the thread is detached, and its panic is reported as soon as it comes. */
  detach(): void {
    if (!unjoined.has(this)) return;
    if (this.#last !== undefined) {
      forget(this);
      reportUnjoined(describeThread(this.#thread), this.#last);
      return;
    }
    this.#port.listen((message) => {
      forget(this);
      reportUnjoined(describeThread(this.#thread), message as Outcome);
      this.#port.close();
    });
    this.#port.onClose(() => {
      forget(this);
    });
  }

  static watch(handle: object, fate: Fate): void {
    if (unjoined.size === 0) stopReporting = host.onExit(reportAll);
    unjoined.add(fate);
    dropped.register(handle, fate);
  }
}

const unjoined = new Set<Fate>();
let stopReporting: () => void = () => undefined;
const dropped = new FinalizationRegistry<Fate>((fate) => {
  fate.detach();
});
function forget(fate: Fate): void {
  if (unjoined.delete(fate) && unjoined.size === 0) stopReporting();
}
function reportAll(): void {
  for (const fate of unjoined) fate.report();
}

const ORPHANED =
  "its supervisor ended, most likely with the worker that had started it: let the main thread await attach() before workers use ferrous";

function reasonOf(ending: number): DeathReason {
  switch (ending) {
    case Ending.EXIT:
      return "exit";
    case Ending.TERMINATED:
      return "terminated";
    case Ending.OUT_OF_MEMORY:
      return "out-of-memory";
    default:
      return "unknown";
  }
}

/** Starting threads. */
import { host } from "#host";
import type { HostExit, ResourceLimits } from "../host/host.ts";
import { life } from "../host/life-node.ts";
import { TaskError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";
import { explainRefusal, isStackOverflow } from "../send/scan.ts";
import { Moves } from "../send/moving.ts";
import { encodeAll } from "../send/transit.ts";
import type { SendArgs, SendResult } from "../send/send.ts";
import { currentThread } from "../thread/current.ts";
import { Letterbox } from "../thread/letterbox.ts";
import { causeOf, requestAdoption, requestSpawn, requestTermination, tellUnstarted } from "../thread/supervision.ts";
import { supervise } from "../thread/starter.ts";
import { inlineSource } from "./capture.ts";
import { JoinHandle, type Raised } from "./handle.ts";
import { checkThreadOptions, type ThreadOptions } from "./options.ts";
import type { Boot, Call, Start, Work } from "./outcome.ts";
import { evaluatedModule, originOf } from "./task.ts";
import { Thread } from "./thread.ts";

/** What can be spawned: a function that takes `A` and whose result, once its thread has awaited it, may be sent back. */
export type Spawnable<A extends readonly unknown[], R> = ((...args: A) => R) & SendResult<NoInfer<R>>;
type AnyFunction = (...args: never[]) => unknown;

/**
 * Starts a thread that calls `fn` with these arguments. Arguments and result are copied, but for shared memory and ferrous objects,
 * which arrive as what they are. In Node, `process.env` and the environment data of all threads are as they were at the first spawn.
 *
 * @param fn    a {@link task}, or an inline function, which is sent as text and may use nothing of its surroundings
 * @param args  what it is called with; each must be Send
 * @returns     a handle to join it, twice if you like
 * @throws {CaptureError} the inline function uses variables of its surroundings; no thread was started
 * @throws {NotSendableError} an argument cannot be sent; no thread was started
 * @throws {TooManyThreadsError} there are 1,024 threads already
 * @throws {TaskError} called while a new thread evaluates its module: guard it with `Thread.isMain`
 * @example
 * const handle = spawn((n: number) => n * 2, 21);
 * handle.join(); // 42
 */
export function spawn<A extends readonly unknown[], R>(fn: Spawnable<A, R>, ...args: SendArgs<A>): JoinHandle<Awaited<R>> {
  return start({}, fn, args);
}

/** Threads with a name, with limits, or made by a bundler's worker. */
export class ThreadBuilder {
  readonly #options: ThreadOptions;

  /**
   * @throws {TypeError} the options, or one of them, are of another type
   * @throws {RangeError} a limit is no number of MB above 0, a stack smaller than 0.25 MB, or it or a code range larger than 2^20
   */
  constructor(options: ThreadOptions = {}) {
    checkThreadOptions(options);
    this.#options = options;
  }

  /**
   * As {@link spawn}.
   * @throws {TypeError} the function `worker` returned no worker, or one that has ended or is a thread already
   */
  spawn<A extends readonly unknown[], R>(fn: Spawnable<A, R>, ...args: SendArgs<A>): JoinHandle<Awaited<R>> {
    return start(this.#options, fn, args);
  }
}

/** @internal */
export function start<R>(options: ThreadOptions, fn: AnyFunction, args: readonly unknown[]): JoinHandle<R> {
  const call = callOf(fn);
  refuseForkBomb(call);
  checkThreadOptions(options);
  const { name = "" } = options;
  const { movables, ...encoded } = encodeAll(args, argument);
  supervise();
  const { id: me, registry } = currentThread();
  const id = registry.claim(me);
  registry.setName(id, name);
  const [outcome, theirs] = host.channel();
  const box = host.polls ? undefined : new Letterbox();
  const work: Work = { call, args: encoded };
  const born: Newborn = {
    id,
    name,
    cell: new SharedArrayBuffer(8),
    box: box?.buffer,
    start: { outcome: theirs.native, ...(box === undefined ? {} : { box: box.buffer, work }) },
    transfer: [theirs.native, ...(box === undefined ? [] : encoded.transfer)],
  };
  let raised: Raised | undefined;
  // Counted as the new thread's before it can run; if it never does, its death takes them.
  const moves = new Moves(movables).begin({ thread: id });
  try {
    if (box === undefined) outcome.postMessage(work, encoded.transfer);
    if (options.worker === undefined) request(born, options.resourceLimits);
    else raised = raise(born, options.worker);
  } catch (error) {
    registry.markDead(id);
    outcome.close();
    moves.undo();
    throw isCloneError(error) || isStackOverflow(error) ? explainRefusal(args, argument, error) : error;
  }
  moves.end(`to ${registry.describe(id)}`);
  return new JoinHandle(new Thread(id, name), born.cell, { port: outcome, box }, raised);
}

const argument = (at: number): string => `argument ${String(at + 1)} of spawn()`;
const isCloneError = (error: unknown): boolean => (error as { name?: unknown } | undefined)?.name === "DataCloneError";

/** A thread that has an id, and nothing else yet. */
interface Newborn {
  readonly id: number;
  readonly name: string;
  readonly cell: SharedArrayBuffer;
  readonly box: SharedArrayBuffer | undefined;
  readonly start: Start;
  readonly transfer: readonly object[];
}

/** Asks the supervisor for a thread. */
function request(born: Newborn, resourceLimits: ResourceLimits | undefined): void {
  requestSpawn({ ...born, boot: host.bootFile, ...(resourceLimits === undefined ? {} : { resourceLimits }) });
}

/** Starts a thread in a worker that only the caller's bundler knows how to make. */
function raise({ id, name, cell, box, start, transfer }: Newborn, make: () => unknown): Raised {
  const worker = host.watch(requireWorker(make()));
  const [mine, theirs] = host.channel();
  // Before the thread can run: it must find itself alive.
  currentThread().registry.beginUnwatched(id, worker.platformId);
  try {
    worker.postMessage({ ferrous: "start", id, lifeline: theirs.native, start, cell } satisfies Boot, [theirs.native, ...transfer]);
  } catch (error) {
    worker.terminate();
    throw error;
  }
  requestAdoption({ id, name, cell, box }, mine, () => {
    worker.terminate();
  });
  const exit = new Promise<HostExit>((resolve) => {
    worker.onExit(resolve);
  });
  // Elsewhere its line tells, whatever ended it.
  if (life !== undefined) {
    void exit.then((how) => {
      tellUnstarted(id, causeOf(how, "new Worker(...) in the function that makes this worker must lead to it"));
    });
  }
  return {
    exit: life === undefined ? exit : undefined,
    terminate: () => {
      requestTermination(id);
      worker.terminate();
    },
  };
}

/** The workers that have been made threads. */
const used = new WeakSet();

/** @throws {TypeError} it is no worker, or one that can become a thread no more */
function requireWorker(made: unknown): object {
  const { postMessage, terminate, on, addEventListener, threadId } = (made ?? {}) as Partial<Record<string, unknown>>;
  const hears = life === undefined ? on : addEventListener;
  const wanted = "the worker of a thread is a function that makes a new Worker each time it is called, () => new Worker(...)";
  if ([postMessage, terminate, hears].some((method) => typeof method !== "function"))
    throw new TypeError(`${wanted}${life === undefined ? " of node:worker_threads" : ""}; it returned ${kindOf(made)}.`);
  if (used.has(made as object)) throw new TypeError(`${wanted}; it returned one that was given to a thread before.`);
  if (typeof threadId === "number" && threadId < 0) throw new TypeError(`${wanted}; it returned one that has ended already.`);
  used.add(made as object);
  return made as object;
}

function callOf(fn: AnyFunction): Call {
  if (typeof fn !== "function") throw new TypeError(`spawn() needs a function, a task or an inline one; it was given ${kindOf(fn)}.`);
  return originOf(fn) ?? { source: inlineSource(fn) };
}

function refuseForkBomb(call: Call): void {
  const module = evaluatedModule();
  if (module === undefined) return;
  const what = "name" in call ? `task "${call.name}"` : "an inline function";
  throw new TaskError(
    `${module} spawns ${what} while a new thread is evaluating it, so every thread would start another one for ever. ` +
      `Spawn inside a function, or under \`if (Thread.isMain)\`.`,
  );
}

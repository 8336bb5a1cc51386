/** Starting threads. */
import { host } from "#host";
import type { HostWorker, ResourceLimits } from "../host/host.ts";
import { NotSendableError, TaskError } from "../errors.ts";
import { encodeAll } from "../send/transit.ts";
import type { SendArgs, SendResult } from "../send/send.ts";
import { currentThread } from "../thread/current.ts";
import { requestAdoption, requestSpawn, supervise } from "../thread/lifeline.ts";
import { inlineSource } from "./capture.ts";
import { JoinHandle } from "./handle.ts";
import type { Boot, Call, Start } from "./outcome.ts";
import { evaluatedModule, originOf } from "./task.ts";
import { Thread } from "./thread.ts";

/** How a thread is to be made. */
export interface ThreadOptions {
  /** What messages and debuggers call it; `Thread.current().name` inside. At most 64 bytes of UTF-8 are kept. */
  readonly name?: string;
  /** Limits of its memory, in MB: past them it dies alone, of "out-of-memory". */
  readonly resourceLimits?: ResourceLimits;
  /** For bundlers: `() => new Worker(new URL("ferrous/worker", import.meta.url))`. The thread then ends with the one that spawned it. */
  readonly worker?: () => unknown;
}

/** What a task returns, once its thread has awaited it. */
export type Result<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never;
type AnyFunction = (...args: never[]) => unknown;

/**
 * Starts a thread that calls `fn` with these arguments. Arguments and result are copied, but for shared memory and ferrous objects,
 * which arrive as what they are.
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
export function spawn<F extends AnyFunction>(fn: F & SendResult<F>, ...args: SendArgs<Parameters<F>>): JoinHandle<Result<F>> {
  return start({}, fn, args);
}

/** Threads with a name, with limits, or made by a bundler's worker. */
export class ThreadBuilder {
  readonly #options: ThreadOptions;

  constructor(options: ThreadOptions = {}) {
    this.#options = options;
  }

  /** As {@link spawn}. */
  spawn<F extends AnyFunction>(fn: F & SendResult<F>, ...args: SendArgs<Parameters<F>>): JoinHandle<Result<F>> {
    return start(this.#options, fn, args);
  }
}

/** @internal */
export function start<R>(options: ThreadOptions, fn: AnyFunction, args: readonly unknown[]): JoinHandle<R> {
  const call = callOf(fn);
  refuseForkBomb(call);
  const encoded = encodeAll(args, (at) => `argument ${String(at + 1)} of spawn()`);
  supervise();
  const { id: me, registry } = currentThread();
  const id = registry.claim(me);
  const name = options.name ?? "";
  registry.setName(id, name);
  const [outcome, theirs] = host.channel();
  const cell = new SharedArrayBuffer(4);
  const given: Start = { call, args: encoded, outcome: theirs.native };
  const transfer = [theirs.native, ...encoded.transfer];
  try {
    if (options.worker === undefined) {
      const boot = new URL("./boot.js", import.meta.url).href;
      const { resourceLimits } = options;
      requestSpawn({ id, name, cell, boot, start: given, transfer, ...(resourceLimits === undefined ? {} : { resourceLimits }) });
    } else {
      raise(host.watch(options.worker()), id, name, cell, given, transfer);
    }
  } catch (error) {
    registry.markDead(id);
    throw error instanceof TypeError ? error : new NotSendableError("the arguments of spawn()", (error as Error).message, error);
  }
  return new JoinHandle(new Thread(id, name), cell, outcome);
}

/** Starts a thread in a worker that only the caller's bundler knows how to make. */
function raise(worker: HostWorker, id: number, name: string, cell: SharedArrayBuffer, start: Start, transfer: readonly object[]): void {
  const [mine, theirs] = host.channel();
  currentThread().registry.begin(id, worker.platformId);
  requestAdoption(id, name, cell, mine);
  worker.postMessage({ ferrous: "start", id, lifeline: theirs.native, start } satisfies Boot, [theirs.native, ...transfer]);
}

function callOf(fn: AnyFunction): Call {
  if (typeof fn !== "function") throw new TypeError(`spawn() needs a function, a task or an inline one; it was given ${typeof fn}.`);
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

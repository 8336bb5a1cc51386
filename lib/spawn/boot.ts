/** What a thread of ours runs first: takes its name and its lifeline, calls the task, tells the outcome, ends. */
import { host } from "#host";
import type { Port } from "../host/host.ts";
import { serialize } from "../host/packer-node.ts";
import { NotSendableError, TaskError } from "../errors.ts";
import { Word } from "../memory/word.ts";
import { arrivalError, explainRefusal, isStackOverflow } from "../send/scan.ts";
import { arriving, Moves } from "../send/moving.ts";
import { decode, encode, type Departing, type Encoded } from "../send/transit.ts";
import { assumeThread, currentThread } from "../thread/current.ts";
import { Letterbox } from "../thread/letterbox.ts";
import { holdLife, passOn, takeLifeline } from "../thread/lifeline.ts";
import { LEAVING } from "../thread/protocol.ts";
import { leaveOwnRegistry } from "../thread/registry.ts";
import { knowAllKinds } from "./kinds.ts";
import { reportUnjoined, type Boot, type Outcome, type Work } from "./outcome.ts";
import { loadTask } from "./task.ts";

const isBoot = (data: unknown): data is Boot => (data as Partial<Boot> | null | undefined)?.ferrous === "start";

/** Runs this thread's task, and ends the thread when it has settled. */
export async function boot(): Promise<void> {
  knowAllKinds();
  const data = isBoot(host.startData) ? host.startData : await host.firstMessage();
  if (!isBoot(data)) return;
  // What locks of its own it had is good here too.
  const left = leaveOwnRegistry();
  const { id, registry } = assumeThread(data.id);
  if (!registry.isItsChild(id)) {
    // Its supervisor may die with it, or before it: whoever asks must be able to ask the kernel.
    registry.nameOsThread(id, host.osThread());
  }
  takeLifeline(data.lifeline);
  try {
    await holdLife();
  } catch (error) {
    // As what nobody caught: nothing else is heard yet of this thread, which has never begun.
    setTimeout(() => {
      throw error;
    });
    return;
  }
  const { cell } = data;
  if (cell !== undefined) host.onExit(() => Word.at(cell, LEAVING).store(1));
  const { outcome, box } = data.start;
  const port = host.openPort(outcome);
  const work = data.start.work ?? (port.poll()?.message as Work);
  const teller = new Teller(port, box === undefined ? undefined : new Letterbox(box));
  host.onUncaught((error, isRejection) => {
    teller.tell(died(error, isRejection));
    passOn();
  });
  const early = left?.firstStatic;
  if (early === undefined) await run(work, teller);
  else teller.tell({ type: "refused", error: encodeThrown(earlyStatic(early)) });
  passOn();
  // Not left to the event loop: a thread ends with its task, and its timers with it.
  host.exit(teller.failed ? 1 : 0);
}

/** It would be another cell than that of all other threads. */
const earlyStatic = (name: string): TaskError =>
  new TaskError(
    `static "${name}" is declared at the top level of a module of this thread's bundle, which is evaluated before the thread knows its page: ` +
      `declare it inside of a function.`,
  );

/** Each step fails in its own way: what goes wrong before the task is called, or after it returned, is no panic of the task. */
async function run({ call, args }: Work, teller: Teller): Promise<void> {
  let fn: (...args: unknown[]) => unknown;
  let given: unknown[];
  try {
    fn = "source" in call ? evaluate(call.source) : ((await loadTask(call)) as typeof fn);
    given = arriving("counted", () => decode(args)) as unknown[];
  } catch (error) {
    return teller.tell({ type: "refused", error: encodeThrown(arrivalError("an argument of spawn()", error)) });
  }
  let result: unknown;
  try {
    result = await fn(...given);
  } catch (error) {
    return teller.tell(died(error, false));
  }
  try {
    const value = moving(encode(result, RESULT));
    teller.tell({ type: "result", value }, value.transfer);
  } catch (error) {
    const refusal = error instanceof NotSendableError ? error : explainRefusal([result], () => RESULT, error);
    teller.tell({ type: "refused", error: encodeThrown(refusal) });
  }
}

/** Ends of channels in it are the joiner's from now on, who is most likely the spawner. This thread will not use them any more. */
function moving({ movables, ...encoded }: Departing): Encoded {
  const { id, registry } = currentThread();
  new Moves(movables).begin({ thread: registry.spawnerOf(id) }).end("with what its thread returned");
  return encoded;
}

const RESULT = "the task's result";

/** Indirectly: the text sees globals only, as it was checked to. */
function evaluate(source: string): (...args: unknown[]) => unknown {
  try {
    return (0, eval)(source) as (...args: unknown[]) => unknown;
  } catch (error) {
    if ((error as { name?: unknown } | undefined)?.name !== "EvalError") throw error;
    throw new TaskError(
      "an inline function is sent as text, and to evaluate text is forbidden here, by this page's Content-Security-Policy or by " +
        "--disallow-code-generation-from-strings: make it a task(), or allow 'unsafe-eval'.",
      { cause: error },
    );
  }
}

/** The line to the JoinHandle. */
class Teller {
  readonly #port: Port;
  readonly #box: Letterbox | undefined;
  failed = false;

  constructor(port: Port, box: Letterbox | undefined) {
    this.#port = port;
    this.#box = box;
  }

  tell(outcome: Outcome, transfer: readonly object[] = []): void {
    const letter = this.#box === undefined || transfer.length > 0 ? undefined : bytesOf(outcome);
    // Last in the box: whoever finds it there knows that the message was sent.
    this.#port.postMessage(outcome, transfer);
    this.#box?.leave(letter);
    this.failed = outcome.type !== "result";
    const { id, registry } = currentThread();
    // The thread that had the handle is gone, and its report with it.
    const isHeard = registry.isAlive(registry.spawnerOf(id));
    if (this.failed && !isHeard) reportUnjoined(registry.describe(id), outcome);
  }
}

/** Undefined for what has shared memory in it. */
function bytesOf(outcome: Outcome): Uint8Array | undefined {
  try {
    return serialize(outcome);
  } catch {
    return undefined;
  }
}

function died(thrown: unknown, isRejection: boolean): Outcome {
  const error = encodeThrown(thrown);
  if (isStackOverflow(thrown)) return { type: "died", reason: "stack-overflow", error };
  return isRejection ? { type: "died", reason: "unhandled-rejection", error } : { type: "panic", error };
}

/** Anything may be thrown, even what cannot cross. */
function encodeThrown(thrown: unknown): Encoded {
  try {
    const encoded = moving(encode(thrown, "what the task threw"));
    // Once more than the port will, so that it cannot fail there.
    structuredClone(encoded);
    return encoded;
  } catch (refusal) {
    return encode(new Error(`it threw something that cannot cross: ${(refusal as Error).message}`), "what the task threw");
  }
}

void boot();

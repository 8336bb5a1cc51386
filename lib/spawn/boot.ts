/** What a thread of ours runs first: takes its name and its lifeline, calls the task, tells the outcome, ends. */
import { host } from "#host";
import { FerrousError } from "../errors.ts";
import { decode, encode, type Encoded } from "../send/transit.ts";
import { assumeThread } from "../thread/current.ts";
import { takeLifeline } from "../thread/lifeline.ts";
import type { Boot, Call, Outcome } from "./outcome.ts";
import { loadTask } from "./task.ts";
// The kinds that an argument may be: an inline function imports none of them.
import "../sync/atomic.ts";
import "../sync/cancel-flag.ts";
import "../sync/mutex.ts";
import "./thread.ts";

const isBoot = (data: unknown): data is Boot => (data as Partial<Boot> | null | undefined)?.ferrous === "start";

/** Runs this thread's task, and ends the thread when it has settled. */
export async function boot(): Promise<void> {
  const data = isBoot(host.startData) ? host.startData : await host.firstMessage();
  if (!isBoot(data)) return;
  assumeThread(data.id);
  takeLifeline(data.lifeline);
  const port = host.openPort(data.start.outcome);
  const tell = (outcome: Outcome, transfer: readonly object[]): void => {
    port.postMessage(outcome, transfer);
  };
  host.onUncaught((error, isRejection) => {
    tell(outcomeOf(error, isRejection), []);
  });
  try {
    const fn = await load(data.start.call);
    const result: unknown = await fn(...(decode(data.start.args) as unknown[]));
    const value = encode(result, "the task's result");
    tell({ type: "result", value }, value.transfer);
  } catch (error) {
    tell(outcomeOf(error, false), []);
    host.exit(1);
  }
  // Not left to the event loop: a thread ends with its task, and its timers with it.
  host.exit(0);
}

async function load(call: Call): Promise<(...args: unknown[]) => unknown> {
  if ("source" in call) return (0, eval)(call.source) as (...args: unknown[]) => unknown;
  return (await loadTask(call)) as (...args: unknown[]) => unknown;
}

const OURS = new Set(["TASK", "NOT_SENDABLE", "HANDLE"]);

function outcomeOf(thrown: unknown, isRejection: boolean): Outcome {
  const error = encodeThrown(thrown);
  if (thrown instanceof FerrousError && OURS.has(thrown.code)) return { type: "refused", error };
  if (isStackOverflow(thrown)) return { type: "died", reason: "stack-overflow", error };
  if (isRejection) return { type: "died", reason: "unhandled-rejection", error };
  return { type: "panic", error };
}

/** Anything may be thrown, even what cannot cross. */
function encodeThrown(thrown: unknown): Encoded {
  try {
    return encode(thrown, "what the task threw");
  } catch (refusal) {
    return encode(new Error(`it threw something that cannot cross: ${(refusal as Error).message}`), "what the task threw");
  }
}

const isStackOverflow = (thrown: unknown): boolean => thrown instanceof RangeError && thrown.message.startsWith("Maximum call stack size");

void boot();

/** What a thread says of its end, over the port that leads to its JoinHandle. */
import { host } from "#host";
import type { DeathReason } from "../errors.ts";
import { decode, type Encoded } from "../send/transit.ts";
import { messageOf } from "../send/words.ts";
import type { TaskOrigin } from "./task.ts";

/** What a new thread shall call. */
export type Call = TaskOrigin | { readonly source: string };

/** What a new thread shall do. */
export interface Work {
  readonly call: Call;
  readonly args: Encoded;
}

/** What a new thread is given. */
export interface Start {
  /** Waits in the channel of the outcome, if messages can be received at once: large arguments would keep the supervisor busy, and deaths unheard. */
  readonly work?: Work;
  /** Where the outcome goes. */
  readonly outcome: object;
  /** And where it lies too, for a thread that joins by blocking, if such a thread receives no messages. */
  readonly box?: SharedArrayBuffer;
}

/** What the supervisor, or the starter of a bundler's worker, gives to a new thread. */
export interface Boot {
  readonly ferrous: "start";
  readonly id: number;
  readonly lifeline: object;
  readonly start: Start;
  /** Where it says that it ends by itself: to a worker that is not the supervisor's child. See {@link LEAVING}. */
  readonly cell?: SharedArrayBuffer;
}

export type Outcome =
  | { readonly type: "result"; readonly value: Encoded }
  /** The task threw. */
  | { readonly type: "panic"; readonly error: Encoded }
  /** Something of ours went wrong, and is thrown as it is: a task that is not there, a result that cannot be sent. */
  | { readonly type: "refused"; readonly error: Encoded }
  | { readonly type: "died"; readonly reason: DeathReason; readonly error: Encoded };

/** One report on stderr, of a thread that failed and that nobody will join. */
export function reportUnjoined(thread: string, outcome: Outcome): void {
  if (outcome.type === "result") return;
  const verb = outcome.type === "died" ? `died (${outcome.reason})` : "panicked";
  host.warn(`ferrous: ${thread} ${verb}, and nobody joined it:\n${textOf(outcome.error)}`);
}

/** Its stack, if it is an error; for a report there is always a text. */
function textOf(thrown: Encoded): string {
  let error: unknown;
  try {
    error = decode(thrown);
    const { stack } = (error ?? {}) as { stack?: unknown };
    if (typeof stack === "string") return stack;
  } catch (refusal) {
    error = refusal;
  }
  return messageOf(error);
}

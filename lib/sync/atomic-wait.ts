/** Sleeping on an atomic's own value: futex style, with nothing between the value and the sleeper. */
import type { WaitOutcome, Word } from "../memory/word.ts";
import type { Word64 } from "../memory/word64.ts";
import { Line } from "../park/line.ts";
import { isTimeOver, type AsyncWaitOptions, type WaitOptions } from "../park/limits.ts";
import { wait, type Attempt } from "../park/wait.ts";

/** Who sleeps on which word while it has which value. */
export interface SleeperOn {
  readonly word: Word | Word64;
  /** As the word holds it: signed. */
  readonly value: number | bigint;
  readonly what: string;
}

export function waitOn(sleeper: SleeperOn, opts: WaitOptions | undefined): WaitOutcome {
  const sleep = new OnValue(sleeper);
  try {
    wait(sleep.attempt, sleep, "wait", opts);
    // A cancellation wakes every sleeper, this one too: then it was no notification that ended the wait.
    if (sleep.outcome === "ok" && opts?.signal?.cancelled === true && sleeper.word.load() === sleeper.value) throw opts.signal.reason;
    return sleep.outcome;
  } catch (error) {
    if (isTimeOver(error, opts)) return "timed-out";
    throw error;
  }
}

export async function waitAsyncOn(sleeper: SleeperOn, opts: AsyncWaitOptions | undefined): Promise<WaitOutcome> {
  const sleep = new OnValue(sleeper);
  try {
    // A line of its own: a count given to notify() counts every task that waits.
    return await new Line().wait(sleep.attempt, () => sleep.outcome, sleep, "wait", opts);
  } catch (error) {
    if (isTimeOver(error, opts)) return "timed-out";
    throw error;
  }
}

class OnValue {
  readonly #sleeper: SleeperOn;
  outcome: WaitOutcome = "not-equal";

  constructor(sleeper: SleeperOn) {
    this.#sleeper = sleeper;
  }

  describe(): string {
    return this.#sleeper.what;
  }

  readonly attempt: Attempt = ({ wakes }) => {
    const { word, value } = this.#sleeper;
    if (wakes > 0) this.outcome = "ok";
    return wakes > 0 || word.load() !== value ? undefined : { word, value, isExact: true };
  };
}

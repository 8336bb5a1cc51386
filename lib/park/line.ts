/**
 * The driver that awaits: the tasks of one thread that wait for one object stand in line in this thread's heap, and only the
 * first of them contends with other threads.
 *
 *     #first <-> ... <-> #last      doubly linked, so that an aborted task leaves in O(1) and leaves nothing behind
 *     #armed                        the word on which one Atomics.waitAsync is pending for the whole line
 *
 * No wake-up is lost: the line is noted in AWAITING before its first task attempts, so a death is told to it after that attempt or
 * seen by it. A pending waitAsync belongs to the line, not to the task that started it: a task that gives up leaves it to the
 * next one, and the last one to leave wakes everybody, since a wake-up may already be on its way to nobody.
 */
import { host } from "#host";
import { currentThread, ownField } from "../thread/current.ts";
import { onLook } from "../thread/lifeline.ts";
import { Field } from "../thread/registry.ts";
import { TimeoutError } from "../errors.ts";
import { onAbort } from "./abort.ts";
import { abortSignalOf, timeoutOf, type AsyncWaitOptions } from "./limits.ts";
import { endWaits, whenChanged } from "./change-node.ts";
import { sliceNow, type Attempt, type Awaited, type Sleep, type SleepWord, type Waiter } from "./wait.ts";

/** One task in line. */
interface Task {
  readonly attempt: Attempt;
  readonly waiter: Waiter;
  /** The attempt succeeded: gives the task what it waited for, or the reason why it can't have it. */
  readonly succeed: () => void;
  readonly fail: (reason: unknown) => void;
  before: Task | undefined;
  after: Task | undefined;
}

export class Line {
  #first: Task | undefined;
  #last: Task | undefined;
  #armed: SleepWord | undefined;
  #napsUntil: number | undefined;

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /**
   * Stands in line until the attempt succeeds; resolves to what `grant` returns, which is called at that very moment, so that
   * nobody can leave between having it and knowing it.
   * @param giveUp  called when the task leaves without having succeeded: takes back what its attempts have marked
   * @throws {TimeoutError} the time was over
   */
  wait<T>(
    attempt: Attempt,
    grant: () => T,
    awaited: Awaited,
    verb: string,
    opts: AsyncWaitOptions | undefined,
    giveUp?: () => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timeout = timeoutOf(opts);
      const signal = abortSignalOf(opts);
      if (signal?.aborted === true) throw signal.reason;
      let timer: ReturnType<typeof setTimeout> | undefined;
      let forget: (() => void) | undefined;
      const settle = (): void => {
        clearTimeout(timer);
        forget?.();
      };
      const task: Task = {
        attempt,
        waiter: { me: currentThread().id, blocks: false, wakes: 0 },
        succeed: () => {
          settle();
          try {
            resolve(grant());
          } catch (error) {
            reject(error);
          }
        },
        fail: (reason) => {
          settle();
          giveUp?.();
          reject(reason);
        },
        before: undefined,
        after: undefined,
      };
      // With nobody in line there may be nothing to wait for. If this throws, the promise rejects.
      if (this.isEmpty && attempt(task.waiter) === undefined) {
        task.succeed();
        return;
      }
      const leave = (reason: unknown): void => {
        this.#unlink(task);
        task.fail(reason);
        this.#advance();
      };
      if (signal !== undefined) {
        forget = onAbort(signal, () => {
          leave(signal.reason);
        });
      }
      this.#append(task);
      // Who has no time to wait finds out at once whether those before it have got theirs: the notification may be on its way.
      if (this.#first === task || timeout === 0) this.#advance();
      if (timeout === 0 && this.#contains(task)) leave(new TimeoutError(awaited.describe(), verb, timeout));
      else if (timeout <= MAX_TIMER && this.#contains(task)) {
        timer = setTimeout(() => {
          // The last chance: what freed it may have come in this very turn of the event loop.
          this.#advance();
          if (this.#contains(task)) leave(new TimeoutError(awaited.describe(), verb, timeout));
        }, timeout);
      }
    });
  }

  /** Lets the first task attempt, and the next when it succeeded; then waits for the word of the one that did not. */
  #advance(): void {
    for (let task = this.#first; task !== undefined; task = this.#first) {
      try {
        const sleep = task.attempt(task.waiter);
        if (sleep !== undefined) {
          const isArmed = this.#armed !== undefined && isSame(this.#armed, sleep.word);
          if (!isArmed && !this.#arm(sleep)) continue;
          if (sleep.atMost !== undefined) this.#nap(sleep.atMost);
          return;
        }
        this.#unlink(task);
        task.succeed();
      } catch (error) {
        this.#unlink(task);
        task.fail(error);
      }
    }
  }

  /** False if the word has changed already. */
  #arm({ word, value, isExact }: Sleep): boolean {
    const woken = (): void => {
      if (this.#armed === word) this.#armed = undefined;
      this.#woken();
    };
    if (!whenChanged(word, value, woken, isExact)) return false;
    const before = this.#armed;
    this.#armed = word;
    // What the first task waits for has changed: the other word's pending wait is ended.
    if (before !== undefined) endWaits(before);
    return true;
  }

  /** Lets the first task look again after so many ms, unless it is going to look sooner. */
  #nap(ms: number): void {
    const until = performance.now() + ms;
    if (this.#napsUntil !== undefined && this.#napsUntil <= until) return;
    this.#napsUntil = until;
    host.later(ms, () => {
      if (this.#napsUntil === until) this.#napsUntil = undefined;
      this.#woken();
    });
  }

  readonly #woken = (): void => {
    if (this.#first !== undefined) this.#first.waiter.wakes++;
    this.#advance();
  };
  /** For a cause that no word tells: a death, or the end of a slice. */
  readonly #lookAgain = (): void => {
    this.#advance();
  };

  #contains(task: Task): boolean {
    return this.#first === task || task.before !== undefined;
  }

  #append(task: Task): void {
    task.before = this.#last;
    if (this.#last === undefined) {
      this.#first = task;
      waiting.add(this.#lookAgain);
    } else this.#last.after = task;
    this.#last = task;
  }

  #unlink(task: Task): void {
    if (!this.#contains(task)) return;
    if (task.before === undefined) this.#first = task.after;
    else task.before.after = task.after;
    if (task.after === undefined) this.#last = task.before;
    else task.after.before = task.before;
    task.before = undefined;
    if (this.#first === undefined) {
      waiting.remove(this.#lookAgain);
      if (this.#armed !== undefined) endWaits(this.#armed);
    }
  }
}

/** By place: some attempts make a fresh face of the same word each time. */
const isSame = (a: SleepWord, b: SleepWord): boolean => a.byteOffset === b.byteOffset && a.buffer === b.buffer;

/** The longest time that a platform's timer can be set to, in ms: 24.8 days. Longer ones are as good as none. */
const MAX_TIMER = 0x7fff_ffff;

/** All lines of this thread in which somebody stands: kept alive, told of deaths, and looked after in slices. */
const waiting = {
  lines: new Set<() => void>(),
  ticker: undefined as { stop(): void } | undefined,
  slice: 0,

  add(look: () => void): void {
    if (this.lines.size === 0) {
      onLook(lookAtAll);
      this.tick();
    }
    this.lines.add(look);
    ownField(Field.AWAITING).add(1);
  },
  remove(look: () => void): void {
    this.lines.delete(look);
    ownField(Field.AWAITING).sub(1);
    if (this.lines.size > 0) return;
    this.ticker?.stop();
    this.ticker = undefined;
  },

  /** Keeps the process alive too, which a pending waitAsync does not. */
  tick(): void {
    this.ticker?.stop();
    this.slice = sliceNow();
    this.ticker = host.every(this.slice, lookAtAll);
  },
};

function lookAtAll(): void {
  for (const look of [...waiting.lines]) look();
  // Looks come more often once nobody would tell of a death.
  if (waiting.ticker !== undefined && sliceNow() !== waiting.slice) waiting.tick();
}

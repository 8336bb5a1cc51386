/**
 * Happens-before over the steps of one execution: program order, dependence (see {@link dependent}), and being woken.
 *
 * One row a step, one number a thread: 1 + the last step of that thread which happens before this one, or is it; 0 for none.
 */
import { dependent, type Step } from "../operation.ts";
import type { ThreadState } from "../thread.ts";

/** Many a check has no longer executions. */
const FIRST_ROWS = 32;

export class Clocks {
  readonly #threads: number;
  #rows: Int32Array;

  constructor(threads: number) {
    this.#threads = threads;
    this.#rows = new Int32Array(threads * FIRST_ROWS);
  }

  /** Is step `a` before or equal to the later step `b`? `thread` is a's. */
  ordered(a: number, thread: number, b: number): boolean {
    return (this.#rows[b * this.#threads + thread] as number) > a;
  }

  /**
   * Computes the row of step `at` from the earlier ones. Calls `race` for each step that this one is in a race with: dependent,
   * of another thread, and with nothing between the two; latest first.
   */
  advance(steps: readonly Step[], at: number, state: ThreadState, race: (other: number) => void): void {
    const n = this.#threads;
    if (this.#rows.length < (at + 1) * n) this.#grow();
    const step = steps[at] as Step;
    const row = at * n;
    this.#rows.fill(0, row, row + n);
    if (step.quiet) {
      for (let other = 0; other < at; other++) this.#join(row, other);
    }
    if (state.last > 0) this.#join(row, state.last - 1);
    if (state.cause > 0) this.#join(row, state.cause - 1);
    // Per thread only its latest dependent step matters; bits of `open` are threads whose latest was not met yet.
    let open = ((1 << n) - 1) & ~(1 << step.thread);
    for (let other = at - 1; other >= 0 && open !== 0; other--) {
      const { thread } = steps[other] as Step;
      if ((open & (1 << thread)) === 0) continue;
      if (this.ordered(other, thread, at)) {
        open &= ~(1 << thread);
      } else if (dependent(steps[other] as Step, step)) {
        open &= ~(1 << thread);
        race(other);
        this.#join(row, other);
      }
    }
    this.#rows[row + step.thread] = at + 1;
  }

  #join(row: number, other: number): void {
    const rows = this.#rows;
    const from = other * this.#threads;
    for (let thread = 0; thread < this.#threads; thread++) {
      if ((rows[from + thread] as number) > (rows[row + thread] as number)) rows[row + thread] = rows[from + thread] as number;
    }
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
  }
}

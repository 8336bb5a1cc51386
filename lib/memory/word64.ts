/** One 64-bit cell of shared memory, signed, on which threads can sleep; otherwise as {@link Word}. */
import { Cell } from "./cell.ts";
import { makeView, viewOf } from "./views.ts";
import type { WaitOutcome } from "./word.ts";

export class Word64 extends Cell<bigint> {
  readonly #cells: BigInt64Array<SharedArrayBuffer>;
  readonly #at: number;

  /** The cell number `at` of a view. To open one by its place, see {@link Word64.at}. */
  constructor(cells: BigInt64Array<SharedArrayBuffer>, at: number) {
    super(cells, at);
    this.#cells = cells;
    this.#at = at;
  }

  /** The word at a place that was checked before: aligned to 8 bytes, inside the buffer. */
  static at(buffer: SharedArrayBuffer, byteOffset: number): Word64 {
    return new Word64(
      viewOf("BigInt64", buffer, (all) => makeView("BigInt64", all)),
      byteOffset / 8,
    );
  }

  /** Blocks this thread while the word is `expected`, for at most `ms`. Drivers only: see park/wait.ts. */
  wait(expected: bigint, ms: number): WaitOutcome {
    return Atomics.wait(this.#cells, this.#at, expected, ms);
  }
  /** As {@link wait}, without blocking: a string at once, or a promise. It does not keep the process alive. */
  waitAsync(expected: bigint): { async: false; value: "not-equal" | "timed-out" } | { async: true; value: Promise<"ok" | "timed-out"> } {
    return Atomics.waitAsync(this.#cells, this.#at, expected);
  }
  /** Wakes at most `count` sleepers of this word, oldest first; returns how many. */
  notify(count = Infinity): number {
    return Atomics.notify(this.#cells, this.#at, count);
  }
}

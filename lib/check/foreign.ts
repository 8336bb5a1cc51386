/**
 * Plain stores through views from before the world are not seen, so running a thread again does them again. Therefore each
 * segment of a thread, from one operation to the next, gets the bytes that it first saw when it is repeated, and the present is
 * put back when the thread has caught up. What its finally blocks store while it is being suspended is undone, too. Buffers of the
 * world need none of this: their views are watched.
 */
import type { Image, Memory } from "./memory.ts";
import type { ModelThread } from "./thread.ts";

export class Segments {
  readonly #memory: Memory;
  /** Per thread and length of its log: the bytes at the start of the segment that follows. */
  readonly #first: (Image | undefined)[][] = [];
  /** Per run that is under way, innermost last: the present, until its thread has caught up with it. */
  readonly #present: (Image | undefined)[] = [];
  /** The same for what the thread left when it was suspended. */
  readonly #left: (Image | undefined)[] = [];

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** A thread begins a run. */
  enter(thread: ModelThread): void {
    const run = this.#present.push(undefined) - 1;
    this.#left.push(undefined);
    thread.whenSuspended = () => {
      this.#left[run] = this.#memory.image();
    };
    if (this.#memory.foreign.length === 0) return;
    this.#present[this.#present.length - 1] = this.#memory.image();
    this.repeat(thread);
  }

  /** A run is over. What the code did while it was suspended is undone; after a look ahead, all that it did. */
  leave(thread: ModelThread): void {
    const [present, left] = [this.#present.pop(), this.#left.pop()];
    this.#memory.restore(left);
    if (thread.lookedAhead) this.#memory.restore(present);
  }

  /** The thread begins a segment that it has run before, or, at the end of its log, a new one. */
  repeat(thread: ModelThread): void {
    if (this.#memory.foreign.length === 0) return;
    const isNew = thread.cursor === thread.ops.length && thread.state.pending === undefined && !thread.lookedAhead;
    if (isNew) {
      this.caughtUp(thread);
      this.begin(thread);
    } else {
      this.#memory.restore(this.#first[thread.id]?.[thread.cursor]);
    }
  }

  /** The thread has come to the operation that it was suspended at. */
  caughtUp(thread: ModelThread): void {
    if (this.#memory.foreign.length === 0 || thread.lookedAhead) return;
    this.#memory.restore(this.#present.at(-1));
    this.#present[this.#present.length - 1] = undefined;
  }

  /** The thread begins a new segment. */
  begin(thread: ModelThread): void {
    if (this.#memory.foreign.length === 0) return;
    (this.#first[thread.id] ??= [])[thread.cursor] = this.#memory.image();
  }
}

/** What the two sides of a channel know of it, as one thread has it. */
import type { Cargo } from "./cargo.ts";
import { type Flags } from "./position.ts";
import { type Queue } from "./queue.ts";
import type { Roll, Side } from "./roll.ts";

export interface PipeShape {
  /** The most messages at a time; 0: each is handed from thread to thread; Infinity: as many as there are bytes for. */
  readonly capacity: number;
  readonly maxBytes: number;
  /** How long a ring that can grow is at first. */
  readonly firstBytes: number;
  readonly name: string | undefined;
}

export interface Face {
  readonly shape: PipeShape;
  readonly cargo: Cargo;
  readonly queue: Queue;
  /** Who has ends. */
  readonly roll: Roll;
  /** Do messages lie in the queue as they are, one as long as the other? */
  readonly isQuick: boolean;
  /** Of a channel without capacity. */
  readonly demand: { readonly isThere: boolean } | undefined;
  /** One more end in this thread; `counted`: the roll knows already. */
  open(side: Side, counted: boolean): void;
  /** One less. */
  close(side: Side): void;
  /** Asks again whether this thread is alone on a side; who is not alone now may be later. */
  lookAround(side: Side): void;
  /** Rings the bells of those who have such ends, and may sleep on several channels. */
  ring(side: Side): void;
  /** Those whom a change of HEAD has told of. */
  wakeSenders(flags: Flags): void;
  /** As messages call it. */
  describe(): string;
}

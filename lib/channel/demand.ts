/**
 * Who waits to be handed a message, of a channel without capacity: trySend puts only if somebody does. Whoever is told of here leaves
 * only after one more look; who leaves first says so, inside the senders' gate, and looks second.
 */
import { currentId } from "../thread/current.ts";
import type { Face } from "./face.ts";
import { Side, type Roll } from "./roll.ts";

export class Demand {
  readonly #pipe: Face;
  readonly #roll: Roll;
  /** How many tasks and calls of this thread wait. */
  #count = 0;

  constructor(pipe: Face, roll: Roll) {
    this.#pipe = pipe;
    this.#roll = roll;
  }

  get isThere(): boolean {
    return this.#roll.has(Side.RECEIVERS);
  }

  enter(): void {
    if (this.#count++ > 0) return;
    this.#roll.add(currentId(), Side.RECEIVERS);
    // Who waits to send something in a select looks at the demand.
    this.#pipe.ring(Side.SENDERS);
  }
  /** Inside RX, while the message is there: nothing can be put because of this demand any more. */
  end(): void {
    if (--this.#count === 0) this.#roll.remove(currentId(), Side.RECEIVERS);
  }
  /** Who may still have seen the demand is inside the senders' gate: after that, nothing is put because of it. */
  leave(): void {
    if (--this.#count > 0) return;
    const me = currentId();
    const { tx } = this.#pipe.queue;
    tx.enter(me, this.#pipe, "receive from");
    this.#roll.remove(me, Side.RECEIVERS);
    tx.leave(me);
  }
}

/** What both ends of a channel have in common: they belong to one thread, are closed once, and can move. */
import { NotSendableError, ReleasedError } from "../errors.ts";
import { HANDLE, type HandleBody } from "../send/handle.ts";
import { MOVE, type Movable, type Move } from "../send/moving.ts";
import { currentThread } from "../thread/current.ts";
import { Pipe } from "./pipe.ts";
import { handleBody } from "./open.ts";
import { Side } from "./roll.ts";
import type { Source } from "./source.ts";

/** How an end is made of a pipe; `isCounted`: the pipe knows of it already. */
export interface EndState<P extends Source = Source> {
  readonly pipe: P;
  /** Sends one message only, and is closed by it. */
  readonly once: boolean;
  /** It belongs to the thread that set up a check, which never ends. */
  readonly lent: boolean;
}

/** An end that was dropped without being closed closes once it is collected: a backstop, and no more. */
const dropped = new FinalizationRegistry<{ readonly pipe: Source; readonly side: Side }>(({ pipe, side }) => {
  pipe.close(side);
});

/** One end. */
export abstract class End<P extends Source = Source> implements Movable {
  readonly #side: Side;
  #state: EndState<P> | undefined;
  /** What became of it, for messages. */
  #fate = "was closed: it can be used no more. Clone an end that is still open.";
  readonly #what: string;

  protected constructor(state: EndState<P>, side: Side) {
    this.#state = state;
    this.#side = side;
    this.#what = `the ${side === Side.SENDERS ? "sender" : "receiver"} of ${state.pipe.describe()}`;
    if (!state.lent && !currentThread().modelled) dropped.register(this, { pipe: state.pipe, side }, this);
  }

  /** @throws {ReleasedError} it was closed, or has moved */
  protected get state(): EndState<P> {
    const state = this.#state;
    if (state === undefined) throw new ReleasedError(this.#what, this.#fate);
    return state;
  }
  protected get isOpen(): boolean {
    return this.#state !== undefined;
  }
  protected get pipe(): P {
    return this.state.pipe;
  }

  /** How many messages wait in the channel now; 0 if it has no capacity. */
  get length(): number {
    return this.pipe.length;
  }
  /** How many messages it holds at most: Infinity if it was made without a number, 0 if each is handed over. */
  get capacity(): number {
    return this.pipe.capacity;
  }
  /** Has the other side no end any more? Messages that were sent before may still be there. */
  get disconnected(): boolean {
    const { pipe } = this;
    return pipe.isDisconnected(this.#side);
  }

  /** Closes this end; twice is harmless. A side whose last end was closed is gone for good, and the other side is told. */
  close(): void {
    const state = this.#state;
    if (state === undefined) return;
    this.#state = undefined;
    if (state.lent) return;
    dropped.unregister(this);
    state.pipe.close(this.#side);
  }
  [Symbol.dispose](): void {
    this.close();
  }

  #channel(): EndState<Pipe> {
    const { pipe, ...rest } = this.state;
    if (pipe instanceof Pipe) return { pipe, ...rest };
    throw new NotSendableError(this.#what, "it is of its thread: make another there.");
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { pipe, once } = this.#channel();
    return handleBody(pipe, this.#side, once);
  }

  /** An end that is sent belongs to the receiver. */
  [MOVE](): Move {
    const { pipe } = this.#channel();
    const side = this.#side;
    const { roll } = pipe;
    /** Is it counted as being anywhere? */
    let travels = false;
    return {
      hold: () => {
        pipe.open(side, false);
      },
      release: () => {
        pipe.close(side);
      },
      begin: (to) => {
        pipe.share(side);
        if (to !== "anywhere" && "thread" in to) roll.add(to.thread, side);
        else if (!travels && (to === "anywhere" || !roll.embark(side, to))) {
          roll.depart(side);
          travels = true;
        }
      },
      undo: (to) => {
        if (to !== "anywhere" && "thread" in to) roll.remove(to.thread, side);
        else if (travels) roll.arrive(side);
        else if (to !== "anywhere") roll.stay(side, to);
        travels = false;
      },
      keep: () => {
        pipe.keep(side);
      },
      end: (where) => {
        this.#fate = `was moved ${where}: it belongs there now. Send a clone() if you need one on both sides.`;
        this.close();
      },
    };
  }
}

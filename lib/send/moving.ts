/**
 * Objects that move: the ends of channels belong to one thread at a time, and an end that is sent belongs to the receiver. Whoever sends
 * counts it at its new place first, and takes it from the old one when nothing can fail any more.
 */

/** Under this key an object tells how it moves. */
export const MOVE: unique symbol = Symbol("ferrous move");

/** A message in the queue of a channel: the channel's number, and the message's place, see channel/places.ts. */
export interface Berth {
  readonly queue: number;
  readonly place: number;
  /** How many messages are to be taken before the one at that place; -1 if it is not in this queue. */
  readonly ahead: (place: number) => number;
}
/** Where an object goes: to a thread; into a message, with which it may perish; or nowhere in particular, to whoever opens it. */
export type Destination = { readonly thread: number } | Berth | "anywhere";

/** One object on its way. */
export interface Move {
  /** Until `release` it is this thread's, even if it is closed meanwhile. */
  hold(): void;
  release(): void;
  /** Counts it there; again of another berth. */
  begin(to: Destination): void;
  /** It has gone: here it can be used no more. `where` says where it went, for messages. */
  end(where: string): void;
  /** It was not sent after all. */
  undo(to: Destination): void;
  /** It stays where it is, and each thread may have a clone of it from now on, of which nobody is told. */
  keep(): void;
}
export interface Movable {
  [MOVE](): Move;
}

export const isMovable = (value: unknown): value is Movable => typeof value === "object" && value !== null && MOVE in value;

/** A message that is being taken out of the queue of a channel. */
export interface Unloading {
  readonly queue: number;
  /** Is that its place? */
  readonly isAt: (place: number) => boolean;
  /** What is to be done when it is out. */
  readonly then: (() => void)[];
}
/**
 * How the objects that are opened now have come: counted as this thread's already; on their way until now, in some message or anywhere; as
 * clones of one that stays where it is, such as in a static; or not moved at all, as what all threads of a check are given.
 */
export type Arrival = "counted" | "cloned" | "lent" | "anywhere" | Unloading;
let arrival: Arrival = "anywhere";

/** Opens what came by some way. */
export function arriving<R>(how: Arrival, open: () => R): R {
  const before = arrival;
  arrival = how;
  try {
    return open();
  } finally {
    arrival = before;
  }
}
export const howArrived = (): Arrival => arrival;

/** Objects that are being sent: none of them has moved until all have. */
export class Moves {
  readonly #moves: readonly Move[];
  #to: Destination = "anywhere";
  /** So many of them are held, and counted there. */
  #held = 0;
  #begun = 0;

  constructor(movables: readonly Movable[]) {
    this.#moves = movables.map((movable) => movable[MOVE]());
  }
  /** For a wait that others of this thread's code may go on beside: until they go or stay they are this thread's, even if they are closed. */
  hold(): this {
    try {
      for (; this.#held < this.#moves.length; this.#held++) (this.#moves[this.#held] as Move).hold();
    } catch (error) {
      this.#release();
      throw error;
    }
    return this;
  }
  #release(): void {
    while (this.#held > 0) (this.#moves[--this.#held] as Move).release();
  }
  /** Counts them there. */
  begin(to: Destination): this {
    this.#to = to;
    try {
      for (this.#begun = 0; this.#begun < this.#moves.length; this.#begun++) (this.#moves[this.#begun] as Move).begin(to);
    } catch (error) {
      this.back();
      throw error;
    }
    return this;
  }
  /** Counts them there no more. */
  back(): void {
    while (this.#begun > 0) (this.#moves[--this.#begun] as Move).undo(this.#to);
  }
  /** They have gone. */
  end(where: string): void {
    for (const move of this.#moves) move.end(where);
    this.#release();
  }
  /** They were not sent after all. */
  undo(): void {
    this.back();
    this.#release();
  }
}

/** Moves all of them while `send` sends them; none if it throws, or returns false. */
export function moveAll<R>(movables: readonly Movable[], to: Destination, where: string, send: () => R): R {
  if (movables.length === 0) return send();
  const moves = new Moves(movables).begin(to);
  let sent: R | false = false;
  try {
    sent = send();
  } finally {
    if (sent === false) moves.undo();
    else moves.end(where);
  }
  return sent;
}

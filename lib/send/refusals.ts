/** Objects that must stay in their thread say so, and why, under this key: a guard is proof that *this* thread holds a lock. */
export const NOT_SENDABLE: unique symbol = Symbol("ferrous: not sendable");

/** An object that cannot go to another thread, with the sentence that says why. */
export interface NotSendable {
  readonly [NOT_SENDABLE]: string;
}

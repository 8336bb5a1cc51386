/** What a receiver receives from: a channel, or the passing of time. */
import type { AsyncWaitOptions, WaitOptions } from "../park/limits.ts";
import type { Sleep } from "../park/wait.ts";
import type { Receiving, Waiting } from "./call.ts";
import type { Side } from "./roll.ts";

export interface Source {
  readonly length: number;
  readonly capacity: number;
  /** Is {@link takeOne} worth trying? */
  readonly isQuick: boolean;
  /** What was taken by {@link takeOne}. */
  readonly one: unknown;
  open(side: Side, counted: boolean): void;
  close(side: Side): void;
  isDisconnected(side: Side): boolean;
  /** Takes one message the quickest way, if that can be done at once. */
  takeOne(): boolean;
  /** As {@link takeOne}, for a while. */
  takeSoon(): boolean;
  /** Takes what is there, if nobody is in the way. */
  takeQuickly(box: Receiving): boolean;
  /** Takes what is there. @throws {DisconnectedError} there is nothing, and never will be */
  tryTake(box: Receiving): boolean;
  take(box: Receiving, opts: WaitOptions | undefined): void;
  takeAsync(box: Receiving, opts: AsyncWaitOptions | undefined): Promise<void>;
  attemptTake(box: Receiving, waiter: Waiting): Sleep | undefined;
  /** The value of a message. */
  unpack(item: unknown): unknown;
  /** The value of a message, or a promise of it. */
  unpackAsync(item: unknown): unknown;
  /** The next call that receives throws this, for a message that was taken behind others and cannot be opened. */
  owe(error: unknown): void;
  describe(): string;
}

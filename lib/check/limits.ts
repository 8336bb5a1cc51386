/** What a check lets happen, and who would hear of it. */
import type { SharedBuffer } from "./memory.ts";

/** How often things may befall the threads. */
export interface Limits {
  /** In one execution; more is the failure `step limit`. */
  readonly steps: number;
  /** In one execution. */
  readonly deaths: number;
  /** Whose; anybody's without it. */
  readonly mortal?: readonly number[] | undefined;
  /** Also where nobody could tell: where a thread has only looked since it could die last, and where it is done: see {@link Choices.all}. */
  readonly everyDeath?: boolean;
  /** Is memory written through views that are not seen? Found out by a first try. */
  readonly unseen?: boolean;
  /** Do threads use ferrous, although the state has no object of it? Found out by a first try. */
  readonly known?: boolean;
  /** Do threads access memory plainly? Found out by a first try; then more steps depend on each other: see {@link dependent}. */
  readonly plain?: boolean;
  /** Do threads look at busy words before they sleep? */
  readonly spins: boolean;
  /** Per thread. */
  readonly spurious: number;
  readonly timeouts: number;
}

/** How the survivors of a ferrous thread hear of its death. */
export interface Undertaker {
  /** The word of its record that says whether it lives, and what stands there after its death. */
  life(thread: number): { buffer: SharedBuffer; element: number; index: number; dead: number };
  /** Are they threads of ferrous? Else nobody would hear. */
  readonly known: boolean;
}

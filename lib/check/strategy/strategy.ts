/**
 * A strategy says what each execution does, and which is the next.
 */
import type { Chooser, Machine } from "../machine.ts";

export interface Strategy extends Chooser {
  /** After an execution: from which step another one departs, and with what; undefined when there is none. */
  next(machine: Machine): { readonly at: number; readonly choice?: number } | undefined;
  /** Once {@link next} has none left: has it seen every inequivalent execution? */
  readonly complete: boolean;
  /** Does it leave out executions that are equivalent to others? */
  readonly reduces?: boolean;
}

/**
 * Which run of a modelled thread this is. The checker runs a thread's code again and again, each time from its start, where nothing
 * of an earlier run may be left.
 */
export interface Run {
  /** Is it the code that started the modelled threads? */
  readonly isMain: boolean;
}

let run: Run | undefined;

/** None outside of the checker. */
export const currentRun = (): Run | undefined => run;

/** Is in this run until the returned function is called. @internal */
export function enterRun(next: Run): () => void {
  const before = run;
  run = next;
  return () => {
    run = before;
  };
}

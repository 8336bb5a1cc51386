/** Does the search end in everything that a program can end in? Asked of an interpreter of its own: two searches of the checker's would share its faults. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Status } from "../../lib/check/thread.ts";
import { explore } from "./exploring.ts";
import { endsOf, lookingProgram, program, run, words, type Fates, type Program } from "./interpreter.ts";

const STUCK: readonly number[] = [Status.READY, Status.ASLEEP];
type End = [words: number[], threads: [status: number, seen?: unknown][]];
const isStuck = (end: string): boolean => (JSON.parse(end) as End)[1].some(([status]) => STUCK.includes(status));

/** Everything that the search ends in, as the interpreter tells it. */
function searched(threads: Program, fates: Fates): Set<string> {
  const { ends } = explore(
    { setup: words, threads: threads.map((each) => run(each)) },
    (cells) => Array.from(cells),
    true,
    fates,
    false,
    false,
  );
  const told = [...ends].map((end) => {
    const [memory, states] = JSON.parse(end) as End;
    const threadEnds = states.map(([status, seen]) => (status === Status.GONE || status === Status.DONE ? [Status.DONE, seen] : [status]));
    return JSON.stringify([memory, threadEnds]);
  });
  return new Set(told);
}

describe.each<[number, string, Fates, programs?: fc.Arbitrary<Program>]>([
  [1000, "as they are", {}],
  [300, "with timeouts", { timeouts: 1 }],
  [300, "with wake-ups without cause", { spurious: 1 }],
  [200, "with a death", { deaths: 1 }],
  [100, "with timeouts and a death", { timeouts: 1, deaths: 1 }],
  [150, "of one thread that looks, some of it in loops", {}, lookingProgram],
])("the search of %i programs, %s", (numRuns, _, fates, programs = program) => {
  it("ends in everything that an interpreter finds, and in nothing else", () => {
    let compared = 0;
    fc.assert(
      fc.property(programs, (threads) => {
        const found = endsOf(threads, fates);
        if (found === undefined) return;
        compared++;
        const ends = searched(threads, fates);
        for (const end of ends) expect(found).toContain(end);
        // Who is stuck is not killed, since that is a failure already: then deaths elsewhere may not be gone through.
        const failed = [...found].some(isStuck);
        if (failed && fates.deaths !== undefined) expect([...ends].some(isStuck)).toBe(true);
        else for (const end of found) expect(ends).toContain(end);
      }),
      { numRuns, seed: 11 },
    );
    expect(compared).toBeGreaterThan(numRuns / 2);
  });
});

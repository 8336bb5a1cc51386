/** The registry while several threads write the same record: who is counted, and for whose generation is it said who watches? */
import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type Scenario } from "../../lib/check/index.ts";
import { Field, MAX_THREADS, Registry } from "../../lib/thread/registry.ts";

const DEAD = 3;
const SPENT = (0xffff << 2) | DEAD;

interface State {
  readonly registry: Registry;
  /** Claimed; begun, and counted, if the scenario says so. */
  readonly first: number;
}

/** A registry with one index, whose cursor stands before it. */
function withOne(begun: boolean): State {
  const registry = Registry.create();
  for (let index = 1; index < MAX_THREADS; index++) registry.field(index, Field.LIFE).store(SPENT);
  registry.cursor.store(0);
  const first = registry.claim();
  if (begun) registry.beginUnwatched(first, 7);
  registry.cursor.store(0);
  return { registry, first };
}

/** Uses the index again as soon as its thread is dead; here nobody waits for that. */
function succeed({ registry, first }: State): void {
  if ((registry.field(first, Field.LIFE).load() & 3) !== DEAD) return;
  registry.beginUnwatched(registry.claim(), 8);
}
const bury = ({ registry, first }: State): void => void registry.markDead(first);
const watch = ({ registry, first }: State): void => {
  registry.setWatched(first);
};
const begin = ({ registry, first }: State): boolean => registry.beginUnwatched(first, 7);
const drop = ({ registry, first }: State): void => {
  registry.drop(first);
};

/** As many are counted as live and are not watched. */
function isEven({ registry, first }: State): void {
  const living = [...registry.living()];
  expect(registry.unwatched.load()).toBe(living.filter((id) => !registry.isWatched(id)).length);
  // Whom nobody greeted for, nobody watches.
  for (const id of living) if (id !== first) expect(registry.isWatched(id)).toBe(false);
}

describe("in every interleaving, as many threads are counted as nobody watches, and who is watched has said so itself", () => {
  it.each<[string, boolean, Scenario<State>["threads"]]>([
    ["a death, and the next thread of its index", true, [bury, succeed]],
    ["a death, told by two, and the next thread of its index", true, [bury, bury, succeed]],
    ["a greeting that comes too late, and the next thread of its index", true, [bury, watch, succeed]],
    ["a claim that is dropped while its thread begins", false, [bury, begin]],
    ["a claim that is given up while its thread begins", false, [drop, begin]],
    ["a thread that begins while it is watched already", false, [watch, begin]],
  ])("%s", (_, begun, threads) => {
    const report = check({ setup: () => withOne(begun), threads, after: isEven });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });
});

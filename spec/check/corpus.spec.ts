import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { counters } from "./corpus/counters.ts";
import { deaths } from "./corpus/deaths.ts";
import { locks } from "./corpus/locks.ts";
import { queues } from "./corpus/queues.ts";
import { sleepers } from "./corpus/sleepers.ts";

const corpus = [...counters, ...locks, ...sleepers, ...queues, ...deaths];

describe("the corpus", () => {
  it("has at least 40 subjects, each with its own name", () => {
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
    expect(corpus.length).toBeGreaterThanOrEqual(40);
  });

  it.each(corpus.map((each) => [each.name, each] as const))("%s: right passes completely", (_, { right, options }) => {
    const report = check(right, options);
    expectPassed(report);
    expect(report).toMatchObject({ verdict: "passed", complete: true });
  });

  it.each(corpus.map((each) => [each.name, each.kind, each] as const))("%s: broken is found by its %s", (_, kind, { broken, options }) => {
    const { failure } = check(broken, options);
    expect(failure?.kind).toBe(kind);
    // And the string that it gives runs the same failure again.
    expect(check(broken, { ...options, replay: failure?.replay ?? "" }).failure).toMatchObject({ kind, trace: failure?.trace });
  });
});

/** Ends of a channel that are sent through another one: counted wherever they are, whoever dies on the way. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import { check, type CheckOptions } from "../../lib/check/index.ts";
import { received, sent, sentTwice } from "../support/carried.ts";
import { explored } from "../support/executions.ts";

const ends = new Set<string>();
beforeEach(() => {
  ends.clear();
});

/** In its long form with one preemption more: carried.model.long.ts. */
describe("in every interleaving, an end that is sent through a channel", () => {
  it.each<[string, number | undefined, CheckOptions]>([
    ["without bounds", undefined, { preemptions: 0 }],
    ["without capacity", 0, { strategy: "random", executions: 200 }],
  ])("%s is gone with whoever had it, and hangs nobody, whoever dies in sending it", (_, capacity, options) => {
    const report = check(sent(capacity, ends), { deaths: 1, mortal: [0], time: 60_000, ...options });
    explored(`an end through a channel of capacity ${String(capacity)}, a death of its sender`, options, report);
    for (const end of ends) expect(["sent,1,10", "undefined,0,", "undefined,1,10"]).toContain(end);
    // It died before and after it had sent it.
    for (const end of ["undefined,0,", "undefined,1,10"]) expect(ends).toContain(end);
  });

  it.each<[string, number | undefined, CheckOptions]>([
    ["without bounds", undefined, { preemptions: 0 }],
    ["of two messages", 2, { strategy: "random", executions: 200 }],
  ])("%s is never taken for gone while somebody may receive it, whoever dies in receiving it", (_, capacity, options) => {
    const report = check(received(capacity, ends), { deaths: 1, mortal: [0], time: 60_000, ...options });
    explored(`an end in a channel of capacity ${String(capacity)}, a death of its receiver`, options, report);
    for (const end of ["undefined,1,11", "undefined,0,"]) expect(ends).toContain(end);
  });

  it("is told from another one that is sent at the same place, if its sender died before it was sent", () => {
    const options = { strategy: "random", executions: 100 } as const;
    const report = check(sentTwice(undefined, ends), { deaths: 1, mortal: [0], time: 60_000, ...options });
    explored("ends of two senders through one channel, a death of one", options, report);
    expect(ends).toContain("undefined,sent,2,10,10");
    expect(ends).toContain("undefined,sent,1,10");
  });
});

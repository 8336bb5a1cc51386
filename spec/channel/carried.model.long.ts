/** As carried.model.spec.ts, with more executions. */
import { expect, it } from "@jest/globals";
import { check, type CheckOptions, type Report } from "../../lib/check/index.ts";
import { received, sent, sentTwice } from "../support/carried.ts";
import { explored } from "../support/executions.ts";

const ends = new Set<string>();
/** With one preemption they are more than 30,000 each, and had not ended after a minute on bare Node. */
const AT_RANDOM: CheckOptions = { strategy: "random", executions: 5_000, deaths: 2, timeouts: true };

it.each<[string, (options: CheckOptions) => Report, CheckOptions]>([
  ["is sent, unbounded", (options) => check(sent(undefined, ends), options), { deaths: 1, mortal: [0, 1], preemptions: 0 }],
  ["is sent, of one message", (options) => check(sent(1, ends), options), AT_RANDOM],
  ["is sent, without capacity", (options) => check(sent(0, ends), options), AT_RANDOM],
  ["is received", (options) => check(received(undefined, ends), options), { ...AT_RANDOM, mortal: [0, 1] }],
  ["is sent beside another one", (options) => check(sentTwice(undefined, ends), options), AT_RANDOM],
])(
  "an end that %s through a channel hangs nobody, whoever dies",
  (what, explore, options) => {
    explored(`an end that ${what}`, options, explore({ ...options, time: 900_000 }));
    expect(ends.size).toBeGreaterThan(0);
  },
  1_000_000,
);

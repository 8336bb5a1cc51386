/** As carried.model.spec.ts, with wider bounds. */
import { expect, it } from "@jest/globals";
import { check, type CheckOptions, type Report } from "../../lib/check/index.ts";
import { received, sent, sentTwice } from "../support/carried.ts";
import { explored } from "../support/executions.ts";

const ends = new Set<string>();

it.each<[string, (options: CheckOptions) => Report, CheckOptions]>([
  ["is sent, unbounded", (options) => check(sent(undefined, ends), options), { mortal: [0, 1], preemptions: 0 }],
  ["is sent, of one message", (options) => check(sent(1, ends), options), { mortal: [0], preemptions: 1 }],
  ["is sent, without capacity", (options) => check(sent(0, ends), options), { mortal: [0], preemptions: 1 }],
  ["is received", (options) => check(received(undefined, ends), options), { mortal: [0], preemptions: 1 }],
  ["is sent beside another one", (options) => check(sentTwice(undefined, ends), options), { mortal: [0], preemptions: 0 }],
])(
  "in every interleaving, an end that %s through a channel hangs nobody, whoever dies",
  (what, explore, options) => {
    explored(`an end that ${what}`, options, explore({ ...options, deaths: 1, time: 900_000 }));
    expect(ends.size).toBeGreaterThan(0);
  },
  1_000_000,
);

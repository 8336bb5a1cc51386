/** What channel.model.spec.ts takes a sample of, in full: bounded in preemptions, and with deaths. */
import { describe, expect, it } from "@jest/globals";
import { check, type CheckOptions } from "../../lib/check/index.ts";
import { explored } from "../support/executions.ts";
import {
  bounded,
  consumer,
  encoded,
  growing,
  look,
  moves,
  producer,
  setup,
  unbounded,
  type Make,
  type Shared,
} from "../support/streams.ts";

/** In ms, for each of them: on a busy machine they take up to four minutes. */
const TIME = 500_000;

describe("in every interleaving with few preemptions, a channel", () => {
  it.each<[string, Make, number, number, number, CheckOptions]>([
    ["bounded(1)", bounded(1), 1, 1, 3, { preemptions: 2 }],
    ["unbounded, whose ring grows,", growing, 1, 1, 2, { preemptions: 2 }],
    ["bounded(1)", bounded(1), 1, 1, 1, { deaths: 1, preemptions: 2 }],
    ["bounded(1)", bounded(1), 1, 1, 2, { deaths: 1, preemptions: 1 }],
    ["rendezvous", bounded(0), 1, 1, 1, { deaths: 1, preemptions: 2 }],
    ["encoded and unbounded", encoded(), 1, 1, 2, { deaths: 1, preemptions: 1 }],
    ["bounded(1)", bounded(1), 2, 1, 1, { preemptions: 1 }],
    ["bounded(1)", bounded(1), 1, 2, 2, { preemptions: 1 }],
    ["rendezvous", bounded(0), 2, 1, 1, { preemptions: 1 }],
    ["rendezvous", bounded(0), 1, 2, 2, { preemptions: 1 }],
    ["unbounded", unbounded, 2, 1, 1, { preemptions: 1 }],
    ["bounded(1)", bounded(1), 2, 2, 1, { preemptions: 1 }],
    ["bounded(1)", bounded(1), 2, 1, 1, { preemptions: 0, deaths: 1 }],
  ])("%s carries all messages from %2$i to %3$i threads, %4$i each: %5$j", (name, make, producers, consumers, messages, options) => {
    const report = check<Shared>(
      {
        setup: setup(make, producers, consumers),
        moves,
        threads: [
          ...Array.from({ length: producers }, (_, nth) => producer(nth, messages)),
          ...Array.from({ length: consumers }, (_, nth) => consumer(nth)),
        ],
        after: (_, results) => {
          look(producers, messages, results);
        },
      },
      { time: TIME, ...options },
    );
    explored(`${name} ${String(producers)} to ${String(consumers)}, ${String(messages)} each`, options, report);
    expect(report.complete).toBe(options.preemptions === undefined);
  });
});

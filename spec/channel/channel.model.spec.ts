import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { channel } from "../../lib/channel/channel.ts";
import type { Receiver } from "../../lib/channel/receiver.ts";
import { select } from "../../lib/channel/select.ts";
import type { Sender } from "../../lib/channel/sender.ts";
import { DisconnectedError, TimeoutError } from "../../lib/errors.ts";
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

function run(make: Make, producers: number, consumers: number, messages: number, options: CheckOptions): ReturnType<typeof check> {
  return check<Shared>(
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
    { time: 60_000, ...options },
  );
}

/** Of so many threads and steps, a sample; all of them, bounded in preemptions, are in channel.model.long.ts. */
const LOTS: CheckOptions = { strategy: "random", executions: 100 };

describe("in every interleaving, a channel", () => {
  it.each<[string, Make, number]>([
    ["bounded(1)", bounded(1), 1],
    ["bounded(2)", bounded(2), 2],
    ["rendezvous", bounded(0), 1],
    ["unbounded", unbounded, 2],
    ["encoded and bounded(1)", encoded(1), 1],
    ["encoded and unbounded", encoded(), 1],
  ])("%s carries all messages from one thread to another, in order, and ends", (_, make, messages) => {
    const report = run(make, 1, 1, messages, {});
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect(report.executions).toBeGreaterThan(50);
  });

  it.each<[string, Make, number, CheckOptions]>([
    ["bounded(1)", bounded(1), 1, {}],
    ["rendezvous", bounded(0), 1, { preemptions: 1 }],
    ["unbounded, whose ring grows", growing, 2, LOTS],
    ["encoded and bounded(1)", encoded(1), 1, { preemptions: 1 }],
  ])("%s hangs nobody and gives nothing twice, whoever dies at whichever step", (_, make, messages, options) => {
    expectPassed(run(make, 1, 1, messages, { deaths: 1, ...options }));
  });

  it.each<[string, Make, number, number, number, CheckOptions]>([
    ["unbounded, whose ring grows, 1 to 1", growing, 1, 1, 3, { preemptions: 1 }],
    ["bounded(1), 2 to 1", bounded(1), 2, 1, 1, LOTS],
    ["bounded(1), 1 to 2", bounded(1), 1, 2, 2, LOTS],
    ["rendezvous, 2 to 1", bounded(0), 2, 1, 1, LOTS],
    ["unbounded, 1 to 2", unbounded, 1, 2, 2, LOTS],
    ["encoded and bounded(1), 1 to 2", encoded(1), 1, 2, 2, LOTS],
    ["bounded(1), 2 to 2, one of whom may die", bounded(1), 2, 2, 1, { ...LOTS, deaths: 1 }],
  ])("%s gives each message to one of the receivers: %#", (_, make, producers, consumers, messages, options) => {
    expectPassed(run(make, producers, consumers, messages, options));
  });

  it.each<[string, number, CheckOptions]>([
    ["one that was taken", 1, {}],
    ["one that was taken, whoever dies", 1, { deaths: 1, preemptions: 1 }],
    ["each of two that were taken", 2, LOTS],
  ])("that was full takes a message for %s, though those who look again wait for more room", (_, senders, options) => {
    // In a ring of 32 the quick way goes on when two fit.
    const report = check<Shared>(
      {
        setup: () => {
          const shared = setup(bounded(32), senders, 1)();
          for (let n = 0; n < 32; n++) shared.txs[0]?.send(100 + n);
          return shared;
        },
        moves,
        threads: [
          ...Array.from({ length: senders }, (_, nth) => producer(nth, 1)),
          ({ rxs: [rx] }) => {
            for (let n = 0; n < senders; n++) rx?.recv();
            // Open until all have sent, or died: their room is what was taken, and no more.
            while (rx?.length !== 32 && rx?.disconnected === false);
          },
        ],
        after: (_, results) => {
          if (results.every((result) => result !== undefined)) expect(results.slice(0, senders)).toEqual(Array(senders).fill(1));
        },
      },
      { spins: true, time: 60_000, ...options },
    );
    expectPassed(report);
  });

  it("whose ring grows wakes the next one at the receivers' gate, if who was woken there was a sender that found room without it", () => {
    const report = check<Shared>(
      {
        setup: setup(growing, 1, 2),
        moves,
        threads: [
          ({ txs: [tx] }) => {
            tx?.send(1);
            tx?.send(2);
          },
          ({ rxs: [rx] }) => rx?.recv(),
          ({ rxs: [, rx] }) => rx?.recv(),
        ],
        after: (_, [, one, other]) => {
          expect([one, other].sort()).toEqual([1, 2]);
        },
      },
      { preemptions: 1, time: 60_000 },
    );
    expectPassed(report);
  });

  it("lets a receiver wait that another thread's message reaches, and one that nothing reaches run out of time", () => {
    const ends = new Set<string>();
    const report = check<Shared>(
      {
        setup: setup(bounded(0), 1, 1),
        moves,
        threads: [
          ({ txs: [tx] }) => {
            try {
              tx?.send(7, { timeout: 5 });
              return "sent";
            } catch (error) {
              if (error instanceof TimeoutError) return "kept";
              if (error instanceof DisconnectedError) return "gone";
              throw error;
            }
          },
          ({ rxs: [rx] }) => {
            try {
              return rx?.recv({ timeout: 5 });
            } catch (error) {
              if (error instanceof TimeoutError) return "nothing";
              if (error instanceof DisconnectedError) return "gone";
              throw error;
            }
          },
        ],
        after: (_, [sent, got]) => {
          ends.add(`${String(sent)} ${String(got)}`);
          // What was sent was received, and what was not, was not.
          expect(sent === "sent").toBe(got === 7);
        },
      },
      { timeouts: true, preemptions: 1, time: 60_000 },
    );
    expectPassed(report);
    expect(ends).toContain("sent 7");
    expect(ends).toContain("kept nothing");
  });

  it("is served by a select that waits for two, which does exactly one thing", () => {
    const report = check<{ a: Sender<number>; b: Sender<number>; ar: Receiver<number>; br: Receiver<number> }>(
      {
        setup: () => {
          const [a, ar] = bounded(1)();
          const [b, br] = bounded(1)();
          return { a, b, ar, br };
        },
        moves: ({ a, b, ar, br }) => [[a], [b], [ar, br]],
        threads: [
          ({ a }) => {
            a.send(1);
          },
          ({ b }) => {
            b.send(2);
          },
          ({ ar, br }) => {
            const first = select([ar, br]);
            const left = first.index === 0 ? br : ar;
            return [first.value, left.recv()].sort();
          },
        ],
        after: (_, [, , got]) => {
          expect(got).toEqual([1, 2]);
        },
      },
      { preemptions: 1, time: 60_000 },
    );
    expectPassed(report);
  });

  it("carries the end of another channel, which perishes with it and is never taken for closed on its way", () => {
    const report = check<{
      carrier: Sender<{ reply: Sender<number> }>;
      served: Receiver<{ reply: Sender<number> }>;
      tx: Sender<number>;
      rx: Receiver<number>;
    }>(
      {
        setup: () => {
          const [carrier, served] = channel<{ reply: Sender<number> }>({ capacity: 1 });
          const [tx, rx] = bounded(1)();
          return { carrier, served, tx, rx };
        },
        moves: ({ carrier, served, tx, rx }) => [[carrier, tx, rx], [served]],
        threads: [
          ({ carrier, tx, rx }) => {
            try {
              carrier.send({ reply: tx });
            } catch (error) {
              if (error instanceof DisconnectedError) return "nobody";
              throw error;
            }
            try {
              return rx.recv();
            } catch (error) {
              if (error instanceof DisconnectedError) return "lost";
              throw error;
            }
          },
          ({ served }) => {
            served.recv().reply.send(42);
          },
        ],
        after: (_, [got, served]) => {
          void served;
          expect([42, "lost", "nobody"]).toContain(got);
        },
      },
      { deaths: 1, mortal: [1], ...LOTS, time: 60_000 },
    );
    expectPassed(report);
  });
});

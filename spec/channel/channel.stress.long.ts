/** Many streams through channels, of random shapes: see streams.js. A failure names its seed. */
import { expect, it } from "@jest/globals";
import { dice } from "../support/lockers.js";
import { CARGO_NAMES, stream } from "./streams.js";

const MINUTES = 5;

it("no stream through a channel hangs, or loses a message, or brings one twice, whoever moves or dies", async () => {
  let received = 0;
  for (let seed = 1, end = performance.now() + MINUTES * 60_000; performance.now() < end; seed++) {
    const roll = dice(seed);
    const pick = <T>(list: readonly T[]): T => list[roll(list.length)] as T;
    const deaths = pick([0, 0, 1, 2, 4]);
    const outcome = await stream({
      cargo: pick(CARGO_NAMES),
      capacity: pick([undefined, 0, 1, 8, 64]),
      senders: pick([1, 2, 4]),
      receivers: pick([1, 2, 4]),
      messages: pick([50, 200, 1000]),
      moves: deaths === 0 ? pick([0, 1, 3]) : 0,
      main: roll(2) === 0,
      deaths,
      seed,
      patience: 60_000,
    });
    expect(outcome.problems).toEqual([]);
    received += outcome.received;
  }
  expect(received).toBeGreaterThan(1000);
});

/** Latches on real threads, one after the other, and with threads that are terminated while they count. */
import { expect, it } from "@jest/globals";
import { Latch, sleepAsync, spawn } from "ferrous";
import { dice, words } from "../support/lockers.js";
import { countForEver, meetAtLatches } from "./racers.js";

it("no wake-up is lost at 5,000 Latches, and nobody goes on before all have counted", async () => {
  const [latches, come] = [words(5000), words(3)];
  const threads = [0, 1, 2].map((me) => spawn(meetAtLatches, latches, come, me));
  const last = Latch.at(latches.buffer, 4 * (latches.length - 1), 3);
  await last.waitAsync({ timeout: 30_000 });
  expect(await Promise.all(threads.map((thread) => thread.joinAsync({ timeout: 10_000 })))).toEqual([0, 0, 0]);
  expect(last.count).toBe(0);
});

it("every count is counted once, whoever is terminated in it", async () => {
  const total = 2 ** 30 - 1;
  const [latch, tally, roll] = [new Latch(total), words(2), dice(3)];
  for (let round = 0; round < 12; round++) {
    const counters = [1, 2, 3].map(() => spawn(countForEver, latch, tally));
    const before = tally[1] ?? 0;
    while (Atomics.load(tally, 1) < before + 20_000) await sleepAsync(roll(10));
    await Promise.all(counters.map((counter) => counter.terminate()));
    await Promise.all(counters.map((counter) => counter.joinAsync().catch(() => undefined)));
    const [begun = 0, ended = 0] = tally;
    const counted = total - latch.count;
    expect(counted).toBeLessThanOrEqual(begun);
    expect(counted).toBeGreaterThanOrEqual(ended);
  }
  const left = latch.waitAsync();
  latch.countDown(latch.count);
  await left;
});

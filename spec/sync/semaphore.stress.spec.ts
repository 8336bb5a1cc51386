/** Semaphores on real threads that are terminated while they take and release: no permit is lost, and none appears. */
import { expect, it } from "@jest/globals";
import { Semaphore, sleepAsync, spawn } from "ferrous";
import { dice, words } from "../support/lockers.js";
import { taker } from "./semaphore.js";

it("no permit is lost, and none appears, whoever is terminated inside a Semaphore", async () => {
  const slots = new Semaphore(3, { holders: 3 });
  const roll = dice(11);
  for (const end = performance.now() + 2000; performance.now() < end;) {
    const threads = [1, 2, 3].map((seed) => spawn(taker, slots, 3, words(1), 1e9, seed));
    await sleepAsync(40 + roll(40));
    for (const thread of threads) {
      await thread.terminate();
      await expect(thread.joinAsync()).rejects.toMatchObject({ code: "THREAD_DIED" });
    }
    // All are dead: whatever they held has returned.
    expect(slots.available).toBe(3);
    slots.acquire(3, { timeout: 1000 }).release();
  }
});

it("who waits gets the permits of who is terminated", async () => {
  const slots = new Semaphore(2);
  for (let round = 0; round < 20; round++) {
    const holder = spawn(taker, slots, 2, words(1), 1e9, round);
    await sleepAsync(round % 4);
    const waiting = slots.acquireAsync(2, { timeout: 10_000 });
    await holder.terminate();
    (await waiting).release();
    await holder.joinAsync().catch(() => undefined);
  }
  expect(slots.available).toBe(2);
});

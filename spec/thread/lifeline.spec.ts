/** What a thread is told by the supervisor while it blocks. */
import { expect, it } from "@jest/globals";
import { OnceLock, Semaphore, spawn } from "ferrous";
import { until, words } from "../support/lockers.js";
import { takesAndSets } from "./holders.js";

it("a task that awaits does not go on in the midst of a blocking call of its thread, whatever that hears of deaths", async () => {
  const permits = new Semaphore(1);
  const value = new OnceLock<string>();
  const stage = words(1);
  const holder = spawn(takesAndSets, permits, value, stage);
  until(() => stage[0] === 1);
  const permit = permits.acquireAsync();
  stage[0] = 2;
  holder.join();
  // It asks the supervisor, whose answer comes after the news of the death.
  expect(value.get()).toBe("a value");
  expect(permits.available).toBe(1);
  (await permit).release();
});

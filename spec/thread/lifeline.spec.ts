/** What a thread is told by the supervisor while it blocks. */
import { expect, it } from "@jest/globals";
import { OnceLock, Semaphore, spawn } from "ferrous";
import { until, words } from "../support/lockers.js";
import { run } from "../support/program.ts";
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

it("the first that needs the supervisor starts it, and need not be a spawn; threads that come later find it", async () => {
  const program = `
    import { fromHandle, OnceLock, spawn, task, toHandle } from "ferrous";
    const lock = new OnceLock();
    lock.set("a value");
    const handle = toHandle(lock);
    const length = spawn((lock) => lock.get().length, fromHandle(handle)).join();
    console.log(length);
  `;
  expect(await run(program)).toEqual({ code: 0, stdout: "7\n", stderr: "" });
});

/** The alarm never rings without a fire: 10 million takings of contended locks in one order. */
import { expect, it } from "@jest/globals";
import { Mutex, spawn } from "ferrous";
import { takeInOrder, words } from "../support/lockers.js";

it("no DeadlockError tells of a Mutex in 10 million takings by 4 threads of 4 locks in one order", async () => {
  const arrivals = words(1);
  const mutexes = Array.from({ length: 4 }, () => new Mutex());
  const handles = [1, 2, 3, 4].map((seed) => spawn(takeInOrder, mutexes, arrivals, 4, 2_500_000, seed));
  expect((await Promise.all(handles.map((handle) => handle.joinAsync()))).flat()).toEqual([]);
});

/** The Semaphore's matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a Semaphore", [
  {
    scene: "a semaphore's permits are held",
    title: "while holding every permit, gives them to the waiter (%s)",
    told: "got in",
    left: "3 free",
  },
  {
    scene: "a semaphore is slept on",
    title: "while sleeping on it, lets the waiter (%s) in",
    told: "got in",
    left: "3 free",
  },
]);

/** The Mutex' matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths(
  "a Mutex",
  [
    {
      scene: "a mutex is held",
      title: "while holding it, tells the waiter (%s) of the poison",
      told: "POISONED",
      left: "poisoned",
    },
    {
      scene: "a mutex is slept on",
      title: "while sleeping on it, lets the waiter (%s) in without poison",
      told: "got in",
    },
  ],
  2,
  50,
);

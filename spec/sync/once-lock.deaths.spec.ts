/** The OnceLock's matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a OnceLock", [
  {
    scene: "a once lock is initialised",
    title: "while initialising it, lets the waiter (%s) do so",
    told: "the value is 7",
  },
]);

/** The Barrier's matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a Barrier", [
  {
    scene: "a barrier is waited at",
    title: "while waiting at it, tells the waiter (%s) that it is broken",
    told: "BROKEN_BARRIER",
    left: "broken",
  },
  {
    scene: "a barrier was passed",
    title: "on its way to the next meeting, tells the waiter (%s) that it is broken",
    told: "BROKEN_BARRIER",
    left: "broken",
  },
]);

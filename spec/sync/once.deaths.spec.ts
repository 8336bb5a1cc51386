/** The Once's matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a Once", [
  {
    scene: "a once runs",
    title: "while running its function, tells the waiter (%s) of the poison",
    told: "POISONED",
    left: "poisoned",
  },
]);

/** The ReentrantMutex' matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a ReentrantMutex", [
  {
    scene: "a reentrant mutex is held twice",
    title: "while holding it twice, tells the waiter (%s) of the poison",
    told: "POISONED",
    left: "poisoned",
  },
  {
    scene: "a reentrant mutex is slept on",
    title: "while sleeping on it, lets the waiter (%s) in without poison",
    told: "got in",
  },
]);

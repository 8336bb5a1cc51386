/** The Condvar's matrix of deaths, on real threads. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("a Condvar", [
  {
    scene: "a condvar is slept on",
    title: "while sleeping on it, swallows no notification that is meant for the waiter (%s)",
    told: "ok",
  },
  {
    scene: "a condvar has notified",
    title: "when it was notified and had not gone on, passes that on to the waiter (%s)",
    told: "ok",
  },
  {
    scene: "a condvar has notified, and its lock is held",
    title: "when it has notified all and still holds the lock, tells the waiter (%s) of the poison",
    told: "POISONED",
    left: "poisoned",
  },
]);

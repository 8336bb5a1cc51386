/** The RwLock's matrix of deaths, on real threads. Of three waiters two read and one writes. */
import { describeDeaths } from "../support/describe-deaths.ts";

describeDeaths("an RwLock", [
  {
    scene: "an rwlock is written",
    title: "while writing, tells the reader (%s) of the poison",
    told: "POISONED",
    left: "poisoned",
  },
  {
    scene: "an rwlock is written, and writers wait",
    title: "while writing, tells the writer (%s) of the poison",
    told: "POISONED",
    left: "poisoned",
    kinds: ["worker", "awaiting"],
  },
  {
    scene: "an rwlock is read, and writers wait",
    title: "while reading, lets the writer (%s) in without poison",
    told: "got in",
  },
  {
    scene: "an rwlock is slept on",
    title: "while waiting to write, lets the reader (%s) in without poison",
    told: "got in",
  },
  {
    scene: "an rwlock is read, and a writer waits",
    title: "while waiting to write behind a reader, lets in the readers (%s) that it held back, and the first one reads on",
    told: "got in",
    kinds: ["three"],
  },
]);

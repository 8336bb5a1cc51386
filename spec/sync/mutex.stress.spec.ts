/** Chaos on real threads: a minute of it in `npm run test:long`. */
import { expect, it } from "@jest/globals";
import { Mutex } from "ferrous";
import { chaos } from "../support/chaos.js";
import { words } from "../support/lockers.js";
import { survivesChaos } from "../support/survives-chaos.ts";

it("nobody hangs, and nobody sees half-changed words unwarned, whoever is terminated inside a Mutex", () => survivesChaos(2500));

it("and somebody is warned: threads do die inside a Mutex", async () => {
  let [warnings, repairs] = [0, 0];
  // On a busy machine most threads are terminated before they have begun.
  for (let seed = 7; seed < 27 && (warnings === 0 || repairs === 0); seed++) {
    const tale = await chaos(new Mutex(words(2)), 2, 1000, seed);
    warnings += tale.warnings;
    repairs += tale.repairs;
  }
  expect(warnings).toBeGreaterThan(0);
  expect(repairs).toBeGreaterThan(0);
});

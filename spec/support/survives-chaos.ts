/** What must be true of a lock after chaos: for the short spec and the long one. */
import { expect } from "@jest/globals";
import fc from "fast-check";
import { Mutex } from "ferrous";
import { chaos } from "./chaos.js";
import { words } from "./lockers.js";

/** One run of so many ms; a failure names its seed. */
export async function survivesChaos(ms: number): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const pair = words(2);
      const twins = new Mutex(pair, { name: "twins" });
      const tale = await chaos(twins, 4, ms, seed);
      expect(tale).toMatchObject({ broken: 0, stuck: 0, surprises: [] });
      expect(tale.deaths).toBeGreaterThan(0);
      expect(tale.sections).toBeGreaterThan(100);
      const poisoned = twins.poisoned;
      expect(
        twins.recover((value) => {
          value[1] = value[0] ?? 0;
        }),
      ).toBe(poisoned);
      expect(pair[0]).toBe(pair[1]);
      twins.lock({ timeout: 0 }).release();
      expect(twins.poisoned).toBe(false);
    }),
    { numRuns: 1, endOnFailure: true },
  );
}

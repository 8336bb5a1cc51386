/** The Mutex' matrix of deaths, on real threads: 2 rounds here, 50 in `npm run test:long`. */
import { describe, expect, it } from "@jest/globals";
import { runDeath, WAITERS, WAYS } from "../support/deaths.js";

const ROUNDS = process.env["FERROUS_LONG"] === undefined ? 2 : 50;
/** What the victim's own joiner is told. */
const ENDINGS = {
  throw: "PANIC",
  rejection: "unhandled-rejection",
  exit: "exit",
  "terminate-busy": "terminated",
  "terminate-waiting": "terminated",
  "out-of-memory": "out-of-memory",
  "stack-overflow": "stack-overflow",
  return: "result",
};

describe.each(WAYS)("a Mutex, when a thread dies by %s", (way) => {
  it.each(WAITERS)("while holding it, tells the waiter (%s) of the poison", async (kind) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { told, victim, poisoned } = await runDeath(way, "holding", kind);
      expect(victim).toBe(ENDINGS[way]);
      expect(poisoned).toBe(true);
      for (const { ending, latency } of told) {
        expect(ending).toBe("POISONED");
        expect(latency).toBeLessThan(1000);
      }
    }
  });

  it.each(WAITERS)("while sleeping on it, lets the waiter (%s) in without poison", async (kind) => {
    for (let round = 0; round < ROUNDS; round++) {
      const { told, victim, poisoned } = await runDeath(way, "sleeping", kind);
      expect(victim).toBe(ENDINGS[way]);
      expect(poisoned).toBe(false);
      for (const { ending, latency } of told) {
        expect(ending).toBe("got in");
        expect(latency).toBeLessThan(1000);
      }
    }
  });
});

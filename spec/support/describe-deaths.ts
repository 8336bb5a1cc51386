/** The matrix of deaths, the same for every lock: ways to die x what the victim was doing x kinds of waiters. */
import { describe, expect, it } from "@jest/globals";
import type { SceneName } from "./death-scenes.js";
import { runDeath, WAITERS, WAYS, type WaiterKind, type Way } from "./deaths.js";

const LONG = process.env["FERROUS_LONG"] !== undefined;
/** So many deaths in each file of the long run: out of memory takes a second, the others some tenths, so it ends in minutes. */
const LONG_DEATHS = 900;
/** In ms: how soon every waiter must have been told. */
const SOON = 1000;

/** What the victim's own joiner is told. */
const ENDINGS: Readonly<Record<Way, string>> = {
  throw: "PANIC",
  rejection: "unhandled-rejection",
  exit: "exit",
  "terminate-busy": "terminated",
  "terminate-waiting": "terminated",
  "out-of-memory": "out-of-memory",
  "stack-overflow": "stack-overflow",
  return: "result",
};

/** What must become of the waiters in one scene. */
export interface Fate {
  readonly scene: SceneName;
  /** The title, in which %s is the kind of the waiter. */
  readonly title: string;
  /** Each waiter's error code, or `"got in"`, or what the scene says. */
  readonly told: string;
  /** What is left of the lock. */
  readonly left?: string;
  /** All by default; the long run has all in any case. */
  readonly kinds?: readonly WaiterKind[];
  /** All by default, and in the long run. */
  readonly ways?: readonly Way[];
}

const roundsFor = (fates: readonly Fate[]): number => Math.max(1, Math.floor(LONG_DEATHS / (fates.length * WAYS.length * WAITERS.length)));

/**
 * Specs of every death, one `describe` a way to die.
 * @param rounds      of each cell, in `npm test`
 * @param longRounds  in `npm run test:long`; without it as many as make LONG_DEATHS
 */
export function describeDeaths(what: string, fates: readonly Fate[], rounds = 1, longRounds = roundsFor(fates)): void {
  describe.each(WAYS)(`${what}, when a thread dies by %s`, (way) => {
    for (const { scene, title, told, left = "free", kinds = WAITERS, ways = WAYS } of fates) {
      if (!LONG && !ways.includes(way)) continue;
      it.each(LONG ? WAITERS : kindsFor(way, kinds))(title, async (kind) => {
        for (let round = 0; round < (LONG ? longRounds : rounds); round++) {
          const fate = await runDeath(scene, way, kind);
          expect(fate.victim).toBe(ENDINGS[way]);
          expect(fate.told.map(({ ending }) => ending)).toEqual(fate.told.map(() => told));
          expect(fate.left).toBe(left);
          for (const { latency } of fate.told) expect(latency).toBeLessThan(SOON);
        }
      });
    }
  });
}

/** To run out of memory takes long, whoever waits. */
const kindsFor = (way: Way, kinds: readonly WaiterKind[]): readonly WaiterKind[] => (way === "out-of-memory" ? kinds.slice(0, 1) : kinds);

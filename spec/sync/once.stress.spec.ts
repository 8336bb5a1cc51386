/** Onces on real threads that race for them, and that are terminated while they run one. */
import { expect, it } from "@jest/globals";
import { sleepAsync, spawn } from "ferrous";
import { words } from "../support/lockers.js";
import { ONCES, raceOnces, ROW_WORDS } from "./racers.js";

it("each Once is run by one of the threads that race for it, and all see what that one wrote", async () => {
  for (let round = 0; round < 5; round++) {
    const [row, arrivals] = [words(ROW_WORDS), words(1)];
    const racers = [100, 101, 102].map((stay) => spawn(raceOnces, row, arrivals, 3, stay));
    const tales = await Promise.all(racers.map((racer) => racer.joinAsync()));
    expect(tales.map(({ broken }) => broken)).toEqual([0, 0, 0]);
    expect(tales.reduce((sum, { ran }) => sum + ran, 0)).toBe(ONCES);
  }
});

it("nobody hangs, and nobody sees a half of it unwarned, whoever is terminated inside a Once", async () => {
  let warnings = 0;
  const start = performance.now();
  const isOver = (ms: number): boolean => performance.now() - start > ms;
  // On a busy machine most are terminated while they wait for a core, and then it takes longer until one is inside.
  while (!isOver(1500) || (warnings === 0 && !isOver(20_000))) {
    const [row, arrivals] = [words(ROW_WORDS), words(1)];
    const victim = spawn(raceOnces, row, arrivals, 3, 100_000);
    const racers = [100, 101].map((stay) => spawn(raceOnces, row, arrivals, 3, stay));
    // It is inside one of them most of the time.
    while (Atomics.load(arrivals, 0) < 3 || row[ONCES] === 0) await sleepAsync(1);
    await victim.terminate();
    await victim.joinAsync().catch(() => undefined);
    for (const racer of racers) {
      const { broken, warned } = await racer.joinAsync({ timeout: 10_000 });
      expect(broken).toBe(0);
      warnings += warned;
    }
    expect(row.subarray(ONCES).filter((value) => value < 1)).toHaveLength(0);
  }
  expect(warnings).toBeGreaterThan(0);
});

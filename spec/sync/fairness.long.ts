/** A random mix for 10 s on real threads: how much of its fair share does each thread get? The shares are printed. */
import { expect, it } from "@jest/globals";
import { Mutex, RwLock, spawn } from "ferrous";
import { words } from "../support/lockers.js";
import { mix, mixLocked } from "./sharers.js";

const MS = 10_000;
/** Each thread's sections, as parts of what each would have if all had the same. */
function sharesOf(title: string, counts: readonly number[]): number[] {
  const fair = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const shares = counts.map((count) => count / fair);
  console.log(`${title}: ${counts.join(", ")} sections; shares ${shares.map((share) => share.toFixed(2)).join(", ")}`);
  return shares;
}

it.each([
  [4, 5],
  [4, 50],
  [4, 95],
])("an RwLock leaves none of %i threads, which write in %i %% of their sections, below half of its fair share", async (threads, writes) => {
  const lock = new RwLock(words(4));
  const arrivals = words(1);
  const mixers = Array.from({ length: threads }, (_, n) => spawn(mix, lock, arrivals, threads, MS, writes, n + 1));
  const counts = await Promise.all(mixers.map((mixer) => mixer.joinAsync()));
  for (const share of sharesOf(`RwLock, ${String(writes)} % writes`, counts)) expect(share).toBeGreaterThanOrEqual(0.5);
});

it("a Mutex leaves none of 4 threads, whose sections differ in length, below half of its fair share", async () => {
  const lock = new Mutex(words(2));
  const arrivals = words(1);
  const mixers = [1, 2, 3, 4].map((seed) => spawn(mixLocked, lock, arrivals, 4, MS, seed));
  const counts = await Promise.all(mixers.map((mixer) => mixer.joinAsync()));
  for (const share of sharesOf("Mutex", counts)) expect(share).toBeGreaterThanOrEqual(0.5);
});

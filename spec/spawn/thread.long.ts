/** A thousand threads, one after another and fifty at a time: what they leave behind is nothing. */
import { expect, it } from "@jest/globals";
import { spawn } from "ferrous";
import { currentThread } from "../../lib/thread/current.ts";
import { double } from "../support/tasks.js";

const living = (): number => [...currentThread().registry.living()].length;

it("1,000 threads leave no record, no handle and no memory behind", async () => {
  const warm = (): number[] => Array.from({ length: 20 }, (_, n) => spawn(double, n).join());
  warm();
  const [threads, resources] = [living(), process.getActiveResourcesInfo().length];
  const memory = process.memoryUsage().rss;
  for (let thread = 0; thread < 500; thread++) expect(spawn(double, thread).join()).toBe(2 * thread);
  for (let round = 0; round < 10; round++) {
    const handles = Array.from({ length: 50 }, (_, n) => spawn(double, n));
    expect((await Promise.all(handles.map((handle) => handle.joinAsync()))).length).toBe(50);
  }
  expect(living()).toBe(threads);
  // Fewer, if a port was still being closed then.
  expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(resources);
  // The engine keeps freed pages for a while: a leak of 1,000 threads would be gigabytes.
  expect(process.memoryUsage().rss - memory).toBeLessThan(300 * 2 ** 20);
});

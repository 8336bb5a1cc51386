/** How soon is a waiter told that the holder of its lock died, or let in once a dead sleeper is out of the way? By way of dying. */
import { print, quantile, type Row } from "./measure.ts";
import { runDeath, WAITERS, WAYS } from "../../spec/support/deaths.js";

const ROUNDS = Number(process.env["ROUNDS"] ?? 25);
/** In ms: median and 99th percentile. What the victim must first do to die is counted too. */
const SLOW_WAYS = new Set(["out-of-memory", "stack-overflow"]);

export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const way of WAYS) {
    for (const state of ["holding", "sleeping"] as const) {
      const latencies: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        for (const kind of WAITERS) {
          const { told } = await runDeath(way, state, kind);
          latencies.push(...told.map(({ latency }) => latency));
        }
      }
      const [median, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
      const [medianBar, p99Bar] = SLOW_WAYS.has(way) ? [20, 100] : [5, 50];
      const what = `${way}, ${state}`;
      rows.push({ what: `${what}: median`, figure: `${median.toFixed(1)} ms`, value: median, bar: `<= ${String(medianBar)}` });
      rows.push({
        what: `${what}: p99 of ${String(latencies.length)}`,
        figure: `${p99.toFixed(1)} ms`,
        value: p99,
        bar: `<= ${String(p99Bar)}`,
      });
    }
  }
  print("From a death to the waiter's knowing", rows);
}

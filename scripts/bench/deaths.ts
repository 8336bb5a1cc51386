/**
 * How soon is a waiter told that a thread died that held what it waits for, or let in once a dead sleeper is out of the way?
 * Of a mutex by way of dying; of the other locks over all ways. `SCENE=mutex` measures only the scenes that have this in their name.
 */
import { print, quantile, type Row } from "./measure.ts";
import { SCENES, type SceneName } from "../../spec/support/death-scenes.js";
import { runDeath, WAITERS, WAYS, type Way } from "../../spec/support/deaths.js";

const ROUNDS = Number(process.env["ROUNDS"] ?? 25);
/** What the victim must first do to die is counted too. */
const SLOW_WAYS: ReadonlySet<Way> = new Set(["out-of-memory", "stack-overflow"]);
const QUICK_WAYS = WAYS.filter((way) => !SLOW_WAYS.has(way));
/** In ms: median and 99th percentile. */
const BARS = [5, 50] as const;
const SLOW_BARS = [20, 100] as const;

const scenes = (Object.keys(SCENES) as SceneName[]).filter((name) => name.includes(process.env["SCENE"] ?? ""));

async function latenciesOf(scene: SceneName, ways: readonly Way[], rounds: number): Promise<number[]> {
  const latencies: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      for (const kind of WAITERS) latencies.push(...(await runDeath(scene, way, kind)).told.map(({ latency }) => latency));
    }
  }
  return latencies;
}

function rowsOf(what: string, latencies: number[], [medianBar, p99Bar]: readonly [number, number]): Row[] {
  const [median, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  return [
    { what: `${what}: median`, figure: `${median.toFixed(1)} ms`, value: median, bar: `<= ${String(medianBar)}` },
    { what: `${what}: p99 of ${String(latencies.length)}`, figure: `${p99.toFixed(1)} ms`, value: p99, bar: `<= ${String(p99Bar)}` },
  ];
}

export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const scene of scenes) {
    if (scene.startsWith("a mutex")) {
      for (const way of WAYS) {
        rows.push(...rowsOf(`${scene}, ${way}`, await latenciesOf(scene, [way], ROUNDS), SLOW_WAYS.has(way) ? SLOW_BARS : BARS));
      }
    } else rows.push(...rowsOf(scene, await latenciesOf(scene, QUICK_WAYS, Math.ceil(ROUNDS / 10)), BARS));
  }
  print("From a death to the waiter's knowing", rows);
}

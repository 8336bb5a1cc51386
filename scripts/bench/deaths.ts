/**
 * How soon is a waiter told that a thread died that held what it waits for, or let in once a dead sleeper is out of the way?
 * Of a mutex by way of dying; of the other locks over all ways. `SCENE=mutex` measures only the scenes that have this in their name.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { print, quantile, type Row } from "./measure.ts";
import { SCENES, type SceneName } from "../../spec/support/death-scenes.js";
import { WAYS, type Way } from "../../spec/support/deaths.js";

const ROUNDS = Number(process.env["ROUNDS"] ?? 25);
/** What the victim must first do to die is counted too. */
const SLOW_WAYS: ReadonlySet<Way> = new Set(["out-of-memory", "stack-overflow"]);
const QUICK_WAYS = WAYS.filter((way) => !SLOW_WAYS.has(way));
/** In ms: median and 99th percentile. */
const BARS = [5, 50] as const;
const SLOW_BARS = [20, 100] as const;

const scenes = (Object.keys(SCENES) as SceneName[]).filter((name) => name.includes(process.env["SCENE"] ?? ""));

/**
 * Measured in processes of their own, one a way: thousands of killed workers are hard on one process, and have ended it with a
 * segmentation fault of the engine's.
 */
function latenciesOf(scene: SceneName, ways: readonly Way[], rounds: number): number[] {
  return ways.flatMap((way) => {
    console.error(`${scene}, ${way}`);
    const script = fileURLToPath(new URL("./threads/die.js", import.meta.url));
    return JSON.parse(execFileSync(process.execPath, [script, scene, way, String(rounds)], { encoding: "utf8" })) as number[];
  });
}

function rowsOf(what: string, latencies: number[], [medianBar, p99Bar]: readonly [number, number]): Row[] {
  const [median, p99] = [quantile(latencies, 0.5), quantile(latencies, 0.99)];
  return [
    { what: `${what}: median`, figure: `${median.toFixed(1)} ms`, value: median, bar: `<= ${String(medianBar)}` },
    { what: `${what}: p99 of ${String(latencies.length)}`, figure: `${p99.toFixed(1)} ms`, value: p99, bar: `<= ${String(p99Bar)}` },
  ];
}

export function run(): void {
  const rows: Row[] = [];
  for (const scene of scenes) {
    if (scene.startsWith("a mutex")) {
      for (const way of WAYS) {
        rows.push(...rowsOf(`${scene}, ${way}`, latenciesOf(scene, [way], ROUNDS), SLOW_WAYS.has(way) ? SLOW_BARS : BARS));
      }
    } else rows.push(...rowsOf(scene, latenciesOf(scene, QUICK_WAYS, Math.ceil(ROUNDS / 10)), BARS));
  }
  print("From a death to the waiter's knowing", rows);
}

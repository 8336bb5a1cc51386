/** What do locks, waiters and threads leave behind, and what do idle waiters cost? */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Mutex, spawn, toHandle } from "ferrous";
import { Registry } from "../../lib/thread/registry.ts";
import { nothing } from "./threads/contenders.js";
import { collectGarbage, print, type Row } from "./measure.ts";

const bytes = (n: number): string => `${n.toFixed(0)} bytes`;
const megabytes = (n: number): string => `${(n / 1e6).toFixed(1)} MB`;
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** Process memory after all garbage is gone. Finalizers run between turns of the event loop, and free more. */
async function settled(): Promise<number> {
  for (let round = 0; round < 5; round++) {
    collectGarbage();
    await turn();
  }
  return process.memoryUsage.rss();
}

export async function run(): Promise<void> {
  const rows = [...idle(), ...(await mutexes()), ...(await aborted()), ...(await threads())];
  print("What is left behind", rows);
}

async function mutexes(): Promise<Row[]> {
  const COUNT = 100_000;
  const make = (): Mutex[] => Array.from({ length: COUNT }, () => new Mutex());
  const before = await settled();
  let kept: Mutex[] | undefined = make();
  const full = await settled();
  const each = (full - before) / COUNT;
  let dropped = 0;
  const registered = new FinalizationRegistry(() => dropped++);
  for (const mutex of kept) registered.register(mutex, undefined);
  // Made and dropped again and again: what is collected is used again, so the process stays as large as it was.
  for (let round = 0; round < 5; round++) {
    kept = undefined;
    await settled();
    kept = make();
  }
  const growth = ((await settled()) - full) / (5 * COUNT);
  kept.length = 0;
  // Else it would be garbage itself, and tell nothing.
  registered.unregister(registered);
  return [
    { what: `a Mutex without a value, over ${String(COUNT)}`, figure: bytes(each), value: each, bar: "<= 700" },
    { what: "dropped ones that were collected", figure: String(dropped), value: dropped, bar: `>= ${String(COUNT)}` },
    { what: "growth a Mutex, made and dropped 500,000 times", figure: bytes(growth) },
  ];
}

async function aborted(): Promise<Row[]> {
  const COUNT = 100_000;
  const mutex = new Mutex();
  const guard = mutex.lock();
  const abortMany = async (): Promise<void> => {
    for (let n = 0; n < COUNT / 100; n++) {
      const controller = new AbortController();
      const waits = Array.from({ length: 100 }, () => mutex.lockAsync({ signal: controller.signal }).catch(() => undefined));
      controller.abort();
      await Promise.all(waits);
    }
  };
  await abortMany();
  const before = await settled();
  await abortMany();
  const left = (await settled()) - before;
  guard.release();
  return [{ what: `${String(COUNT)} aborted lockAsync calls`, figure: megabytes(left), value: left / COUNT, bar: "<= 20" }];
}

async function threads(): Promise<Row[]> {
  const COUNT = 1000;
  const some = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) await spawn(nothing).joinAsync();
  };
  await some(200);
  const before = await settled();
  const heap = process.memoryUsage().heapUsed;
  await some(COUNT);
  const left = (await settled()) - before;
  const heapLeft = process.memoryUsage().heapUsed - heap;
  const { registry } = toHandle(new Mutex());
  const alive = [...new Registry(registry).living()].length;
  return [
    { what: `${String(COUNT)} threads one after another: process memory`, figure: megabytes(left) },
    { what: "    heap of the main thread", figure: megabytes(heapLeft), value: heapLeft / 1e6, bar: "<= 0.5" },
    { what: "    records still alive, main's included", figure: String(alive), value: alive, bar: "<= 1" },
  ];
}

function idle(): Row[] {
  const share = Number(
    execFileSync(process.execPath, [fileURLToPath(new URL("./threads/idle.js", import.meta.url))], { encoding: "utf8" }),
  );
  return [{ what: "64 idle waiters", figure: `${share.toFixed(3)} % of a core`, value: share, bar: "<= 0.3" }];
}

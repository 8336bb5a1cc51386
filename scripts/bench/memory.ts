/** What do locks, waiters and threads leave behind, and what do idle waiters cost? */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { channel, i32, Mutex, spawn, toHandle, type Receiver, type Sender } from "ferrous";
import { Registry } from "../../lib/thread/registry.ts";
import { nothing } from "./threads/contenders.js";
import { receiveChunks, receiveValues, sendChunks, sendValues } from "./threads/streams.js";
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
  const rows = [...idle(), ...(await mutexes()), ...(await aborted()), ...(await messages()), ...(await threads())];
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

/** Streams from worker to worker, of which a small part has gone before: what a message left would be there a thousand times. */
async function messages(): Promise<Row[]> {
  const words = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(512));
  const numbers = async (count: number): Promise<void> => {
    const [tx, rx] = channel({ capacity: 1024, of: i32 });
    const cells = words();
    const threads = [spawn(sendChunks, cells, tx as Sender<number>, count), spawn(receiveChunks, cells, rx)];
    await verified(count, threads);
  };
  const objects = async (count: number): Promise<void> => {
    const [tx, rx] = channel<unknown>({ capacity: 1024 });
    const cells = words();
    const threads = [spawn(sendValues, cells, tx, "objects", count, 0), spawn(receiveValues, cells, rx as Receiver<never>, "objects", 0)];
    await verified(count, threads);
  };
  const growth = async (stream: (count: number) => Promise<void>, count: number): Promise<number> => {
    await stream(count / 100);
    const before = await settled();
    await stream(count);
    return (await settled()) - before;
  };
  const [many, some] = [100_000_000 - (100_000_000 % 25_600), 5_000_000];
  const [left, leftOfObjects] = [await growth(numbers, many), await growth(objects, some)];
  return [
    { what: "100 million numbers through a channel", figure: megabytes(left), value: left / 1e6, bar: "<= 20" },
    { what: "5 million objects through a channel", figure: megabytes(leftOfObjects), value: leftOfObjects / 1e6, bar: "<= 20" },
  ];
}

type Stream = { joinAsync(): Promise<{ readonly count: number; readonly wrong: number }> };
async function verified(count: number, threads: readonly Stream[]): Promise<void> {
  const ends = await Promise.all(threads.map((thread) => thread.joinAsync()));
  if (ends.some((end) => end.wrong > 0 || end.count !== count)) throw new Error("messages were lost, came out of order, or changed");
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

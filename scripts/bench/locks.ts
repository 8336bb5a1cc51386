/** What does a lock cost, alone and contended, against the floor (bare Atomics) and the peers? */
import { Mutex as AsyncMutex } from "async-mutex";
import { Mutex, spawn } from "ferrous";
import { Worker } from "node:worker_threads";
import { contend, nothing } from "./threads/contenders.js";
import { inTurns, median, nanoseconds, print, ratio, type Row, type Subject } from "./measure.ts";
import { lineRow, lineTrip, othersAlone, othersTogether } from "./others.ts";
import { peerRows } from "./peer.ts";

const ROUNDS = 9;
const ns = (value: number): string => `${value.toFixed(1)} ns`;

/** `npm run bench -- locks [one | contended | together]`: all of it, or a part. */
export async function run(): Promise<void> {
  const only = process.argv[3];
  if (only === undefined || only === "one") {
    const rows: Row[] = [];
    await awaiting(rows);
    await spawning(rows);
    await uncontended(rows);
    const others = await othersAlone();
    const peer = await peerRows();
    print("One thread", [...rows, ...peer.mutex]);
    print("One thread, the other locks", [...others, ...peer.others]);
  }
  if (only === undefined || only === "contended") print("Contended: operations a second", await contended());
  if (only === undefined || only === "together") print("Together, the other locks", await othersTogether());
}

function fromMap(figures: ReadonlyMap<string, number[]>, name: string): string {
  return ns(median(figures.get(name) ?? []));
}

async function uncontended(rows: Row[]): Promise<void> {
  const N = 2_000_000;
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const mutex = new Mutex();
  // In a typed array: a captured variable that outgrows a small integer would be boxed anew at each addition.
  const sum = new Int32Array(1);
  const count = (): void => {
    sum[0] = (sum[0] ?? 0) + 1;
  };
  // Functions that stay, so that the engine optimises each once and as a whole, as it would a program's hot function.
  const bareLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      if (Atomics.compareExchange(cells, 0, 0, 1) !== 0) throw new Error("held");
      count();
      Atomics.exchange(cells, 0, 0);
    }
  };
  const lockLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const guard = mutex.lock();
      try {
        count();
      } finally {
        guard.release();
      }
    }
  };
  const withLoop = (n: number): void => {
    for (let i = 0; i < n; i++) mutex.with(count);
  };
  const subjects: Subject[] = [
    { name: "bare CAS + exchange", measure: () => nanoseconds(N, bareLoop) },
    { name: "Mutex.lock + release, try/finally", measure: () => nanoseconds(N, lockLoop) },
    { name: "Mutex.with", measure: () => nanoseconds(N, withLoop) },
  ];
  const figures = await inTurns(subjects, ROUNDS);
  const bare = "bare CAS + exchange";
  rows.push({ what: bare, figure: fromMap(figures, bare) });
  const bars: Record<string, string> = { "Mutex.lock + release, try/finally": "<= 1.6", "Mutex.with": "<= 1.7" };
  for (const { name } of subjects.slice(1)) {
    const bar = bars[name];
    rows.push({
      what: name,
      figure: fromMap(figures, name),
      against: bare,
      ratio: ratio(figures, name, bare),
      ...(bar === undefined ? {} : { bar }),
    });
  }
  if (sum[0] === 0) throw new Error("the sections were not run");
}

async function awaiting(rows: Row[]): Promise<void> {
  const N = 100_000;
  const mutex = new Mutex();
  const asyncMutex = new AsyncMutex();
  const timed = async (n: number, body: (n: number) => Promise<void>): Promise<number> => {
    const start = process.hrtime.bigint();
    await body(n);
    return Number(process.hrtime.bigint() - start) / n;
  };
  const subjects: Subject[] = [
    {
      name: "await undefined",
      measure: () =>
        timed(N, async (n) => {
          for (let i = 0; i < n; i++) await undefined;
        }),
    },
    {
      name: "Mutex.lockAsync + release",
      measure: () =>
        timed(N, async (n) => {
          for (let i = 0; i < n; i++) (await mutex.lockAsync()).release();
        }),
    },
    {
      name: "async-mutex: acquire + release",
      measure: () =>
        timed(N / 10, async (n) => {
          for (let i = 0; i < n; i++) (await asyncMutex.acquire())();
        }),
    },
  ];
  const figures = await inTurns(subjects, ROUNDS);
  const floor = "await undefined";
  rows.push({ what: floor, figure: fromMap(figures, floor) });
  rows.push({
    what: "Mutex.lockAsync + release",
    figure: fromMap(figures, "Mutex.lockAsync + release"),
    against: floor,
    ratio: ratio(figures, "Mutex.lockAsync + release", floor),
    bar: "<= 3",
  });
  const peer = "async-mutex: acquire + release";
  rows.push({ what: peer, figure: fromMap(figures, peer), against: floor, ratio: ratio(figures, peer, floor) });
}

async function spawning(rows: Row[]): Promise<void> {
  spawn(nothing).join();
  const subjects: Subject[] = [
    {
      name: "bare Worker that posts one message",
      measure: async () => {
        const start = performance.now();
        const worker = new Worker(new URL("./threads/bare.js", import.meta.url));
        // Before the message: to who is late both come at once.
        const exited = new Promise((resolve) => worker.once("exit", resolve));
        await new Promise((resolve) => worker.once("message", resolve));
        const took = performance.now() - start;
        await exited;
        return took;
      },
    },
    {
      name: "spawn + joinAsync of a task",
      measure: async () => {
        const start = performance.now();
        await spawn(nothing).joinAsync();
        return performance.now() - start;
      },
    },
  ];
  const figures = await inTurns(subjects, 25);
  const [bare, ours] = ["bare Worker that posts one message", "spawn + joinAsync of a task"];
  const ms = (name: string): string => `${median(figures.get(name) ?? []).toFixed(1)} ms`;
  rows.push({ what: bare, figure: ms(bare) });
  rows.push({ what: ours, figure: ms(ours), against: bare, ratio: ratio(figures, ours, bare), bar: "<= 1.4" });
}

/** Operations a second of `threads` threads together, and the smallest thread's share of its fair share. */
async function race(kind: "ferrous" | "futex", threads: number, inside: number, outside: number): Promise<{ rate: number; fair: number }> {
  const MS = 250;
  const mutex = new Mutex();
  const cells = new Int32Array(new SharedArrayBuffer(256));
  const handles = Array.from({ length: threads }, () => spawn(contend, kind, mutex, cells, threads, MS, inside, outside));
  const counts = await Promise.all(handles.map((handle) => handle.joinAsync()));
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (cells[32] !== total) throw new Error(`updates were lost: ${String(cells[32])} of ${String(total)}`);
  return { rate: (total / MS) * 1000, fair: (Math.min(...counts) * threads) / total };
}

async function contended(): Promise<Row[]> {
  const rows: Row[] = [];
  const million = (rate: number): string => `${(rate / 1e6).toFixed(2)} M/s`;
  for (const threads of [2, 4]) {
    for (const [inside, outside, bar] of [
      [0, 0, ">= 0.8"],
      [25, 160, ">= 0.9"],
    ] as const) {
      const rates: Record<"ferrous" | "futex", number[]> = { ferrous: [], futex: [] };
      const fair: Record<"ferrous" | "futex", number[]> = { ferrous: [], futex: [] };
      const trips: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        trips.push(await lineTrip());
        for (const kind of round % 2 === 0 ? (["ferrous", "futex"] as const) : (["futex", "ferrous"] as const)) {
          const result = await race(kind, threads, inside, outside);
          rates[kind].push(result.rate);
          fair[kind].push(result.fair);
        }
      }
      const what = `${String(threads)} threads, ${String(inside)} ns inside, ${String(outside)} outside`;
      const pairs = rates.ferrous.map((rate, round) => rate / (rates.futex[round] ?? Number.NaN));
      rows.push({
        what: `${what}: bare 3-state futex`,
        figure: million(median(rates.futex)),
        against: `fair ${median(fair.futex).toFixed(2)}`,
      });
      rows.push({ what: `${what}: Mutex`, figure: million(median(rates.ferrous)), against: "the bare futex", ratio: median(pairs), bar });
      rows.push({
        what: "    the smallest share of a fair share",
        figure: median(fair.ferrous).toFixed(2),
        value: median(fair.ferrous),
        bar: ">= 0.5",
      });
      rows.push(lineRow(trips));
    }
  }
  return rows;
}

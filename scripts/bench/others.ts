/** What do RwLock, Semaphore, Condvar, OnceLock and Lazy cost, alone and together? Part of `npm run bench -- locks`. */
import { Semaphore as AsyncSemaphore } from "async-mutex";
import { Condvar, Lazy, Mutex, OnceLock, RwLock, Semaphore, spawn } from "ferrous";
import { inTurns, median, nanoseconds, ratio, type Row, type Subject } from "./measure.ts";
import { passLine } from "./threads/contenders.js";
import { barePingPong, condvarPingPong, readMostly } from "./threads/sharers.js";

const ROUNDS = 9;
const N = 2_000_000;
const ns = (value: number): string => `${value.toFixed(1)} ns`;

interface Releasable {
  release(): void;
}

export async function othersAlone(): Promise<Row[]> {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const sum = new Int32Array(1);
  const count = (): void => {
    sum[0] = (sum[0] ?? 0) + 1;
  };
  const [readLock, writeLock, semaphore] = [new RwLock(), new RwLock(), new Semaphore(4)];
  const bareLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      if (Atomics.compareExchange(cells, 0, 0, 1) !== 0) throw new Error("held");
      count();
      Atomics.exchange(cells, 0, 0);
    }
  };
  const readLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const guard = readLock.read();
      try {
        count();
      } finally {
        guard.release();
      }
    }
  };
  const writeLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const guard = writeLock.write();
      try {
        count();
      } finally {
        guard.release();
      }
    }
  };
  const semaphoreLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      const permit: Releasable = semaphore.acquire();
      try {
        count();
      } finally {
        permit.release();
      }
    }
  };
  const bare = "bare CAS + exchange";
  const bars: Record<string, string> = {
    "RwLock.read + release": "<= 2",
    "RwLock.write + release": "<= 2",
    "Semaphore.acquire + release": "<= 2.2",
  };
  const loops = {
    [bare]: bareLoop,
    "RwLock.read + release": readLoop,
    "RwLock.write + release": writeLoop,
    "Semaphore.acquire + release": semaphoreLoop,
  };
  const figures = await inTurns(
    Object.entries(loops).map(([name, loop]) => ({ name, measure: () => nanoseconds(N, loop) })),
    ROUNDS,
  );
  const rows: Row[] = Object.keys(bars).map((name) => rowOf(figures, name, bare, bars[name]));
  rows.push(...(await once(sum)), ...(await asyncPeer()));
  return rows;
}

function rowOf(figures: ReadonlyMap<string, number[]>, name: string, against: string, bar?: string): Row {
  const row = { what: name, figure: ns(median(figures.get(name) ?? [])), against, ratio: ratio(figures, name, against) };
  return bar === undefined ? row : { ...row, bar };
}

/** Reads of what is there already. */
async function once(sum: Int32Array): Promise<Row[]> {
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const cell = new OnceLock<number>();
  cell.set(1);
  const lazy = new Lazy(() => 1);
  const loadLoop = (n: number): void => {
    let total = 0;
    for (let i = 0; i < n; i++) total += Atomics.load(cells, 0);
    sum[0] = total;
  };
  const onceLoop = (n: number): void => {
    let total = 0;
    for (let i = 0; i < n; i++) total += cell.get() ?? 0;
    sum[0] = total;
  };
  const lazyLoop = (n: number): void => {
    let total = 0;
    for (let i = 0; i < n; i++) total += lazy.get();
    sum[0] = total;
  };
  const floor = "Atomics.load";
  const subjects: Subject[] = [
    { name: floor, measure: () => nanoseconds(N, loadLoop) },
    { name: "OnceLock.get, initialised", measure: () => nanoseconds(N, onceLoop) },
    { name: "Lazy.get, initialised", measure: () => nanoseconds(N, lazyLoop) },
  ];
  const figures = await inTurns(subjects, ROUNDS);
  return subjects.slice(1).map(({ name }) => rowOf(figures, name, floor, "<= 1.5"));
}

async function asyncPeer(): Promise<Row[]> {
  const [ours, theirs] = [new Semaphore(4), new AsyncSemaphore(4)];
  const timed = async (n: number, body: (n: number) => Promise<void>): Promise<number> => {
    const start = process.hrtime.bigint();
    await body(n);
    return Number(process.hrtime.bigint() - start) / n;
  };
  const subjects: Subject[] = [
    {
      name: "Semaphore.acquireAsync + release",
      measure: () =>
        timed(50_000, async (n) => {
          for (let i = 0; i < n; i++) (await ours.acquireAsync()).release();
        }),
    },
    {
      name: "async-mutex: Semaphore.acquire + release",
      measure: () =>
        timed(20_000, async (n) => {
          for (let i = 0; i < n; i++) (await theirs.acquire())[1]();
        }),
    },
  ];
  const figures = await inTurns(subjects, 5);
  const floor = "Semaphore.acquireAsync + release";
  const peer = "async-mutex: Semaphore.acquire + release";
  return [{ what: floor, figure: ns(median(figures.get(floor) ?? [])) }, rowOf(figures, peer, floor)];
}

export async function othersTogether(): Promise<Row[]> {
  return [...(await reading(0, 0, ">= 1.2")), ...(await reading(25, 160, ">= 1.6")), ...(await pingPong())];
}

/**
 * Where the machine is: ns in which a cache line goes from one thread to another and back. On a machine shared with others the two cores are
 * now of one cache and now of two, 110 or 340 ns, which decides what two threads can do together more than any lock does.
 */
export async function lineTrip(): Promise<number> {
  const cells = new Int32Array(new SharedArrayBuffer(64));
  const players = [0, 1].map((me) => spawn(passLine, cells, me));
  return median(await Promise.all(players.map((player) => player.joinAsync())));
}
export const lineRow = (trips: readonly number[]): Row => ({
  what: "    meanwhile a cache line went there and back in",
  figure: `${median(trips).toFixed(0)} ns`,
});

/** Two threads that read 95 times of 100, against one. */
async function reading(inside: number, outside: number, bar: string): Promise<Row[]> {
  const MS = 250;
  const race = async (threads: number): Promise<number> => {
    const lock = new RwLock();
    const cells = new Int32Array(new SharedArrayBuffer(256));
    const handles = Array.from({ length: threads }, () => spawn(readMostly, lock, cells, threads, MS, inside, outside));
    const counts = await Promise.all(handles.map((handle) => handle.joinAsync()));
    return (counts.reduce((sum, n) => sum + n, 0) / MS) * 1000;
  };
  const figures = await inTurns(
    [
      { name: "1", measure: () => race(1) },
      { name: "line", measure: lineTrip },
      { name: "2", measure: () => race(2) },
    ],
    ROUNDS,
  );
  const million = (name: string): string => `${(median(figures.get(name) ?? []) / 1e6).toFixed(2)} M/s`;
  const what = `RwLock, 95 % reads, ${String(inside)} ns inside, ${String(outside)} outside`;
  return [
    { what: `${what}: 1 thread`, figure: million("1") },
    { what: `${what}: 2 threads`, figure: million("2"), against: "1 thread", ratio: ratio(figures, "2", "1"), bar },
    lineRow(figures.get("line") ?? []),
  ];
}

async function pingPong(): Promise<Row[]> {
  const ROUND_TRIPS = 5000;
  const [bare, ours] = ["bare wait + notify ping-pong, a round trip", "Condvar ping-pong, a round trip"];
  const figures = await inTurns(
    [
      {
        name: bare,
        measure: async () => {
          const cells = new Int32Array(new SharedArrayBuffer(256));
          const players = [0, 1].map((me) => spawn(barePingPong, cells, me, ROUND_TRIPS));
          return median(await Promise.all(players.map((player) => player.joinAsync())));
        },
      },
      {
        name: ours,
        measure: async () => {
          const lock = new Mutex(new Int32Array(new SharedArrayBuffer(256)));
          const turn = new Condvar();
          const players = [0, 1].map((me) => spawn(condvarPingPong, lock, turn, me, ROUND_TRIPS));
          return median(await Promise.all(players.map((player) => player.joinAsync())));
        },
      },
    ],
    ROUNDS,
  );
  return [{ what: bare, figure: ns(median(figures.get(bare) ?? [])) }, rowOf(figures, ours, bare, "<= 1.15")];
}

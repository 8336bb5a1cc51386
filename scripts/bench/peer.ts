/** The locks of `multithreading`, measured last and apart: they leave so many weak maps behind that every later collection of garbage is dearer. */
import { inTurns, median, nanoseconds, ratio, type Row } from "./measure.ts";

const ROUNDS = 9;
const BARE = "bare CAS + exchange";

interface Guard {
  [Symbol.dispose](): void;
}
interface Peer {
  readonly Mutex: new () => { blockingLock(): Guard };
  readonly RwLock: new () => { blockingRead(): Guard; blockingWrite(): Guard };
  readonly Semaphore: new (permits: number) => { blockingAcquire(): Guard };
}

/** One row for its mutex, and those for its other locks; none where it cannot be loaded. */
export async function peerRows(): Promise<{ readonly mutex: readonly Row[]; readonly others: readonly Row[] }> {
  const peer = await loadPeer();
  if (peer === undefined) return { mutex: [], others: [] };
  const [mutex, readLock, writeLock, semaphore] = [new peer.Mutex(), new peer.RwLock(), new peer.RwLock(), new peer.Semaphore(4)];
  const cells = new Int32Array(new SharedArrayBuffer(4));
  const sum = new Int32Array(1);
  const count = (): void => {
    sum[0] = (sum[0] ?? 0) + 1;
  };
  const bareLoop = (n: number): void => {
    for (let i = 0; i < n; i++) {
      if (Atomics.compareExchange(cells, 0, 0, 1) !== 0) throw new Error("held");
      count();
      Atomics.exchange(cells, 0, 0);
    }
  };
  const loopOf =
    (take: () => Guard) =>
    (n: number): void => {
      for (let i = 0; i < n; i++) {
        const guard = take();
        count();
        guard[Symbol.dispose]();
      }
    };
  const loops = {
    "multithreading: blockingLock + dispose": loopOf(() => mutex.blockingLock()),
    "multithreading: RwLock.blockingRead + dispose": loopOf(() => readLock.blockingRead()),
    "multithreading: RwLock.blockingWrite + dispose": loopOf(() => writeLock.blockingWrite()),
    "multithreading: Semaphore.blockingAcquire + dispose": loopOf(() => semaphore.blockingAcquire()),
  };
  const figures = await inTurns(
    [
      { name: BARE, measure: () => nanoseconds(2_000_000, bareLoop) },
      ...Object.entries(loops).map(([name, loop]) => ({ name, measure: () => nanoseconds(100_000, loop) })),
    ],
    ROUNDS,
  );
  if (sum[0] === 0) throw new Error("the sections were not run");
  const rows = Object.keys(loops).map((name) => ({
    what: name,
    figure: `${median(figures.get(name) ?? []).toFixed(1)} ns`,
    against: BARE,
    ratio: ratio(figures, name, BARE),
  }));
  return { mutex: rows.slice(0, 1), others: rows.slice(1) };
}

/** It needs globals that Node 20 has not: they are lent to it for its import. */
async function loadPeer(): Promise<Peer | undefined> {
  const lent = globalThis as { navigator?: unknown };
  if (lent.navigator === undefined)
    Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: 2 }, configurable: true });
  Promise.withResolvers ??= function withResolvers<T>() {
    let resolve!: (value: T | PromiseLike<T>) => void;
    let reject!: (reason?: unknown) => void;
    const promise = new Promise<T>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  };
  try {
    return (await import("multithreading")) as unknown as Peer;
  } catch (error) {
    console.error(`multithreading could not be loaded: ${String(error)}`);
    return undefined;
  }
}

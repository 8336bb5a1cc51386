/** Workers that others start: they join with their first use of a lock, and their death is told. */
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "@jest/globals";
import { AtomicI32, attach, invite, Mutex, toHandle } from "ferrous";
import { Piscina } from "piscina";
import { Tinypool } from "tinypool";
import { run } from "../support/program.ts";

const file = new URL("../support/foreign.js", import.meta.url);
const pools: { destroy(): Promise<void> }[] = [];
afterAll(() => Promise.all(pools.map((pool) => pool.destroy())));

/** Starts a worker that takes the lock, and dies holding it as soon as this thread waits for it. */
const WAYS = {
  "a plain Worker": (handles: object): void => {
    new Worker(file, { workerData: handles });
  },
  "a task of piscina": (handles: object): void => {
    const pool = new Piscina({ filename: file.href, minThreads: 1, maxThreads: 1 });
    pools.push(pool);
    pool.on("error", () => undefined);
    pool.run(handles).catch(() => undefined);
  },
  "a task of tinypool": (handles: object): void => {
    const pool = new Tinypool({ filename: file.href, runtime: "worker_threads", minThreads: 1, maxThreads: 1 });
    // Not awaited: it waits for ever for a worker that has died.
    pools.push({ destroy: () => Promise.resolve(void pool.destroy()) });
    pool.on("error", () => undefined);
    pool.run(handles).catch(() => undefined);
  },
};

/** How long this thread, blocked, waits for a lock whose holder dies at once. */
async function waitForTheDeath(start: (handles: object) => void): Promise<{ code: string; message: string; ms: number }> {
  const mutex = new Mutex(undefined, { name: "foreign" });
  const stage = new AtomicI32(0);
  start({ mutex: toHandle(mutex), stage: toHandle(stage) });
  // Awaited: a worker of a pool starts with the help of this thread's event loop.
  while (stage.load() === 0) await stage.waitAsync(0, { timeout: 100 });
  const before = performance.now();
  try {
    mutex.lock();
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message, ms: performance.now() - before };
  }
  throw new Error("it got in unwarned");
}

describe.each(Object.entries(WAYS))("%s that dies holding a lock", (_, start) => {
  const told = { code: "POISONED", message: expect.stringMatching(/^mutex "foreign" is poisoned: thread "worker \d+" ended or failed/) };

  it("is told of after attach(), in no time", async () => {
    await attach();
    for (let round = 0; round < 2; round++) {
      const { ms, ...error } = await waitForTheDeath(start);
      expect(error).toEqual(told);
      expect(ms).toBeLessThan(1000);
    }
  });
});

// Elsewhere nobody can tell without a supervisor: see docs/architecture.md.
(process.platform === "linux" ? it : it.skip)("without a supervisor, a death is told within 250 ms", async () => {
  const source = `
    import { Worker } from "node:worker_threads";
    import { AtomicI32, Mutex, toHandle } from "ferrous";
    const mutex = new Mutex();
    const stage = new AtomicI32(0);
    new Worker(new URL(${JSON.stringify(file.href)}), { workerData: { mutex: toHandle(mutex), stage: toHandle(stage) } });
    while (stage.load() === 0) await stage.waitAsync(0, { timeout: 100 });
    const before = performance.now();
    try { mutex.lock(); } catch (error) { console.log(error.code, performance.now() - before < 300); }`;
  expect(await run(source)).toEqual({ code: 0, stdout: "POISONED true\n", stderr: "" });
});

it("invite() takes any worker", () => {
  expect(() => {
    invite({});
  }).not.toThrow();
});

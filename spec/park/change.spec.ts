/** Who awaits that a word changes, what it is told, and what it leaves behind when it ends. */
import process from "node:process";
import { describe, expect, it } from "@jest/globals";
import { AtomicI32, CancelFlag, channel, Mutex, spawn, type Receiver } from "ferrous";
import { until, words } from "../support/lockers.js";
import { run } from "../support/program.ts";

/** There the supervisor awaits on the threads' behalf. */
const IS_OLD = Number.parseInt(process.versions.node) < 24;

it("tasks of a thread are woken; before Node 24 it has no Atomics.waitAsync pending meanwhile, of which the process could crash", async () => {
  const lock = new Mutex();
  const flag = new CancelFlag();
  const value = new AtomicI32(0);
  const stage = words(1);
  const guard = lock.lock();
  const thread = spawn(
    async (lock: Mutex, flag: CancelFlag, value: AtomicI32, stage: Int32Array<SharedArrayBuffer>) => {
      const { waitAsync } = Atomics;
      let pending = 0;
      Atomics.waitAsync = ((...given: Parameters<typeof waitAsync>) => {
        pending++;
        return waitAsync(...given);
      }) as typeof waitAsync;
      const all = [
        lock.lockAsync().then((guard) => guard.release()),
        new Promise((resolve) => {
          flag.signal.addEventListener("abort", resolve);
        }),
        value.waitAsync(0),
      ];
      Atomics.store(stage, 0, 1);
      await Promise.all(all);
      return pending;
    },
    lock,
    flag,
    value,
    stage,
  );
  until(() => stage[0] === 1);
  guard.release();
  flag.cancel();
  expect(value.notify()).toBe(1);
  expect(await thread.joinAsync()).toBe(IS_OLD ? 0 : 3);
});

it("no notification is missed once waitAsync has returned, though the value stays the same", async () => {
  const ROUNDS = 300;
  const value = new AtomicI32(0);
  const stage = words(1);
  const thread = spawn(
    async (value: AtomicI32, stage: Int32Array<SharedArrayBuffer>, rounds: number) => {
      for (let round = 1; round <= rounds; round++) {
        const woken = value.waitAsync(0);
        Atomics.store(stage, 0, round);
        if ((await woken) !== "ok") throw new Error(await woken);
      }
    },
    value,
    stage,
    ROUNDS,
  );
  for (let round = 1; round <= ROUNDS; round++) {
    until(() => stage[0] === round);
    expect(value.notify()).toBe(1);
  }
  await thread.joinAsync();
});

it("what is called off at once leaves nothing behind that a notification would go to", async () => {
  const LOCKS = 200;
  const cells = words(4 * LOCKS);
  const stage = words(1);
  const guards = Array.from({ length: LOCKS }, (_, at) => Mutex.at(cells.buffer, 16 * at).lock());
  const thread = spawn(
    async (cells: Int32Array<SharedArrayBuffer>, stage: Int32Array<SharedArrayBuffer>, locks: number) => {
      const { AtomicI32, Mutex } = await import("ferrous");
      const refused = [];
      for (let at = 0; at < locks; at++) {
        const off = new AbortController();
        refused.push(Mutex.at(cells.buffer, 16 * at).lockAsync({ signal: off.signal }));
        off.abort();
      }
      await Promise.allSettled(refused);
      // By then the supervisor has heard of the locks, too.
      const woken = AtomicI32.at(stage.buffer, 0).waitAsync(0);
      Atomics.store(stage, 0, 1);
      await woken;
    },
    cells,
    stage,
    LOCKS,
  );
  until(() => stage[0] === 1);
  expect(guards.map((_, at) => Atomics.notify(cells, 4 * at))).toEqual(guards.map(() => 0));
  expect(Atomics.notify(stage, 0)).toBe(1);
  await thread.joinAsync();
  for (const guard of guards) guard.release();
});

it("a task that is woken goes on only when its thread blocks no more: not in the midst of what it blocks in", async () => {
  interface Message {
    readonly at: number;
    readonly shared: SharedArrayBuffer;
  }
  const [tx, rx] = channel<Message>();
  const stage = words(1);
  const thread = spawn(
    async (rx: Receiver<Message>, stage: Int32Array<SharedArrayBuffer>) => {
      const { AtomicI32 } = await import("ferrous");
      const value = new AtomicI32(0);
      const awaited = rx.recvAsync();
      Atomics.store(stage, 0, 1);
      Atomics.notify(stage, 0);
      Atomics.wait(stage, 0, 1);
      // Each has to be answered by the supervisor: what woke the task has come by then.
      for (let i = 0; i < 3; i++) void value.waitAsync(0);
      // Inside the receivers' gate it asks the supervisor for the shared memory, and receives what came before.
      const received = rx.recv();
      return [received.at, (await awaited).at];
    },
    rx,
    stage,
  );
  until(() => stage[0] === 1);
  for (const at of [1, 2]) tx.send({ at, shared: new SharedArrayBuffer(4) });
  Atomics.store(stage, 0, 2);
  Atomics.notify(stage, 0);
  const received = thread.joinAsync({ timeout: 10_000 }).finally(() => thread.terminate());
  expect(await received).toEqual([1, 2]);
});

describe("a thread that ends while its tasks await", () => {
  it("leaves nothing behind that a notification would go to", async () => {
    const cells = words(4);
    const guard = Mutex.at(cells.buffer, 0).lock();
    const stage = words(1);
    const thread = spawn(
      async (cells: Int32Array<SharedArrayBuffer>, stage: Int32Array<SharedArrayBuffer>) => {
        const ferrous = await import("ferrous");
        const woken = ferrous.Mutex.at(cells.buffer, 0).lockAsync();
        // By then the supervisor has heard of the lock, too.
        void ferrous.AtomicI32.at(cells.buffer, 12).waitAsync(0);
        Atomics.store(stage, 0, 1);
        await woken;
      },
      cells,
      stage,
    );
    until(() => stage[0] === 1);
    thread.terminate();
    await expect(thread.joinAsync()).rejects.toThrow("terminated");
    expect([Atomics.notify(cells, 0), Atomics.notify(cells, 3)]).toEqual([0, 0]);
    guard.release();
  });

  it("has none pending when it is taken down, if no supervisor hears it and it ends by itself", async () => {
    const program = `
      import { isMainThread, Worker, workerData } from "node:worker_threads";
      import { CancelFlag, Mutex } from "ferrous";
      if (isMainThread) {
        const words = new Int32Array(new SharedArrayBuffer(4096));
        Mutex.at(words.buffer, 0).lock();
        new Worker(new URL(import.meta.url), { workerData: words }).on("exit", () => console.log(Atomics.load(words, 1000), Atomics.load(words, 1001)));
      } else {
        void Mutex.at(workerData.buffer, 0).lockAsync();
        CancelFlag.at(workerData.buffer, 64).signal.addEventListener("abort", () => undefined);
        // Behind the library's own.
        process.on("exit", () => {
          workerData[1000] = 1;
          workerData[1001] = Atomics.notify(workerData, 0) + Atomics.notify(workerData, 16);
        });
        process.exit();
      }
    `;
    expect(await run(program)).toEqual({ code: 0, stdout: `1 ${IS_OLD ? "0" : "2"}\n`, stderr: "" });
  });
});

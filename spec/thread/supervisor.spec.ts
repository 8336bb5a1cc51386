/** What becomes of everybody if the supervisor itself cannot start, or dies. */
import { describe, expect, it } from "@jest/globals";
import { run } from "../support/program.ts";

/** As a preloaded module of the user's that does not expect workers. */
const FAILS_IN_WORKERS = `
  import { isMainThread } from "node:worker_threads";
  if (!isMainThread) throw new Error("this preload fails in workers");`;

describe("a supervisor that cannot start", () => {
  const WAYS = {
    "who awaits a thread": "await spawn(() => 1).joinAsync().catch((error) => console.log(error.code));",
    "who joins a thread": "try { spawn(() => 1).join(); } catch (error) { console.log(error.code); }",
    "who awaits attach()": "await attach().catch((error) => console.log(error.code));",
    "who ends a thread": "const handle = spawn(() => 1); await handle.terminate(); console.log(handle.isFinished ? 'THREAD_DIED' : '');",
    "who asks again": "for (const _ of [1, 2]) await spawn(() => 1).joinAsync().catch((error) => console.log(error.code));",
  };
  it.each(Object.entries(WAYS))("is told of with its reason, also to %s", async (who, way) => {
    const { code, stdout, stderr } = await run(`import { attach, spawn } from "ferrous"; ${way}`, undefined, FAILS_IN_WORKERS);
    const told = who === "who awaits attach()" ? "TASK\n" : "THREAD_DIED\n";
    expect([code, stdout]).toEqual([0, who === "who asks again" ? told.repeat(2) : told]);
    expect(stderr).toMatch(/^ferrous: .*supervisor.*this preload fails in workers/m);
  });

  it("is told of with its reason to who asks for what it should keep, blocking and awaiting", async () => {
    const program = `
      import { fromHandle, OnceLock, toHandle } from "ferrous";
      const another = (once) => fromHandle(toHandle(once));
      for (const how of ["get", "getOrInitAsync"]) {
        const once = new OnceLock({ name: "settings" });
        once.set("a value");
        try { console.log(await another(once)[how](() => 1)); } catch ({ code, message }) { console.log(code, message); }
      }`;
    const { code, stdout } = await run(program, undefined, FAILS_IN_WORKERS);
    const told = String.raw`HANDLE the value of once-lock "settings" is lost: .* the supervisor could not be started.*\n`;
    expect(stdout).toMatch(new RegExp(`^${told}${told}$`));
    expect(code).toBe(0);
  });

  it("closes what it should have given to a thread, also for who blocks meanwhile", async () => {
    const program = `
      import { channel, spawn } from "ferrous";
      const [tx, rx] = channel();
      const handle = spawn((tx) => tx.send(1), tx);
      try { console.log(rx.recv()); } catch ({ code }) { console.log(code, handle.thread.isAlive); }`;
    const { code, stdout } = await run(program, undefined, FAILS_IN_WORKERS);
    expect([code, stdout]).toEqual([0, "DISCONNECTED false\n"]);
  });

  it("lets a task go on only when its thread blocks no more", async () => {
    // Its attempt would succeed in the midst of the other wait, which is for what it would take.
    const program = `
      import { Semaphore, spawn } from "ferrous";
      const permits = new Semaphore(1);
      const permit = permits.acquire();
      const awaited = permits.acquireAsync();
      const handle = spawn(() => 1);
      permit.release();
      try { handle.join(); } catch ({ code }) { console.log(code, permits.available); }
      (await awaited).release();`;
    const { code, stdout } = await run(program, undefined, FAILS_IN_WORKERS);
    expect([code, stdout]).toEqual([0, "THREAD_DIED 1\n"]);
  });

  it("is told of even if nobody waits", async () => {
    const { code, stderr } = await run(`import { spawn } from "ferrous"; spawn(() => 1);`, undefined, FAILS_IN_WORKERS);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^ferrous: .*supervisor.*this preload fails in workers/m);
  });
});

/** Makes it die at a word, as it would if its memory were full. */
const DIES_AT_A_WORD = `
  import { workerData } from "node:worker_threads";
  if (workerData?.ferrous === "lifeline") new BroadcastChannel("die").onmessage = () => { throw new Error("on purpose"); };`;

it("a supervisor that dies takes its threads with it, which is told; the next spawn starts another, and nobody is forgotten whom it watched", async () => {
  const program = `
    import { Worker } from "node:worker_threads";
    import { attach, AtomicU32, Mutex, spawn, toHandle } from "ferrous";
    await attach();
    const its = new Mutex(), foreign = new Mutex(), stage = new AtomicU32(0), gate = new Mutex();
    const text = 'import { workerData } from "node:worker_threads"; import { attach, fromHandle } from "ferrous";' +
      "const [stage, gate, foreign] = workerData.map(fromHandle); await attach(); foreign.lock(); stage.fetchAdd(1); gate.lock(); process.exit(0);";
    const guard = gate.lock();
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)), { workerData: [stage, gate, foreign].map(toHandle) });
    const handle = spawn((its, stage) => { its.lock(); stage.fetchAdd(1); for (;;) stage.wait(stage.load()); }, its, stage);
    while (stage.load() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    new BroadcastChannel("die").postMessage("now");
    await handle.joinAsync().catch(({ code, message }) => console.log(code, message.includes("on purpose")));
    try { its.lock(); } catch (error) { console.log(error.code); }
    console.log(await spawn(() => 42).joinAsync());
    guard.release();
    try { foreign.lock(); } catch (error) { console.log(error.code); }
    process.exit(0);`;
  const { code, stdout, stderr } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "THREAD_DIED true\nPOISONED\n42\nPOISONED\n"]);
  expect(stderr).toMatch(/^ferrous: the supervisor has died .*on purpose/);
});

it("a supervisor that follows one that died is told of the channels whose messages have ends of others in them", async () => {
  const program = `
    import { attach, channel, spawn } from "ferrous";
    await attach();
    const [carrier, carried] = channel();
    carrier.send(channel()[0]);
    carried.recv().close();
    const handle = spawn((rx) => rx.recv(), channel()[1]);
    new BroadcastChannel("die").postMessage("now");
    await handle.joinAsync().catch(({ code }) => console.log(code));
    const [tx, rx] = channel();
    carrier.send(tx);
    const other = spawn((rx) => { try { return rx.recv({ timeout: 300 }); } catch (error) { return error.code; } }, rx);
    console.log(other.join());
    carried.recv().close();
    process.exit(0);`;
  const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "THREAD_DIED\nTIMEOUT\n"]);
});

it("a supervisor that dies while who started it blocks: that is seen, and the reason is told later", async () => {
  const program = `
    import { attach, channel, Mutex, spawn, AtomicU32 } from "ferrous";
    await attach();
    const mutex = new Mutex(), stage = new AtomicU32(0), [tx, rx] = channel();
    const handle = spawn((tx, mutex, stage) => { mutex.lock(); stage.store(1); stage.notify(); for (;;) stage.wait(1); }, tx, mutex, stage);
    stage.wait(0);
    new BroadcastChannel("die").postMessage("now");
    try { rx.recv(); } catch ({ code }) { console.log(code); }
    try { mutex.lock(); } catch ({ code }) { console.log(code); }
    try { handle.join(); } catch ({ code }) { console.log(code); }
    console.log(spawn(() => 42).join());
    setTimeout(() => process.exit(0), 50);`;
  const { code, stdout, stderr } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "DISCONNECTED\nPOISONED\nTHREAD_DIED\n42\n"]);
  expect(stderr).toMatch(/^ferrous: the supervisor has died[^]*^ferrous: that supervisor has ended because of: .*on purpose/m);
});

it("a worker of others whose task awaits is told of the deaths of a supervisor and its threads, and is woken without it", async () => {
  const program = `
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    import { attach, AtomicU32, Mutex, spawn, toHandle } from "ferrous";
    await attach();
    const [held, free] = [new Mutex(), new Mutex()], stage = new AtomicU32(0);
    spawn((held, stage) => { held.lock(); stage.store(1); stage.notify(); for (;;) stage.wait(1); }, held, stage).joinAsync().catch(() => undefined);
    await stage.waitAsync(0);
    const guard = free.lock();
    const text = 'import { parentPort, workerData } from "node:worker_threads"; import { attach, fromHandle } from "ferrous"; await attach();' +
      "const [held, free] = workerData.map(fromHandle);" +
      "const lost = held.lockAsync().catch(({ code }) => code), got = free.lockAsync();" +
      "parentPort.postMessage('waits'); parentPort.postMessage(await lost); (await got).release(); parentPort.postMessage('got it');";
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)), { workerData: [toHandle(held), toHandle(free)] });
    await once(worker, "message");
    const dies = new BroadcastChannel("die");
    dies.postMessage("now");
    dies.close();
    console.log(...await once(worker, "message"));
    guard.release();
    console.log(...await once(worker, "message"));`;
  const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "POISONED\ngot it\n"]);
});

describe("a worker of others that awaits a notification without a change", () => {
  const worker = (text: string): string => `
    import { once } from "node:events";
    import { readdirSync } from "node:fs";
    import { Worker } from "node:worker_threads";
    import { attach, AtomicU32, toHandle } from "ferrous";
    await attach();
    const value = new AtomicU32(0), words = new Int32Array(new SharedArrayBuffer(12)), threads = () => readdirSync("/proc/self/task").length;
    const until = (condition) => { while (!condition()) Atomics.wait(words, 2, 0, 1); };
    const text = 'import { parentPort, workerData } from "node:worker_threads"; import { attach, fromHandle } from "ferrous"; await attach();' +
      "const [handle, words] = workerData, value = fromHandle(handle);" + ${JSON.stringify(text)} + "parentPort.postMessage(await woken);";
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)), { workerData: [toHandle(value), words] });
    await once(worker, "message");
    const message = once(worker, "message"), dies = new BroadcastChannel("die");`;

  it("misses none that comes between a supervisor's death and its own notice of that", async () => {
    const program = `${worker("const woken = value.waitAsync(0); parentPort.postMessage('waits'); Atomics.wait(words, 0, 0);")}
      const gone = new Promise((resolve) => { process.stderr.write = resolve; });
      dies.postMessage("now");
      dies.close();
      await gone;
      console.log(value.notify());
      words[0] = 1;
      Atomics.notify(words, 0);
      console.log(...await message);`;
    const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
    expect([code, stdout]).toEqual([0, "0\nok\n"]);
  });

  (process.platform === "linux" ? it : it.skip)("does not block if the supervisor is dead and nobody has seen it yet", async () => {
    const program = `${worker("parentPort.postMessage('is there'); Atomics.wait(words, 0, 0); const woken = value.waitAsync(0); Atomics.store(words, 1, 1);")}
      const before = threads();
      dies.postMessage("now");
      until(() => threads() < before);
      words[0] = 1;
      Atomics.notify(words, 0);
      const began = performance.now();
      until(() => words[1] === 1);
      console.log(performance.now() - began < 5000);
      dies.close();
      console.log(...await message);`;
    const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
    expect([code, stdout]).toEqual([0, "true\nok\n"]);
  });
});

it("a worker of others that blocks sees within a second that the supervisor has died, and whom it took with it", async () => {
  const program = `
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    import { attach, AtomicU32, Mutex, spawn, toHandle } from "ferrous";
    await attach();
    const held = new Mutex(), stage = new AtomicU32(0);
    spawn((held, stage) => { held.lock(); stage.store(1); stage.notify(); for (;;) stage.wait(1); }, held, stage).joinAsync().catch(() => undefined);
    await stage.waitAsync(0);
    const text = 'import { parentPort, workerData } from "node:worker_threads"; import { attach, fromHandle } from "ferrous"; await attach();' +
      "parentPort.postMessage('is there'); const began = performance.now();" +
      "try { fromHandle(workerData).lock(); } catch ({ code }) { parentPort.postMessage(code + ' ' + (performance.now() - began < 5000)); }";
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)), { workerData: toHandle(held) });
    await once(worker, "message");
    // It sleeps once its flag stands in the lock.
    const words = new Int32Array(toHandle(held).buffer);
    while ((words[0] & 1) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const dies = new BroadcastChannel("die");
    dies.postMessage("now");
    dies.close();
    console.log(...await once(worker, "message"));`;
  const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "POISONED true\n"]);
});

it("a thread in a worker that its spawner started outlives the supervisor, is woken, and is joined", async () => {
  const program = `
    import { Worker } from "node:worker_threads";
    import { attach, AtomicU32, Mutex, ThreadBuilder } from "ferrous";
    await attach();
    const mutex = new Mutex(), stage = new AtomicU32(0), guard = mutex.lock();
    const worker = () => new Worker(new URL("worker.js", import.meta.resolve("ferrous")));
    const handle = new ThreadBuilder({ worker }).spawn(async (mutex, stage) => {
      const got = mutex.lockAsync();
      stage.store(1);
      stage.notify();
      (await got).release();
      return 42;
    }, mutex, stage);
    await stage.waitAsync(0);
    const gone = new Promise((resolve) => { process.stderr.write = resolve; });
    const dies = new BroadcastChannel("die");
    dies.postMessage("now");
    dies.close();
    await gone;
    guard.release();
    console.log(await handle.joinAsync({ timeout: 5000 }));`;
  const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "42\n"]);
});

it("the process ends although the handle of a thread that ended with a supervisor is told whether to keep it alive", async () => {
  const program = `
    import { attach, spawn } from "ferrous";
    await attach();
    const handle = spawn(() => { for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });
    const dies = new BroadcastChannel("die");
    dies.postMessage("now");
    dies.close();
    await handle.joinAsync().catch(({ code }) => console.log(code));
    handle.unref().ref();
    console.log(await spawn(() => 42).joinAsync());`;
  const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
  expect([code, stdout]).toEqual([0, "THREAD_DIED\n42\n"]);
});

// Elsewhere only its starter sees it dead: see docs/architecture.md.
(process.platform === "linux" ? it : it.skip)(
  "the death of one that others have replaced meanwhile is no news of the next one's threads",
  async () => {
    const program = `
    import { existsSync } from "node:fs";
    import { once } from "node:events";
    import { Worker } from "node:worker_threads";
    import { AtomicU32, Mutex, spawn, toHandle } from "ferrous";
    const words = new Int32Array(toHandle(new Mutex()).registry), gate = new Int32Array(new SharedArrayBuffer(4));
    const text = 'import { parentPort, workerData } from "node:worker_threads"; import { lazyStatic, attach } from "ferrous";' +
      "process.once('worker', (worker) => worker.once('exit', () => parentPort.postMessage('heard')));" +
      "lazyStatic('supervisor/first', () => 1).get(); await attach(); parentPort.postMessage('up'); Atomics.wait(workerData, 0, 0); parentPort.ref();";
    const first = new Worker(new URL("data:text/javascript," + encodeURIComponent(text)), { workerData: gate });
    await once(first, "message");
    new BroadcastChannel("die").postMessage("now");
    while (existsSync("/proc/self/task/" + words[8])) await new Promise((resolve) => setTimeout(resolve, 5));
    const stage = new AtomicU32(0), mutex = new Mutex();
    const handle = spawn((stage, mutex) => { const guard = mutex.lock(); stage.store(1); stage.notify(); stage.wait(1); guard.release(); return 42; }, stage, mutex);
    stage.wait(0);
    const heard = once(first, "message");
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
    await heard;
    console.log(handle.thread.isAlive, mutex.tryLock() === undefined);
    stage.store(2);
    stage.notify();
    console.log(handle.join(), spawn(() => 7).join());
    process.exit(0);`;
    const { code, stdout } = await run(program, undefined, DIES_AT_A_WORD);
    expect([code, stdout]).toEqual([0, "true true\n42 7\n"]);
  },
);

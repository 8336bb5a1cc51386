/** Workers that others start may be the first to need a supervisor, and end whenever they like: what they started ends with them, and nobody else waits for it. */
import { describe, expect, it } from "@jest/globals";
import { run } from "../support/program.ts";

/** The registry is there before any worker; each worker's text is a module of its own. */
const HEAD = `
  import { Worker } from "node:worker_threads";
  import { attach, AtomicU32, fromHandle, lazyStatic, Mutex, spawn, Thread, toHandle } from "ferrous";
  toHandle(new Mutex());
  const start = (text, workerData) => {
    const head = 'import { parentPort, workerData } from "node:worker_threads"; import { attach, fromHandle, lazyStatic, spawn, toHandle } from "ferrous";';
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(head + text)), { workerData });
    worker.on("error", ({ code, message }) => failures.push(code ?? message));
    return worker;
  };
  const words = new Int32Array(toHandle(new Mutex()).registry);
  const counts = () => {
    const lives = Array.from({ length: 1024 }, (_, index) => words[32 + 32 * index] & 3);
    return { unwatched: words[7], claimed: lives.filter((state) => state === 1).length, alive: lives.filter((state) => state === 2).length };
  };
  const recordOf = ({ threadId }) => Array.from({ length: 1024 }, (_, index) => 32 + 32 * index).find((at) => words[at + 1] === threadId + 1);
  const isWatched = (worker) => (words[recordOf(worker) + 4] & 2) !== 0;
  const looksOf = (worker) => words[recordOf(worker) + 6];
  const isSleptOn = (mutex) => (new Int32Array(toHandle(mutex).buffer)[toHandle(mutex).byteOffset / 4] & 1) === 1;
  const tick = () => new Promise((resolve) => setTimeout(resolve, 5));
  const failures = [];
  const once = (worker, event) => new Promise((resolve) => worker.once(event, resolve));
`;

// Elsewhere nobody can tell of a worker's end without being its starter: see docs/architecture.md.
const onLinux = process.platform === "linux" ? describe : describe.skip;

const ENDS_WITH_ONE =
  /^ferrous: thread "worker \d+" ends, and with it the supervisor .* and its threads, whoever spawned them: thread \d+\. .* attach\(\).*\n$/;

onLinux("a worker that starts the supervisor and ends before that one is ready", () => {
  const FIRST = {
    "it exits": "spawn(() => 1); process.exit(0)",
    "it throws": "spawn(() => 1); throw new Error('on purpose')",
    "it makes a static, and is done": "lazyStatic('orphans/first', () => 1).get()",
  };
  const THEN = {
    "spawn()": "console.log(spawn(() => 42).join())",
    "attach()": "await attach(); console.log(42)",
    "lazyStatic.get()": "console.log(lazyStatic('orphans/then', () => 42).get())",
    "attach() in a worker": `
      console.log((await Promise.all(["await attach()", "spawn(() => 1)"].map((text) => once(start(text), "exit")))).length + 40);`,
  };
  it.each(Object.entries(FIRST).flatMap(([how, first]) => Object.entries(THEN).map(([what, then]) => [how, what, first, then])))(
    "%s: %s starts another one",
    async (_how, _what, first, then) => {
      const ended = await run(`${HEAD} await once(start(${JSON.stringify(first)}), "exit"); ${String(then)}`);
      expect(ended).toMatchObject({ code: 0, stdout: "42\n" });
      // Two of them ask for a thread, which comes to nothing.
      expect(ended.stderr).toMatch(first.startsWith("spawn") ? ENDS_WITH_ONE : /^$/);
    },
  );
});

describe("where the kernel cannot be asked, as outside of Linux, a worker that ends by itself leaves its place as starter of the supervisor", () => {
  const NO_KERNEL = `
    import fs from "node:fs";
    import { syncBuiltinESMExports } from "node:module";
    const { readlinkSync } = fs;
    fs.readlinkSync = (path, ...rest) => {
      if (path === "/proc/thread-self") throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
      return readlinkSync(path, ...rest);
    };
    syncBuiltinESMExports();`;
  it.each([
    ["that is ready", "await attach(); process.exit(0)"],
    ["that is not ready yet", "process.exit(0)"],
  ])("%s", async (_, end) => {
    const first = `lazyStatic('orphans/first', () => 1).get(); ${end}`;
    const program = `${HEAD} await once(start(${JSON.stringify(first)}), "exit"); console.log(spawn(() => 42).join());`;
    expect(await run(program, undefined, NO_KERNEL)).toEqual({ code: 0, stdout: "42\n", stderr: "" });
  });
});

it("a thread that a worker spawns outlives that worker, if the main thread has used ferrous and is not blocked", async () => {
  const program = `${HEAD}
    Thread.current();
    const stage = new AtomicU32(0);
    const text = "const stage = fromHandle(workerData); const { thread } = spawn((stage) => { stage.store(1); stage.notify(); while (stage.load() === 1) stage.wait(1); }, stage);" +
      "stage.wait(0); parentPort.postMessage(toHandle(thread)); process.exit(0)";
    const worker = start(text, toHandle(stage));
    const ended = once(worker, "exit");
    const thread = fromHandle(await once(worker, "message"));
    await ended;
    console.log(thread.isAlive);
    stage.store(2);
    stage.notify();
    while (thread.isAlive) await tick();
    console.log(failures);`;
  expect(await run(program)).toEqual({ code: 0, stdout: "true\n[]\n", stderr: "" });
});

onLinux("a supervisor that has died with the worker that had started it", () => {
  const ORPHANED = `${HEAD}
    await once(start("spawn(() => 1).join(); process.exit(0)"), "exit");`;

  it("keeps no worker waiting that awaits attach()", async () => {
    const program = `${ORPHANED} await once(start("await attach(); console.log('attached')"), "exit");`;
    expect(await run(program)).toEqual({ code: 0, stdout: "attached\n", stderr: "" });
  });

  it("is not taken for the one that watches: a worker that met it is watched by the next", async () => {
    // Its first sleep makes the worker look for a supervisor; its second one finds main's, which sees its death.
    const program = `${ORPHANED}
      const mutex = new Mutex(), gate = new Mutex();
      const guard = gate.lock();
      const worker = start(
        "const [mutex, gate] = workerData.map(fromHandle); gate.lock().release(); parentPort.once('message', () => { gate.lock(); mutex.lock(); process.exit(0); });",
        [toHandle(mutex), toHandle(gate)],
      );
      while (!isSleptOn(gate)) await tick();
      guard.release();
      await attach();
      const again = await gate.lockAsync();
      worker.postMessage("again");
      while (!isSleptOn(gate)) await tick();
      while (!isWatched(worker)) await tick();
      console.log("watched");
      again.release();
      await once(worker, "exit");
      try { mutex.lock(); } catch (error) { console.log(error.code); }`;
    expect(await run(program)).toEqual({ code: 0, stdout: "watched\nPOISONED\n", stderr: "" });
  });

  it("leaves no process alive that asked it for a thread, once another has done its work", async () => {
    const program = `${HEAD}
      const first = start("lazyStatic('orphans/first', () => 1).get(); parentPort.postMessage('up'); parentPort.once('message', () => process.exit(0))");
      await once(first, "message");
      console.log(spawn(() => 1).join());
      first.postMessage("end");
      await once(first, "exit");
      console.log(spawn(() => 2).join());`;
    expect(await run(program)).toEqual({ code: 0, stdout: "1\n2\n", stderr: "" });
  });
});

onLinux("a thread whose supervisor dies with the worker that had started it dies too, and is no riddle to", () => {
  // The worker is the first to need a supervisor, and ends when it is told to.
  const UNDER_ANOTHER = `${HEAD}
    const stage = new AtomicU32(0), mutex = new Mutex(undefined, { name: "its" });
    const first = start(
      "lazyStatic('orphans/first', () => 1).get(); const stage = fromHandle(workerData); parentPort.postMessage('up'); stage.wait(0); stage.wait(1); process.exit(0)",
      toHandle(stage),
    );
    await once(first, "message");
    const handle = spawn((stage, mutex) => { mutex.lock(); stage.store(1); stage.notify(); stage.wait(1); stage.wait(2); }, stage, mutex);
    stage.wait(0);
    const endFirst = () => { stage.store(2); stage.notify(); };
    const fails = (error) => console.log(error.code, error.reason, /supervisor.*attach\\(\\)/.test(error.message));`;
  const WAYS = {
    "who joins it": "endFirst(); try { handle.join(); } catch (error) { fails(error); }",
    "who awaits its end": "endFirst(); await handle.joinAsync().catch(fails);",
    "who terminates it": "endFirst(); await once(first, 'exit'); await handle.terminate(); await handle.joinAsync().catch(fails);",
    "who only looks": "endFirst(); while (!handle.isFinished) await tick(); try { handle.join(); } catch (error) { fails(error); }",
  };
  it.each(Object.entries(WAYS))("%s", async (_, way) => {
    const program = `${UNDER_ANOTHER} ${way}
      try { mutex.lock(); } catch (error) { console.log(error.code); }
      console.log(spawn(() => 42).join());`;
    const { code, stdout, stderr } = await run(program);
    expect([code, stdout]).toEqual([0, "THREAD_DIED unknown true\nPOISONED\n42\n"]);
    expect(stderr).toMatch(ENDS_WITH_ONE);
  });
});

onLinux("a thread that fell asleep before there was a supervisor", () => {
  // Both are watched in the end, and the sleeper was made to look once more since: now nobody looks every 100 ms any more.
  const ASLEEP = `${HEAD}
    const theirs = new Mutex(), its = new Mutex();
    const text = "const [theirs, its] = workerData.map(fromHandle); const tell = (told) => parentPort.postMessage(told);";
    const holder = start(text +
      "theirs.lock(); tell('up'); parentPort.on('message', async (next) => { if (next === 'attach') await attach(); else if (next === 'die') process.exit(0);" +
        "else { try { its.lock(); } catch ({ code }) { tell(code); process.exit(0); } } });", [theirs, its].map(toHandle));
    await once(holder, "message");
    const sleeper = start(text + "its.lock(); try { theirs.lock(); } catch ({ code }) { tell(code); process.exit(0); }", [theirs, its].map(toHandle));
    while (!isSleptOn(theirs)) await tick();
    await attach();
    holder.postMessage("attach");
    while (![holder, sleeper].every(isWatched)) await tick();
    const looks = looksOf(sleeper);
    while (looksOf(sleeper) === looks) {
      Atomics.notify(new Int32Array(toHandle(theirs).buffer), toHandle(theirs).byteOffset / 4);
      await tick();
    }`;

  it("is told of a death at once", async () => {
    const program = `${ASLEEP}
      const told = once(sleeper, "message"), gone = once(holder, "exit");
      holder.postMessage("die");
      await gone;
      const before = performance.now();
      console.log(await told, performance.now() - before < 3000);`;
    expect(await run(program)).toEqual({ code: 0, stdout: "POISONED true\n", stderr: "" });
  });

  it("is part of a deadlock like others", async () => {
    const program = `${ASLEEP}
      const told = [holder, sleeper].map((worker) => once(worker, "message"));
      holder.postMessage("lock");
      console.log(await Promise.race(told));
      process.exit(0);`;
    expect(await run(program)).toEqual({ code: 0, stdout: "DEADLOCK\n", stderr: "" });
  });
});

describe("workers that come and go", () => {
  // Few records are left, so that a few workers show what otherwise a thousand would.
  const FEW = "for (let index = 12; index < 1024; index++) Atomics.store(words, 32 + 32 * index, (0xffff << 2) | 3);";
  const manyOf = (text: string, rounds = 15): string =>
    `for (let round = 0; round < ${String(rounds)}; round++) await Promise.all([1, 2].map(() => once(start(${JSON.stringify(text)}, handle), "exit")));`;

  (process.platform === "linux" ? it : it.skip)("are more than there are records, one after the other, without a supervisor", async () => {
    const program = `${HEAD} ${FEW}
      const mutex = new Mutex(undefined, { name: "theirs" }), handle = toHandle(mutex);
      ${manyOf("fromHandle(workerData).with(() => undefined)")}
      console.log(failures);`;
    expect(await run(program)).toEqual({ code: 0, stdout: "[]\n", stderr: "" });
  });

  // Files are opened to ask the kernel, and there may be too many open ones.
  const NO_FILES = `
    { const fs = (await import("node:fs")).default, { readFileSync } = fs;
      const refuse = () => { throw Object.assign(new Error("EMFILE: too many open files"), { code: "EMFILE" }); };
      fs.readFileSync = (file, ...rest) => String(file).startsWith("/proc/") ? refuse() : readFileSync(file, ...rest);
      (await import("node:module")).syncBuiltinESMExports(); }`;
  it.each([
    ["by who asks", "", NO_FILES],
    ["when they join", NO_FILES, ""],
  ])("are never taken for dead because the kernel could not be asked %s", async (_, inWorker, inMain) => {
    const program = `${HEAD}
      const mutex = new Mutex();
      const text = ${JSON.stringify(inWorker)} + "const guard = fromHandle(workerData).lock(); parentPort.postMessage('up');" +
        "parentPort.once('message', () => { guard.release(); parentPort.postMessage('released'); })";
      const worker = start(text, toHandle(mutex));
      await once(worker, "message");
      ${inMain}
      console.log(mutex.tryLock());
      worker.postMessage("release");
      await once(worker, "message");
      mutex.lock().release();
      console.log(failures);`;
    expect(await run(program)).toEqual({ code: 0, stdout: "undefined\n[]\n", stderr: "" });
  });

  it("leave no record behind when they end in the midst of joining, while they look for their number", async () => {
    const program = `${HEAD}
      const text = "const fs = (await import('node:fs')).default; fs.readlinkSync = () => process.exit(0);" +
        "(await import('node:module')).syncBuiltinESMExports(); fromHandle(workerData).lock()";
      await once(start(text, toHandle(new Mutex())), "exit");
      console.log(counts());`;
    expect(await run(program)).toEqual({ code: 0, stdout: "{ unwatched: 0, claimed: 0, alive: 0 }\n", stderr: "" });
  });

  it("are watched as soon as they have used a lock, although nothing of it made them wait", async () => {
    const program = `${HEAD}
      await attach();
      const text = "fromHandle(workerData).lock(); parentPort.postMessage('up'); parentPort.once('message', () => process.exit(0))";
      const worker = start(text, toHandle(new Mutex()));
      await once(worker, "message");
      while (!isWatched(worker)) await tick();
      worker.postMessage("end");
      await once(worker, "exit");
      console.log(counts().unwatched);`;
    expect(await run(program)).toEqual({ code: 0, stdout: "0\n", stderr: "" });
  });

  it("leave nothing behind under a supervisor that their greeting has not reached", async () => {
    const program = `${HEAD}
      await attach();
      const handle = toHandle(new Mutex());
      ${manyOf("fromHandle(workerData).with(() => undefined)")}
      while (counts().unwatched > 0 || counts().alive > 1) await tick();
      console.log(counts());`;
    expect(await run(program)).toEqual({ code: 0, stdout: "{ unwatched: 0, claimed: 0, alive: 1 }\n", stderr: "" });
  });

  it("and that spawn before their greeting has arrived: each thread runs, if nobody ends its spawner", async () => {
    const program = `${HEAD}
      await attach();
      const started = new AtomicU32(0), handle = toHandle(started);
      ${manyOf("spawn((started) => void started.fetchAdd(1), fromHandle(workerData))", 6)}
      while (counts().unwatched > 0 || counts().alive > 1 || counts().claimed > 0) await tick();
      console.log(started.load());`;
    expect(await run(program)).toEqual({ code: 0, stdout: "12\n", stderr: "" });
  });

  it("and that spawn before their greeting has arrived, and exit: each thread runs, or is told of on stderr", async () => {
    const program = `${HEAD}
      await attach();
      const started = new AtomicU32(0), handle = toHandle(started);
      ${manyOf("spawn((started) => void started.fetchAdd(1), fromHandle(workerData)); process.exit(0)")}
      while (counts().unwatched > 0 || counts().alive > 1 || counts().claimed > 0) await tick();
      // Who hears of this end has received what the supervisor printed before.
      await spawn(() => undefined).joinAsync();
      console.log(started.load());`;
    const { code, stdout, stderr } = await run(program);
    const told = stderr.split("\n").filter((line) => /^ferrous: thread \d+ was never started: thread "worker \d+".* attach\(\)/.test(line));
    expect([code, Number(stdout) + told.length, stderr]).toEqual([0, 30, told.map((line) => `${line}\n`).join("")]);
  });
});

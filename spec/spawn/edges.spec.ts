/** What a program meets at the edges: idle waiters, refused spawns, workers of a bundler, options that are none. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import {
  AtomicI32,
  CancelFlag,
  lazyStatic,
  Mutex,
  park,
  scope,
  scopeAsync,
  sleepAsync,
  spawn,
  Thread,
  ThreadBuilder,
  threadLocal,
  unpark,
} from "ferrous";
import { nest } from "../support/tasks.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";
import { run } from "../support/program.ts";

const head =
  'import * as ferrous from "ferrous"; import { Worker } from "node:worker_threads";' +
  "const { spawn, park, lazyStatic, AtomicI32, ThreadBuilder, attach, sleep } = ferrous; const url = import.meta.resolve('ferrous');\n";
const told = (stdout: string) => ({ code: 0, stdout: `${stdout}\n`, stderr: "" });

describe("who waits uses no core", () => {
  const cpu = "const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };\n";

  it("in park()", async () => {
    const source = "const before = cpu(); park({ timeout: 600 }); console.log(cpu() - before < 300);";
    expect(await run(head + cpu + source)).toEqual(told("true"));
  });

  it("while another thread makes a lazyStatic()", async () => {
    const source = `await attach();
      const started = new AtomicI32(0);
      const maker = spawn(async (url, started) => {
        const { lazyStatic, sleep } = await import(url);
        lazyStatic("edges/SLOW", () => { started.store(1); started.notify(); sleep(600); return 5; }).get();
      }, url, started);
      started.wait(0);
      const before = cpu();
      console.log(lazyStatic("edges/SLOW", () => 6).get(), cpu() - before < 300);
      maker.join();`;
    expect(await run(head + cpu + source)).toEqual(told("5 true"));
  });
});

describe("after a spawn that could not be sent, the program ends by itself", () => {
  it.each([
    ["an argument that refuses only when it is cloned", "spawn(() => 1, new Proxy({}, {}))"],
    ["limits that cannot be cloned", "new ThreadBuilder({ resourceLimits: new Proxy({}, {}) }).spawn(() => 1)"],
  ])("%s", async (_, refused) => {
    const source = `try { ${refused}; } catch (error) { console.log(error.name); } spawn(() => 1).join();`;
    expect(await run(head + source)).toEqual(told("NotSendableError"));
  });
});

describe("a worker that a bundler's function makes", () => {
  const make = "const builder = new ThreadBuilder({ worker: () => new Worker(new URL('worker.js', url)) });\n";

  it.each([
    ["is joined", "console.log(await builder.spawn((n) => n * 2, 21).joinAsync());", "42"],
    ["tells of its exit", "await builder.spawn(() => process.exit(3)).joinAsync().catch(({ reason }) => console.log(reason));", "exit"],
    [
      "is terminated",
      "const handle = builder.spawn(() => { for (;;); }); await handle.terminate(); await handle.joinAsync().catch(({ reason }) => console.log(reason));",
      "terminated",
    ],
    [
      "tells of its exit to who blocks",
      "try { builder.spawn(() => process.exit(3)).join(); } catch ({ reason }) { console.log(reason); }",
      "exit",
    ],
  ])("%s, and the program ends by itself", async (_, source, stdout) => {
    expect(await run(head + make + source)).toEqual(told(stdout));
  });

  it.each([
    ["is not there", "new Worker(new URL('not-there.js', url))", "Cannot find module .*not-there.js"],
    ["is no JavaScript", "new Worker('let let = 1', { eval: true })", "SyntaxError"],
  ])("tells to who awaits it that it could not be started, if it %s", async (_, worker, why) => {
    const source = `await new ThreadBuilder({ name: "b", worker: () => ${worker} }).spawn(() => 1).joinAsync().catch(({ message }) => console.log(message));`;
    const { code, stdout } = await run(head + source);
    const message = expect.stringMatching(new RegExp(`^thread "b" died .*could not be started: .*${why}`)) as unknown;
    expect({ code, stdout }).toEqual({ code: 0, stdout: message });
  });

  const limited =
    "const limited = new ThreadBuilder({ worker: () => new Worker(new URL('worker.js', url), { resourceLimits: { maxOldGenerationSizeMb: 24 } }) });" +
    "const full = () => { const all = []; for (;;) all.push(new Array(1000).fill(all.length)); };\n";
  it.each([
    [
      "out of memory to who awaits it",
      "await limited.spawn(full).joinAsync().catch(({ reason }) => console.log(reason));",
      "out-of-memory",
    ],
    [
      "of an end that it did not will to who blocks",
      "try { limited.spawn(full).join(); } catch ({ reason }) { console.log(reason); }",
      "unknown",
    ],
  ])("tells %s", async (_, source, stdout) => {
    const { code, stdout: printed } = await run(head + make + limited + source);
    expect({ code, printed }).toEqual({ code: 0, printed: `${stdout}\n` });
  });
});

describe("a function that should make a worker, and returns", () => {
  // No thread is ever started in it.
  const idle = async (): Promise<Worker> => {
    const worker = new Worker("require('node:worker_threads').parentPort.once('message', () => process.exit());", { eval: true });
    await once(worker, "online");
    return worker;
  };

  it.each([
    ["a number", 5, "it returned number 5"],
    ["nothing", undefined, "it returned undefined"],
    ["an object", {}, "it returned an Object"],
    ["a promise", Promise.resolve(), "it returned a Promise"],
  ])("%s is told so", (_, returned, why) => {
    const message = expect.stringMatching(new RegExp(`^the worker of a thread .*; ${why}\\.$`)) as unknown;
    expect(thrownBy(() => new ThreadBuilder({ worker: () => returned }).spawn(() => 1))).toMatchObject({ name: "TypeError", message });
    expect(spawn(() => 1).join()).toBe(1);
  });

  it("one that has ended is told so, instead of waiting for it for ever", async () => {
    const worker = await idle();
    await worker.terminate();
    const message = expect.stringContaining("it returned one that has ended already") as unknown;
    expect(thrownBy(() => new ThreadBuilder({ worker: () => worker }).spawn(() => 1).join({ timeout: 2000 }))).toMatchObject({ message });
  });

  it("the same one again is told so", async () => {
    const worker = await idle();
    const builder = new ThreadBuilder({ worker: () => worker });
    const first = builder.spawn(() => 1);
    const message = expect.stringContaining("it returned one that was given to a thread before") as unknown;
    expect(thrownBy(() => builder.spawn(() => 1).join({ timeout: 2000 }))).toMatchObject({ message });
    await expect(first.joinAsync()).rejects.toMatchObject({ code: "THREAD_DIED", reason: "exit" });
  });
});

describe("a worker of others that was the first to spawn, and ends", () => {
  it("leaves poison behind, and the next one spawns all the same", async () => {
    const source = `const { Mutex, toHandle, fromHandle } = ferrous;
      const { isMainThread, workerData } = await import("node:worker_threads");
      if (isMainThread) {
        const lock = new Mutex(undefined, { name: "first" });
        const worker = new Worker(new URL(import.meta.url), { workerData: toHandle(lock) });
        await new Promise((ended) => worker.once("exit", ended));
        try { lock.lock({ timeout: 3000 }); } catch (error) { console.log(error.code); }
        console.log(spawn(() => 7).join({ timeout: 3000 }));
      } else {
        const lock = fromHandle(workerData);
        spawn(() => 1).join();
        lock.lock();
        setTimeout(() => process.exit(), 200);
      }`;
    expect(await run(head + source)).toEqual(told("POISONED\n7"));
  });
});

describe("a value that was kept by a supervisor which has ended with the worker that started it", () => {
  it("is told of as lost, by its name, blocking and awaiting, with what to do", async () => {
    const source = `const { Mutex, OnceLock, toHandle } = ferrous;
      const { isMainThread, workerData } = await import("node:worker_threads");
      const LOST = lazyStatic("edges/LOST", () => new Mutex());
      if (isMainThread) {
        // The registry is there, and the main thread not in it: so the worker starts the supervisor.
        const once = new OnceLock({ name: "settings" });
        const worker = new Worker(new URL(import.meta.url), { workerData: toHandle(once) });
        await new Promise((ended) => worker.once("exit", ended));
        const tell = ({ code, message }) => console.log(code, message.replace(/ is lost: .* has ended.* await attach.*/, " is lost"));
        for (let time = 0; time < 2; time++) try { LOST.get(); } catch (error) { tell(error); }
        await LOST.getAsync().catch(tell);
        try { once.get(); } catch (error) { tell(error); }
        await once.getOrInitAsync(() => 1).catch(tell);
        console.log(lazyStatic("edges/NEW", () => 7).get(), lazyStatic("edges/NEW", () => 8).get());
      } else {
        LOST.get();
        ferrous.fromHandle(workerData).set(5);
        await attach();
      }`;
    const lost = [
      'static "edges/LOST"',
      'static "edges/LOST"',
      'static "edges/LOST"',
      ...Array<string>(2).fill('the value of once-lock "settings"'),
    ];
    expect(await run(head + source)).toEqual(told([...lost.map((what) => `HANDLE ${what} is lost`), "7 7"].join("\n")));
  });
});

describe("a flag that was cancelled a moment ago", () => {
  it("lets no awaiting call begin, though its AbortSignal does not know yet", async () => {
    const [lock, flag] = [new Mutex(), new CancelFlag()];
    expect(flag.signal.aborted).toBe(false);
    flag.cancel("stop");
    await expect(lock.lockAsync({ signal: flag })).rejects.toBe("stop");
    await expect(sleepAsync(0, { signal: flag })).rejects.toBe("stop");
    expect(lock.tryLock()).toBeDefined();
  });
});

describe("a flag that is cancelled with what cannot be looked at", () => {
  const trap = (): never => {
    throw new Error("trap");
  };
  it.each([
    ["a message without a text", { message: Object.create(null) as unknown }],
    ["a Proxy that throws", new Proxy({}, { has: trap, get: trap })],
  ])("is cancelled all the same: %s", (_, reason) => {
    const flag = new CancelFlag();
    flag.cancel(reason);
    expect(flag.cancelled).toBe(true);
    expect(spawn((its: CancelFlag) => its.reason, flag).join()).toBe("object without a text");
  });
});

describe("options that are none are refused with care", () => {
  const asOptions = (given: unknown): { timeout: number } => given as { timeout: number };

  it.each([
    [null, "options are an object"],
    [{ signal: null }, "a signal is a CancelFlag"],
    [{ signal: "stop" }, "a signal is a CancelFlag"],
  ])("%j", async (given, message) => {
    const lock = new Mutex();
    const refusal = { name: "TypeError", message: expect.stringContaining(message) as unknown };
    expect(thrownBy(() => lock.lock(asOptions(given)))).toMatchObject(refusal);
    expect(thrownBy(() => park(asOptions(given)))).toMatchObject(refusal);
    await expect(lock.lockAsync(asOptions(given))).rejects.toMatchObject(refusal);
    await expect(sleepAsync(1, asOptions(given) as never)).rejects.toMatchObject(refusal);
    expect(lock.tryLock()).toBeDefined();
  });
});

describe("arguments that no type can catch are refused with care", () => {
  // As JavaScript calls it, without types.
  const anything = (given?: unknown): never => given as never;
  const limits = (given: unknown) => () => new ThreadBuilder({ resourceLimits: anything(given) });

  it.each<[string, () => unknown, string, string]>([
    ["new ThreadBuilder(null)", () => new ThreadBuilder(anything(null)), "TypeError", "it was given null"],
    ["new ThreadBuilder(5)", () => new ThreadBuilder(anything(5)), "TypeError", "it was given number 5"],
    ["a name", () => new ThreadBuilder({ name: anything(5) }), "TypeError", "the name of a thread is a string; it was given number 5"],
    ["a worker", () => new ThreadBuilder({ worker: anything("x") }), "TypeError", "a function that makes one, () => new Worker(...)"],
    ["limits", limits(5), "TypeError", "resourceLimits are an object of MB"],
    ["limits that are null", limits(null), "TypeError", "it was given null"],
    ["a limit", limits({ stackSizeMb: "4" }), "TypeError", "stackSizeMb of a thread is a number of MB above 0; it was given string 4"],
    ["a negative limit", limits({ stackSizeMb: -4 }), "RangeError", "it was given -4"],
    [
      "a stack with which Node crashes",
      limits({ stackSizeMb: 0.1 }),
      "RangeError",
      "stackSizeMb of a thread is 0.25 to 1048576 MB; it was given 0.1",
    ],
    ["a stack without an end", limits({ stackSizeMb: Infinity }), "RangeError", "it was given Infinity, with which Node may end the whole"],
    [
      "more machine code than there are addresses",
      limits({ codeRangeSizeMb: 1e8 }),
      "RangeError",
      "codeRangeSizeMb of a thread is 0 to 1048576 MB; it was given 100000000, with which Node may end the whole process",
    ],
    ["no limit at all", limits({ stackSizeMb: NaN }), "RangeError", "it was given NaN"],
    ["spawnWith(null)", () => scope((s) => s.spawnWith(anything(null), () => 1)), "TypeError", 'such as { name: "tally" }'],
    ["scope()", () => scope(anything()), "TypeError", "scope() needs a function, which spawns its threads"],
    ["lazyStatic(name)", () => lazyStatic("edges/none", anything()), "TypeError", 'static "edges/none" needs a function'],
    ["threadLocal(5)", () => threadLocal(anything(5)), "TypeError", "threadLocal() needs a function that makes each thread's value"],
    ["unpark()", () => unpark(anything()), "TypeError", "unpark() needs a Thread, such as handle.thread"],
    ["unpark({})", () => unpark(anything({})), "TypeError", "it was given an Object"],
    ["unpark(id)", () => unpark(anything(Thread.current().id)), "TypeError", "it was given number"],
    ["unpark() of no id", () => unpark(anything({ id: 2 ** 26 })), "TypeError", "unpark() needs a Thread"],
    ["tryLock(null)", () => new Mutex().tryLock(anything(null)), "TypeError", "such as { allowPoisoned: true }; it was given null"],
    ["tryLock(true)", () => new Mutex().tryLock(anything(true)), "TypeError", "it was given boolean true"],
    [
      "new Mutex(undefined, null)",
      () => new Mutex(undefined, anything(null)),
      "TypeError",
      'such as { name: "totals" }; it was given null',
    ],
  ])("%s", (_, call, name, message) => {
    expect(thrownBy(call)).toMatchObject({ name, message: expect.stringContaining(message) as unknown });
  });

  it("scopeAsync()", async () => {
    const message = expect.stringContaining("scopeAsync() needs a function") as unknown;
    expect(await rejectionOf(scopeAsync(anything()))).toMatchObject({ name: "TypeError", message });
  });
});

describe("a value that lies too deep in itself to be copied is a NotSendableError", () => {
  const deep = (depth: number, inmost: unknown = null): unknown => {
    let list = inmost;
    for (let at = 0; at < depth; at++) list = { next: list, payload: [at] };
    return list;
  };
  const tooDeep = { code: "NOT_SENDABLE", message: expect.stringMatching(/lie \d+ deep in each other/) as unknown };

  it("as an argument, and no thread is started", () => {
    const thrown = thrownBy(() => spawn((a, b) => [a, b], 1, deep(50_000)));
    expect(thrown).toMatchObject(tooDeep);
    expect(thrown.message).toMatch(/^argument 2 of spawn\(\) cannot be sent to another thread: its objects lie 5000\d deep/);
  });

  it("as a result", () => {
    expect(thrownBy(() => spawn(nest, 50_000).join())).toMatchObject(tooDeep);
  });

  it("as a result that its own thread could copy", () => {
    const handle = spawn(nest, 6000);
    const thrown = thrownBy(() => handle.join());
    expect(thrown).toMatchObject({
      code: "NOT_SENDABLE",
      message: expect.stringContaining("deeper in each other than this thread") as unknown,
    });
    expect(thrownBy(() => handle.join())).toBe(thrown);
  });

  it("by its causes", () => {
    let error = new Error("first");
    for (let at = 0; at < 50_000; at++) error = new Error("next", { cause: error });
    expect(thrownBy(() => spawn((e: Error) => e.message, error))).toMatchObject({ code: "NOT_SENDABLE" });
  });

  it("and so is one that hides a Proxy there, soon", () => {
    const began = performance.now();
    expect(thrownBy(() => spawn((a) => a, deep(1000, new Proxy({}, {}))))).toMatchObject({ code: "NOT_SENDABLE" });
    expect(performance.now() - began).toBeLessThan(2000);
  });
});

it("large arguments do not keep the supervisor from telling of a death meanwhile", () => {
  const large = Array.from({ length: 200_000 }, (_, id) => ({ id, name: `user ${String(id)}` }));
  const before = performance.now();
  structuredClone(large);
  const copied = performance.now() - before;
  const told = [1, 2, 3].map(() => {
    const stage = new AtomicI32(0);
    const victim = spawn((stage: AtomicI32) => {
      stage.store(1);
      stage.notify();
      stage.wait(1);
      process.exit(0);
    }, stage);
    stage.wait(0);
    const other = spawn((all: readonly object[]) => all.length, large);
    const from = performance.now();
    stage.store(2);
    stage.notify();
    expect(thrownBy(() => victim.join())).toMatchObject({ code: "THREAD_DIED" });
    const took = performance.now() - from;
    expect(other.join()).toBe(large.length);
    return took;
  });
  expect(Math.min(...told)).toBeLessThan(copied / 4);
});

it("a port among the arguments is moved to the thread", async () => {
  const { port1, port2 } = new MessageChannel();
  const told = new Promise((resolve) => {
    port1.onmessage = ({ data }: MessageEvent) => {
      resolve(data);
    };
  });
  await spawn((port: MessagePort) => {
    port.postMessage("from the thread");
  }, port2).joinAsync();
  expect(await told).toBe("from the thread");
  port1.close();
});

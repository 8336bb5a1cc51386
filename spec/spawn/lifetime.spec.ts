/** Whole programs: when they end, what they report, and that nothing that threads say is lost. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "@jest/globals";
import { run } from "../support/program.ts";

const head = 'import * as ferrous from "ferrous"; const { spawn, Mutex, AtomicI32, ThreadBuilder, Thread, attach, task } = ferrous;\n';

describe("a program ends by itself", () => {
  it.each([
    ["when it never uses a thread", "new Mutex().lock().release();"],
    ["when its threads have been joined", "console.log(spawn((n) => n * 2, 21).join());"],
    ["when its threads have ended unjoined", "spawn(() => undefined);"],
    ["after attach()", "await attach();"],
    [
      "after many threads at once",
      "const all = Array.from({ length: 8 }, (_, n) => spawn((n) => n, n)); for (const one of all) await one.joinAsync();",
    ],
    ["after a terminated thread", "const handle = spawn(() => { for (;;); }); await handle.terminate();"],
    [
      "while an unref'd thread runs",
      "const a = new AtomicI32(0); spawn((a) => { a.store(1); a.notify(); for (;;); }, a).unref(); a.wait(0);",
    ],
    ["after a refused spawn", "try { spawn(() => 1, () => 2); } catch {} spawn(() => 1).join();"],
    ["with a lock that is still held", "globalThis.guard = new Mutex().lock();"],
  ])("%s", async (_, source) => {
    expect(await run(head + source)).toMatchObject({ code: 0, stderr: "" });
  });
});

describe("a program stays", () => {
  // Told by the main thread itself, in its very last moment.
  const witness = "const a = new AtomicI32(0); process.on('exit', () => console.log(a.load()));\n";
  const slow = "async (a) => { await new Promise((r) => setTimeout(r, 200)); a.store(1); }";
  it.each([
    ["while a thread runs", `spawn(${slow}, a);`],
    ["while a ref'd thread runs", `spawn(${slow}, a).ref();`],
    [
      "while a lock is awaited",
      `const m = new Mutex(); const locked = new AtomicI32(0);
      spawn(async (m, locked) => {
        const g = m.lock(); locked.store(1); locked.notify();
        await new Promise((r) => setTimeout(r, 200));
        g.release();
      }, m, locked).unref();
      locked.wait(0);
      (await m.lockAsync()).release();
      a.store(1);`,
    ],
    [
      "while a thread's child runs",
      `spawn(async (url, a) => {
        const { spawn } = await import(url);
        spawn(${slow}, a);
      }, import.meta.resolve("ferrous"), a);`,
    ],
  ])("%s", async (_, source) => {
    expect(await run(head + witness + source)).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });
});

describe("what a thread says is not lost", () => {
  it("on stdout, up to its last word", async () => {
    const source =
      "const all = Array.from({ length: 3 }, (_, n) => spawn((n) => { for (let i = 0; i < 100; i++) console.log(n, i); }, n)); for (const one of all) one.join();";
    const { code, stdout } = await run(head + source);
    expect([code, stdout.split("\n").length]).toEqual([0, 301]);
  });

  it("nor what its exit hooks do", async () => {
    const source =
      "const a = new AtomicI32(0); spawn((a) => { process.on('exit', (code) => a.store(100 + code)); }, a).join(); console.log(a.load());";
    expect(await run(head + source)).toEqual({ code: 0, stdout: "100\n", stderr: "" });
  });
});

describe("a panic", () => {
  const reports = (stderr: string): number => stderr.split("and nobody joined it").length - 1;

  it("that nobody joins is one report on stderr, and no failure of the program", async () => {
    const { code, stderr } = await run(
      `${head} new ThreadBuilder({ name: "worker 7" }).spawn(() => { throw new RangeError("too far"); });`,
    );
    expect([code, reports(stderr)]).toEqual([0, 1]);
    expect(stderr).toMatch(/^ferrous: thread "worker 7" panicked, and nobody joined it:\nRangeError: too far\n +at /);
    expect(stderr).not.toContain("Unhandled");
  });

  it.each([
    ["a message without a text", "{ message: { toString: 1, valueOf: 1 } }", "a value that cannot be shown"],
    ["a name without a text", "{ message: 'x', name: { toString: null, valueOf: null } }", "a value that cannot be shown", "x"],
    ["no text", "{ toString: 't', valueOf: 'v' }", "a value that cannot be shown"],
    ["nothing", "undefined", "undefined"],
  ])("of what has %s is a PanicError to who joins, and a report to who does not", async (_, thrown, words, reported = words) => {
    const { code, stdout, stderr } = await run(`${head}
      try { spawn(() => { throw ${thrown}; }).join(); } catch ({ name, message }) { console.log(name, message); }
      globalThis.kept = spawn(() => { throw ${thrown}; });`);
    expect(stdout).toContain(`panicked: ${words}. What it threw`);
    expect([code, reports(stderr)]).toEqual([0, 1]);
    expect(stderr.split("\n")).toContain(reported);
  });

  it("that is joined is none", async () => {
    const { code, stderr } = await run(`${head} try { spawn(() => { throw new Error("x"); }).join(); } catch { }`);
    expect([code, stderr]).toEqual([0, ""]);
  });

  it("of a thread whose handle was dropped, or whose spawner has ended, is one too", async () => {
    const { code, stderr } = await run(`${head}
      const inner = spawn(async (url) => {
        const { spawn } = await import(url);
        spawn(async () => { await new Promise((r) => setTimeout(r, 200)); throw new Error("orphan"); });
      }, import.meta.resolve("ferrous"));
      await inner.joinAsync();`);
    expect([code, reports(stderr)]).toEqual([0, 1]);
  });
});

it("a program of one file that spawns at its top level is told of Thread.isMain, and is no fork bomb", async () => {
  const source = `${head} const work = task(import.meta.url, "work", () => 1);
    try { console.log(spawn(work).join()); } catch (error) { console.log(error.code, error.message); throw error; }`;
  const { code, stdout } = await run(source);
  expect(code).toBe(1);
  expect(stdout).toMatch(/TASK .*spawns task "work" while a new thread is evaluating it.*Thread\.isMain/);
  const fixed = `${head} const work = task(import.meta.url, "work", () => 1); if (Thread.isMain) console.log(spawn(work).join());`;
  expect(await run(fixed)).toEqual({ code: 0, stdout: "1\n", stderr: "" });
});

it("two copies of the library in one process share its threads", async () => {
  // Where the package's own dependencies are found.
  mkdirSync("build", { recursive: true });
  const folder = mkdtempSync(join(process.cwd(), "build", "copy-"));
  try {
    cpSync("dist", join(folder, "dist"), { recursive: true });
    symlinkSync(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
    const other = pathToFileURL(join(folder, "dist/index.js")).href;
    const source = `${head} const other = await import(${JSON.stringify(other)});
      const mutex = new Mutex(undefined, { name: "shared" });
      const same = other.fromHandle(ferrous.toHandle(mutex));
      console.log(Thread.current().id === other.Thread.current().id);
      const guard = mutex.lock();
      console.log(same.tryLock() === undefined);
      guard.release();
      try { other.spawn((m) => { m.lock(); process.exit(); }, same).join(); } catch (error) { console.log(error.code); }
      try { mutex.lock(); } catch (error) { console.log(error.code); }
      console.log(spawn(() => 5).join(), other.spawn(() => 6).join());
      try { spawn((m) => m, same); } catch (error) { console.log(error.code); }`;
    expect(await run(source)).toEqual({ code: 0, stdout: "true\ntrue\nTHREAD_DIED\nPOISONED\n5 6\nNOT_SENDABLE\n", stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

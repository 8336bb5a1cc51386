/** Workers that others start may be the first to need a supervisor, and end whenever they like: what they started ends with them, and nobody else waits for it. */
import { describe, expect, it } from "@jest/globals";
import { run } from "../support/program.ts";

/** The registry is there before any worker; each worker's text is a module of its own. */
const HEAD = `
  import { Worker } from "node:worker_threads";
  import { attach, fromHandle, lazyStatic, Mutex, spawn, Thread, toHandle } from "ferrous";
  Thread.current();
  const start = (text, workerData) => {
    const head = 'import { parentPort, workerData } from "node:worker_threads"; import { attach, fromHandle, lazyStatic, spawn } from "ferrous";';
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(head + text)), { workerData });
    worker.on("error", () => undefined);
    return worker;
  };
  const once = (worker, event) => new Promise((resolve) => worker.once(event, resolve));
`;

// Elsewhere nobody can tell of a worker's end without being its starter: see docs/architecture.md.
const onLinux = process.platform === "linux" ? describe : describe.skip;

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
      expect(ended).toEqual({ code: 0, stdout: "42\n", stderr: "" });
    },
  );
});

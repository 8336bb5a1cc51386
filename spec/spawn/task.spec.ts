/** Tasks that are not to be found, and modules that cannot be loaded. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import { spawn, task, TaskError, ThreadBuilder } from "ferrous";
import { unreachable } from "../support/broken-module.js";
import { double } from "../support/tasks.js";

const tasksUrl = new URL("../support/tasks.js", import.meta.url).href;

const refusal = (fn: () => unknown): { code?: string; message: string; cause?: { name: string; message: string } } => {
  try {
    spawn(fn as () => undefined).join();
  } catch (error) {
    return error as never;
  }
  throw new Error("it was found");
};

describe("a task", () => {
  it("is still the function that it was", () => {
    const fn = (n: number): number => n + 1;
    expect(task("file:///nowhere.js", "same", fn)).toBe(fn);
    expect(double(4)).toBe(8);
  });

  it("whose module is missing: a TaskError with the cause", () => {
    const error = refusal(task("file:///nowhere/at-all.js", "lost", () => 1));
    expect(error).toMatchObject({ code: "TASK", cause: { code: "ERR_MODULE_NOT_FOUND" } });
    expect(error.message).toContain('the module of task "lost" could not be loaded in the new thread: file:///nowhere/at-all.js');
  });

  it("whose module is TypeScript that a worker cannot load: a TaskError that says what to do", () => {
    const folder = mkdtempSync(join(tmpdir(), "ferrous-task-"));
    try {
      // Every Node refuses this one.
      const file = join(folder, "tasks.tsx");
      writeFileSync(file, "export {};");
      const error = refusal(task(pathToFileURL(file).href, "typed", () => 1));
      expect(error).toMatchObject({ code: "TASK", cause: { code: "ERR_UNKNOWN_FILE_EXTENSION" } });
      expect(error.message).toMatch(/no TypeScript.*compile.*--import/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("whose module throws: a TaskError with what it threw", () => {
    const error = refusal(unreachable);
    expect(error).toMatchObject({ code: "TASK", cause: { name: "RangeError", message: "this module throws in a thread" } });
  });

  it("that its module does not register: a TaskError that names those it does", () => {
    const error = refusal(task(tasksUrl, "no such task", () => 1));
    expect(error.code).toBe("TASK");
    expect(error.message).toMatch(/has no task "no such task" when a new thread imports it; it registers "double", "later", /);
  });

  it("that the worker's own file registers is found there, whatever its URL", async () => {
    const triple = task("app:tasks", "triple", (n: number): number => 3 * n);
    const bundled = new ThreadBuilder({ worker: () => new Worker(new URL("../support/bundled.js", import.meta.url)) });
    expect(await bundled.spawn(triple, 14).joinAsync()).toBe(42);
  });

  it("cannot have the name of another in its module", () => {
    task("file:///twice.js", "twice", () => 1);
    expect(() => task("file:///twice.js", "twice", () => 2)).toThrow(TaskError);
    expect(() => task("file:///other.js", "twice", () => 2)).not.toThrow();
  });

  it("needs a URL, a name and a function", () => {
    for (const url of [undefined, "", "not a url", 5])
      expect(() => task(url as never, "x", () => 1)).toThrow(/needs the URL of its module.*pathToFileURL\(__filename\)/);
    for (const name of [undefined, "", 5]) expect(() => task("file:///x.js", name as never, () => 1)).toThrow("needs a name");
    expect(() => task("file:///x.js", "x", 5 as never)).toThrow("needs a function");
  });
});

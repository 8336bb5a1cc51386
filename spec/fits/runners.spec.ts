/** Projects of users that test with vitest and with node:test, with the built package in their node_modules. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify, stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const VITEST = join(ROOT, "node_modules/vitest/vitest.mjs");

const PROJECTS: Record<string, { folder: string; args: string[]; passed: RegExp }> = {
  "vitest, whose tests run in threads": { folder: "vitest", args: [VITEST, "run", "--pool=threads"], passed: /Tests +5 passed \(5\)/ },
  "vitest, whose tests run in processes": { folder: "vitest", args: [VITEST, "run", "--pool=forks"], passed: /Tests +5 passed \(5\)/ },
  "node:test": { folder: "node-test", args: ["--test", "--test-reporter=tap"], passed: /# pass 5\n# fail 0\n/ },
};

const folderOf = (project: string): string => join(ROOT, "spec/fixtures", project);
const installed = [...new Set(Object.values(PROJECTS).map(({ folder }) => join(folderOf(folder), "node_modules")))];

// Copied, since a link would lead out of node_modules, and vitest treats what lies there in another way.
beforeAll(() => {
  for (const modules of installed) {
    const to = join(modules, "ferrous");
    mkdirSync(join(to, "dist"), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(to, "package.json"));
    for (const file of readdirSync(join(ROOT, "dist")).filter((name) => name.endsWith(".js")))
      cpSync(join(ROOT, "dist", file), join(to, "dist", file));
  }
});
afterAll(() => {
  for (const modules of installed) rmSync(modules, { recursive: true });
});

describe.each(Object.entries(PROJECTS))("a project that tests with %s", (_, { folder, args, passed }) => {
  it("passes its tests, and ends by itself", async () => {
    // Not as a child of jest: NODE_OPTIONS, VITEST and the like are other people's business.
    const env = { PATH: process.env["PATH"], CI: "true" };
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folderOf(folder), env, timeout: 50_000 });
    expect(stripVTControlCharacters(stdout)).toMatch(passed);
  });
});

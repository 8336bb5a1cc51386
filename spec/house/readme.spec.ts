/** The examples of the README and the guides, each run as a program of its own: it prints what its comments say. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGES = ["README.md", "docs/threads.md", "docs/locks.md", "docs/channels.md"];

interface Example {
  readonly title: string;
  readonly code: string;
  readonly prints: readonly string[];
}

/** The `js` blocks of a page, under their headings. */
function examplesOf(page: string): Example[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(({ 1: code = "", index }) => ({
    title: /.*^#+ (.*?)$/ms.exec(text.slice(0, index))?.[1] ?? page,
    code,
    prints: [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, printed = ""]) => printed),
  }));
}

// Inside the repository, where "ferrous" is the package itself.
let folder = "";
beforeAll(() => {
  mkdirSync(join(ROOT, "build"), { recursive: true });
  folder = mkdtempSync(join(ROOT, "build", "pages-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe.each(PAGES)("%s", (page) => {
  it.each(examplesOf(page))("prints what it says: $title", async ({ code, prints }) => {
    expect(prints).not.toEqual([]);
    const file = join(folder, "example.js");
    writeFileSync(file, code);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 20_000 });
    expect({ stdout: stdout.trimEnd().split("\n"), stderr }).toEqual({ stdout: prints, stderr: "" });
  });

  it("links to files that exist", () => {
    const text = readFileSync(join(ROOT, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)/g)) {
      expect(() => readFileSync(join(ROOT, page, "..", target))).not.toThrow();
    }
  });
});

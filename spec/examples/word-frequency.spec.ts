/** The example as its users run it, as a process of its own, against a plain count in this one. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../examples/word-frequency/main.js", import.meta.url));
const ALL = "1000000";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "word-frequency-"));
  mkdirSync(join(folder, "deep", "deeper"), { recursive: true });
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content);
  };
  write("plain.txt", "The cat saw the dog. The dog didn't.\n");
  write("accents.md", "Äpfel äpfel ÄPFEL naïve naïve\u0301 İstanbul; Ελλάδα ελλάδα, 東京 東京. नमस्ते! ß SS\n");
  write("empty.txt", "");
  write(
    "binary.txt",
    Uint8Array.from({ length: 4096 }, (_, n) => n % 256),
  );
  write("not-text.png", "these words are in no text file");
  write(join("deep", "code.js"), "const cat = dog => dog; // cat\n");
  // Several batches each, and words of which many are new to each file.
  for (const [at, name] of ["big-1.txt", join("deep", "big-2.md"), join("deep", "deeper", "LICENSE")].entries()) {
    write(name, Array.from({ length: 250_000 }, (_, n) => `word${letters((n * (7 + at)) % 9973)} cat`).join("\n"));
  }
  for (let n = 0; n < 60; n++)
    write(join("deep", "deeper", `${letters(n)}.json`), JSON.stringify({ [letters(n * n)]: "the cat ".repeat(3000) }));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A number written in letters. */
const letters = (n: number): string => [...n.toString(26)].map((digit) => String.fromCharCode(97 + parseInt(digit, 26))).join("");

interface Totals {
  readonly files: number;
  readonly skipped: number;
  readonly bytes: number;
  readonly words: number;
  readonly different: number;
  readonly top: readonly (readonly [string, number])[];
  readonly missing: readonly string[];
  readonly stopped: boolean;
  readonly deaths: readonly string[];
  readonly repairs: readonly { readonly by: string; readonly poison: string; readonly undone: number }[];
  readonly handed: readonly { readonly files: number; readonly to: readonly string[] }[];
  readonly same?: boolean;
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the example until it ends by itself; `onProgress` hears what it writes on stderr, and may signal it. */
function run(args: readonly string[], onProgress?: (line: string, interrupt: () => void) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      onProgress?.(text, () => child.kill("SIGINT"));
    });
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, out, err });
    });
  });
}

async function totalsOf(
  args: readonly string[],
  onProgress?: Parameters<typeof run>[1],
): Promise<Totals & { readonly code: number | null }> {
  const { code, out, err } = await run([...args, "--json", "--top", ALL], onProgress);
  if (out === "") throw new Error(err);
  return { ...(JSON.parse(out) as Totals), code };
}

/** The same job, in the plainest way. */
function oracle(paths: readonly string[]): Pick<Totals, "files" | "skipped" | "bytes" | "words" | "different" | "top"> {
  const counts = new Map<string, number>();
  let [files, skipped, bytes, words] = [0, 0, 0, 0];
  for (const path of paths) {
    const content = readFileSync(path);
    if (content.subarray(0, 8000).includes(0)) {
      skipped++;
      continue;
    }
    files++;
    bytes += content.length;
    for (const [word] of content
      .toString("utf8")
      .toLowerCase()
      .matchAll(/[\p{L}\p{M}]+/gu)) {
      words++;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const top = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return { files, skipped, bytes, words, different: counts.size, top };
}

const textFiles = (below: string): string[] =>
  readdirSync(below, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".png"))
    .map((entry) => join(entry.parentPath, entry.name));

describe("word-frequency", () => {
  it.each([1, 2, 4])("counts what a plain loop counts, with %i threads", async (threads) => {
    const totals = await totalsOf([folder, "--once", "--threads", String(threads)]);
    expect(totals).toMatchObject({ ...oracle(textFiles(folder)), code: 0, stopped: false, missing: [], deaths: [], repairs: [] });
    expect(totals.top).toContainEqual(["äpfel", 3]);
    expect(totals.top).toContainEqual(["नमस्ते", 1]);
    expect(totals).toMatchObject({ files: 67, skipped: 1 });
  });

  it.each([1, 2])("ends with the same totals although one of %i threads dies in the midst of a merge", async (threads) => {
    const totals = await totalsOf([folder, "--once", "--crash", "--threads", String(threads)]);
    expect(totals).toMatchObject({ ...oracle(textFiles(folder)), code: 0, stopped: false, missing: [] });
    expect(totals.deaths).toEqual([expect.stringMatching(/^thread "counter \d" died before it had a result \(exit\)/)]);
    const [, culprit] = /"(.*?)"/.exec(totals.deaths[0] ?? "") ?? [];
    expect(totals.repairs).toHaveLength(1);
    expect(totals.repairs[0]?.poison).toMatch(`mutex "totals" is poisoned: thread "${String(culprit)}"`);
    expect(totals.repairs[0]?.by).not.toBe(culprit);
    expect(totals.repairs[0]?.undone).toBeGreaterThan(0);
    expect(totals.handed).toHaveLength(1);
    expect(totals.handed[0]?.to).not.toContain(culprit);
  });

  it("tells a person the story of the crash, and that one thread counts the same", async () => {
    const { code, out } = await run([folder, "--crash", "--threads", "2", "--top", "3"]);
    expect(code).toBe(0);
    expect(out).toMatch(/│ 1 │ cat +│ /);
    expect(out).toMatch(/Thread "counter \d" died before it had a result \(exit\)/);
    expect(out).toMatch(/Mutex "totals" is poisoned: thread "counter \d" ended or failed while it held the lock/);
    expect(out).toMatch(/"(main|counter \d)" repaired it: [\d,]+ half-merged words were undone/);
    expect(out).toMatch(/Lost with it and handed to thread "counter 3".*: [\d,]+ files?\./);
    expect(out).toMatch(/One thread: \d+\.\d\d s, the same totals, word by word\. Speed-up: \d+\.\d\dx\./);
  });

  it("stops on Ctrl-C with totals of exactly the files that it says it counted", async () => {
    // Enough to be still at it when the first line of progress comes.
    const modules = ["@typescript-eslint", "@babel", "webpack"].map((name) =>
      fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)),
    );
    // Once: a second Ctrl-C ends the program as it ends any.
    let isInterrupted = false;
    const totals = await totalsOf([...modules, "--once", "--threads", "1"], (line, interrupt) => {
      if (!isInterrupted && line.startsWith("counted")) interrupt();
      isInterrupted ||= line.startsWith("counted");
    });
    expect(totals).toMatchObject({ code: 130, stopped: true });
    expect(totals.missing.length).toBeGreaterThan(0);
    expect(totals.top.reduce((sum, [, count]) => sum + count, 0)).toBe(totals.words);
    const everything = await totalsOf([...modules, "--once"]);
    expect(totals.files + totals.skipped + totals.missing.length).toBe(everything.files + everything.skipped);
    const rest = oracle(totals.missing);
    expect({ words: totals.words + rest.words, bytes: totals.bytes + rest.bytes }).toEqual({
      words: everything.words,
      bytes: everything.bytes,
    });
    const restCounts = new Map(rest.top);
    const stoppedCounts = new Map(totals.top);
    for (const [word, count] of everything.top) {
      if ((stoppedCounts.get(word) ?? 0) + (restCounts.get(word) ?? 0) !== count) throw new Error(`"${word}" does not add up`);
    }
  });

  it("says that the table is full instead of leaving words out", async () => {
    const { code, out, err } = await run([folder, "--once", "--words", "50"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch("the table of words is full: it has room for 50 different words");
  });

  it.each([
    [["--threads", "0"], 2, '--threads takes a whole number from 1; it was given "0"'],
    [["--thread", "2"], 2, "Unknown option '--thread'"],
    [["no/such/folder"], 1, "no such file or directory"],
  ])("refuses %j", async (args, expected, message) => {
    const { code, err } = await run(args);
    expect(code).toBe(expected);
    expect(err).toMatch(message);
  });
});

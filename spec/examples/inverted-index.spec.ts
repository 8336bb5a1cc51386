/** The example as its users run it, as a process of its own, against a plain index in this one. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../examples/inverted-index/main.js", import.meta.url));
const FILES = 300;

let home = "";
let folder = "";
let index = "";
/** By path: what is in it. */
const texts = new Map<string, string>();

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "inverted-index-"));
  folder = join(home, "texts");
  index = join(home, "words.index");
  mkdirSync(join(folder, "deep"), { recursive: true });
  const write = (name: string, text: string): void => {
    const path = join(folder, name);
    writeFileSync(path, text);
    texts.set(path, text);
  };
  write("guard.md", "The mutex gives a guard. A guard is a guard.\n");
  write("mutex.txt", "Mutex, MUTEX, mutex_lock; Äpfel äpfel 東京 x86\n");
  write("empty.txt", "");
  for (let n = 0; n < FILES; n++) {
    // More pairs than one run holds: so several are written, and merged.
    const words = Array.from({ length: 1500 }, (_, at) => `w${String((at * (n + 7)) % 9973)}`);
    write(join("deep", `${String(n)}.json`), words.join(" "));
  }
  writeFileSync(join(folder, "binary.txt"), new Uint8Array(100));
  expect((await run([folder])).code).toBe(0);
}, 60_000);
afterAll(() => {
  rmSync(home, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
/** Runs the example until it ends by itself; `onLine` may signal it. */
function run(args: readonly string[], onProgress?: (interrupt: () => void) => void, to = index): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, "--index", to, "--json", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const ended = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ended.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      ended.err += text;
      onProgress?.(() => child.kill("SIGINT"));
    });
    child.once("error", reject);
    child.once("close", (code) => {
      resolve({ code, ...ended });
    });
  });
}

interface Built {
  readonly files: number;
  readonly skipped: number;
  readonly words: number;
  readonly stopped: boolean;
  readonly stages: readonly { readonly stage: string }[];
  readonly deaths: readonly string[];
  readonly handed: readonly { readonly files: readonly string[]; readonly to: readonly string[] }[];
}
interface Searched {
  readonly found: readonly { readonly path: string; readonly counts: readonly number[] }[];
}

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [];
const count = (text: string, word: string): number => wordsOf(text).filter((other) => other === word).length;
/** What a search should find, by a look into every file. */
function lookInto(words: readonly string[]): Searched["found"] {
  const all = [...texts].map(([path, text]) => ({ path, counts: words.map((word) => count(text, word)) }));
  return all.filter(({ counts }) => counts.every((n) => n > 0)).sort((a, b) => (a.path < b.path ? -1 : 1));
}
async function search(query: string): Promise<Searched["found"]> {
  const { out } = await run(["--query", query]);
  const { found } = JSON.parse(out) as Searched;
  return found.map(({ path, counts }) => ({ path, counts })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe("the inverted index", () => {
  it.each([["mutex"], ["mutex guard"], ["GUARD a the"], ["äpfel 東京"], ["w14"], ["w9972 w0"], ["mutex_lock x86"]])(
    "finds the files with %s, as a look into each does",
    async (query) => {
      const words = [...new Set(wordsOf(query))];
      const expected = lookInto(words);
      expect(expected.length).toBeGreaterThan(0);
      expect(await search(query)).toEqual(expected);
    },
  );

  it("finds the first and the last word of all, and those at which a block of the dictionary begins and ends", async () => {
    const words = [...new Set([...texts.values()].flatMap(wordsOf))].sort();
    for (const word of [words[0], words[127], words[128], words.at(-1)]) {
      expect(await search(String(word))).toEqual(lookInto([String(word)]));
    }
  });

  it("says when no file has them, and ends with 1", async () => {
    const { code, out } = await run(["--query", "mutex nowhere_at_all"]);
    expect([code, (JSON.parse(out) as Searched).found]).toEqual([1, []]);
  });

  it("is the same, byte for byte, whoever did what: with one thread, and with one that dies with a file in its hands", async () => {
    const whole = readFileSync(index);
    const other = join(home, "other.index");
    const one = JSON.parse((await run([folder, "--threads", "1"], undefined, other)).out) as Built;
    expect(readFileSync(other).equals(whole)).toBe(true);
    expect(one).toMatchObject({ files: FILES + 3, skipped: 1, stopped: false, deaths: [], handed: [] });
    expect(one.stages.map(({ stage }) => stage)).toEqual(["read", "tokenise", "gather", "write", "merge"]);
    expect(one.words).toBe(new Set([...texts.values()].flatMap(wordsOf)).size);

    rmSync(other);
    const crashed = JSON.parse((await run([folder, "--threads", "2", "--crash"], undefined, other)).out) as Built;
    expect(readFileSync(other).equals(whole)).toBe(true);
    expect(crashed.deaths).toEqual([expect.stringContaining("tokeniser")]);
    expect(crashed.handed).toHaveLength(1);
    expect(crashed.handed[0]?.files.length).toBeGreaterThan(0);
    expect(crashed).toMatchObject({ files: FILES + 3, words: one.words });
  });

  it("is finished although the only thread that tokenises dies", async () => {
    const other = join(home, "lonely.index");
    const { deaths } = JSON.parse((await run([folder, "--threads", "1", "--crash"], undefined, other)).out) as Built;
    expect(deaths).toHaveLength(1);
    expect(readFileSync(other).equals(readFileSync(index))).toBe(true);
  });

  it("leaves the old index, and nothing else, when it is stopped", async () => {
    const before = readFileSync(index);
    // Enough files for half a second, so that a first line is written before the end.
    const many = fileURLToPath(new URL("../../node_modules", import.meta.url));
    const { code, out } = await run([many, "--threads", "1"], (interrupt) => {
      interrupt();
    });
    expect(code).toBe(130);
    expect((JSON.parse(out) as Built).stopped).toBe(true);
    expect(readFileSync(index).equals(before)).toBe(true);
    expect(readdirSync(home).filter((name) => name.startsWith("words.index"))).toEqual(["words.index"]);
  });
});

describe("what it cannot do, it says", () => {
  const damaged = (make: (path: string) => void): string => {
    const path = join(home, "damaged.index");
    writeFileSync(path, readFileSync(index));
    make(path);
    return path;
  };
  it.each([
    ["no index there", () => join(home, "none.index"), "there is no index at"],
    ["a file that is no index", () => join(folder, "guard.md"), "is no index of words"],
    [
      "an index cut in two",
      () =>
        damaged((path) => {
          truncateSync(path, 5000);
        }),
      "or not a whole one",
    ],
    [
      "an empty file",
      () =>
        damaged((path) => {
          truncateSync(path, 0);
        }),
      "is no index of words",
    ],
  ])("%s", async (_what, path, message) => {
    const { code, err, out } = await run(["--query", "mutex"], undefined, path());
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(message);
  });

  it.each([
    [["no-such-folder"], 1, "no-such-folder"],
    [["--query", "???"], 1, "no word in the query"],
    [["--threads", "0", "."], 2, "--threads takes a whole number"],
    [["--query", "x", "lib"], 2, "it was given folders too"],
    [["--wat"], 2, "--wat"],
  ])("%s", async (args, expected, message) => {
    const { code, err } = await run(args, undefined, join(home, "never.index"));
    expect([code, err]).toEqual([expected, expect.stringContaining(message)]);
  });
});

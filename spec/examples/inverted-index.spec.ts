/** The example as its users run it, as a process of its own, against a plain index in this one. */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CancelFlag } from "ferrous";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { IndexFileError } from "../../examples/inverted-index/index-file.js";
import { build } from "../../examples/inverted-index/pipeline.js";
import { search } from "../../examples/inverted-index/query.js";

const MAIN = fileURLToPath(new URL("../../examples/inverted-index/main.js", import.meta.url));
const FILES = 60;

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
      const isFirst = ended.err === "";
      ended.err += text;
      // Once: a second Ctrl-C ends a program wherever it is.
      if (isFirst) onProgress?.(() => child.kill("SIGINT"));
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
function found(query: string): Searched["found"] {
  return search(index, query)
    .found.map(({ path, counts }) => ({ path, counts }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

describe("the inverted index", () => {
  it.each([["mutex"], ["mutex guard"], ["GUARD a the"], ["äpfel 東京"], ["w14"], ["w9972 w0"], ["mutex_lock x86"]])(
    "finds the files with %s, as a look into each does",
    (query) => {
      const words = [...new Set(wordsOf(query))];
      const expected = lookInto(words);
      expect(expected.length).toBeGreaterThan(0);
      expect(found(query)).toEqual(expected);
    },
  );

  it("finds the first and the last word of all, and those at which a block of the dictionary begins and ends", () => {
    const words = [...new Set([...texts.values()].flatMap(wordsOf))].sort();
    for (const word of [words[0], words[127], words[128], words.at(-1)]) {
      expect(found(String(word))).toEqual(lookInto([String(word)]));
    }
  });

  it("prints what was found; says when no file has all of them, and ends with 1", async () => {
    const told = await run(["--query", "mutex guard"]);
    expect([told.code, JSON.parse(told.out)]).toEqual([0, search(index, "mutex guard")]);
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

describe("a run that fails", () => {
  /** As the command does it, but in this process, so that something can be done to it. */
  const start = (target: string, stop = new CancelFlag()) =>
    build({ paths: [...texts.keys()].sort(), target, threads: 2, runPostings: 5000, stop });

  it("leaves the old index, and says what failed instead of who noticed", async () => {
    const before = readFileSync(index);
    const running = start(index);
    // Where the writer is going to write, once it has something.
    for (const name of readdirSync(home)) if (name.includes("-runs-")) rmSync(join(home, name), { recursive: true });
    await expect(running).rejects.toThrow(/ENOENT.*run-1/);
    expect(readFileSync(index).equals(before)).toBe(true);
  });

  it("has an index or says that it was stopped, never both, when it is stopped while the index is written", async () => {
    const target = join(home, "late.index");
    const stop = new CancelFlag();
    const running = { ended: false };
    const built = start(target, stop).finally(() => (running.ended = true));
    const isWriting = () => readdirSync(home, { recursive: true }).some((name) => /late\.index.*(whole|unfinished)$/.test(String(name)));
    while (!running.ended && !isWriting()) await new Promise(setImmediate);
    stop.cancel();
    const { stopped } = await built;
    expect(existsSync(target)).toBe(!stopped);
    expect(readdirSync(home).filter((name) => name.startsWith("late.index-"))).toEqual([]);
  });

  it("does not take the place of a file that is no index", async () => {
    const notes = join(home, "notes.txt");
    writeFileSync(notes, "dear diary");
    await expect(start(notes)).rejects.toThrow(`${notes} is there already, and is no index of words`);
    await expect(start(folder)).rejects.toThrow(`${folder} is there already, and is no index of words`);
    expect(readFileSync(notes, "utf8")).toBe("dear diary");
  });
});

it("merges many runs, some of them twice, into the same index", async () => {
  const other = join(home, "many-runs.index");
  await build({
    paths: [...texts.keys(), join(folder, "binary.txt")].sort(),
    target: other,
    threads: 2,
    runPostings: 5000,
    stop: new CancelFlag(),
  });
  expect(readFileSync(other).equals(readFileSync(index))).toBe(true);
});

it("leaves out a file that is too large for a channel, and says so", async () => {
  const large = join(home, "large");
  mkdirSync(large);
  writeFileSync(join(large, "guard.md"), "the guard");
  writeFileSync(join(large, "huge.txt"), "mutex ".repeat(2000));
  // Sparse, so it takes no room on the disk.
  truncateSync(join(large, "huge.txt"), 300 * 2 ** 20);
  const { out, err } = await run([large], undefined, join(home, "large.index"));
  expect(err).not.toContain("inverted-index:");
  expect(JSON.parse(out)).toMatchObject({ files: 1, skipped: 1, words: 2 });
});

it("says that an index is damaged, or answers from it: nothing else comes of a changed byte", async () => {
  const path = join(home, "small.index");
  const paths = [join(folder, "guard.md"), join(folder, "mutex.txt")];
  await build({ paths, target: path, threads: 1, stop: new CancelFlag() });
  const bytes = readFileSync(path);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
    writeFileSync(path, damaged);
    try {
      for (const hit of search(path, "mutex").found) expect(hit.path).not.toBe("");
    } catch (error) {
      expect(error).toBeInstanceOf(IndexFileError);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(50);
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

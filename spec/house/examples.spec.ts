/** The examples in the comments of lib/sync: each runs, and each public class there has one. */
import { afterEach, describe, expect, it } from "@jest/globals";
import { transformSync } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import * as ferrous from "ferrous";

const FOLDER = "lib/sync";

interface Example {
  readonly title: string;
  readonly code: string;
  /** The class whose comment it stands in, if it is a class's. */
  readonly of: string | undefined;
}

/** What stands behind `@example` in the comments of a file, to the end of the comment. */
function examplesOf(file: string): Example[] {
  const text = readFileSync(`${FOLDER}/${file}`, "utf8");
  return [...text.matchAll(/^ *\/\*\*(?:(?!\*\/)[\s\S])*?@example([\s\S]*?)\*\/\n(.*)/gm)].map(([, lines = "", next = ""]) => ({
    code: lines.replace(/^ *\* ?/gm, "").trim(),
    of: /^export (?:abstract )?class (\w+)/.exec(next)?.[1],
    title: `${file}: ${next.trim()}`,
  }));
}
const examples = readdirSync(FOLDER).flatMap(examplesOf);

const { AtomicBool, AtomicU32, Condvar, Mutex, ReentrantMutex, RwLock, Semaphore, struct, u32 } = ferrous;
const words = (count: number): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4 * count));
const idle = (): void => undefined;

/** What the examples take for granted. */
function given(): Readonly<Record<string, unknown>> {
  const Totals = struct("ExampleTotals", { files: u32 });
  const Config = struct("ExampleConfig", { limit: u32 });
  return {
    Totals,
    Config,
    totals: new Mutex(Totals.create()),
    config: new RwLock(Config.create()),
    queue: new Mutex(words(1)),
    filled: new Condvar(),
    guard: new Mutex(words(1)).lock(),
    tree: new ReentrantMutex(words(1)),
    nodes: words(8),
    downloads: new Semaphore(4),
    ready: new AtomicU32(1),
    next: new AtomicU32(),
    seats: new AtomicU32(2),
    state: new AtomicU32(),
    started: new AtomicBool(),
    taken: new AtomicBool(),
    IDLE: 0,
    BUSY: 1,
    shared: words(1),
    chunk: Buffer.alloc(3),
    parts: [1, 2, 3],
    players: [1, 2, 3],
    work: (stop?: ferrous.CancelFlag) => stop?.cancelled,
    load: (_part: number, loaded: ferrous.Latch): void => {
      loaded.countDown();
    },
    play: (_player: number, round: ferrous.Barrier): void => {
      round.wait();
    },
    computeTable: () => [0, 1, 4, 9],
    readConfig: () => ({ port: 80 }),
    fetchAll: idle,
    useLimit: idle,
    fillTables: idle,
    start: idle,
  };
}
/** Their names are theirs to take: in an inner block. Of two parameters of one name the last counts. */
function run(code: string): void {
  const known = { ...ferrous, ...given() };
  const plain = transformSync(code, { loader: "ts" })
    .code.replace(/^export /gm, "")
    .replace(/^export \{[^]*?\};$/gm, "");
  const example = new Function(...Object.keys(known), `"use strict"; { ${plain} }`) as (...values: unknown[]) => void;
  example(...Object.values(known));
}

describe("an example in a comment", () => {
  const before = process.listeners("SIGINT");
  afterEach(() => {
    for (const listener of process.listeners("SIGINT")) if (!before.includes(listener)) process.off("SIGINT", listener);
  });

  it.each(examples)("runs: $title", ({ code }) => {
    run(code);
  });
});

it("each public class of lib/sync has an example", () => {
  const exported = [...readFileSync("lib/index.ts", "utf8").matchAll(/^export \{(.*)\} from ".\/sync\//gm)].flatMap(([, names = ""]) =>
    names.split(",").map((name) => name.trim()),
  );
  const classes = exported.filter((name) => /^[A-Z]/.test(name));
  expect(classes.length).toBeGreaterThan(15);
  const shown = new Set(examples.map((example) => example.of));
  expect(classes.filter((name) => !shown.has(name))).toEqual([]);
});

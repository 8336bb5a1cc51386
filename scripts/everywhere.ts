/**
 * Runs the portable cases (spec/everywhere) in every runtime, and prints one table. `npm run test:everywhere`, or with names:
 * `npm run test:everywhere -- node20 chromium`. `--readme` writes its rows into README.md too.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import Table from "cli-table3";
import puppeteer from "puppeteer-core";
import { cannot } from "../spec/everywhere/cannot.js";
import { browserAt, ISOLATION, openChromium, serve } from "./browsers.ts";

interface Outcome {
  readonly group: string;
  readonly name: string;
  readonly error?: string;
}
interface Run {
  readonly version: string;
  readonly outcomes: readonly Outcome[];
}

/** In ms. A runtime that tells of no case for so long hangs: a case has 40 s. */
const PATIENCE = 60_000;
const CACHE = "build/everywhere";
const { platform, arch } = process;

/** A runtime that is a package of its own, with its program in it; installed once. */
function installed(name: string, version: string, program: string): string {
  const folder = join(CACHE, `${name.replace(/\W+/g, "-")}-${version}`);
  const path = join(folder, "node_modules", name, program);
  if (!existsSync(path)) {
    console.error(`ferrous: installing ${name}@${version}, once`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), "{}");
    execFileSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error", `${name}@${version}`], {
      cwd: folder,
      stdio: ["ignore", 2, 2],
    });
  }
  return path;
}

const node = (version: string) => (): Promise<Run> => runProgram(installed(`node-${platform}-${arch}`, version, "bin/node"), []);
const bun = (): Promise<Run> => runProgram(installed(`@oven/bun-${platform}-${arch}`, "1.4.5", "bin/bun"), []);
const deno = (): Promise<Run> =>
  runProgram(installed(`@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`, "2.9.6", "deno"), ["run", "-A"]);

/** In the order of the table. */
const RUNTIMES: Record<string, { readonly title: string; run(): Promise<Run> }> = {
  node20: { title: "Node 20", run: node("20.20.2") },
  node22: { title: "Node 22", run: node("22.23.3") },
  node24: { title: "Node 24", run: node("24.21.0") },
  node26: { title: "Node 26", run: node("26.10.0") },
  bun: { title: "Bun", run: bun },
  deno: { title: "Deno", run: deno },
  chromium: { title: "Chromium", run: inChromium },
  firefox: { title: "Firefox ESR", run: inFirefox },
};

/** A program that prints a line of JSON for each case. */
async function runProgram(program: string, args: readonly string[]): Promise<Run> {
  const version = /\d+\.\d+\.\d+/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[0] ?? "?";
  const child = spawn(program, [...args, "spec/everywhere/node.js"], { stdio: ["ignore", "pipe", "pipe"] });
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const outcomes: Outcome[] = [];
  let complaints = "";
  let isDone = false;
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints = (complaints + text).slice(-4000)));
  for await (const line of createInterface({ input: child.stdout })) {
    const told = parsed(line);
    if (told === undefined) continue;
    late.refresh();
    if ("done" in told) isDone = true;
    else outcomes.push(told as unknown as Outcome);
  }
  clearTimeout(late);
  if (!isDone) outcomes.push({ group: "the run", name: "ends", error: complaints });
  return { version, outcomes };
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** What drives a page: the two browsers' libraries have these in common. */
interface Driven {
  goto(url: string): Promise<unknown>;
  evaluate(code: string): Promise<unknown>;
}

async function inPage(page: Driven, version: string): Promise<Run> {
  const { url, close } = await serve(".", ISOLATION, {
    "/spec/everywhere/ferrous.js": 'export * from "/dist/web/index.js";',
    "/spec/everywhere/check.js": 'export * from "/dist/web/check/index.js";',
  });
  try {
    await page.goto(`${url}spec/everywhere/page.html`);
    for (let [seen, until] = [0, Date.now() + PATIENCE]; ;) {
      const [title, told] = (await page.evaluate("[document.title, globalThis.outcomes ?? []]")) as [string, string[]];
      const outcomes = told.map((line) => JSON.parse(line) as Outcome);
      if (title === "done") return { version, outcomes };
      if (outcomes.length > seen) [seen, until] = [outcomes.length, Date.now() + PATIENCE];
      if (Date.now() > until) return { version, outcomes: [...outcomes, { group: "the run", name: "ends", error: "it does not end" }] };
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  } finally {
    close();
  }
}

async function inChromium(): Promise<Run> {
  const browser = await openChromium();
  try {
    return await inPage(await browser.newPage(), browser.version());
  } finally {
    await browser.close();
  }
}

async function inFirefox(): Promise<Run> {
  const browser = await puppeteer.launch({ browser: "firefox", executablePath: browserAt("firefox-esr"), headless: true });
  try {
    const version = /\d+(?:\.\d+)*/.exec(await browser.version())?.[0] ?? "?";
    return await inPage(await browser.newPage(), version);
  } finally {
    await browser.close();
  }
}

/** What came of one runtime's cases. */
interface Row {
  readonly title: string;
  readonly version: string;
  readonly passed: number;
  /** With the reasons. */
  readonly known: ReadonlyMap<string, number>;
  readonly wrong: readonly string[];
}

function rowOf(name: string, { version, outcomes }: Run): Row {
  const known = new Map<string, number>();
  const wrong: string[] = [];
  let passed = 0;
  for (const { group, name: title, error } of outcomes) {
    const full = `${group}: ${title}`;
    const limit = cannot.find(({ runtime, cases }) => runtime.test(name) && cases.test(full));
    if (error === undefined && limit === undefined) passed++;
    else if (error === undefined) wrong.push(`${full}\n    it passes, although cannot.js says: ${limit?.reason ?? ""}`);
    else if (limit === undefined) wrong.push(`${full}\n    ${error.split("\n").slice(0, 3).join("\n    ")}`);
    else known.set(limit.reason, (known.get(limit.reason) ?? 0) + 1);
  }
  return { title: RUNTIMES[name]?.title ?? name, version, passed, known, wrong };
}

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("-"));
const strangers = names.filter((name) => !(name in RUNTIMES));
if (strangers.length > 0)
  throw new Error(`there is no runtime called ${strangers.join(", ")}: choose among ${Object.keys(RUNTIMES).join(", ")}`);

const rows: Row[] = [];
for (const name of names.length > 0 ? names : Object.keys(RUNTIMES)) {
  const started = Date.now();
  const run = await (RUNTIMES[name] as (typeof RUNTIMES)[string]).run();
  const row = rowOf(name, run);
  rows.push(row);
  console.log(
    `${row.title} ${row.version}: ${String(row.passed)} passed, ${String(row.wrong.length)} failed, in ${String(Math.round((Date.now() - started) / 1000))} s`,
  );
  for (const what of row.wrong) console.log(`  ${what}`);
}

const cells = rows.map(({ title, version, passed, known, wrong }) => {
  const limits = [...known].map(([reason, count]) => `${String(count)}: ${reason}`).join("; ");
  return [title, version, String(passed), String(wrong.length), limits];
});
const HEAD = ["runtime", "version", "passed", "failed", "cannot"];
const table = new Table({ head: HEAD, style: { head: [], border: [] }, colWidths: [14, 12, 8, 8, 70], wordWrap: true });
table.push(...cells);
console.log(`\n${table.toString()}`);

if (args.includes("--readme")) writeFileSync("README.md", withRows(readFileSync("README.md", "utf8")));

/** The README with these rows; of runtimes that were not run now, it keeps those it has. */
function withRows(readme: string): string {
  const lineOf = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  return readme.replace(/(?<=<!-- everywhere -->\n)[\s\S]*?(?=<!-- \/everywhere -->)/, (table) => {
    const lines = [...table.trim().split("\n").slice(2), ...cells.map(lineOf)];
    const byTitle = new Map(lines.map((line) => [line.split("|")[1]?.trim(), line]));
    const known = Object.values(RUNTIMES).map(({ title }) => byTitle.get(title) ?? []);
    return [lineOf(HEAD), lineOf(HEAD.map(() => "---")), ...known.flat(), ""].join("\n");
  });
}
const failed = rows.reduce((sum, { wrong }) => sum + wrong.length, 0);
console.log(`\n${String(rows.reduce((sum, { passed }) => sum + passed, 0))} passed, ${String(failed)} failed`);
process.exitCode = failed === 0 ? 0 : 1;

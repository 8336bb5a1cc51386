/**
 * One small app, built by each bundler from the packed tarball, opened in Chromium: a page and its worker share a Mutex and a channel, and
 * the page's title tells what came of it. `npm run test:bundlers`, or with names: `npm run test:bundlers -- vite`.
 */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Browser } from "playwright-core";
import { openChromium, serve } from "./browsers.ts";
import { install, pack } from "./packed.ts";

const FIXTURES = "spec/fixtures/bundlers";
const BUNDLERS = readdirSync(FIXTURES).filter((name) => name !== "app");
const EXPECTED = "counted: 1000; told: 100 200 300 400 500";
/** In ms. A page that takes longer waits for what never comes. */
const PATIENCE = 20_000;

/** Inside the repository, so that the bundlers are found; with a node_modules of its own, so that `ferrous` is the tarball's. */
const ROOT = "build/bundlers";

/** Builds the app with one bundler; returns the folder that a server would give out. */
function built(bundler: string): string {
  const folder = join(ROOT, bundler);
  cpSync(join(FIXTURES, bundler), folder, { recursive: true });
  cpSync(join(FIXTURES, "app"), join(folder, "src"), { recursive: true });
  execFileSync(process.execPath, [join(folder, "build.js")], { stdio: ["ignore", "ignore", 2] });
  return join(folder, "out");
}

/** The title that the page gives itself, with what it complained of if it is not the expected one. */
async function titleOf(folder: string, browser: Browser): Promise<string> {
  const server = await serve(folder);
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  try {
    await page.goto(server.url);
    await page.waitForFunction(() => document.title !== "running", undefined, { timeout: PATIENCE }).catch(() => undefined);
    const title = await page.title();
    return title === EXPECTED ? title : [title, ...complaints].join("\n       ");
  } finally {
    await page.close();
    server.close();
  }
}

async function check(bundler: string, browser: Browser): Promise<boolean> {
  let told: string;
  try {
    told = await titleOf(built(bundler), browser);
  } catch (error) {
    told = (error as Error).message;
  }
  console.log(`${told === EXPECTED ? "ok    " : "WRONG "} ${bundler}: ${told}`);
  return told === EXPECTED;
}

rmSync(ROOT, { recursive: true, force: true });
mkdirSync(ROOT, { recursive: true });
install(pack(ROOT).tarball, ROOT);
const asked = process.argv.slice(2);
const browser = await openChromium();
try {
  let passed = 0;
  const all = asked.length > 0 ? asked : BUNDLERS;
  for (const bundler of all) if (await check(bundler, browser)) passed++;
  console.log(`${String(passed)} passed, ${String(all.length - passed)} failed`);
  process.exitCode = passed === all.length ? 0 : 1;
} finally {
  await browser.close();
}

/** What only a real page can show. Each has a browser's page of its own. `npm run test:pages` */
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import pixelmatch from "pixelmatch";
import type { Browser, Page } from "playwright-core";
import { PNG } from "pngjs";
import { ISOLATION, openChromium, serve, type Served } from "../../scripts/browsers.ts";

let browser: Browser;
let served: Served;
beforeAll(async () => {
  browser = await openChromium();
  served = await serve(".");
});
afterAll(async () => {
  served.close();
  await browser.close();
});

/** Opens a page, waits for the title that it gives itself, and lets `look` look at it. */
async function inPage<T>(url: string, look: (page: Page, complaints: readonly string[]) => Promise<T>): Promise<T> {
  const page = await browser.newPage({ viewport: { width: 900, height: 760 } });
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  try {
    await page.goto(url);
    await page.waitForFunction(() => document.title !== "running", undefined, { timeout: 30_000 });
    return await look(page, complaints);
  } finally {
    await page.close();
  }
}

describe("four workers that share a Mutex and a channel, one of which is terminated while it holds the lock", () => {
  it("show the poison and the recovery", async () => {
    await inPage(`${served.url}examples/page/`, async (page, complaints) => {
      expect(complaints).toEqual([]);
      expect(await page.title()).toBe("done");
      expect(await page.locator("#log li").allTextContents()).toEqual([
        "4 threads add 250 steps each to one account, under one lock.",
        "Worker 3 takes the lock, does half of a step, and spins for ever.",
        "The page terminates worker 3.",
        expect.stringMatching(/^All others were waiting.*PoisonedError: mutex "account" is poisoned: thread "worker 3"/),
        "The account says: begun 501, done 500. Half of a step is in it.",
        "The page repairs it: begun 500, done 500. The lock is free again.",
        "Worker 5 does what worker 3 has left undone.",
        "1000 of 1000 steps are done. Nobody hangs, and nothing is lost.",
      ]);
      expect(await page.locator("#threads .state").allTextContents()).toEqual(["done", "done", "done by worker 5", "done"]);
      expectPicture("page", await page.screenshot());
    });
  });
});

/** Compares with spec/golden/<name>.png, which is made anew if it is not there. Letters may lie a little differently on another machine. */
function expectPicture(name: string, screenshot: Buffer): void {
  const golden = `spec/golden/${name}.png`;
  if (!existsSync(golden)) writeFileSync(golden, screenshot);
  const [is, shouldBe] = [PNG.sync.read(screenshot), PNG.sync.read(readFileSync(golden))];
  expect([is.width, is.height]).toEqual([shouldBe.width, shouldBe.height]);
  const differing = pixelmatch(is.data, shouldBe.data, undefined, is.width, is.height, { threshold: 0.2 });
  if (differing > MOST_DIFFERING * is.width * is.height) writeFileSync(`build/${name}.png`, screenshot);
  expect(differing / (is.width * is.height)).toBeLessThan(MOST_DIFFERING);
}
const MOST_DIFFERING = 0.02;

/** A page of one module, in a folder of its own. */
const pageOf = (name: string): string => `spec/pages/${name}.html`;

it("without isolation there is one error, which gives the two headers", async () => {
  const open = await serve(".", {});
  try {
    const said = await inPage(open.url + pageOf("imports"), (page) => page.title());
    expect(said).toMatch(/^IsolationError: .*Cross-Origin-Opener-Policy: same-origin.*Cross-Origin-Embedder-Policy: require-corp/);
  } finally {
    open.close();
  }
});

it("under a Content-Security-Policy without unsafe-eval tasks are spawned, and an inline function says what it needs", async () => {
  const strict = await serve(".", { ...ISOLATION, "content-security-policy": "default-src 'self'" });
  try {
    const said = await inPage(strict.url + pageOf("policy"), (page) => page.locator("#said").textContent());
    expect(JSON.parse(String(said))).toEqual({
      task: 42,
      inline: expect.stringMatching(/^TaskError: .*'unsafe-eval'.*task\(\)|^TaskError: .*task\(\).*'unsafe-eval'/),
    });
  } finally {
    strict.close();
  }
});

it("no global is patched, and none is left behind", async () => {
  await inPage(served.url + pageOf("globals"), async (page) => {
    expect(JSON.parse(String(await page.locator("#said").textContent()))).toEqual({
      added: [],
      changed: [],
      inThread: { added: [], changed: [] },
    });
  });
});

describe("a page", () => {
  const answer = (name: string): Promise<unknown> =>
    inPage(
      `${served.url + pageOf("cases")}#${name}`,
      async (page) => JSON.parse(String(await page.locator("#said").textContent())) as unknown,
    );

  it("invites a worker that it made itself, and is told of its death", async () => {
    expect(await answer("invited")).toEqual({
      heard: { value: 5, isMain: false },
      waiting: expect.stringMatching(/^PoisonedError: mutex "theirs"/),
    });
  });
  it("tells a worker that was not invited what to do", async () => {
    expect(await answer("uninvited")).toMatch(/^TaskError: .*invite\(worker\).*await attach\(\)/);
  });
  it("ends a thread whose error nobody caught, and the lock that it held is poisoned", async () => {
    expect(await answer("uncaught")).toEqual({ ended: expect.stringMatching(/^PanicError: .*RangeError: later/), lock: "PoisonedError" });
  });
  it("has threads that join by blocking, but for what has shared memory in it", async () => {
    expect(await answer("blockingJoin")).toEqual({
      copied: 8,
      refused: expect.stringMatching(/^BlockingNotAllowedError: join\(\) cannot give the result.*joinAsync\(\)/),
      shared: true,
    });
  });
  it("has threads whose deadlock is found", async () => {
    expect(await answer("deadlock")).toEqual([expect.stringMatching(/^DeadlockError: .*mutex "[ab]".*mutex "[ab]"/), "got both"]);
  });
  it("may not block on its main thread, and is told of the other way", async () => {
    expect(await answer("blockingHere")).toEqual([expect.stringMatching(/^BlockingNotAllowedError: .*mutex "here".*lockAsync\(\)/)]);
  });
});

it("a supervisor that cannot be loaded is told, and its threads end", async () => {
  const page = await browser.newPage();
  const warnings: string[] = [];
  page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
  await page.route("**/ferrous-supervisor.js", (route) => route.fulfill({ status: 404 }));
  await page.goto(served.url + pageOf("policy"));
  await page.waitForFunction(() => document.title !== "running", undefined, { timeout: 10_000 });
  const said = JSON.parse(String(await page.locator("#said").textContent())) as unknown;
  await page.close();
  const told = expect.stringContaining('must be given "ferrous/supervisor" and "ferrous/worker" as entries');
  // It is tried again for each thread.
  expect(warnings).toEqual([told, told]);
  expect(said).toEqual({ task: expect.stringMatching(/^ThreadDiedError/), inline: expect.stringMatching(/^ThreadDiedError/) });
});

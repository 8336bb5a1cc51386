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

/** A page of one module. */
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

it("on an origin that browsers do not trust, the error does not ask for headers alone", async () => {
  // The same server; but of all addresses without HTTPS only those of the loopback are trusted, to which this one does not belong.
  const said = await inPage(served.url.replace("127.0.0.1", "0.0.0.0") + pageOf("imports"), (page) => page.title());
  expect(said).toMatch(/^IsolationError: .*HTTPS.*localhost/);
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
  it("tells a worker that nobody invited at all, instead of a join that never ends", async () => {
    expect(await answer("alone")).toMatch(/^TaskError: .*invite\(worker\).*await attach\(\)/);
  });
  it("invites a worker once, however often it is told to, and however many of its parts await it", async () => {
    expect(await answer("invitedTwice")).toEqual(["last"]);
  });
  it("has a service worker that is told what it cannot do", async () => {
    expect(await answer("serviceWorker")).toEqual({
      blocking: expect.stringMatching(/^BlockingNotAllowedError: .*mutex "served".*lockAsync\(\)/),
      spawning: expect.stringMatching(/^TaskError: .*service worker/),
      attaching: expect.stringMatching(/^TaskError: .*service worker/),
    });
  });
  it("has worklets, in which atomics and structs work, and whatever needs a thread says so", async () => {
    const refused = expect.stringMatching(/^TaskError: .*worklet/) as unknown;
    expect(await answer("worklet")).toEqual({ isMain: false, level: 2, told: "ok", peak: 9, refused: Array<unknown>(7).fill(refused) });
  });
  it("waits for a task whose module, in a bundle, awaits something first", async () => {
    const begun = performance.now();
    expect(await answer("lateTask")).toBe(42);
    // Not for as long as it would wait for one that never comes.
    expect(performance.now() - begun).toBeLessThan(9000);
  });
  it("tells of a bundle that has no such task what must be imported where", async () => {
    expect(await answer("absentTask")).toMatch(/^TaskError: .*"triple".*app:tasks.*beside "ferrous\/worker"/);
  });
  it("tells of a static that a bundle declares before it knows its page", async () => {
    expect(await answer("earlyStatic")).toMatch(/^TaskError: .*"pages\/total".*inside of a function/);
  });
  it("has a bundle that takes a lock of its own before it knows its page", async () => {
    expect(await answer("earlyLock")).toBe("bundled: 42");
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
  const told = expect.stringMatching(
    /its script.*Cross-Origin-Embedder-Policy.*worker-src.*"ferrous\/supervisor" and "ferrous\/worker" as entries/,
  );
  // It is tried again for each thread.
  expect(warnings).toEqual([told, told]);
  const died = expect.stringMatching(/^ThreadDiedError.*the supervisor of its threads could not be loaded/);
  expect(said).toEqual({ task: died, inline: died });
});

it("a bundler's worker without a supervisor ends, and its joiner is told why", async () => {
  const page = await browser.newPage();
  await page.route("**/ferrous-supervisor.js", (route) => route.fulfill({ status: 404 }));
  await page.goto(`${served.url + pageOf("cases")}#earlyLock`);
  await page.waitForFunction(() => document.title !== "running", undefined, { timeout: 10_000 });
  const said = JSON.parse(String(await page.locator("#said").textContent())) as unknown;
  await page.close();
  expect(said).toMatch(/^ThreadDiedError.*the supervisor of its threads could not be loaded/);
});

describe("a thread that cannot be started says why to whoever joins it", () => {
  /** What such a page says, if instead of this script, from the nth time on that it is asked for, there is none, or this text. */
  const saidOf = async (url: string, script: string, instead?: string, from = 1): Promise<unknown> => {
    const page = await browser.newPage();
    let asked = 0;
    await page.route(script, (route) => {
      if (++asked < from) return route.continue();
      return route.fulfill(instead === undefined ? { status: 404 } : { body: instead, contentType: "text/javascript", headers: ISOLATION });
    });
    try {
      await page.goto(served.url + url);
      await page.waitForFunction(() => document.title !== "running", undefined, { timeout: 10_000 });
      return JSON.parse(String(await page.locator("#said").textContent())) as unknown;
    } finally {
      await page.close();
    }
  };
  const THREAD = "**/ferrous-thread.js";
  const ABSENT = /^ThreadDiedError: thread .*could not be started: its script could not be loaded.*"ferrous\/worker" as an entry/;
  const cases = (name: string): string => `${pageOf("cases")}#${name}`;

  it("if its script is not there", async () => {
    const told = expect.stringMatching(ABSENT);
    expect(await saidOf(pageOf("policy"), THREAD)).toEqual({ task: told, inline: told });
  });
  it("if its script is no JavaScript, as far as a browser tells", async () => {
    const told = expect.stringMatching(/^ThreadDiedError: .*could not be started: its script could not be loaded.*an error of syntax/);
    expect(await saidOf(pageOf("policy"), THREAD, "\nlet let = 1;")).toEqual({ task: told, inline: told });
  });
  it("if who joins it is a thread, and blocks", async () => {
    // The joiner's own script is there.
    expect(await saidOf(cases("blockingJoin"), THREAD, undefined, 2)).toMatch(
      /^PanicError: .*ThreadDiedError: thread .*could not be started/,
    );
  });
  it("if what a bundler should have made is not there", async () => {
    expect(await saidOf(cases("lateTask"), "**/late-bundle.js")).toMatch(
      /^ThreadDiedError: thread "bundled" .*could not be started: its script could not be loaded.*new Worker/,
    );
  });
  it("if what a bundler made fails when it is evaluated", async () => {
    const failing = 'import "../../dist/web/spawn/worker.js";\nthrow new RangeError("too early");';
    expect(await saidOf(cases("lateTask"), "**/late-bundle.js", failing)).toMatch(
      /^ThreadDiedError: thread "bundled" .*could not be started: .*RangeError: too early.*late-bundle\.js:2\b/,
    );
  });
});

it("where Web Locks are denied, as in a page whose storage is blocked, a thread ends, and the page is told why", async () => {
  const page = await browser.newPage();
  const warnings: string[] = [];
  page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
  const denied = 'navigator.locks.request = () => Promise.reject(new DOMException("The request was denied.", "SecurityError"));';
  await page.route("**/spec/pages/denied.js", (route) =>
    route.fulfill({ body: denied, contentType: "text/javascript", headers: ISOLATION }),
  );
  for (const [file, rest] of [
    ["ferrous-supervisor", "thread/supervisor"],
    ["ferrous-thread", "spawn/boot"],
  ] as const) {
    const body = `import "/spec/pages/denied.js"; import "../${rest}.js";`;
    await page.route(`**/${file}.js`, (route) => route.fulfill({ body, contentType: "text/javascript", headers: ISOLATION }));
  }
  await page.goto(served.url + pageOf("policy"));
  await page.waitForFunction(() => document.title !== "running", undefined, { timeout: 10_000 });
  const said = JSON.parse(String(await page.locator("#said").textContent())) as unknown;
  await page.close();
  expect(said).toEqual({ task: expect.stringMatching(/^ThreadDiedError/), inline: expect.stringMatching(/^ThreadDiedError/) });
  const told = expect.stringMatching(/could not be started: .*Web Locks.*The request was denied/);
  expect(warnings).toEqual([told, told]);
});

describe("a worker that waits in vain is told of", () => {
  const warned = async (name: string): Promise<string> => {
    const page = await browser.newPage();
    const warning = page.waitForEvent("console", { predicate: (message) => message.type() === "warning", timeout: 15_000 });
    await page.goto(`${served.url + pageOf("cases")}#${name}`);
    const text = (await warning).text();
    await page.close();
    return text;
  };
  it("if nobody invites it", async () => {
    expect(await warned("unheardGuest")).toMatch(/awaits attach\(\).*invite\(worker\)/);
  });
  it("if it is to be a thread and does not import ferrous/worker", async () => {
    expect(await warned("noThread")).toMatch(/thread "bundled" has not started.*import "ferrous\/worker"/);
  });
});

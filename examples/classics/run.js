// @ts-check
/** Runs classics on real threads: `node examples/classics/run.js [rounds] [name...]`. */
import { readdirSync } from "node:fs";
import { spawn, task, Thread } from "ferrous";
import { register } from "tsx/esm/api";

// Each thread has loaders of its own: without this one Node 20 knows no TypeScript.
register();

const NOT_CLASSICS = ["classic.ts"];

/** A classic's right version, and its threads' bodies as a list. @param {string} name @param {number} rounds */
async function load(name, rounds) {
  const { right } = /** @type {import("./classic.ts").Classic} */ (await import(`./${name}.ts`));
  const scenario = right(rounds);
  return { ...scenario, bodies: Object.entries(scenario.threads) };
}

/** One of a classic's threads. */
const play = task(
  import.meta.url,
  "play",
  /** @param {string} name @param {number} rounds @param {number} number @param {unknown} state @returns {Promise<unknown>} */
  async (name, rounds, number, state) => {
    const { bodies } = await load(name, rounds);
    return bodies[number]?.[1](/** @type {never} */ (state));
  },
);

/** @param {string} name @param {number} rounds */
async function run(name, rounds) {
  const { setup, bodies, after } = await load(name, rounds);
  /** @type {unknown} */
  const state = setup();
  const start = performance.now();
  const threads = bodies.map((_, number) => spawn(play, name, rounds, number, state));
  const results = await Promise.all(threads.map((thread) => thread.joinAsync({ timeout: 30_000 })));
  const named = Object.fromEntries(bodies.map(([key], number) => [key, results[number]]));
  after?.(/** @type {never} */ (state), /** @type {never} */ (Object.assign(results, named)));
  console.log(`${name}: ${bodies.length} threads, ${rounds} rounds, ${(performance.now() - start).toFixed(0)} ms`);
}

if (Thread.isMain) {
  const [rounds = "1000", ...names] = process.argv.slice(2);
  const files = readdirSync(new URL(".", import.meta.url)).filter((file) => /^\w.*\.ts$/.test(file) && !NOT_CLASSICS.includes(file));
  for (const name of names.length > 0 ? names : files.map((file) => file.slice(0, -3))) await run(name, Number(rounds));
}

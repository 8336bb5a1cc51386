// @ts-check
/** `npm run demo`: see README.md. */
import { CancelFlag } from "ferrous";
import { findFiles } from "./files.js";
import { readOptions, USAGE, UsageError } from "./options.js";
import { progressOn } from "./progress.js";
import { comparisonOf, sameCounts, storyOf, tableOf, topWords, totalsOf } from "./report.js";
import { run } from "./run.js";

/** As shells report a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** @param {readonly string[]} args @returns {Promise<number>} the exit code */
async function main(args) {
  const { folders, threads, top, words, crash, once, json, help } = readOptions(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  const stop = new CancelFlag();
  // Once: a second Ctrl-C ends the program as it always does.
  process.once("SIGINT", () => stop.cancel());
  const files = await findFiles(folders);
  const order = { files, stop, progress: progressOn(process.stderr), ...(words === undefined ? {} : { words }) };

  const many = await run({ ...order, threads, crash });
  const stopped = many.missing.length > 0;
  // The second run finds the files in the system's cache, so the comparison is never too kind to many threads.
  const compare = !once && !stopped && threads > 1 && files.length > 0;
  const one = compare ? await run({ ...order, threads: 1 }) : undefined;
  const compared = one !== undefined && one.missing.length === 0 ? one : undefined;

  if (json) {
    const { counts, ...totals } = many;
    const alone = compared === undefined ? {} : { oneThreadMs: compared.ms, same: sameCounts(many, compared) };
    console.log(JSON.stringify({ ...totals, threads, stopped, different: counts.size, top: topWords(many, top), ...alone }));
  } else {
    console.log(tableOf(many, top));
    for (const line of storyOf(many)) console.log(line);
    console.log(totalsOf(many, threads));
    if (compared !== undefined) console.log(comparisonOf(many, compared));
    else if (one !== undefined) console.log("Stopped before one thread had done the same.");
  }
  if (compared !== undefined && !sameCounts(many, compared)) return 1;
  return stop.cancelled ? INTERRUPTED : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, cause } = /** @type {Error} */ (error);
  console.error(`word-frequency: ${cause instanceof Error ? cause.message : message}`);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

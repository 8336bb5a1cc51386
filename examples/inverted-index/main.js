// @ts-check
/** `npm run index`: see README.md. */
import { CancelFlag } from "ferrous";
import { findFiles } from "../word-frequency/files.js";
import { readOptions, USAGE, UsageError } from "./options.js";
import { build } from "./pipeline.js";
import { showProgress } from "./progress.js";
import { search } from "./query.js";
import { foundOf, stagesOf, storyOf, totalsOf } from "./report.js";

/** As shells report a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** @param {readonly string[]} args @returns {Promise<number>} the exit code */
async function main(args) {
  const { folders, index, query, threads, top, crash, json, help } = readOptions(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  if (query !== undefined) {
    const result = search(index, query);
    console.log(json ? JSON.stringify(result) : foundOf(result, top));
    return result.found.length > 0 ? 0 : 1;
  }
  const stop = new CancelFlag();
  // Once: a second Ctrl-C ends the program as it always does.
  process.once("SIGINT", () => stop.cancel());
  const files = await findFiles(folders);
  if (files.length === 0) throw new Error(`there are no text files in ${folders.join(", ")}`);
  // In an order of their own: what a file's number is must not depend on how large the others are.
  const paths = files.map(({ path }) => path).sort();
  const hide = showProgress(process.stderr, paths.length);
  const built = await build({ paths, target: index, threads, crash, stop }).finally(hide);
  if (json) console.log(JSON.stringify({ ...built, index }));
  else {
    console.log(stagesOf(built));
    for (const line of storyOf(built)) console.log(line);
    console.log(totalsOf(built, index));
  }
  return built.stopped ? INTERRUPTED : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const { message, cause } = /** @type {Error} */ (error);
  console.error(`inverted-index: ${cause instanceof Error ? cause.message : message}`);
  if (error instanceof UsageError) console.error(`\n${USAGE}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

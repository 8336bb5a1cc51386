// @ts-check
/** What the command line asks for. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "ferrous";

export const USAGE = `Makes an index of the words in text files, and looks words up in it.

  npm run index -- [options] [folders...]     without folders: node_modules
  npm run index -- --query "mutex guard"      the files that contain all of these words

  --index file  where the index is; build/words.index without it
  --threads n   how many threads tokenise; one a core without it
  --top n       how many files to print; 20 without it
  --crash       kill a tokenising thread with a file in its hands
  --json        print what happened, or what was found, as JSON
  --help        print this
`;

/** The command line cannot be understood. */
export class UsageError extends Error {}

const here = (/** @type {string} */ path) => fileURLToPath(new URL(path, import.meta.url));

/** @param {readonly string[]} args @throws {UsageError} */
export function readOptions(args) {
  const { values, positionals } = parse(args);
  if (values.query !== undefined && positionals.length > 0) {
    throw new UsageError(`--query looks words up in an index that is there; it was given folders too: ${positionals.join(" ")}.`);
  }
  return {
    folders: positionals.length > 0 ? positionals : [here("../../node_modules")],
    index: values.index === undefined ? here("../../build/words.index") : resolve(values.index),
    query: values.query,
    threads: count("threads", values.threads) ?? availableParallelism(),
    top: count("top", values.top) ?? 20,
    crash: values.crash,
    json: values.json,
    help: values.help,
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const text = /** @type {const} */ ({ type: "string" });
  try {
    const options = { index: text, query: text, threads: text, top: text, crash: flag, json: flag, help: flag };
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string} name @param {string | undefined} text */
function count(name, text) {
  if (text === undefined) return undefined;
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new UsageError(`--${name} takes a whole number from 1; it was given "${text}".`);
  return n;
}

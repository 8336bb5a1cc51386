// @ts-check
/** What the command line asks for. */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { availableParallelism } from "ferrous";

export const USAGE = `Counts the words of text files, on all cores, in shared memory.

  npm run demo -- [options] [folders...]      without folders: node_modules

  --threads n   how many threads; one a core without it
  --top n       how many words to print; 20 without it
  --words n     make room for so many different words; 2 million without it
  --crash       kill a thread while it holds the lock, in the midst of a change
  --once        do not run it again with one thread to compare
  --json        print the totals as JSON
  --help        print this
`;

/** The command line cannot be understood. */
export class UsageError extends Error {}

/** @param {readonly string[]} args @throws {UsageError} */
export function readOptions(args) {
  const { values, positionals } = parse(args);
  return {
    folders: positionals.length > 0 ? positionals : [fileURLToPath(new URL("../../node_modules", import.meta.url))],
    threads: count("threads", values.threads) ?? availableParallelism(),
    top: count("top", values.top) ?? 20,
    words: count("words", values.words),
    crash: values.crash,
    once: values.once,
    json: values.json,
    help: values.help,
  };
}

/** @param {readonly string[]} args */
function parse(args) {
  const flag = /** @type {const} */ ({ type: "boolean", default: false });
  const text = /** @type {const} */ ({ type: "string" });
  try {
    const options = { threads: text, top: text, words: text, crash: flag, once: flag, json: flag, help: flag };
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

// @ts-check
/** What each thread does: counts files by itself, and merges its counts into the table that all of them share. */
import { readFileSync } from "node:fs";
import { AtomicI64, AtomicU32, staticAtomic, task, Thread } from "ferrous";
import { pack, WordTable } from "./word-table.js";

/** @typedef {import("ferrous").Mutex<Uint8Array<SharedArrayBuffer>>} Totals  The lock, and the table's memory behind it. */
/** @typedef {import("./word-table.js").FileCount} FileCount */
/** @typedef {{ readonly by: string, readonly poison: string, readonly undone: number }} Repair */

/**
 * What the threads of one run share.
 * @typedef {object} Job
 * @property {readonly string[]} paths         of all files; a file's number is its index here
 * @property {readonly number[]} wanted        the files to count
 * @property {AtomicU32} next                  the next index of `wanted` that nobody has taken
 * @property {Totals} totals
 * @property {import("ferrous").CancelFlag} stop
 * @property {number} crashAt                  the merge that would count so many files is one to die in
 * @property {import("ferrous").AtomicBool} bomb  true until a thread has died in its merge
 */

/** Files and bytes that are in the table, for whoever wants to look without taking the lock. */
export const FILES = staticAtomic("word-frequency/FILES", AtomicU32, 0);
export const BYTES = staticAtomic("word-frequency/BYTES", AtomicI64, 0n);

/** A word is a run of letters, with the marks that belong to them. */
const WORD = /[\p{L}\p{M}]+/gu;
/** A text file has no zero byte; looked for in its first bytes, as git does. */
const BINARY_PROBE = 8000;
/** A merge costs the lock, counting doesn't: so many bytes of text are counted before they are merged. */
const BATCH_BYTES = 1 << 20;

/** Counts files until there are no more, or until it is told to stop. Returns the repairs that it made. */
export const countFiles = task(
  import.meta.url,
  "countFiles",
  /** @param {Job} job @returns {Repair[]} */
  ({ paths, wanted, next, totals, stop, crashAt, bomb }) => {
    /** @type {Repair[]} */
    const repairs = [];
    /** @type {Map<string, number>} */
    let counts = new Map();
    /** @type {FileCount[]} */
    let files = [];
    let bytes = 0;
    const flush = () => {
      const batch = pack(counts, files);
      withTable(totals, repairs, (table) => {
        const dies = batch.length > 0 && table.now.files + files.length >= crashAt && bomb.compareExchange(true, false);
        table.merge(batch, dies ? () => process.exit(1) : undefined);
      });
      counts = new Map();
      files = [];
      bytes = 0;
    };
    while (!stop.cancelled) {
      const file = wanted[next.fetchAdd(1)];
      if (file === undefined) break;
      const counted = countFile(file, paths[file] ?? "", counts);
      files.push(counted);
      bytes += counted.bytes;
      if (bytes >= BATCH_BYTES) flush();
    }
    if (files.length > 0) flush();
    return repairs;
  },
);

/**
 * Calls `fn` with the table, under its lock. If a thread died in there, undoes what it left half-done, and then calls.
 * @param {Totals} totals @param {Repair[]} repairs  the repair that this call made is added here @param {(table: WordTable) => void} fn
 */
function withTable(totals, repairs, fn) {
  for (;;) {
    try {
      totals.with((memory) => {
        const table = new WordTable(memory);
        fn(table);
        publish(table);
      });
      return;
    } catch (error) {
      const { code, message } = /** @type {{ code?: string, message: string }} */ (error);
      if (code !== "POISONED") throw error;
      totals.recover((memory) => repairs.push(repair(memory, message)));
    }
  }
}

/**
 * Makes the table right again after a death. Call it from `recover`, which holds the lock.
 * @param {Uint8Array<SharedArrayBuffer>} memory @param {string} poison  what the PoisonedError said @returns {Repair}
 */
export function repair(memory, poison) {
  const table = new WordTable(memory);
  const undone = table.repair();
  publish(table);
  return { by: Thread.current().name, poison, undone };
}

/**
 * Tells the statics what the table says. They are stored, not added to, and under the lock: so whatever dies, they are right again
 * as soon as the table is.
 * @param {WordTable} table
 */
function publish({ now }) {
  FILES.store(now.files + now.skipped);
  BYTES.store(BigInt(now.bytes));
}

/** Counts one file into `counts`. @param {number} file @param {string} path @param {Map<string, number>} counts @returns {FileCount} */
function countFile(file, path, counts) {
  const text = readText(path);
  if (text === undefined) return { file, bytes: 0, words: 0, skipped: true };
  const words = text.content.toLowerCase().match(WORD) ?? [];
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return { file, bytes: text.bytes, words: words.length, skipped: false };
}

/** A text file's content, or undefined if it is binary, or can't be read any more. @param {string} path */
function readText(path) {
  try {
    const content = readFileSync(path);
    return content.subarray(0, BINARY_PROBE).includes(0) ? undefined : { content: content.toString("utf8"), bytes: content.length };
  } catch {
    return undefined;
  }
}

// @ts-check
/**
 * The five stages, each a thread of its own, joined by bounded channels: whoever is too fast waits for room, whoever is too slow is
 * waited for, and nobody holds more than a few files in memory.
 *
 *     readFiles -> texts -> tokenise (several) -> indexes -> gather -> runs -> writeRuns -> written -> mergeRuns
 *
 * A stage ends when its input has ended: its sender is closed with its thread, and so the next one ends.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { AtomicU32, staticAtomic, task } from "ferrous";
import { mergeInto, mergeIntoRun, writeRun } from "./index-file.js";

/** @typedef {{ readonly doc: number, readonly text: string }} Text */
/** @typedef {{ readonly doc: number, readonly terms: string, readonly counts: Uint32Array }} SmallIndex  The words of one file, a line each, and how often they occur. */
/** @typedef {{ readonly terms: string, readonly lengths: Uint32Array, readonly postings: Uint32Array }} LargeIndex  Words in order, a line each; how many postings each has; and these, as pairs of document and count. */
/** @typedef {{ ms: number, input: number, output: number }} Times  In all, and of that waited for input and for room in the output, in ms. */
/** @template T @typedef {import("ferrous").Sender<T>} Sender */
/** @template T @typedef {import("ferrous").Receiver<T>} Receiver */

/** How many files were read and found again in an index, for whoever wants to look. */
export const FILES = staticAtomic("inverted-index/FILES", AtomicU32, 0);

/** What became of a file, in a byte that all stages share. */
export const FATE = { OPEN: 0, INDEXED: 1, SKIPPED: 2 };

const WORD = /[\p{L}\p{M}\p{N}_]+/gu;
/** A text file has no zero byte; looked for in its first bytes, as git does. */
const BINARY_PROBE = 8000;
/** A file that is larger is no text to look words up in, and a channel may have no room for it. */
const MOST_BYTES = 100_000_000;
/** So many runs are merged into a longer one. */
const FAN_IN = 8;

/** Measures where a stage's time goes. */
class Clock {
  #start = performance.now();
  #input = 0;
  #output = 0;

  /** All that comes, until nobody can send any more. @template T @param {Receiver<T>} rx @returns {Generator<T, void>} */
  *receive(rx) {
    for (;;) {
      const from = performance.now();
      let message;
      try {
        message = rx.recv();
      } catch (error) {
        if (codeOf(error) !== "DISCONNECTED") throw error;
        return;
      } finally {
        this.#input += performance.now() - from;
      }
      yield message;
    }
  }
  /** @template T @param {Sender<T>} tx @param {T} value */
  send(tx, value) {
    const from = performance.now();
    tx.send(/** @type {never} */ (value));
    this.#output += performance.now() - from;
  }
  /** @returns {Times} */
  get times() {
    return { ms: performance.now() - this.#start, input: this.#input, output: this.#output };
  }
}
const codeOf = (/** @type {unknown} */ error) => /** @type {{ code?: string }} */ (error).code;

/** Reads these files. Ends early when it is told to stop, or when nobody is there to take what it reads. */
export const readFiles = task(
  import.meta.url,
  "readFiles",
  /** @param {readonly string[]} paths @param {readonly number[]} wanted @param {Sender<Text>} texts @param {Uint8Array<SharedArrayBuffer>} fates @param {import("ferrous").CancelFlag} stop @returns {Times} */
  (paths, wanted, texts, fates, stop) => {
    const clock = new Clock();
    for (const doc of wanted) {
      if (stop.cancelled) break;
      const text = readText(paths[doc] ?? "");
      if (text === undefined) {
        Atomics.store(fates, doc, FATE.SKIPPED);
        FILES.fetchAdd(1);
        continue;
      }
      try {
        clock.send(texts, { doc, text });
      } catch (error) {
        // All tokenisers died. What they had not done is tried again with others.
        if (codeOf(error) !== "DISCONNECTED") throw error;
        break;
      }
    }
    return clock.times;
  },
);

/** Makes an index of each text. Several threads do this beside each other. */
export const tokenise = task(
  import.meta.url,
  "tokenise",
  /** @param {Receiver<Text>} texts @param {Sender<SmallIndex>} indexes @param {Uint8Array<SharedArrayBuffer>} fates @param {number} crashAt @param {import("ferrous").AtomicBool} bomb @returns {Times} */
  (texts, indexes, fates, crashAt, bomb) => {
    const clock = new Clock();
    for (const { doc, text } of clock.receive(texts)) {
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const word of text.toLowerCase().match(WORD) ?? []) counts.set(word, (counts.get(word) ?? 0) + 1);
      // With a file in its hands that nobody else has any more.
      if (FILES.load() >= crashAt && bomb.compareExchange(true, false)) process.exit(1);
      clock.send(indexes, { doc, terms: [...counts.keys()].join("\n"), counts: Uint32Array.from(counts.values()) });
      // Only now: if this thread died in between, the file would be indexed again, and the second index left out.
      Atomics.store(fates, doc, FATE.INDEXED);
      FILES.fetchAdd(1);
    }
    return clock.times;
  },
);

/** Merges small indexes in memory until they are a large one. */
export const gather = task(
  import.meta.url,
  "gather",
  /** @param {Receiver<SmallIndex>} indexes @param {Sender<LargeIndex>} runs @param {number} runPostings  so many pairs make an index large @returns {Times} */
  (indexes, runs, runPostings) => {
    const clock = new Clock();
    const seen = new Set();
    /** By word: document, count, document, count... @type {Map<string, number[]>} */
    let gathered = new Map();
    let postings = 0;
    const flush = () => {
      clock.send(runs, sorted(gathered, postings));
      gathered = new Map();
      postings = 0;
    };
    for (const { doc, terms, counts } of clock.receive(indexes)) {
      if (seen.has(doc)) continue;
      seen.add(doc);
      if (counts.length === 0) continue;
      terms.split("\n").forEach((term, at) => {
        const pairs = gathered.get(term);
        if (pairs === undefined) gathered.set(term, [doc, counts[at] ?? 0]);
        else pairs.push(doc, counts[at] ?? 0);
      });
      postings += counts.length;
      if (postings >= runPostings) flush();
    }
    if (postings > 0) flush();
    return clock.times;
  },
);

/** @param {Map<string, number[]>} gathered @param {number} count @returns {LargeIndex} */
function sorted(gathered, count) {
  const terms = [...gathered.keys()].sort();
  const lengths = new Uint32Array(terms.length);
  const postings = new Uint32Array(2 * count);
  let end = 0;
  terms.forEach((term, at) => {
    const pairs = gathered.get(term) ?? [];
    postings.set(pairs, end);
    end += pairs.length;
    lengths[at] = pairs.length / 2;
  });
  return { terms: terms.join("\n"), lengths, postings };
}

/** Writes each large index to a file of its own. */
export const writeRuns = task(
  import.meta.url,
  "writeRuns",
  /** @param {Receiver<LargeIndex>} runs @param {Sender<string>} written @param {string} folder @returns {Times} */
  (runs, written, folder) => {
    const clock = new Clock();
    let number = 0;
    for (const run of clock.receive(runs)) {
      const path = join(folder, `run-${String(++number)}`);
      writeRun(path, run);
      clock.send(written, path);
    }
    return clock.times;
  },
);

/**
 * Merges the files, a few at a time as they come, and in the end all that are left into an index, which is not in its place yet: that its
 * input has ended may mean that a stage before it has failed. Says how many words are in it.
 */
export const mergeRuns = task(
  import.meta.url,
  "mergeRuns",
  /** @param {Receiver<string>} written @param {string} folder @param {readonly string[]} paths @param {string} whole @param {import("ferrous").CancelFlag} stop @returns {Times & { words: number }} */
  (written, folder, paths, whole, stop) => {
    const clock = new Clock();
    /** @type {string[]} */
    let runs = [];
    let number = 0;
    for (const path of clock.receive(written)) {
      runs.push(path);
      if (runs.length < FAN_IN || stop.cancelled) continue;
      const longer = join(folder, `merged-${String(++number)}`);
      mergeIntoRun(runs, longer);
      runs = [longer];
    }
    const words = stop.cancelled ? 0 : mergeInto(runs, paths, whole);
    return { ...clock.times, words };
  },
);

/** A text file's content, or undefined if it is binary or too large, or can't be read any more. @param {string} path */
function readText(path) {
  try {
    if (statSync(path).size > MOST_BYTES) return undefined;
    const content = readFileSync(path);
    return content.subarray(0, BINARY_PROBE).includes(0) ? undefined : content.toString("utf8");
  } catch {
    return undefined;
  }
}

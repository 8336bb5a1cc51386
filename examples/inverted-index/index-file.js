// @ts-check
/**
 * Two kinds of files.
 *
 *     a run       for each word, in order:  BYTES, PAIRS, the word's bytes, filled up to a multiple of 4, DOCUMENT, COUNT, DOCUMENT, COUNT...
 *     the index   "words 1\n"
 *                 postings      for each word: DOCUMENT, COUNT... in the order of the documents
 *                 dictionary    for each word, in order, a line: word TAB where its postings begin TAB how many pairs; in blocks of 128 lines
 *                 contents      JSON: the paths of the documents, and where each block begins, with its first word
 *                 END           where the contents begin, 8 bytes
 *
 * Numbers are of 4 bytes, the lowest first; words are ordered by their UTF-16 codes. Who looks a word up reads the contents, one block,
 * and the postings of that word. Both are written in one order, so the same documents give the same bytes, whoever did what when.
 */
import { closeSync, fstatSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { endianness } from "node:os";

/** @typedef {{ readonly term: string, readonly pairs: Uint32Array }} Entry */
/** @typedef {{ readonly documents: readonly string[], readonly words: number, readonly blocks: readonly (readonly [string, number])[], readonly end: number }} Contents */

const MAGIC = "words 1\n";
const BLOCK = 128;
const CHUNK = 1 << 16;
const END_BYTES = 8;
const DAMAGED = "its table of contents is damaged";

if (endianness() !== "LE") throw new Error("the inverted index is written for processors that put the lowest byte first");

/** The file is no index, or not all of one. */
export class IndexFileError extends Error {}

/** Collects what is written into larger pieces. */
class Output {
  #fd;
  #parts = /** @type {Uint8Array[]} */ ([]);
  #waiting = 0;
  at = 0;

  /** @param {string} path */
  constructor(path) {
    this.#fd = openSync(path, "w");
  }
  /** @param {Uint8Array} bytes */
  write(bytes) {
    this.#parts.push(bytes);
    this.#waiting += bytes.length;
    this.at += bytes.length;
    if (this.#waiting >= 16 * CHUNK) this.#flush();
  }
  #flush() {
    const all = Buffer.concat(this.#parts);
    for (let from = 0; from < all.length;) from += writeSync(this.#fd, all, from);
    this.#parts = [];
    this.#waiting = 0;
  }
  close() {
    this.#flush();
    closeSync(this.#fd);
  }
}

/** @param {string} path @param {(out: Output) => void} fill */
function withOutput(path, fill) {
  const out = new Output(path);
  try {
    fill(out);
  } finally {
    out.close();
  }
}

/** @param {Uint32Array} numbers */
const bytesOf = (numbers) => new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

// --- runs ---

/** @param {Output} out @param {string} term @param {Uint32Array} pairs */
function writeEntry(out, term, pairs) {
  const word = Buffer.from(term);
  out.write(bytesOf(Uint32Array.of(word.length, pairs.length / 2)));
  out.write(Buffer.concat([word], word.length + (-word.length & 3)));
  out.write(bytesOf(pairs));
}

/** @param {string} path @param {import("./stages.js").LargeIndex} run */
export function writeRun(path, { terms, lengths, postings }) {
  withOutput(path, (out) => {
    let from = 0;
    terms.split("\n").forEach((term, at) => {
      const to = from + 2 * (lengths[at] ?? 0);
      writeEntry(out, term, postings.subarray(from, to));
      from = to;
    });
  });
}

/** Reads a run from its beginning to its end. */
class RunReader {
  #fd;
  #buffer = Buffer.alloc(0);
  #at = 0;
  /** The word that is next, undefined at the end. @type {Entry | undefined} */
  next;

  /** @param {string} path */
  constructor(path) {
    this.#fd = openSync(path, "r");
    this.advance();
  }
  advance() {
    if (!this.#fill(8)) {
      this.next = undefined;
      return;
    }
    const [length, pairs] = [this.#number(), this.#number()];
    const padded = length + (-length & 3);
    this.#fill(padded + 8 * pairs);
    const term = this.#buffer.toString("utf8", this.#at, this.#at + length);
    // A copy: it must begin at a multiple of 4, and outlive the buffer.
    const bytes = Uint8Array.from(this.#buffer.subarray(this.#at + padded, this.#at + padded + 8 * pairs));
    this.#at += padded + 8 * pairs;
    this.next = { term, pairs: new Uint32Array(bytes.buffer) };
  }
  #number() {
    const n = this.#buffer.readUInt32LE(this.#at);
    this.#at += 4;
    return n;
  }
  /** Makes sure that so many bytes are there. @param {number} bytes */
  #fill(bytes) {
    const left = this.#buffer.length - this.#at;
    if (left >= bytes) return true;
    const more = Buffer.allocUnsafe(Math.max(CHUNK, bytes - left));
    const read = readSync(this.#fd, more, 0, more.length, null);
    this.#buffer = Buffer.concat([this.#buffer.subarray(this.#at), more.subarray(0, read)]);
    this.#at = 0;
    return this.#buffer.length >= bytes;
  }
  close() {
    closeSync(this.#fd);
  }
}

/** The words of several runs, each once, in order. @param {readonly string[]} paths @returns {Generator<Entry, void>} */
function* merged(paths) {
  const runs = paths.map((path) => new RunReader(path));
  try {
    for (;;) {
      /** @type {string | undefined} */
      let first;
      for (const { next } of runs) if (next !== undefined && (first === undefined || next.term < first)) first = next.term;
      if (first === undefined) return;
      /** @type {Uint32Array[]} */
      const parts = [];
      for (const run of runs) {
        if (run.next?.term !== first) continue;
        parts.push(run.next.pairs);
        run.advance();
      }
      yield { term: first, pairs: inOrder(parts) };
    }
  } finally {
    for (const run of runs) run.close();
  }
}

/** All pairs, in the order of their documents. @param {readonly Uint32Array[]} parts */
function inOrder(parts) {
  /** @type {(readonly [number, number])[]} */
  const pairs = [];
  for (const part of parts) for (let at = 0; at < part.length; at += 2) pairs.push([part[at] ?? 0, part[at + 1] ?? 0]);
  return Uint32Array.from(pairs.sort(([a], [b]) => a - b).flat());
}

/** Makes one longer run of several, which are deleted. @param {readonly string[]} runs @param {string} target */
export function mergeIntoRun(runs, target) {
  withOutput(target, (out) => {
    for (const { term, pairs } of merged(runs)) writeEntry(out, term, pairs);
  });
  for (const run of runs) rmSync(run);
}

// --- the index ---

/**
 * Makes the index of runs.
 * @param {readonly string[]} runs @param {readonly string[]} documents @param {string} target @returns {number} how many words are in it
 */
export function mergeInto(runs, documents, target) {
  /** @type {string[]} */
  const lines = [];
  /** @type {[string, number][]} */
  const blocks = [];
  withOutput(target, (out) => {
    out.write(Buffer.from(MAGIC));
    for (const { term, pairs } of merged(runs)) {
      lines.push(`${term}\t${String(out.at)}\t${String(pairs.length / 2)}\n`);
      out.write(bytesOf(pairs));
    }
    for (let at = 0; at < lines.length; at += BLOCK) {
      const [term = ""] = lines[at]?.split("\t") ?? [];
      blocks.push([term, out.at]);
      out.write(Buffer.from(lines.slice(at, at + BLOCK).join("")));
    }
    const end = out.at;
    out.write(Buffer.from(JSON.stringify({ documents, words: lines.length, blocks, end })));
    const last = Buffer.alloc(END_BYTES);
    last.writeDoubleLE(end);
    out.write(last);
  });
  return lines.length;
}

/** @param {string} text @returns {Contents | undefined} */
function parsed(text) {
  try {
    return JSON.parse(text) ?? undefined;
  } catch {
    return undefined;
  }
}

/** @param {unknown} list @param {(item: unknown) => boolean} isItem */
const isListOf = (list, isItem) => Array.isArray(list) && list.every(isItem);

/** Does this file begin like an index, be it whole or not? @param {string} path */
export function beginsLikeAnIndex(path) {
  const fd = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(MAGIC.length);
    readSync(fd, bytes, 0, bytes.length, 0);
    return bytes.toString("latin1") === MAGIC;
  } finally {
    closeSync(fd);
  }
}

/** An index, opened for looking words up. */
export class IndexFile {
  #fd;
  #path;
  /** @type {Contents} */
  #contents;

  /** @param {string} path @throws {IndexFileError} it is no index */
  constructor(path) {
    this.#path = path;
    this.#fd = openSync(path, "r");
    try {
      this.#contents = this.#readContents();
    } catch (error) {
      this.close();
      throw error;
    }
  }
  get documents() {
    return this.#contents.documents;
  }
  get words() {
    return this.#contents.words;
  }

  /** In which documents a word is, and how often. @param {string} word @returns {Map<number, number>} */
  lookUp(word) {
    const { blocks, end } = this.#contents;
    let from = 0;
    for (let to = blocks.length; to - from > 1;) {
      const middle = (from + to) >> 1;
      if ((blocks[middle]?.[0] ?? "") <= word) from = middle;
      else to = middle;
    }
    const [, start = end] = blocks[from] ?? [];
    const lines = this.#read(start, (blocks[from + 1]?.[1] ?? end) - start)
      .toString("utf8")
      .split("\n");
    const [, at, count] = lines.find((line) => line.startsWith(`${word}\t`))?.split("\t") ?? [];
    const pairs = this.#read(Number(at ?? 0), 8 * Number(count ?? 0));
    /** @type {Map<number, number>} */
    const found = new Map();
    for (let pair = 0; pair < pairs.length; pair += 8) {
      const doc = pairs.readUInt32LE(pair);
      if (doc >= this.documents.length) throw this.#noIndex("it names a document that it does not have");
      found.set(doc, pairs.readUInt32LE(pair + 4));
    }
    return found;
  }

  close() {
    closeSync(this.#fd);
  }

  /** @returns {Contents} */
  #readContents() {
    const { size } = fstatSync(this.#fd);
    const least = MAGIC.length + END_BYTES;
    if (size < least || this.#read(0, MAGIC.length).toString() !== MAGIC) throw this.#noIndex("it does not begin like one");
    const end = this.#read(size - END_BYTES, END_BYTES).readDoubleLE();
    if (!(Number.isInteger(end) && end >= MAGIC.length && end < size)) throw this.#noIndex("its end is missing");
    const contents = parsed(this.#read(end, size - END_BYTES - end).toString("utf8"));
    const { documents, blocks } = contents ?? {};
    const isWhole = isListOf(documents, (path) => typeof path === "string" && path !== "") && isListOf(blocks, Array.isArray);
    if (contents?.end !== end || !isWhole) throw this.#noIndex(DAMAGED);
    return contents;
  }
  /** @param {string} why */
  #noIndex(why) {
    return new IndexFileError(`${this.#path} is no index of words, or not a whole one: ${why}. Build it anew, without --query.`);
  }

  /** @param {number} from @param {number} length */
  #read(from, length) {
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(length) && from >= 0 && length >= 0)) throw this.#noIndex(DAMAGED);
    // Looked at before there is room made for it: a damaged number may be of any size.
    if (from + length > fstatSync(this.#fd).size) throw this.#noIndex("it ends too early");
    const bytes = Buffer.alloc(length);
    if (length > 0 && readSync(this.#fd, bytes, 0, length, from) < length) throw this.#noIndex("it ends too early");
    return bytes;
  }
}

// @ts-check
/**
 * Words and their counts, in one piece of shared memory. It changes only in merges, and a merge that its thread did not live to finish
 * can be undone, exactly.
 *
 *     HEADER    how much there is, and how much there was before the merge under way
 *     FILES     one record a file: which merge counted it
 *     ENTRIES   one record a word, in order of arrival: its hash, its count, where it stands in TEXT
 *     JOURNAL   the old counts of the entries that the merge under way has changed
 *     INDEX     open addressing from a word's hash: 0 = free, else the entry's number + 1
 *     TEXT      the words in UTF-8, one behind the other
 *
 * One merge at a time, because the table belongs to a lock. What a merge does, and what repair() makes of it if its thread dies there:
 *
 *     before = now; lines = 0; begun = done + 1     nothing to undo yet
 *     old entry: JOURNAL[lines] = its count; lines++; then the new count      puts the old counts back
 *     new word:  TEXT, ENTRIES, INDEX, now                                    now = before; frees the cells that point behind it
 *     each file: merge = begun                                                merge = 0 where it is not done
 *     done = begun                                  the merge counts: nothing to undo any more
 *
 * Undoing only restores what was noted, so a repair that is cut short can be repeated. ENTRIES only grow at their end, so taking away
 * the newest leaves the INDEX as it was before them: no chain of cells went through theirs.
 * `lines`, `begun` and `done` are atomics: no compiler moves the plain writes beside them to their other side.
 */
import { AtomicU32, f64, struct, u32, bool } from "ferrous";

const Marks = struct("Marks", { entries: u32, textBytes: u32, files: u32, skipped: u32, bytes: f64, words: f64 });

const Header = struct("WordTable", {
  maxFiles: u32,
  maxWords: u32,
  maxTextBytes: u32,
  begun: AtomicU32,
  done: AtomicU32,
  lines: AtomicU32,
  now: Marks,
  before: Marks,
});

const FileRecord = struct("FileRecord", { merge: u32, words: u32, skipped: bool });
const Entry = struct("Entry", { hash: u32, start: u32, end: u32, count: f64 });
const Line = struct("JournalLine", { entry: u32, count: f64 });

/** @typedef {import("ferrous").Infer<typeof Marks>} Marks */
/** @typedef {{ readonly files: number, readonly bytes: number, readonly words?: number }} Size */
/** @typedef {{ readonly file: number, readonly bytes: number, readonly words: number, readonly skipped: boolean }} FileCount */
/** @typedef {ReturnType<typeof pack>} Batch  What a thread counted by itself, ready to be merged. */

/** So many different words have room unless somebody asks for more: English has fewer, and all of node_modules a tenth. */
const USUAL_WORDS = 1 << 21;
/** Lower case takes at most 3 bytes for 2, as in "İ". */
const textBytesFor = (/** @type {number} */ bytes) => Math.min(2 * bytes, 2 ** 31);
const cellsFor = (/** @type {number} */ words) => 2 ** Math.ceil(Math.log2(2 * words));

/** There is no room for one more word. Nothing is lost: the merge is undone by whoever repairs the table. */
export class TableFullError extends Error {
  code = "TABLE_FULL";
  /** @param {string} what */
  constructor(what) {
    super(`the table of words is full: it has room for ${what}. Count fewer files, or make room with --words.`);
    this.name = "TableFullError";
  }
}

/** Where everything lies. @param {number} files @param {number} words @param {number} textBytes */
function layout(files, words, textBytes) {
  let end = 0;
  /** @param {number} byteLength */
  const next = (byteLength) => {
    const at = end;
    end += Math.ceil(byteLength / 8) * 8;
    return at;
  };
  return {
    header: next(Header.byteLength),
    files: next(files * FileRecord.byteLength),
    entries: next(words * Entry.byteLength),
    journal: next(words * Line.byteLength),
    index: next(cellsFor(words) * 4),
    text: next(textBytes),
    byteLength: end,
  };
}

/** The table over its memory. Use it under the lock that protects this memory. */
export class WordTable {
  #header;
  #files;
  #entries;
  #journal;
  #index;
  #text;

  /**
   * Memory for a table: what is never written to costs only addresses, so it is sized for the worst case.
   * @param {Size} size  how many files, their bytes in all, and how many different words to have room for
   */
  static allocate({ files, bytes, words = USUAL_WORDS }) {
    // Two words have something between them, so there are never more than half as many as bytes.
    const maxWords = Math.max(1, Math.min(words, Math.ceil(bytes / 2)));
    const maxTextBytes = textBytesFor(bytes);
    const memory = new Uint8Array(new SharedArrayBuffer(layout(files, maxWords, maxTextBytes).byteLength));
    Object.assign(Header.at(memory.buffer, 0), { maxFiles: files, maxWords, maxTextBytes });
    return memory;
  }

  /** @param {Uint8Array<SharedArrayBuffer>} memory  from {@link WordTable.allocate} */
  constructor({ buffer }) {
    this.#header = Header.at(buffer, 0);
    const { maxFiles, maxWords, maxTextBytes } = this.#header;
    const at = layout(maxFiles, maxWords, maxTextBytes);
    this.#files = FileRecord.arrayAt(buffer, at.files, maxFiles);
    this.#entries = Entry.arrayAt(buffer, at.entries, maxWords);
    this.#journal = Line.arrayAt(buffer, at.journal, maxWords);
    this.#index = new Uint32Array(buffer, at.index, cellsFor(maxWords));
    this.#text = new Uint8Array(buffer, at.text, maxTextBytes);
  }

  /** Entries, files, bytes and words so far. @returns {Marks} */
  get now() {
    return this.#header.now;
  }

  /**
   * Adds a batch. A throw or a death in its midst leaves the table half-changed, for {@link repair}.
   * @param {Batch} batch
   * @param {() => void} [halfway]  called in the midst of it
   * @throws {TableFullError} there are more different words than there is room for
   */
  merge(batch, halfway) {
    const { begun, done, lines, now } = this.#header;
    this.#header.before = now;
    lines.store(0);
    begun.store(done.load() + 1);
    for (let word = 0; word < batch.length; word++) {
      if (word === batch.length >> 1) halfway?.();
      this.#add(batch, word);
    }
    for (const { file, bytes, words, skipped } of batch.files) {
      const record = this.#files.at(file);
      record.words = words;
      record.skipped = skipped;
      record.merge = begun.load();
      now.files += skipped ? 0 : 1;
      now.skipped += skipped ? 1 : 0;
      now.bytes += bytes;
      now.words += words;
    }
    done.store(begun.load());
  }

  /** Undoes the merge whose thread did not finish it, if there is one. @returns {number} how many words it had changed */
  repair() {
    const { begun, done, lines, now, before } = this.#header;
    if (begun.load() === done.load()) return 0;
    const undone = lines.load() + now.entries - before.entries;
    for (let line = 0; line < lines.load(); line++) {
      const { entry, count } = this.#journal.at(line);
      this.#entries.at(entry).count = count;
    }
    this.#header.now = before;
    this.#index.forEach((entry, cell) => {
      if (entry > now.entries) this.#index[cell] = 0;
    });
    for (const record of this.#files) if (record.merge > done.load()) record.merge = 0;
    begun.store(done.load());
    return undone;
  }

  /** The files that no finished merge has counted. @returns {number[]} */
  uncounted() {
    return Array.from(this.#files, ({ merge }, file) => (merge === 0 ? file : -1)).filter((file) => file >= 0);
  }

  /** Every word with its count, in no particular order. @returns {Map<string, number>} */
  counts() {
    const decoder = new TextDecoder();
    // A decoder does not take shared bytes.
    const text = this.#text.slice(0, this.now.textBytes);
    return new Map(
      Array.from({ length: this.now.entries }, (_, n) => {
        const { start, end, count } = this.#entries.at(n);
        return [decoder.decode(text.subarray(start, end)), count];
      }),
    );
  }

  /**
   * Compares what was counted word by word with what was counted file by file.
   * @throws {Error} they differ, so this program is wrong
   */
  audit() {
    const byWord = Array.from({ length: this.now.entries }, (_, n) => this.#entries.at(n).count).reduce((a, b) => a + b, 0);
    const counted = [...this.#files].filter(({ merge }) => merge > 0);
    const byFile = counted.reduce((sum, { words }) => sum + words, 0);
    const files = counted.filter(({ skipped }) => !skipped).length;
    const { now } = this;
    if (byWord !== now.words || byFile !== now.words || files !== now.files || counted.length !== now.files + now.skipped) {
      throw new Error(
        `the books do not balance: ${byWord} words by word, ${byFile} by file, ${now.words} in all; ${files} of ${now.files} files`,
      );
    }
  }

  /** @param {Batch} batch @param {number} word */
  #add(batch, word) {
    const { now, lines } = this.#header;
    const hash = batch.hashes[word] ?? 0;
    const count = batch.counts[word] ?? 0;
    const start = batch.ends[word - 1] ?? 0;
    const end = batch.ends[word] ?? 0;
    const mask = this.#index.length - 1;
    for (let cell = hash & mask; ; cell = (cell + 1) & mask) {
      const found = this.#index[cell] ?? 0;
      if (found === 0) {
        this.#append(batch.text.subarray(start, end), hash, count);
        this.#index[cell] = now.entries;
        return;
      }
      const entry = this.#entries.at(found - 1);
      if (entry.hash !== hash || !this.#equals(entry.start, entry.end, batch.text, start, end)) continue;
      const line = this.#journal.at(lines.load());
      line.entry = found - 1;
      line.count = entry.count;
      lines.fetchAdd(1);
      entry.count += count;
      return;
    }
  }

  /** @param {Uint8Array} word @param {number} hash @param {number} count */
  #append(word, hash, count) {
    const { now, maxWords, maxTextBytes } = this.#header;
    const start = now.textBytes;
    if (now.entries === maxWords) throw new TableFullError(`${maxWords} different words`);
    if (start + word.length > maxTextBytes) throw new TableFullError(`${maxTextBytes} bytes of words`);
    this.#text.set(word, start);
    Object.assign(this.#entries.at(now.entries), { hash, start, end: start + word.length, count });
    now.textBytes = start + word.length;
    now.entries += 1;
  }

  /** @param {number} at @param {number} atEnd @param {Uint8Array} word @param {number} start @param {number} end */
  #equals(at, atEnd, word, start, end) {
    if (atEnd - at !== end - start) return false;
    for (let n = start; n < end; n++) if (this.#text[at + n - start] !== word[n]) return false;
    return true;
  }
}

/**
 * What a thread has counted, in the table's own terms: encoding and hashing are done before the lock is taken.
 * @param {ReadonlyMap<string, number>} counts @param {readonly FileCount[]} files
 */
export function pack(counts, files) {
  const SEPARATOR = 10;
  const joined = new TextEncoder().encode([...counts.keys(), ""].join("\n"));
  const text = new Uint8Array(joined.length - counts.size);
  const hashes = new Uint32Array(counts.size);
  const ends = new Uint32Array(counts.size);
  // FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/
  const BASIS = 0x811c9dc5;
  const PRIME = 0x01000193;
  let hash = BASIS;
  let word = 0;
  let end = 0;
  for (const byte of joined) {
    if (byte === SEPARATOR) {
      hashes[word] = hash;
      ends[word++] = end;
      hash = BASIS;
    } else {
      text[end++] = byte;
      hash = Math.imul(hash ^ byte, PRIME);
    }
  }
  return { length: counts.size, counts: Float64Array.from(counts.values()), hashes, ends, text, files };
}

// @ts-check
/** One run: forks threads over the files, survives those that die, and reads the table in the end. */
import { AtomicBool, AtomicU32, Mutex, ThreadBuilder } from "ferrous";
import { BYTES, countFiles, FILES, repair } from "./tally.js";
import { WordTable } from "./word-table.js";

/** @typedef {import("./tally.js").Repair} Repair */

/**
 * @typedef {object} Order
 * @property {readonly import("./files.js").SourceFile[]} files
 * @property {number} threads
 * @property {number} [words]  how many different words to have room for
 * @property {boolean} [crash]  kill a thread in the midst of a merge
 * @property {import("ferrous").CancelFlag} stop
 * @property {import("./progress.js").Progress} progress
 */

/**
 * What a run counted, and what happened in it.
 * @typedef {object} Result
 * @property {Map<string, number>} counts
 * @property {number} files @property {number} skipped @property {number} bytes @property {number} words
 * @property {string[]} missing     the files that are in no total, because it was stopped
 * @property {number} ms
 * @property {string[]} deaths      what the error of each dead thread said
 * @property {Repair[]} repairs
 * @property {{ files: number, to: string[] }[]} handed  lost files, and the threads that got them
 */

/** The thread dies that would bring the files counted to this part of all. */
const CRASH_AT = 1 / 3;

/** @param {Order} order @returns {Promise<Result>} */
export async function run({ files, threads, words, crash = false, stop, progress }) {
  FILES.store(0);
  BYTES.store(0n);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const size = { files: files.length, bytes, ...(words === undefined ? {} : { words }) };
  const totals = new Mutex(WordTable.allocate(size), { name: "totals" });
  const bomb = new AtomicBool(crash);
  const crashAt = Math.ceil(files.length * CRASH_AT);
  const paths = files.map(({ path }) => path);
  /** @type {Pick<Result, "deaths" | "repairs" | "handed">} */
  const story = { deaths: [], repairs: [], handed: [] };
  let spawned = 0;
  const started = performance.now();
  const watch = progress.start(files.length, bytes);

  /** Forks threads over these files; some may be lost with a thread that dies. Says whether one lived. @param {readonly number[]} wanted */
  const fork = async (wanted) => {
    const job = { paths, wanted, next: new AtomicU32(0), totals, stop, crashAt, bomb };
    const handles = Array.from({ length: Math.min(threads, wanted.length) }, () =>
      new ThreadBuilder({ name: `counter ${String(++spawned)}` }).spawn(countFiles, job),
    );
    if (story.deaths.length > 0) story.handed.push({ files: wanted.length, to: handles.map(({ thread }) => thread.name) });
    const ends = await Promise.allSettled(handles.map((handle) => handle.joinAsync()));
    for (const end of ends) {
      if (end.status === "fulfilled") story.repairs.push(...end.value);
      else if (end.reason.code === "THREAD_DIED") story.deaths.push(end.reason.message);
      else throw end.reason;
    }
    return ends.some(({ status }) => status === "fulfilled");
  };
  /** @template T @param {(table: WordTable) => T} fn @returns {Promise<T>} */
  const read = async (fn) => {
    try {
      return await totals.withAsync((memory) => fn(new WordTable(memory)));
    } catch (error) {
      // No thread came by after the one that died, so the table is still as it was left.
      if (/** @type {{ code?: string }} */ (error).code !== "POISONED") throw error;
      const { message } = /** @type {Error} */ (error);
      await totals.recoverAsync((memory) => void story.repairs.push(repair(memory, message)));
      return read(fn);
    }
  };

  try {
    let wanted = files.map((_, file) => file);
    while (wanted.length > 0 && !stop.cancelled) {
      const someLived = await fork(wanted);
      const left = await read((table) => table.uncounted());
      // One that lived may have come when another had taken all files, with which it then died.
      if (left.length === wanted.length && !someLived && !stop.cancelled) {
        throw new Error(`every thread died before it had counted a file: ${story.deaths.at(-1) ?? "for no reason that was told"}`);
      }
      wanted = left;
    }
    return await read((table) => {
      table.audit();
      const { files: counted, skipped, bytes: read, words: sum } = table.now;
      const missing = table.uncounted().map((file) => paths[file] ?? "");
      return {
        counts: table.counts(),
        files: counted,
        skipped,
        bytes: read,
        words: sum,
        missing,
        ms: performance.now() - started,
        ...story,
      };
    });
  } finally {
    watch.stop();
  }
}

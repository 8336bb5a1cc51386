// @ts-check
/** One run: starts the stages, survives tokenisers that die, and puts the index in its place. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AtomicBool, channel, ThreadBuilder } from "ferrous";
import { beginsLikeAnIndex } from "./index-file.js";
import { FATE, FILES, gather, mergeRuns, readFiles, tokenise, writeRuns } from "./stages.js";

/** @typedef {import("./stages.js").Times} Times */
/** @typedef {{ readonly stage: string, readonly threads: number } & Times} StageTimes */

/**
 * @typedef {object} Order
 * @property {readonly string[]} paths   of the files
 * @property {string} target             where the index goes
 * @property {number} threads            how many tokenise
 * @property {number} [runPostings]      so many pairs of document and count are gathered in memory before they are written
 * @property {boolean} [crash]           kill one of them with a file in its hands
 * @property {import("ferrous").CancelFlag} stop
 */

/**
 * @typedef {object} Built
 * @property {number} files @property {number} skipped  binary files, those over 100 MB, and those that could not be read
 * @property {number} words   different ones
 * @property {number} bytes   of the index
 * @property {number} ms
 * @property {boolean} stopped  then there is no new index
 * @property {StageTimes[]} stages
 * @property {string[]} deaths  what the error of each dead thread said
 * @property {{ files: string[], to: string[] }[]} handed  lost files, and the threads that got them
 */

/** How many messages may wait between two stages: small ones, and those that fill megabytes. */
const [FEW, FEWEST] = [64, 2];
const RUN_POSTINGS = 400_000;
/** The tokeniser dies that has the next file in its hands after this part of all. */
const CRASH_AT = 1 / 3;

/** @param {Order} order @returns {Promise<Built>} */
export async function build({ paths, target, threads, runPostings = RUN_POSTINGS, crash = false, stop }) {
  const started = performance.now();
  FILES.store(0);
  checkTarget(target);
  mkdirSync(dirname(target), { recursive: true });
  // Beside the index, so that all is on one disk and a rename puts it in its place.
  const folder = mkdtempSync(join(dirname(target), `${basename(target)}-runs-`));
  const whole = join(folder, "whole");
  const fates = new Uint8Array(new SharedArrayBuffer(Math.max(1, paths.length)));
  const bomb = new AtomicBool(crash);
  const crashAt = Math.floor(paths.length * CRASH_AT);
  /** @type {Pick<Built, "deaths" | "handed">} */
  const story = { deaths: [], handed: [] };
  /** @type {StageTimes[]} */
  const times = [];
  let born = 0;
  const thread = (/** @type {string} */ name) => new ThreadBuilder({ name });

  const [indexTx, indexRx] = channel({ capacity: FEW, name: "indexes" });
  const [runTx, runRx] = channel({ capacity: FEWEST, name: "runs" });
  const [writtenTx, writtenRx] = channel({ capacity: FEW, name: "written" });
  const gatherer = thread("gatherer").spawn(gather, indexRx, runTx, runPostings);
  const writer = thread("writer").spawn(writeRuns, runRx, writtenTx, folder);
  const merger = thread("merger").spawn(mergeRuns, writtenRx, folder, paths, whole, stop);
  const ends = Promise.allSettled([gatherer.joinAsync(), writer.joinAsync(), merger.joinAsync()]);

  /** Reads and tokenises these files; some may be lost with a thread that dies. @param {readonly number[]} wanted */
  const round = async (wanted) => {
    const [textTx, textRx] = channel({ capacity: FEW, name: "texts" });
    const reader = thread("reader").spawn(readFiles, paths, wanted, textTx, fates, stop);
    const tokenisers = Array.from({ length: Math.min(threads, wanted.length) }, () =>
      thread(`tokeniser ${String(++born)}`).spawn(tokenise, textRx.clone(), indexTx.clone(), fates, crashAt, bomb),
    );
    // The threads have theirs; as long as this thread had one too, nobody could find the channel abandoned.
    textRx.close();
    if (story.deaths.length > 0) {
      story.handed.push({ files: wanted.map((doc) => paths[doc] ?? ""), to: tokenisers.map(({ thread: { name } }) => name) });
    }
    const [first, ...rest] = await Promise.allSettled([reader, ...tokenisers].map((handle) => handle.joinAsync()));
    times.push(...timesOf("read", first === undefined ? [] : [first]), ...timesOf("tokenise", rest));
    const failures = failuresOf([first, ...rest]);
    story.deaths.push(...failures.filter(({ code }) => code === "THREAD_DIED").map(({ message }) => message));
    const failure = reasonOf(failures.filter(({ code }) => code !== "THREAD_DIED"));
    if (failure !== undefined) throw failure;
  };

  try {
    const open = () => paths.map((_, doc) => doc).filter((doc) => fates[doc] === FATE.OPEN);
    for (let wanted = open(), before = Infinity; wanted.length > 0 && !stop.cancelled; wanted = open()) {
      if (wanted.length === before) throw new Error(`every tokeniser dies before it has done a file: ${story.deaths.at(-1) ?? ""}`);
      before = wanted.length;
      await round(wanted);
    }
    indexTx.close();
    const settled = await ends;
    const failure = reasonOf(failuresOf(settled));
    if (failure !== undefined) throw failure;
    // From here on a Ctrl-C comes too late.
    const stopped = stop.cancelled;
    if (!stopped) renameSync(whole, target);
    ["gather", "write", "merge"].forEach((stage, at) => {
      const end = settled[at];
      if (end !== undefined) times.push(...timesOf(stage, [end]));
    });
    const [, , merged] = settled;
    const skipped = fates.reduce((sum, fate) => sum + Number(fate === FATE.SKIPPED), 0);
    return {
      files: fates.reduce((sum, fate) => sum + Number(fate === FATE.INDEXED), 0),
      skipped,
      words: merged.status === "fulfilled" ? merged.value.words : 0,
      bytes: stopped ? 0 : statSync(target).size,
      ms: performance.now() - started,
      stopped,
      stages: combined(times),
      ...story,
    };
  } catch (error) {
    stop.cancel();
    indexTx.close();
    throw reasonOf([...failuresOf(await ends), error]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An older index may be replaced, anything else may not. @param {string} target */
function checkTarget(target) {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found === undefined || (found.isFile() && beginsLikeAnIndex(target))) return;
  throw new Error(`${target} is there already, and is no index of words: give --index another name.`);
}

/** @param {readonly (PromiseSettledResult<unknown> | undefined)[]} ends */
const failuresOf = (ends) => ends.flatMap((end) => (end?.status === "rejected" ? [end.reason] : []));

/** Of the errors of several stages the one that the others follow from: that a neighbour is gone has a reason there. @param {readonly any[]} errors */
const reasonOf = (errors) => errors.find(({ code, cause }) => code !== "PANIC" || cause?.code !== "DISCONNECTED") ?? errors[0];

/** @param {string} stage @param {readonly PromiseSettledResult<Times>[]} ends @returns {StageTimes[]} */
const timesOf = (stage, ends) =>
  ends.flatMap((end) =>
    end.status === "fulfilled" ? [{ stage, threads: 1, ms: end.value.ms, input: end.value.input, output: end.value.output }] : [],
  );

/** One line a stage. @param {readonly StageTimes[]} times @returns {StageTimes[]} */
function combined(times) {
  /** @type {Map<string, StageTimes>} */
  const stages = new Map();
  for (const { stage, threads, ms, input, output } of times) {
    const so = stages.get(stage) ?? { stage, threads: 0, ms: 0, input: 0, output: 0 };
    stages.set(stage, { stage, threads: so.threads + threads, ms: so.ms + ms, input: so.input + input, output: so.output + output });
  }
  return [...stages.values()];
}

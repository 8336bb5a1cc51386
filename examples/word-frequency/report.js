// @ts-check
/** What the user reads in the end. */
import Table from "cli-table3";

/** @typedef {import("./run.js").Result} Result */

const number = new Intl.NumberFormat("en-US");
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(2)} s`;
const filesOf = (/** @type {number} */ n) => (n === 1 ? "1 file" : `${number.format(n)} files`);
const threadsOf = (/** @type {number} */ n) => (n === 1 ? "one thread" : `${String(n)} threads`);

/** The most frequent words, the first in the alphabet first where they are equal. @param {Result} result @param {number} n */
export function topWords({ counts }, n) {
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, n);
}

/** @param {Result} result @param {number} top */
export function tableOf(result, top) {
  const table = new Table({
    head: ["", "word", "count", "share"],
    colAligns: ["right", "left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  topWords(result, top).forEach(([word, count], at) => {
    table.push([at + 1, word, number.format(count), `${((100 * count) / result.words).toFixed(2)} %`]);
  });
  return table.toString();
}

/** @param {Result} result @param {number} threads */
export function totalsOf({ files, skipped, bytes, words, counts, ms, missing }, threads) {
  const left = missing.length === 0 ? "" : `\nStopped: ${filesOf(missing.length)} not counted, and in none of these totals.`;
  const odd = skipped === 0 ? "" : ` (${number.format(skipped)} more binary or unreadable)`;
  return (
    `${number.format(words)} words, ${number.format(counts.size)} different, in ${filesOf(files)}${odd}, ` +
    `${(bytes / 1e6).toFixed(1)} MB: ${seconds(ms)} with ${threadsOf(threads)}.${left}`
  );
}

const sentence = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Who died, what it left behind, and who did its work. @param {Result} result */
export function storyOf({ deaths, repairs, handed }) {
  return [
    ...deaths.map(sentence),
    ...repairs.flatMap(({ by, poison, undone }) => [
      sentence(poison),
      `Thread "${by}" repaired it: ${number.format(undone)} half-merged words were undone.`,
    ]),
    ...handed.map(
      ({ files, to }) => `Lost with it and handed to ${to.map((name) => `thread "${name}"`).join(" and ")}: ${filesOf(files)}.`,
    ),
  ];
}

/** @param {Result} many @param {Result} one */
export function comparisonOf(many, one) {
  const same = sameCounts(many, one) ? "the same totals, word by word" : "OTHER TOTALS, WHICH IS A BUG";
  return `One thread: ${seconds(one.ms)}, ${same}. Speed-up: ${(one.ms / many.ms).toFixed(2)}x.`;
}

/** @param {Result} a @param {Result} b */
export const sameCounts = (a, b) =>
  a.words === b.words &&
  a.bytes === b.bytes &&
  a.counts.size === b.counts.size &&
  [...a.counts].every(([word, n]) => b.counts.get(word) === n);

// @ts-check
/** What the user reads in the end. */
import { relative } from "node:path";
import Table from "cli-table3";

/** @typedef {import("./pipeline.js").Built} Built */

const number = new Intl.NumberFormat("en-US");
const seconds = (/** @type {number} */ ms) => `${(ms / 1000).toFixed(2)} s`;
const percent = (/** @type {number} */ part, /** @type {number} */ of) => (of === 0 ? "" : `${((100 * part) / of).toFixed(0)} %`);
const filesOf = (/** @type {number} */ n) => (n === 1 ? "1 file" : `${number.format(n)} files`);
const short = (/** @type {string} */ path) => relative(process.cwd(), path) || path;
const style = { head: [], border: [], compact: true };

/** Where each stage's time went: the slowest is the one that works all the time. @param {Built} built */
export function stagesOf({ stages }) {
  const table = new Table({
    head: ["stage", "threads", "worked", "waited for input", "waited for room"],
    colAligns: ["left", "right", "right", "right", "right"],
    style,
  });
  for (const { stage, threads, ms, input, output } of stages) {
    table.push([stage, threads, percent(ms - input - output, ms), percent(input, ms), percent(output, ms)]);
  }
  return table.toString();
}

const sentence = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1);

/** Who died, and who did its work. @param {Built} built */
export function storyOf({ deaths, handed }) {
  return [
    ...deaths.map(sentence),
    ...handed.map(({ files, to }) => {
      const lost = files.length === 1 ? short(files[0] ?? "") : filesOf(files.length);
      return `Lost with it and handed to ${to.map((name) => `thread "${name}"`).join(" and ")}: ${lost}.`;
    }),
  ];
}

/** @param {Built} built @param {string} index */
export function totalsOf({ files, skipped, words, bytes, ms, stopped }, index) {
  const odd = skipped === 0 ? "" : ` (${number.format(skipped)} more binary, unreadable or larger than 100 MB)`;
  if (stopped) return `Stopped after ${filesOf(files)}${odd}: no index was written.`;
  return `${number.format(words)} different words of ${filesOf(files)}${odd}, in ${seconds(ms)}: ${short(index)}, ${(bytes / 1e6).toFixed(1)} MB.`;
}

/** @param {ReturnType<typeof import("./query.js").search>} result @param {number} top */
export function foundOf({ words, found }, top) {
  if (found.length === 0)
    return `No file contains ${words.length === 1 ? `"${words[0] ?? ""}"` : `all of ${words.map((word) => `"${word}"`).join(", ")}`}.`;
  const table = new Table({ head: ["file", ...words], colAligns: ["left", ...words.map(() => /** @type {const} */ ("right"))], style });
  for (const { path, counts } of found.slice(0, top)) table.push([short(path), ...counts.map((n) => number.format(n))]);
  const more = found.length > top ? `\nand ${filesOf(found.length - top)} more.` : "";
  return `${table.toString()}${more}`;
}

// @ts-check
/** Looking words up. */
import { existsSync } from "node:fs";
import { IndexFile, IndexFileError } from "./index-file.js";

/** @typedef {{ readonly path: string, readonly counts: readonly number[], readonly total: number }} Found */

/**
 * The documents that contain all of these words, those with most of them first.
 * @param {string} index @param {string} query @returns {{ words: string[], found: Found[] }}
 * @throws {IndexFileError} there is no such index, or it is none
 */
export function search(index, query) {
  const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{M}\p{N}_]+/gu) ?? [])];
  if (words.length === 0) throw new IndexFileError(`there is no word in the query "${query}": words are letters and digits.`);
  if (!existsSync(index)) throw new IndexFileError(`there is no index at ${index}. Build it first, without --query.`);
  const file = new IndexFile(index);
  try {
    const hits = words.map((word) => file.lookUp(word));
    const [first, ...rest] = hits;
    const docs = [...(first?.keys() ?? [])].filter((doc) => rest.every((hit) => hit.has(doc)));
    const found = docs.map((doc) => {
      const counts = hits.map((hit) => hit.get(doc) ?? 0);
      return { path: file.documents[doc] ?? "", counts, total: counts.reduce((sum, n) => sum + n, 0) };
    });
    return { words, found: found.sort((a, b) => b.total - a.total || (a.path < b.path ? -1 : 1)) };
  } finally {
    file.close();
  }
}

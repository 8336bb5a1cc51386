// @ts-check
/** Which files to count. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

/** @typedef {{ readonly path: string, readonly bytes: number }} SourceFile */

const TEXT = /\.(md|txt|js|mjs|cjs|ts|mts|cts|json)$|^(LICEN[CS]E|README|CHANGELOG|NOTICE|AUTHORS)/i;

/**
 * The text files in these folders and below, the largest first, so that no thread is left with a large one when the others are done.
 * A path of a file is taken whatever its name is; links are not followed.
 * @param {readonly string[]} folders @returns {Promise<SourceFile[]>}
 * @throws {Error} a path does not exist
 */
export async function findFiles(folders) {
  const paths = (await Promise.all(folders.map(textFilesOf))).flat();
  const files = await Promise.all([...new Set(paths)].map(async (path) => ({ path, bytes: (await stat(path)).size })));
  return files.sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1));
}

/** @param {string} folder @returns {Promise<string[]>} */
async function textFilesOf(folder) {
  const path = resolve(folder);
  if ((await stat(path)).isFile()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && TEXT.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
}

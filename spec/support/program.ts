/** Whole programs in processes of their own: when do they end, and what do they say? */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface Ended {
  /** The exit code; null if the program had to be killed, because it did not end by itself. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const DIST = pathToFileURL(join(process.cwd(), "dist/index.js")).href;
/** In ms. A program that runs longer does not end by itself. */
const PATIENCE = 10_000;

/** Runs a module's text, in which `"ferrous"` is the built package; `preloaded` is the text of a module that each of its threads runs first. */
export async function run(source: string, dist = DIST, preloaded?: string): Promise<Ended> {
  const folder = mkdtempSync(join(tmpdir(), "ferrous-"));
  try {
    const file = join(folder, "program.mjs");
    writeFileSync(file, source.replaceAll(/(["'])ferrous\1/g, JSON.stringify(dist)));
    return await new Promise((resolve) => {
      const preload = preloaded === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(preloaded)}`];
      execFile(process.execPath, [...preload, file], { timeout: PATIENCE, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : null, stdout, stderr });
      });
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// @ts-check
/** How far the index is: a bar on a terminal, else a line now and then. Both on stderr: stdout is for results. */
import { SingleBar, Presets } from "cli-progress";
import { FILES } from "./stages.js";

/** In ms: how often to look, and how often to write a line where there is no terminal. */
const LOOK = 50;
const LINE = 500;

/** @param {NodeJS.WriteStream} stream @param {number} files @returns {() => void} what ends it */
export function showProgress(stream, files) {
  const format = " {bar} {percentage}% | {value} of {total} files";
  const bar = stream.isTTY ? new SingleBar({ stream, format, hideCursor: true, clearOnComplete: true }, Presets.shades_classic) : undefined;
  bar?.start(files, 0);
  let written = performance.now();
  const timer = setInterval(() => {
    bar?.update(FILES.load());
    if (bar !== undefined || performance.now() - written < LINE) return;
    written = performance.now();
    stream.write(`indexed ${String(FILES.load())} of ${String(files)} files\n`);
  }, LOOK);
  return () => {
    clearInterval(timer);
    bar?.stop();
  };
}

// @ts-check
/** How far the threads are: a bar on a terminal, else a line now and then. Both on stderr: stdout is for results. */
import { SingleBar, Presets } from "cli-progress";
import { BYTES, FILES } from "./tally.js";

/** In ms: how often to look, and how often to write a line where there is no terminal. */
const LOOK = 50;
const LINE = 500;

/** @typedef {{ start(files: number, bytes: number): { stop(): void } }} Progress */

const mb = (/** @type {number} */ bytes) => (bytes / 1e6).toFixed(1);

/** @param {NodeJS.WriteStream} stream @returns {Progress} */
export function progressOn(stream) {
  return {
    start(files, bytes) {
      const show = stream.isTTY ? bar(stream, files, bytes) : lines(stream, files);
      const timer = setInterval(() => show.update(), LOOK);
      return {
        stop() {
          clearInterval(timer);
          show.stop();
        },
      };
    },
  };
}

/** @param {NodeJS.WriteStream} stream @param {number} files @param {number} bytes */
function bar(stream, files, bytes) {
  const format = " {bar} {percentage}% | {value} of {total} files | {mb} of {mbTotal} MB";
  const shown = new SingleBar({ stream, format, hideCursor: true, clearOnComplete: true, stopOnComplete: false }, Presets.shades_classic);
  const payload = () => ({ mb: mb(Number(BYTES.load())), mbTotal: mb(bytes) });
  shown.start(files, 0, payload());
  return { update: () => shown.update(FILES.load(), payload()), stop: () => shown.stop() };
}

/** @param {NodeJS.WriteStream} stream @param {number} files */
function lines(stream, files) {
  let written = performance.now();
  return {
    update() {
      if (performance.now() - written < LINE) return;
      written = performance.now();
      stream.write(`counted ${String(FILES.load())} of ${String(files)} files, ${mb(Number(BYTES.load()))} MB\n`);
    },
    stop() {},
  };
}

/**
 * The words on which this thread has an Atomics.waitAsync pending, so that none is left when the thread ends by itself. Before version 24 Node
 * can crash as a whole when somebody notifies such a word in the moment in which the thread is taken down: see docs/runtimes.md. Of
 * terminate() no thread hears.
 */
import { host } from "#host";
import type { SleepWord } from "./wait.ts";

const words = new Set<SleepWord>();
let stopListening: () => void = () => undefined;

/** A wait on this word is pending, until {@link isOver}. The main thread ends with the process. */
export function isPending(word: SleepWord): void {
  if (host.isMain) return;
  if (words.size === 0) stopListening = host.onExit(endAll);
  words.add(word);
}
export function isOver(word: SleepWord): void {
  if (words.delete(word) && words.size === 0) stopListening();
}

function endAll(): void {
  for (const word of words) word.notify();
}

/**
 * Every Atomics.waitAsync that this thread has pending, so that none is left when the thread ends by itself. Before version 24 Node can crash
 * as a whole when somebody notifies such a word in the moment in which the thread is taken down: see docs/runtimes.md. Of terminate() no
 * thread hears.
 */
import { host } from "#host";
import type { SleepWord } from "./wait.ts";

const pending = new Set<{ readonly word: SleepWord }>();
let stopListening: () => void = () => undefined;

/** Calls `then` once `woken`, what a waitAsync on this word gave, has resolved. */
export function whenWoken(word: SleepWord, woken: Promise<unknown>, then: () => void): void {
  const wait = { word };
  // The main thread ends with the process.
  if (!host.isMain) {
    if (pending.size === 0) stopListening = host.onExit(wakeAll);
    pending.add(wait);
  }
  void woken.then(() => {
    if (pending.delete(wait) && pending.size === 0) stopListening();
    then();
  });
}

function wakeAll(): void {
  for (const { word } of pending) word.notify();
}

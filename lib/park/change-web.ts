/** Awaiting that a word changes: see change-node.ts, whose reasons are Node's alone. */
import type { SleepWord } from "./wait.ts";

/** Calls `then` once the word was notified; false if it has another value already. */
export function whenChanged(word: SleepWord, value: number | bigint, then: () => void): boolean {
  const woken = word.waitAsync(value as never);
  if (woken.async) void woken.value.then(then);
  return woken.async;
}

/** Ends what is awaited at that word, by whomever: they look again. */
export const endWaits = (word: SleepWord): void => void word.notify();

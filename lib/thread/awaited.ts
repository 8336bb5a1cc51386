/** What one thread's tasks await, where the supervisor waits on their behalf: see park/change-node.ts. */
import { Word } from "../memory/word.ts";
import { Word64 } from "../memory/word64.ts";

export class Awaited {
  readonly #words = new Map<number, Word | Word64>();

  /** @param changed  called once the word at that place was notified, or if it has another value already */
  begin(ticket: number, buffer: SharedArrayBuffer, offset: number, value: number | bigint, changed: () => void): void {
    const word = typeof value === "bigint" ? Word64.at(buffer, offset) : Word.at(buffer, offset);
    const woken = word.waitAsync(value as never);
    if (!woken.async) {
      changed();
      return;
    }
    this.#words.set(ticket, word);
    void woken.value.then(() => {
      this.#words.delete(ticket);
      changed();
    });
  }

  /** The thread is known to be dead. What would have woken it wakes others again; and of what woke it before, they are all told. */
  end(): void {
    for (const word of this.#words.values()) word.notify();
  }
}

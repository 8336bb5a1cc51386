import { describe, expect, it } from "@jest/globals";
import { TimeoutError } from "../../lib/errors.ts";
import { Word } from "../../lib/memory/word.ts";
import type { AsyncWaitOptions } from "../../lib/park/limits.ts";
import { Line } from "../../lib/park/line.ts";
import type { Sleep, Waiter } from "../../lib/park/wait.ts";

/** Tokens in a word, taken one by one; and who tried to take one, in order. */
class Counter {
  readonly word = Word.at(new SharedArrayBuffer(4), 0);
  readonly line = new Line();
  readonly tried: string[] = [];
  readonly left: string[] = [];

  take(name: string, opts?: AsyncWaitOptions, sleep: Partial<Sleep> = {}): Promise<string> {
    const attempt = (): Sleep | undefined => {
      this.tried.push(name);
      const seen = this.word.load();
      if (seen > 0 && this.word.compareExchange(seen, seen - 1) === seen) return undefined;
      return { word: this.word, value: 0, ...sleep };
    };
    const gone = (): void => void this.left.push(name);
    return this.line.wait(attempt, () => name, { describe: () => "a counter" }, "take", opts, gone);
  }
  /** `quietly`: tells nobody. */
  give(count = 1, quietly = false): void {
    this.word.add(count);
    if (!quietly) this.word.notify();
  }
}

describe("a Line", () => {
  it("is not stood in when there is nothing to wait for", async () => {
    const counter = new Counter();
    counter.give();
    const taken = counter.take("a");
    expect(counter.line.isEmpty).toBe(true);
    expect(await taken).toBe("a");
    expect(counter.tried).toEqual(["a"]);
  });

  it("lets only its first task try, and all of them in their order", async () => {
    const counter = new Counter();
    const order: string[] = [];
    const all = ["a", "b", "c"].map((name) => counter.take(name).then((got) => order.push(got)));
    expect(new Set(counter.tried)).toEqual(new Set(["a"]));
    counter.give();
    await all[0];
    expect(order).toEqual(["a"]);
    expect(counter.line.isEmpty).toBe(false);
    counter.give(2);
    await Promise.all(all);
    expect(order).toEqual(["a", "b", "c"]);
    expect(counter.line.isEmpty).toBe(true);
  });

  it("lets in who has no time to wait if there is enough for it and for all before it, who do not know yet", async () => {
    const counter = new Counter();
    const before = counter.take("before");
    counter.give(2);
    // The notification is told a turn of the event loop later.
    const hurried = counter.take("hurried", { timeout: 0 });
    expect(await Promise.all([before, hurried])).toEqual(["before", "hurried"]);
    const patient = counter.take("patient");
    counter.give();
    await expect(counter.take("late", { timeout: 0 })).rejects.toThrow(TimeoutError);
    expect(await patient).toBe("patient");
  });

  it("rejects when the time is over, and lets the next one go on", async () => {
    const counter = new Counter();
    const late = counter.take("late", { timeout: 5 });
    const next = counter.take("next");
    await expect(late).rejects.toThrow(TimeoutError);
    expect(counter.left).toEqual(["late"]);
    counter.give();
    expect(await next).toBe("next");
    expect(counter.left).toEqual(["late"]);
  });

  it("tries before it says that no time was given", async () => {
    const counter = new Counter();
    await expect(counter.take("a", { timeout: 0 })).rejects.toThrow("a counter");
    expect(counter.tried).toContain("a");
    expect(counter.line.isEmpty).toBe(true);
    counter.give();
    expect(await counter.take("b", { timeout: 0 })).toBe("b");
  });

  it("takes the last chance when the time is over", async () => {
    const counter = new Counter();
    const taken = counter.take("a", { timeout: 5 });
    counter.give(1, true);
    expect(await taken).toBe("a");
    expect(counter.left).toEqual([]);
  });

  it.each(["a", "b", "c"])("lets %s of three be aborted, and goes on without", async (name) => {
    const counter = new Counter();
    const stop = new AbortController();
    const names = ["a", "b", "c"];
    const ends = names.map((each) =>
      counter.take(each, each === name ? { signal: stop.signal } : undefined).catch((error: unknown) => error),
    );
    stop.abort("on purpose");
    counter.give(2);
    expect(await Promise.all(ends)).toEqual(names.map((each) => (each === name ? "on purpose" : each)));
    expect(counter.left).toEqual([name]);
    expect(counter.line.isEmpty).toBe(true);
    // The aborted one took nothing.
    expect(counter.word.load()).toBe(0);
  });

  it("lets the next one look at once when the first leaves: what woke it may have been for somebody", async () => {
    const counter = new Counter();
    const stop = new AbortController();
    const first = counter.take("a", { signal: stop.signal }).catch(() => "off");
    const next = counter.take("b");
    counter.give(1, true);
    stop.abort();
    // Not a turn of the event loop later.
    expect(counter.line.isEmpty).toBe(true);
    expect(await Promise.all([first, next])).toEqual(["off", "b"]);
  });

  it("does not let an aborted signal in, nor an aborted task out twice", async () => {
    const counter = new Counter();
    await expect(counter.take("a", { signal: AbortSignal.abort("before") })).rejects.toBe("before");
    expect(counter.tried).toEqual([]);
    const stop = new AbortController();
    const taken = counter.take("b", { signal: stop.signal });
    counter.give();
    expect(await taken).toBe("b");
    stop.abort("after");
    expect(counter.left).toEqual([]);
  });

  it("rejects with what an attempt throws, and goes on with the next", async () => {
    const counter = new Counter();
    const first = counter.take("a");
    let tries = 0;
    const bad = counter.line.wait(
      () => {
        tries++;
        throw new RangeError("on purpose");
      },
      () => "bad",
      { describe: () => "a counter" },
      "take",
      undefined,
    );
    const last = counter.take("c");
    counter.give(2);
    expect(await first).toBe("a");
    await expect(bad).rejects.toThrow("on purpose");
    expect(tries).toBe(1);
    expect(await last).toBe("c");
  });

  it("rejects with what granting throws: the task has it then, and is told so by nobody else", async () => {
    const counter = new Counter();
    counter.give();
    const grant = (): never => {
      throw new RangeError("on purpose");
    };
    await expect(counter.line.wait(() => undefined, grant, { describe: () => "a counter" }, "take", undefined)).rejects.toThrow(
      "on purpose",
    );
    expect(counter.line.isEmpty).toBe(true);
  });

  it("looks again by itself where its attempt says so", async () => {
    const { line, word } = new Counter();
    // Only such a look counts as a waking: the slices, which are a net under everything, do not.
    const attempt = ({ wakes }: Waiter): Sleep | undefined => (wakes > 0 ? undefined : { word, value: 0, atMost: 1 });
    expect(await line.wait(attempt, () => "a", { describe: () => "a counter" }, "take", { timeout: 2000 })).toBe("a");
  });

  it("looks again each time, though the word on which it is armed is the same", async () => {
    const { line, word } = new Counter();
    const looks = 5;
    const attempt = ({ wakes }: Waiter): Sleep | undefined => (wakes >= looks ? undefined : { word, value: 0, atMost: 1 });
    expect(await line.wait(attempt, () => "a", { describe: () => "a counter" }, "take", { timeout: 2000 })).toBe("a");
  });

  it("looks again for the next in line, whose word is the same", async () => {
    const { line, word } = new Counter();
    const awaited = { describe: () => "a counter" };
    const waits = (looks: number): Promise<number> =>
      line.wait(({ wakes }) => (wakes >= looks ? undefined : { word, value: 0, atMost: 1 }), () => looks, awaited, "take", { timeout: 2000 }); // prettier-ignore
    expect(await Promise.all([waits(2), waits(1), waits(3)])).toEqual([2, 1, 3]);
  });

  it.each([[{ timeout: -1 }], [3 as never], [{ signal: 3 as never }]])("refuses the options %j by rejecting", async (opts) => {
    const counter = new Counter();
    await expect(counter.take("a", opts)).rejects.toThrow(/a timeout is|options are|a signal is/);
    expect(counter.line.isEmpty).toBe(true);
  });
});

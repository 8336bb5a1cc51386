import { describe, expect, it } from "@jest/globals";
import { check } from "../../lib/check/index.ts";
import { owned, registerWords, someThread, wordsOf } from "../../lib/memory/word-names.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const threadOf = (id: number): string => `thread ${String(id)}`;

describe("the words of a shared object", () => {
  it("have no names if their kind told none", () => {
    expect(wordsOf("Nothing@1")).toEqual([]);
  });
  it("are named by their kind, which may ask what the object is made of", () => {
    registerWords("Slots@1", (type) => Array.from({ length: Number(type) }, (_, slot) => ({ name: `slot ${String(slot)}` })));
    expect(wordsOf("Slots@1", 2).map(({ name }) => name)).toEqual(["slot 0", "slot 1"]);
  });
  it.each([
    [0, "FREE"],
    [1, "WAITERS"],
    [3 << 4, "thread 3"],
    [(3 << 4) | 5, "thread 3+WAITERS+STARVING"],
    [(3 << 4) | 2, "thread 3"],
  ])("read %i as %s", (value, text) => {
    expect(owned(4, ["WAITERS", "", "STARVING"])(value, threadOf)).toBe(text);
  });
  it("read an id as its thread", () => {
    expect([0, 7].map((id) => someThread(id, threadOf))).toEqual(["nobody", "thread 7"]);
  });
  it("are what the checker's traces show", () => {
    const { failure } = check({
      setup: () => {
        const mutex = new Mutex(undefined, { name: "m" });
        mutex.lock();
        return { mutex };
      },
      threads: [({ mutex }) => void mutex.lock()],
    });
    expect(failure?.trace).toContain("m.state setup and after -> setup and after+WAITERS");
  });
});

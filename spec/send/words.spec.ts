/** Messages about values that do not want to be looked at. */
import { describe, expect, it } from "@jest/globals";
import { HandleError } from "../../lib/errors.ts";
import { fromHandle, toHandle } from "../../lib/send/handle.ts";
import { inWords, messageOf } from "../../lib/send/words.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const raise = (thrown: unknown): never => {
  throw thrown;
};
const untold = { get message() { return raise("no"); }, toString: () => raise("no") }; // prettier-ignore

describe("what was thrown", () => {
  it.each<readonly [string, unknown, string]>([
    ["an error", new TypeError("it broke."), "it broke"],
    ["text", "it broke", "it broke"],
    ["nothing", undefined, "undefined"],
    ["null", null, "null"],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["an object without a prototype", Object.create(null), "a value that cannot be shown"],
    ["an object whose every look throws", untold, "a value that cannot be shown"],
  ])("%s has words", (_, thrown, words) => {
    expect(messageOf(thrown)).toBe(words);
  });

  it("is shown without its message where only the value is meant", () => {
    expect(inWords(() => 1)).toBe("() => 1");
    expect(inWords(new Error("e"))).toBe("Error: e");
    expect(inWords(untold)).toBe("a value that cannot be shown");
  });
});

describe("a handle whose fields throw when they are read", () => {
  const fields = ["ferrous", "kind", "buffer", "byteOffset", "name", "type", "value", "registry"];
  it.each(fields)("is a HandleError: %s", (field) => {
    for (const thrown of [undefined, 5, new Error("not yet"), untold]) {
      const handle = Object.defineProperty({ ...toHandle(new Mutex()) }, field, { get: () => raise(thrown) });
      expect(() => fromHandle(handle)).toThrow(HandleError);
    }
  });
});

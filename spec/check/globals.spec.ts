import { describe, expect, it } from "@jest/globals";
import { Replacements } from "../../lib/check/globals.ts";

describe("a property that was replaced", () => {
  it("gets its value back even if the checked code has sealed it", () => {
    const target = { word: "before", other: "before" };
    const replaced = new Replacements();
    replaced.put(target, "word", "during");
    replaced.put(target, "other", "during");
    Object.seal(target);
    replaced.restore();
    expect(target).toEqual({ word: "before", other: "before" });
  });
});

import { describe, expect, it } from "@jest/globals";
import { backOff } from "../../lib/park/backoff.ts";

/** Looks that give these answers, the last one for ever; counts them. */
const looks = (...answers: (boolean | undefined)[]) => {
  const look = (): boolean | undefined => answers[Math.min(look.count++, answers.length - 1)];
  look.count = 0;
  return look;
};

describe("backing off", () => {
  it("does not rest before the first look", () => {
    const look = looks(true);
    expect(backOff(look)).toBe(true);
    expect(look.count).toBe(1);
  });
  it("looks until it is done", () => {
    const look = looks(false, false, true);
    expect(backOff(look)).toBe(true);
    expect(look.count).toBe(3);
  });
  it("stops when looking on is in vain", () => {
    const look = looks(false, undefined, true);
    expect(backOff(look)).toBe(false);
    expect(look.count).toBe(2);
  });
  it("gives up after few looks, the rests between them doubling", () => {
    const look = looks(false);
    expect(backOff(look)).toBe(false);
    // 32, 64, ... 8192 steps.
    expect(look.count).toBe(9);
  });
  it.each([
    [32, 1],
    [100, 2],
    [1024, 6],
  ])("with a longest rest of %i steps looks %i times", (longest, count) => {
    const look = looks(false);
    expect(backOff(look, longest)).toBe(false);
    expect(look.count).toBe(count);
  });
  it("passes on what looking throws", () => {
    expect(() =>
      backOff(() => {
        throw new RangeError("on purpose");
      }),
    ).toThrow("on purpose");
  });
});

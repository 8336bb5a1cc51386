/** Values of which each thread has its own. */
import { describe, expect, it } from "@jest/globals";
import { spawn, threadLocal } from "ferrous";
import { bump } from "../support/locals.js";

describe("a threadLocal", () => {
  it("is made once in each thread, on first use", () => {
    let made = 0;
    const local = threadLocal(() => ++made);
    expect(made).toBe(0);
    expect([local.get(), local.get(), made]).toEqual([1, 1, 1]);
    local.set(7);
    expect([local.get(), local.with((value) => value + 1)]).toEqual([7, 8]);
  });

  it("has another value in every thread", () => {
    expect([bump(), bump()]).toEqual([1, 2]);
    expect([spawn(bump).join(), spawn(bump).join(), bump()]).toEqual([1, 1, 3]);
  });

  it("may be undefined, or fail and be tried again", () => {
    const nothing = threadLocal((): number | undefined => undefined);
    expect(nothing.get()).toBeUndefined();
    let tries = 0;
    const second = threadLocal(() => {
      if (++tries === 1) throw new Error("not yet");
      return tries;
    });
    expect(() => second.get()).toThrow("not yet");
    expect(second.get()).toBe(2);
  });

  it("does not cross", () => {
    const local = threadLocal(() => 1) as unknown as number;
    expect(() => spawn((value: number) => value, local)).toThrow("a threadLocal() has another value in every thread");
  });
});

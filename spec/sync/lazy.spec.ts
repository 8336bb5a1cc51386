import { describe, expect, it } from "@jest/globals";
import { encode } from "../../lib/send/transit.ts";
import { Lazy } from "../../lib/sync/lazy.ts";
import { thrownBy } from "../support/thrown.ts";

describe("Lazy", () => {
  it("makes its value once, when first asked, undefined too", () => {
    let made = 0;
    const lazy = new Lazy(() => ++made);
    expect(made).toBe(0);
    expect([lazy.get(), lazy.get()]).toEqual([1, 1]);
    const nothing = new Lazy(() => void made++);
    nothing.get();
    nothing.get();
    expect(made).toBe(2);
  });
  it("first / second access after a panicking init: boom / has previously been poisoned", () => {
    const lazy = new Lazy(
      (): number => {
        throw new RangeError("boom");
      },
      { name: "table" },
    );
    expect(thrownBy(() => lazy.get()).message).toBe("boom");
    const error = thrownBy(() => lazy.get());
    expect([error.code, error.message.includes('Lazy "table"')]).toEqual(["POISONED", true]);
  });
  it("is a deadlock inside its own function", () => {
    const lazy: Lazy<number> = new Lazy(() => lazy.get());
    expect(thrownBy(() => lazy.get()).code).toBe("DEADLOCK");
    expect(thrownBy(() => lazy.get()).code).toBe("POISONED");
  });
  it("stays in its thread", () => {
    const error = thrownBy(() => encode(new Lazy(() => 1), "it"));
    expect(error.code).toBe("NOT_SENDABLE");
    expect(error.message).toContain("lazyStatic");
  });
  it("refuses what is no function", () => {
    expect(thrownBy(() => new Lazy(1 as never)).name).toBe("TypeError");
  });
});

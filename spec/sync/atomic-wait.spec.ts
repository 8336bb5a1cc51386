/** Sleeping on an atomic's value, in real threads and tasks. */
import { describe, expect, it } from "@jest/globals";
import { AtomicBool, AtomicI32, AtomicU64, CancelFlag, Latch, spawn } from "ferrous";
import { rejectionOf, thrownBy } from "../support/thrown.ts";
import { cancelSoon, setAndWake, wake } from "./atomic-wait.js";

describe("an atomic that is waited for", () => {
  it("does not put to sleep who expects another value", async () => {
    expect(new AtomicI32(1).wait(0)).toBe("not-equal");
    expect(new AtomicU64(2n ** 63n).wait(0n)).toBe("not-equal");
    await expect(new AtomicBool(true).waitAsync(false)).resolves.toBe("not-equal");
  });

  it("says when the time was over", async () => {
    expect(new AtomicI32(-1).wait(-1, { timeout: 5 })).toBe("timed-out");
    expect(new AtomicU64(2n ** 63n).wait(2n ** 63n, { timeout: 5 })).toBe("timed-out");
    await expect(new AtomicBool(true).waitAsync(true, { timeout: 5 })).resolves.toBe("timed-out");
  });

  it("wakes a blocked main thread, of 32 and of 64 bits", () => {
    const [narrow, wide] = [new AtomicI32(0), new AtomicU64(0n)];
    const gone = [new AtomicI32(0), new AtomicI32(0)] as const;
    const wakers = [spawn(wake, narrow, 1, gone[0]), spawn(wake, wide, 1, gone[1])];
    expect(narrow.wait(0)).toBe("ok");
    gone[0].store(1);
    expect(wide.wait(0n)).toBe("ok");
    gone[1].store(1);
    for (const waker of wakers) waker.join();
  });

  it("wakes the awaiting, as many as notify() counts", async () => {
    const cell = new AtomicI32(0);
    const waits = Array.from({ length: 3 }, () => cell.waitAsync(0));
    expect(cell.notify(2)).toBe(2);
    expect(cell.notify(2)).toBe(1);
    await expect(Promise.all(waits)).resolves.toEqual(["ok", "ok", "ok"]);
  });

  it("loses no change: whoever looks before it sleeps gets there", () => {
    for (let round = 0; round < 20; round++) {
      const cell = new AtomicI32(0);
      const setter = spawn(setAndWake, cell, 1);
      while (cell.load() === 0) cell.wait(0);
      setter.join();
    }
  });

  it("is called off by a CancelFlag, with its reason", async () => {
    const cell = new AtomicI32(0);
    const flag = new CancelFlag();
    const canceller = spawn(cancelSoon, flag);
    expect(() => cell.wait(0, { signal: flag })).toThrow("enough");
    await expect(cell.waitAsync(0, { signal: flag })).rejects.toBe("enough");
    canceller.join();
    expect(cell.notify()).toBe(0);
  });

  it("refuses a count that is none, and a value of another type", () => {
    expect(() => new AtomicU64().wait(0 as never)).toThrow(TypeError);
    expect(() => new AtomicI32().notify(-1)).toThrow(RangeError);
    expect(() => new AtomicI32().notify(Number.NaN)).toThrow(RangeError);
  });

  // The last: a cancellation may end the waits of others too.
  it("is called off with another wait's TimeoutError, which tells nothing of its own time", async () => {
    const reason = thrownBy(() => new Latch(1).wait({ timeout: 0 }));
    const flag = new CancelFlag();
    flag.cancel(reason);
    expect(thrownBy(() => new AtomicI32(0).wait(0, { signal: flag }))).toBe(reason);
    expect(await rejectionOf(new AtomicI32(0).waitAsync(0, { signal: flag }))).toBe(reason);
  });
});

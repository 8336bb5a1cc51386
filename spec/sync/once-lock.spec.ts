/** A OnceLock as one thread sees it, and what crosses; titles after Rust's. */
import { describe, expect, it } from "@jest/globals";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

const fail = (): never => {
  throw new RangeError("boom");
};

describe("OnceLock", () => {
  it("is empty, then set once", () => {
    const lock = new OnceLock<number>();
    expect(lock.get()).toBeUndefined();
    expect(lock.set(1)).toBe(true);
    expect(lock.set(2)).toBe(false);
    expect([lock.get(), lock.getOrInit(fail)]).toEqual([1, 1]);
  });
  it("says that it is set without fetching the value, which may not be possible", () => {
    const words = new Int32Array(new SharedArrayBuffer(8));
    // Done by another thread, whose value nobody has any more.
    words.set([3, 12_345]);
    const lock = OnceLock.at<number>(words.buffer, 0);
    expect(lock.set(1)).toBe(false);
    expect(() => lock.get()).toThrow();
  });
  it("after a panicking init, next init runs", async () => {
    const lock = new OnceLock<number>();
    expect(thrownBy(() => lock.getOrInit(fail)).message).toBe("boom");
    expect((await rejectionOf(lock.getOrInitAsync(async () => Promise.reject(new RangeError("late"))))).message).toBe("late");
    expect(lock.get()).toBeUndefined();
    expect(lock.getOrInit(() => 3)).toBe(3);
  });
  it("holds undefined, and is then set", () => {
    const lock = new OnceLock<number | undefined>();
    expect([lock.set(undefined), lock.set(1), lock.get()]).toEqual([true, false, undefined]);
  });
  it("freezes what it is given at every depth, and leaves what is shared", () => {
    const shared = new Int32Array(new SharedArrayBuffer(4));
    const lock = new OnceLock<{ list: { a: number }[]; shared: Int32Array<SharedArrayBuffer>; mutex: Mutex }>();
    const value = { list: [{ a: 1 }], shared, mutex: new Mutex() };
    lock.set(value);
    expect(Object.isFrozen(value.list[0])).toBe(true);
    shared[0] = 5;
    lock.get()?.mutex.lock().release();
    expect(lock.get()).toBe(value);
  });
  it("refuses what cannot be sent, and stays empty", () => {
    const lock = new OnceLock<unknown>({ name: "config" });
    const error = thrownBy(() => lock.set((() => 1) as never));
    expect(error.code).toBe("NOT_SENDABLE");
    expect(error.message).toContain('once-lock "config"');
    const port = thrownBy(() => lock.set({ port: new MessageChannel().port1 }));
    expect(port).toMatchObject({ code: "NOT_SENDABLE", message: expect.stringMatching(/once-lock "config".*MessagePort/) as unknown });
    expect(lock.set(1)).toBe(true);
  });
  it("takes what is nested deeply, and stays empty if it cannot be frozen", () => {
    let nested: unknown[] = [];
    for (let n = 0; n < 20_000; n++) nested = [nested];
    expect(new OnceLock<unknown>().set(nested)).toBe(true);
    expect(Object.isFrozen(nested[0])).toBe(true);

    let asked = 0;
    const fickle = {
      get value(): number {
        if (asked++ > 0) fail();
        return 1;
      },
    };
    const lock = new OnceLock<unknown>();
    expect(thrownBy(() => lock.set(fickle)).message).toBe("boom");
    expect(lock.getOrInit(() => 3)).toBe(3);
  });
  it("is a deadlock inside its own initialiser", () => {
    const lock = new OnceLock<number>();
    expect(thrownBy(() => lock.getOrInit(() => lock.getOrInit(() => 1))).code).toBe("DEADLOCK");
    expect(lock.get()).toBeUndefined();
  });
  it("refuses promises where it cannot wait, and wrong options", () => {
    const lock = new OnceLock<unknown>();
    expect(thrownBy(() => lock.getOrInit(async () => Promise.resolve(1))).message).toContain("getOrInitAsync");
    expect(thrownBy(() => lock.getOrInit(() => 1, { timeout: -1 })).name).toBe("RangeError");
    expect(thrownBy(() => lock.getOrInit(1 as never)).name).toBe("TypeError");
  });
  it("makes one value for all tasks of a thread", async () => {
    const lock = new OnceLock<{ n: number }>();
    let made = 0;
    const make = async (): Promise<{ n: number }> => Promise.resolve({ n: ++made });
    const [a, b] = await Promise.all([lock.getOrInitAsync(make), lock.getOrInitAsync(make)]);
    expect([made, a === b]).toEqual([1, true]);
  });
});

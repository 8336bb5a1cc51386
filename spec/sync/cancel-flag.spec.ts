/** Calling off blocked and awaiting threads. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { AtomicI32, CancelFlag, fromHandle, i32, Mutex, spawn, struct, toHandle } from "ferrous";
import { heapWithoutGarbage } from "../support/garbage.ts";
import {
  awaiting,
  blocked,
  canceller,
  cancelNow,
  cancelUnexplained,
  cancelWithError,
  listening,
  look,
  seen,
  untilSleeping,
  work,
} from "./cancel-flag.js";

const thrownBy = (fn: () => unknown): unknown => {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
};
const withReason = (reason: unknown): CancelFlag => {
  const flag = new CancelFlag();
  flag.cancel(reason);
  return flag;
};
/** The same flag as another thread sees it: without this thread's memory of the reason. */
const opened = (flag: CancelFlag): CancelFlag => {
  const { buffer, byteOffset } = toHandle(flag);
  return CancelFlag.at(buffer, byteOffset);
};

describe("cancel()", () => {
  it("wakes who blocks in other threads, and they hold nothing", () => {
    const mutex = new Mutex();
    const flag = new CancelFlag();
    const guard = mutex.lock();
    const threads = Array.from({ length: 3 }, () => spawn(blocked, mutex, flag));
    untilSleeping(mutex);
    flag.cancel("enough");
    for (const thread of threads) expect(thread.join()).toEqual({ value: "enough" });
    guard.release();
    mutex.tryLock()?.release();
    expect(mutex.poisoned).toBe(false);
  });

  it("wakes the main thread that blocks", () => {
    for (let round = 0; round < 20; round++) {
      const mutex = new Mutex();
      const flag = new CancelFlag();
      const guard = mutex.lock();
      const other = spawn(blocked, mutex, flag);
      const stop = spawn(canceller, mutex, flag, `round ${String(round)}`);
      expect(other.join()).toEqual({ value: `round ${String(round)}` });
      stop.join();
      guard.release();
    }
    const holder = new Mutex();
    const stage = new AtomicI32(0);
    const flag = new CancelFlag();
    const ends = new CancelFlag();
    const holding = spawn(
      (lock: Mutex, at: AtomicI32, until: CancelFlag) => {
        const guard = lock.lock();
        at.store(1);
        at.notify();
        while (!until.cancelled);
        guard.release();
      },
      holder,
      stage,
      ends,
    );
    while (stage.load() === 0) stage.wait(0);
    const stop = spawn(canceller, holder, flag, "by a worker");
    const start = performance.now();
    expect(thrownBy(() => holder.lock({ signal: flag }))).toBe("by a worker");
    expect(performance.now() - start).toBeLessThan(5_000);
    ends.cancel();
    holding.join();
    stop.join();
    holder.lock().release();
  });

  it("wakes who awaits, in this thread and in others", async () => {
    const mutex = new Mutex();
    const flag = new CancelFlag();
    const guard = mutex.lock();
    const other = spawn(awaiting, mutex, flag);
    untilSleeping(mutex);
    const here = Promise.allSettled([mutex.lockAsync({ signal: flag }), mutex.lockAsync({ signal: flag.signal })]);
    flag.cancel("enough");
    expect(await here).toEqual([
      { status: "rejected", reason: "enough" },
      { status: "rejected", reason: "enough" },
    ]);
    expect(await other.joinAsync()).toEqual([{ value: "enough" }, { value: "enough" }]);
    guard.release();
    (await mutex.lockAsync()).release();
  });

  it("is seen by a loop that asks", () => {
    const flag = new CancelFlag();
    const stage = new AtomicI32(0);
    const other = spawn(work, flag, stage);
    while (stage.load() === 0) stage.wait(0);
    flag.cancel("loop");
    expect(other.join()).toEqual({ value: "loop" });
  });

  it("keeps the first reason", () => {
    const flag = withReason("first");
    flag.cancel("second");
    expect([flag.reason, opened(flag).reason]).toEqual(["first", "first"]);
    expect(spawn(cancelNow, flag, "third").join()).toBe("first");
    const none = withReason(undefined);
    none.cancel("too late");
    expect(seen(none.reason).name).toBe("AbortError");
    const theirs = new CancelFlag();
    spawn(cancelNow, theirs, "theirs").join();
    theirs.cancel("mine");
    expect(theirs.reason).toBe("theirs");
  });

  it("is one reason for all when threads race", () => {
    const flag = new CancelFlag();
    const threads = ["a", "b", "c"].map((reason) => spawn(cancelNow, flag, reason));
    threads.forEach((thread) => {
      thread.join();
    });
    expect(flag.cancelled).toBe(true);
    const { reason } = opened(flag);
    expect(["a", "b", "c", "AbortError"]).toContain(typeof reason === "string" ? reason : (reason as Error).name);
    expect(spawn(look, flag).join().reason).toEqual(seen(reason));
  });
});

describe("signal", () => {
  it("is an AbortSignal, live in each thread", async () => {
    const mutex = new Mutex();
    const flag = new CancelFlag();
    const guard = mutex.lock();
    const other = spawn(listening, mutex, flag);
    untilSleeping(mutex);
    guard.release();
    const { signal } = flag;
    expect([signal.aborted, signal === flag.signal]).toEqual([false, true]);
    const here = new Promise((resolve) => {
      signal.addEventListener("abort", resolve);
    });
    flag.cancel("over");
    expect(await other.joinAsync()).toEqual({ before: false, after: true, same: true, reason: { value: "over" } });
    await here;
    expect([signal.aborted, signal.reason]).toEqual([true, "over"]);
  });

  it("is aborted by another thread", async () => {
    const flag = new CancelFlag();
    const aborted = new Promise((resolve) => {
      flag.signal.addEventListener("abort", resolve);
    });
    await spawn(cancelWithError, flag).joinAsync();
    await aborted;
    expect(seen(flag.signal.reason)).toEqual({ name: "RangeError", message: "from a thread", code: "E_THREAD" });
  });

  it("is aborted at once if the flag was cancelled before", () => {
    const { signal } = withReason("before");
    expect([signal.aborted, signal.reason]).toEqual([true, "before"]);
  });
});

describe("reasons", () => {
  const crossed = (reason: unknown): unknown => spawn(look, withReason(reason)).join().reason;

  it("cross as they are if JSON can write them", () => {
    for (const value of ["text", 5, null, false, "", { a: [1, { b: "ü" }] }]) expect(crossed(value)).toEqual({ value });
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 1 }), (value) => {
        const text = JSON.stringify({ value });
        if (new TextEncoder().encode(text).length > 248) return;
        if (typeof value === "object" && value !== null && "message" in value) return;
        // JSON would lose the sign of -0; a flag does not.
        expect(opened(withReason(value)).reason).toEqual(value);
      }),
    );
  });

  it("cross as errors with name, message and code", () => {
    expect(crossed(Object.assign(new TypeError("wrong"), { code: "E_WRONG" }))).toEqual({
      name: "TypeError",
      message: "wrong",
      code: "E_WRONG",
    });
    expect(crossed(new Error("plain"))).toEqual({ name: "Error", message: "plain", code: undefined });
    expect(crossed(new DOMException("late", "TimeoutError"))).toMatchObject({ name: "TimeoutError", message: "late" });
    expect(crossed(undefined)).toMatchObject({ name: "AbortError" });
    const flag = new CancelFlag();
    spawn(cancelUnexplained, flag).join();
    expect(seen(flag.reason)).toMatchObject({ name: "AbortError" });
  });

  it("stay what they are in the thread that gave them", () => {
    const reason = new Error("mine");
    expect(withReason(reason).reason).toBe(reason);
    const mutex = new Mutex();
    const guard = mutex.lock();
    expect(thrownBy(() => withReason(reason).throwIfCancelled())).toBe(reason);
    guard.release();
  });

  it("are cut if they are too long", () => {
    const cut = opened(withReason("ü".repeat(1000))).reason as string;
    expect(cut).toMatch(/^ü{50,}$/);
    const error = opened(withReason(Object.assign(new RangeError("x".repeat(1000)), { code: "E_LONG" }))).reason;
    expect(seen(error)).toEqual({ name: "RangeError", message: expect.stringMatching(/^x{50,}$/) as unknown as string, code: "E_LONG" });
  });

  it("are told as text if JSON cannot write them", () => {
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    expect(opened(withReason(cycle)).reason).toBe(String(cycle));
  });

  it("cross with the numbers that JSON does not have", () => {
    for (const value of [NaN, Infinity, -Infinity, -0, 0, 5n, -(2n ** 70n)]) expect(opened(withReason(value)).reason).toBe(value);
    const nested = { a: [NaN, undefined, 7n, { b: -0, c: undefined }], ["__proto__"]: Infinity, text: "\u0001NaN" };
    expect(opened(withReason(nested)).reason).toStrictEqual(nested);
    expect(crossed(NaN)).toEqual({ value: NaN });
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.bigInt(), fc.string({ unit: fc.constantFrom("\u0001", "n", "1") })), (value) => {
        expect(opened(withReason(value)).reason).toBe(value);
        expect(opened(withReason([value])).reason).toEqual([value]);
      }),
    );
  });
});

describe("a flag in memory", () => {
  it("is opened by its place, and zeroed bytes are one that is not cancelled", () => {
    const buffer = new SharedArrayBuffer(1024);
    const flag = CancelFlag.at(buffer, 8);
    expect([flag.cancelled, flag.reason]).toEqual([false, undefined]);
    flag.cancel("there");
    expect(CancelFlag.at(buffer, 8).reason).toBe("there");
    expect(CancelFlag.at(buffer, 512).cancelled).toBe(false);
    for (const offset of [-4, 2, 1020, NaN]) expect((thrownBy(() => CancelFlag.at(buffer, offset)) as Error).name).toBe("RangeError");
    expect((thrownBy(() => CancelFlag.at(new ArrayBuffer(1024) as never, 0)) as Error).name).toBe("TypeError");
  });

  it("does not write beside itself", () => {
    const Flanked = struct("CancelFlanked", { before: i32, flag: CancelFlag, after: i32 });
    const flanked = Flanked.create({ before: -1, after: -1 });
    flanked.flag.cancel("€".repeat(200));
    expect([flanked.before, flanked.after]).toEqual([-1, -1]);
    expect(flanked.flag.reason).toMatch(/^€+$/);
  });

  it("is a field of a struct", () => {
    const Job = struct("CancelJob", { id: i32, stop: CancelFlag });
    const job = Job.create({ id: 1 });
    expect(spawn((its: CancelFlag) => its.cancelled, job.stop).join()).toBe(false);
    spawn(cancelNow, job.stop, "field").join();
    expect([job.stop.cancelled, job.stop.reason, job.id]).toEqual([true, "field", 1]);
  });

  it("crosses by its handle", () => {
    const flag = new CancelFlag();
    (fromHandle(toHandle(flag)) as CancelFlag).cancel("handle");
    expect(flag.reason).toBe("handle");
  });
});

describe("throwIfCancelled()", () => {
  it("throws the reason if it was cancelled", () => {
    const flag = new CancelFlag();
    flag.throwIfCancelled();
    expect(spawn(look, flag).join()).toEqual({
      cancelled: false,
      reason: { value: undefined },
      thrown: { value: undefined },
      aborted: false,
    });
    flag.cancel("why");
    expect(thrownBy(() => flag.throwIfCancelled())).toBe("why");
    expect(spawn(look, flag).join()).toEqual({ cancelled: true, reason: { value: "why" }, thrown: { value: "why" }, aborted: true });
  });
});

describe("the reason of a CancelFlag, read by whoever opens it elsewhere,", () => {
  const readElsewhere = (reason: unknown): unknown => {
    const buffer = new SharedArrayBuffer(512);
    CancelFlag.at(buffer, 0).cancel(reason);
    return CancelFlag.at(buffer, 0).reason;
  };

  it.each([
    ["a function", () => 1, "() => 1"],
    ["a symbol", Symbol("stop"), "Symbol(stop)"],
  ])("is the text of %s", (_what, reason, text) => {
    expect(readElsewhere(reason)).toBe(text);
  });

  it("is cut, whichever part of an error is long", () => {
    const long = "é".repeat(300);
    for (const reason of [
      Object.assign(new Error("x"), { name: long }),
      Object.assign(new Error(long), { code: long }),
      Object.assign(new Error("x"), { code: long, name: long }),
    ]) {
      const read = readElsewhere(reason) as Error & { code?: string };
      expect(reason.name.startsWith(read.name)).toBe(true);
      expect(reason.message.startsWith(read.message)).toBe(true);
    }
  });
});

describe("a CancelFlag that nobody holds any more", () => {
  /** How many of them are still there when all garbage is gone? */
  async function left(make: () => object): Promise<number> {
    const flags = Array.from({ length: 100 }, () => new WeakRef(make()));
    await heapWithoutGarbage();
    return flags.filter((flag) => flag.deref() !== undefined).length;
  }
  const listened = (flag: CancelFlag): CancelFlag => {
    flag.signal.addEventListener("abort", () => undefined);
    return flag;
  };

  it("is collected, its signal too", async () => {
    expect(await left(() => listened(new CancelFlag()))).toBe(0);
    expect(await left(() => listened(new CancelFlag()).signal)).toBe(0);
  });

  it("is collected when an awaiting call had it as its signal, though other threads may have it", async () => {
    const mutex = new Mutex();
    const used = (): CancelFlag => {
      const flag = new CancelFlag();
      toHandle(flag);
      void mutex.lockAsync({ signal: flag }).then((guard) => {
        guard.release();
      });
      return flag;
    };
    expect(await left(used)).toBe(0);
    mutex.lock().release();
  });

  it("is collected when it was cancelled, having told its listeners", async () => {
    let told = 0;
    const flags = await left(() => {
      const flag = new CancelFlag();
      toHandle(flag);
      flag.signal.addEventListener("abort", () => told++);
      flag.cancel();
      return flag;
    });
    expect([flags, told]).toEqual([0, 100]);
  });

  it("leaves no bytes behind", async () => {
    const drop = (count: number): void => {
      for (let n = 0; n < count; n++) listened(new CancelFlag());
    };
    drop(2000);
    const before = await heapWithoutGarbage();
    drop(10_000);
    expect((await heapWithoutGarbage()) - before).toBeLessThan(10_000 * 200);
  });

  // Why it stays then: what follows from it stays no longer than it, and another thread's cancelling would reach nobody.
  it("stays while other threads may cancel it, and its signal was asked for", async () => {
    const buffers: SharedArrayBuffer[] = [];
    let told = 0;
    const follow = (): void => {
      const flag = new CancelFlag();
      buffers.push(toHandle(flag).buffer);
      AbortSignal.any([flag.signal]).addEventListener("abort", () => told++);
    };
    for (let n = 0; n < 100; n++) follow();
    await heapWithoutGarbage();
    for (const buffer of buffers) CancelFlag.at(buffer, 0).cancel();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(told).toBe(100);
  });

  it("ends its waiting in the engine, and lets who else awaits it go on", async () => {
    const flag = new CancelFlag();
    const { buffer } = toHandle(flag);
    const aborted = new Promise((resolve) => {
      flag.signal.addEventListener("abort", resolve);
    });
    const drop = (): unknown => {
      const other = CancelFlag.at(buffer, 0);
      return new Mutex().lockAsync({ signal: other });
    };
    for (let n = 0; n < 10; n++) await drop();
    await heapWithoutGarbage();
    // One sleeper is left of eleven.
    expect(Atomics.notify(new Int32Array(buffer), 0)).toBe(1);
    flag.cancel();
    await aborted;
  });
});

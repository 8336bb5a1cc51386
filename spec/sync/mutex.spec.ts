/** A Mutex as one thread sees it: what API.md promises, and what Rust does at the points that are easy to get wrong. */
import { describe, expect, it } from "@jest/globals";
import { AtomicU32, CancelFlag, f64, Mutex, MutexGuard, spawn, struct, u32, type Infer } from "ferrous";
import { hasSleepers, hold, letGo, locker, until, untilHeld, words } from "../support/lockers.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

const Totals = struct("Totals", { files: u32, bytes: f64 });
type Totals = Infer<typeof Totals>;

describe("a Mutex that is free", () => {
  it("is locked by lock(), tryLock() and lockAsync(), and freed by release()", async () => {
    const mutex = new Mutex();
    mutex.lock().release();
    mutex.tryLock()?.release();
    (await mutex.lockAsync()).release();
    expect(mutex.tryLock()).toBeInstanceOf(MutexGuard);
  });

  it("gives its value through the guard, shared as it is", () => {
    const totals = Totals.create();
    const mutex = new Mutex(totals, { name: "totals" });
    const guard = mutex.lock();
    guard.value.files += 2;
    guard.release();
    expect(totals.files).toBe(2);
  });

  it("is unlocked at the end of a using scope", () => {
    const mutex = new Mutex();
    {
      using _guard = mutex.lock();
      expect(mutex.tryLock()).toBeUndefined();
    }
    expect(mutex.tryLock()).toBeDefined();
  });

  it("gives what the function of with() and withAsync() returns", async () => {
    const mutex = Mutex.of(f64, 20);
    expect(mutex.with((value) => value + 1)).toBe(21);
    await expect(mutex.withAsync(async (value) => Promise.resolve(value + 2))).resolves.toBe(22);
    expect(mutex.tryLock()).toBeDefined();
  });
});

describe("a Mutex, free or held, and its options", () => {
  /** Every way to wait for a lock, as a promise of what it throws. */
  const ways: [string, (mutex: Mutex, opts: object) => Promise<unknown>][] = [
    ["lock()", async (mutex, opts) => Promise.resolve(mutex.lock(opts))],
    ["lockAsync()", (mutex, opts) => mutex.lockAsync(opts)],
    ["with()", async (mutex, opts) => Promise.resolve(mutex.with(() => 1, opts))],
    ["withAsync()", (mutex, opts) => mutex.withAsync(() => 1, opts)],
    ["recover()", async (mutex, opts) => Promise.resolve(mutex.recover(() => undefined, opts))],
    ["recoverAsync()", (mutex, opts) => mutex.recoverAsync(() => undefined, opts)],
  ];
  describe.each(ways)("%s", (_way, wait) => {
    it.each([Number.NaN, -1, -Infinity, "soon", "5", null, 5n])("refuses the timeout %p", async (timeout) => {
      for (const held of [false, true]) {
        const mutex = new Mutex();
        const guard = held ? mutex.lock() : undefined;
        const error = await rejectionOf(wait(mutex, { timeout }));
        expect(error.name).toBe("RangeError");
        expect(error.message).toContain("milliseconds");
        guard?.release();
        expect(mutex.tryLock()).toBeDefined();
      }
    });
    it.each([{}, "stop", 1, null])("refuses the signal %p", async (signal) => {
      const mutex = new Mutex();
      expect((await rejectionOf(wait(mutex, { signal }))).name).toBe("TypeError");
      expect(mutex.tryLock()).toBeDefined();
    });
    it("refuses options that are none", async () => {
      const error = await rejectionOf(wait(new Mutex(), 250 as never));
      expect(error.name).toBe("TypeError");
      expect(error.message).toContain("{ timeout: 250 }");
    });
    it("throws the reason of a CancelFlag that was cancelled before", async () => {
      const flag = new CancelFlag();
      flag.cancel("enough");
      const mutex = new Mutex();
      await expect(wait(mutex, { signal: flag })).rejects.toBe("enough");
      expect(mutex.tryLock()).toBeDefined();
    });
    it("takes a free lock within no time, or all the time of the world", async () => {
      for (const timeout of [0, 5, 1e12, Infinity]) await wait(new Mutex(), { timeout });
    });
  });
  it.each(ways.filter(([way]) => way.includes("Async")))(
    "%s throws the reason of an AbortSignal that was aborted before",
    async (_way, wait) => {
      const mutex = new Mutex();
      const signal = AbortSignal.abort("enough");
      await expect(wait(mutex, { signal })).rejects.toBe("enough");
      expect(mutex.tryLock()).toBeDefined();
    },
  );
  it.each(ways.filter(([way]) => !way.includes("Async")))("%s refuses an AbortSignal, which it could not hear", async (_way, wait) => {
    const { signal } = new AbortController();
    const error = await rejectionOf(wait(new Mutex(), { signal }));
    expect(error.name).toBe("TypeError");
    expect(error.message).toContain("lockAsync()");
  });
});

describe("a Mutex that another thread holds", () => {
  /** Calls `use` while another thread holds the mutex, which then lets go. */
  async function whileHeld(use: (mutex: Mutex, letGoNow: () => void) => unknown): Promise<void> {
    const mutex = new Mutex(undefined, { name: "jobs" });
    const stage = words(1);
    const handle = spawn(hold, mutex, stage);
    untilHeld(stage);
    try {
      await use(mutex, () => letGo(stage));
    } finally {
      letGo(stage);
      await handle.joinAsync();
    }
    expect(mutex.poisoned).toBe(false);
    expect(mutex.tryLock()).toBeDefined();
  }

  it("is not locked by tryLock()", () => whileHeld((mutex) => expect(mutex.tryLock()).toBeUndefined()));

  it.each([0, 5])("is given up by a blocking lock() after a timeout of %d ms, naming lock and time", (timeout) =>
    whileHeld((mutex) => {
      const start = performance.now();
      const error = thrownBy(() => mutex.lock({ timeout }));
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout);
      expect(error).toMatchObject({ code: "TIMEOUT", name: "TimeoutError" });
      expect(error.message).toContain(`lock mutex "jobs" did not succeed within ${String(timeout)} ms`);
    }),
  );

  it.each([undefined, { timeout: 60_000 }, { timeout: Infinity }, { signal: new CancelFlag() }])(
    "is waited for by a blocking lock(%p) until it is free",
    (opts) =>
      whileHeld(async (mutex, letGoNow) => {
        const waiting = mutex.lockAsync(opts);
        letGoNow();
        mutex.lock(opts).release();
        (await waiting).release();
      }),
  );

  it("is given up by a blocking thread when a CancelFlag says so, with its reason", () =>
    whileHeld(async (mutex) => {
      const flag = new CancelFlag();
      const handle = spawn(locker, mutex, flag);
      until(() => hasSleepers(mutex));
      flag.cancel(new RangeError("enough"));
      expect(await handle.joinAsync()).toBe("RangeError: enough");
    }));
});

describe("a Mutex that is held", () => {
  it("is not locked by tryLock()", () => {
    const mutex = new Mutex();
    const guard = mutex.lock();
    expect(mutex.tryLock()).toBeUndefined();
    guard.release();
  });

  it.each([0, 5])("is given up after a timeout of %d ms by lockAsync(), which then holds nothing", async (timeout) => {
    const mutex = new Mutex(undefined, { name: "jobs" });
    const guard = mutex.lock();
    const error = await rejectionOf(mutex.lockAsync({ timeout }));
    expect(error).toMatchObject({ code: "TIMEOUT", name: "TimeoutError" });
    expect(error.message).toContain('mutex "jobs"');
    guard.release();
    expect(mutex.tryLock()).toBeDefined();
  });

  it("is given up when an AbortSignal says so, with its reason", async () => {
    const mutex = new Mutex();
    const guard = mutex.lock();
    const controller = new AbortController();
    const waiting = mutex.lockAsync({ signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(mutex.lockAsync({ signal: controller.signal })).rejects.toBe(reason);
    guard.release();
    expect(mutex.tryLock()).toBeDefined();
  });

  it("is given up when a CancelFlag says so, with its reason", async () => {
    const mutex = new Mutex();
    const guard = mutex.lock();
    const flag = new CancelFlag();
    const waiting = mutex.lockAsync({ signal: flag });
    flag.cancel("enough");
    await expect(waiting).rejects.toBe("enough");
    guard.release();
  });

  it("is passed from task to task of one thread in the order in which they asked", async () => {
    const mutex = new Mutex();
    const guard = mutex.lock();
    const order: number[] = [];
    const tasks = [1, 2, 3].map(async (n) => {
      const mine = await mutex.lockAsync();
      order.push(n);
      mine.release();
    });
    guard.release();
    await Promise.all(tasks);
    expect(order).toEqual([1, 2, 3]);
  });

  it.each([
    ["untimed", undefined],
    ["timed", { timeout: 1000 }],
  ])("says DeadlockError to its own thread's blocking lock(), %s, naming thread and lock", (_kind, opts) => {
    const mutex = new Mutex(undefined, { name: "ledger" });
    const guard = mutex.lock();
    const error = thrownBy(() => mutex.lock(opts));
    expect(error.code).toBe("DEADLOCK");
    expect(error.message).toContain('mutex "ledger"');
    expect(error.message).toContain("main");
    guard.release();
    expect(mutex.tryLock()).toBeDefined();
  });

  it("says DeadlockError to a blocking lock() if a task of the same thread holds it", async () => {
    const mutex = new Mutex();
    const guard = await mutex.lockAsync();
    expect(thrownBy(() => mutex.lock()).code).toBe("DEADLOCK");
    guard.release();
  });
});

describe("a Mutex that is poisoned", () => {
  const poisoned = (): Mutex<Totals> => {
    const mutex = new Mutex(Totals.create(), { name: "totals" });
    expect(() => {
      mutex.with((totals) => {
        totals.files = 1;
        throw new Error("half-way");
      });
    }).toThrow("half-way");
    return mutex;
  };

  it("was so by a throw inside with(), before it was unlocked", () => {
    expect(poisoned().poisoned).toBe(true);
  });
  it("was so by a rejection inside withAsync()", async () => {
    const mutex = new Mutex();
    await expect(mutex.withAsync(() => Promise.reject(new Error("half-way")))).rejects.toThrow("half-way");
    expect(mutex.poisoned).toBe(true);
  });
  it("was so by guard.poison(), but not by a throw through a using scope", () => {
    const mutex = new Mutex();
    expect(() => {
      using _guard = mutex.lock();
      throw new Error("not told");
    }).toThrow("not told");
    expect(mutex.poisoned).toBe(false);
    const guard = mutex.lock();
    guard.poison();
    expect(guard.poisoned).toBe(true);
    guard.release();
    expect(mutex.poisoned).toBe(true);
  });

  it("throws PoisonedError from lock(), tryLock() and lockAsync(), naming the lock and the culprit, and is not held", async () => {
    const mutex = poisoned();
    for (const error of [thrownBy(() => mutex.lock()), thrownBy(() => mutex.tryLock()), await rejectionOf(mutex.lockAsync())]) {
      expect(error.code).toBe("POISONED");
      expect(error.message).toContain('mutex "totals"');
      expect(error.message).toContain('thread "main"');
      expect(error.message).toContain("recover()");
    }
    mutex.lock({ allowPoisoned: true }).release();
  });
  it("answers undefined to tryLock() while it is held", () => {
    const mutex = poisoned();
    const guard = mutex.lock({ allowPoisoned: true });
    expect(mutex.tryLock()).toBeUndefined();
    guard.release();
  });
  it("lets in who allows it, and stays poisoned", () => {
    const mutex = poisoned();
    const guard = mutex.lock({ allowPoisoned: true });
    expect(guard.poisoned).toBe(true);
    expect(guard.value.files).toBe(1);
    guard.release();
    expect(mutex.poisoned).toBe(true);
  });
  it("is healed by clearPoison()", () => {
    const mutex = poisoned();
    mutex.clearPoison();
    expect(mutex.poisoned).toBe(false);
    mutex.lock().release();
  });
  it("is healed by recover(), once", async () => {
    const mutex = poisoned();
    const repair = (totals: Totals): void => {
      totals.files = 0;
    };
    expect(mutex.recover(repair)).toBe(true);
    expect(mutex.recover(repair)).toBe(false);
    await expect(mutex.recoverAsync(repair)).resolves.toBe(false);
    expect(mutex.lock().value.files).toBe(0);
  });
  it("stays poisoned, and free, when the repair throws", async () => {
    const mutex = poisoned();
    const fail = (): never => {
      throw new Error("beyond repair");
    };
    expect(() => mutex.recover(fail)).toThrow("beyond repair");
    await expect(mutex.recoverAsync(fail)).rejects.toThrow("beyond repair");
    expect(thrownBy(() => mutex.tryLock()).code).toBe("POISONED");
  });
});

describe("a MutexGuard", () => {
  it("unlocks once: a second release does not free a successor's lock", () => {
    const mutex = new Mutex();
    const first = mutex.lock();
    first.release();
    const second = mutex.lock();
    first.release();
    first[Symbol.dispose]();
    expect(mutex.tryLock()).toBeUndefined();
    second.release();
  });
  it("throws ReleasedError, naming the lock, once it was released", () => {
    const mutex = new Mutex(Totals.create(), { name: "totals" });
    const guard = mutex.lock();
    guard.release();
    for (const use of [() => guard.value, () => guard.poisoned, () => guard.poison(), () => guard.map((totals) => totals.bytes)]) {
      const error = thrownBy(use);
      expect(error.code).toBe("RELEASED");
      expect(error.message).toContain('mutex "totals"');
    }
  });
  it("takes a new value if the lock is one of Mutex.of, and refuses it otherwise", () => {
    const balance = Mutex.of(f64, 100);
    const guard = balance.lock();
    guard.value += 1.5;
    guard.release();
    expect(balance.lock().value).toBe(101.5);
    const other = new Mutex(Totals.create()).lock();
    expect(() => (other.value = Totals.create())).toThrow(TypeError);
  });
  it("is exchanged by map() for one of a part, which holds the same lock", () => {
    const mutex = new Mutex(Totals.create({ bytes: 5 }));
    const whole = mutex.lock();
    const part = whole.map((totals) => totals.bytes);
    expect(part.value).toBe(5);
    expect(thrownBy(() => whole.value).code).toBe("RELEASED");
    expect(mutex.tryLock()).toBeUndefined();
    part.release();
    expect(mutex.tryLock()).toBeDefined();
  });
});

describe("a Mutex and its value", () => {
  it("refuses a value of which each thread would have a copy", () => {
    for (const value of [{ files: 0 }, [1], new Map(), new Int32Array(4), "text", 3]) {
      const error = thrownBy(() => new Mutex(value as never));
      expect(error.name).toBe("TypeError");
      expect(error.message).toContain("shared between threads");
    }
  });
  it("takes structs, typed arrays over shared memory, atomics and other locks", () => {
    for (const value of [Totals.create(), new Int32Array(new SharedArrayBuffer(8)), new AtomicU32(1), new Mutex()]) {
      expect(new Mutex(value).lock().value).toBe(value);
    }
  });
  it("refuses an async function in with() before it runs, and a returned promise after", () => {
    const mutex = new Mutex();
    let ran = false;
    const error = thrownBy(() => mutex.with((async () => (ran = true)) as never));
    expect(error.name).toBe("TypeError");
    expect(error.message).toContain("withAsync()");
    expect(ran).toBe(false);
    expect(mutex.poisoned).toBe(false);
    expect(thrownBy(() => mutex.with((() => Promise.resolve()) as never)).name).toBe("TypeError");
    expect(mutex.poisoned).toBe(true);
  });
});

describe("a Mutex at a place", () => {
  const Account = struct("LockableAccount", { lock: Mutex, balance: f64, tips: Mutex.of(f64) });

  it("is free where the bytes are zero, and the same for whoever opens it", () => {
    const buffer = new SharedArrayBuffer(64);
    const [one, other] = [Mutex.at(buffer, 16), Mutex.at(buffer, 16)];
    const guard = one.lock();
    expect(other.tryLock()).toBeUndefined();
    guard.release();
    expect(other.tryLock()).toBeDefined();
  });
  it("is a field of a struct, 10,000 times in one buffer", () => {
    const accounts = Account.array(10_000);
    const guards = [0, 5000, 9999].map((n) => accounts.at(n).lock.lock());
    expect(accounts.at(5000).lock.tryLock()).toBeUndefined();
    expect(accounts.at(5001).lock.tryLock()).toBeDefined();
    for (const guard of guards) guard.release();
    const tips = accounts.at(7).tips.lock();
    tips.value += 3;
    tips.release();
    expect(accounts.at(7).tips.lock().value).toBe(3);
  });
  it("lies in a wasm memory too", () => {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true });
    const buffer = memory.buffer as unknown as SharedArrayBuffer;
    const guard = Mutex.at(buffer, 1024).lock();
    expect(new Int32Array(buffer)[256]).not.toBe(0);
    guard.release();
    expect(new Int32Array(buffer)[256]).toBe(0);
  });
  it.each([
    ["a buffer that is not shared", () => Mutex.at(new ArrayBuffer(16) as never, 0), "TypeError"],
    ["a misaligned place", () => Mutex.at(new SharedArrayBuffer(16), 2), "RangeError"],
    ["a place outside", () => Mutex.at(new SharedArrayBuffer(16), 16), "RangeError"],
    ["a fraction", () => Mutex.at(new SharedArrayBuffer(16), 0.5), "RangeError"],
    ["a first value out of range", () => Mutex.of(u32, -1), "RangeError"],
    ["a name that is no string", () => new Mutex(undefined, { name: 7 as never }), "TypeError"],
  ])("refuses %s", (_what, call, name) => {
    expect(thrownBy(call).name).toBe(name);
  });
});

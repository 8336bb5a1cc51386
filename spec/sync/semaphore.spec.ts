import { describe, expect, it } from "@jest/globals";
import {
  CancelFlag,
  DeadlockError,
  DisconnectedError,
  fromHandle,
  HandleError,
  Mutex,
  Permit,
  Semaphore,
  semaphore,
  sleepAsync,
  spawn,
  struct,
  ThreadBuilder,
  TimeoutError,
  toHandle,
  u32,
} from "ferrous";
import { words } from "../support/lockers.js";
import { greedy, keeper, mutexFirst, permitFirst, taker, waiter } from "./semaphore.js";

describe("a Semaphore", () => {
  it("gives out as many permits as it has", () => {
    const slots = new Semaphore(3);
    expect(slots.available).toBe(3);
    const two = slots.acquire(2);
    expect(two).toBeInstanceOf(Permit);
    expect(two.count).toBe(2);
    expect(slots.available).toBe(1);
    const one = slots.tryAcquire();
    expect(slots.available).toBe(0);
    expect(slots.tryAcquire()).toBeUndefined();
    one?.release();
    expect(slots.tryAcquire(2)).toBeUndefined();
    two.release();
    expect(slots.available).toBe(3);
  });

  it("takes a permit back once, however often it is released", () => {
    const slots = new Semaphore(2);
    const [one, other] = [slots.acquire(), slots.acquire()];
    one.release();
    one.release();
    one[Symbol.dispose]();
    expect(slots.available).toBe(1);
    other.release();
    expect(slots.available).toBe(2);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 53])("has no %p permits, and gives none", async (count) => {
    expect(() => new Semaphore(count)).toThrow(RangeError);
    expect(() => semaphore(count)).toThrow(RangeError);
    const slots = new Semaphore(4, { name: "slots" });
    expect(() => slots.acquire(count)).toThrow(RangeError);
    expect(() => slots.tryAcquire(count)).toThrow(/whole number from 1 to 4/);
    await expect(slots.acquireAsync(count)).rejects.toThrow(/semaphore "slots"/);
    expect(slots.available).toBe(4);
  });

  it("refuses more than it has, at once and in words", () => {
    expect(() => new Semaphore(4).acquire(5)).toThrow(RangeError);
    expect(() => new Semaphore(4).tryAcquire(5)).toThrow(/from 1 to 4; it was given 5/);
  });

  it.each(["1", 1n, null, {}, []])("refuses %p as a number of permits or as options", (given) => {
    expect(() => new Semaphore(given as never)).toThrow(TypeError);
    if (typeof given !== "object") expect(() => new Semaphore(1).acquire(given as never)).toThrow(TypeError);
    expect(() => new Semaphore(1).acquire(1, "soon" as never)).toThrow(TypeError);
    expect(() => new Semaphore(1, { holders: given as never })).toThrow(TypeError);
  });

  it("takes the most that there can be", () => {
    const many = new Semaphore(2 ** 29 - 1);
    const all = many.acquire(2 ** 29 - 1);
    expect(many.available).toBe(0);
    all.release();
    expect(many.available).toBe(2 ** 29 - 1);
  });

  it("throws a TimeoutError after its time, and holds nothing more", async () => {
    const slots = new Semaphore(2, { name: "slots" });
    const keep = await holdElsewhere(slots, 2);
    expect(() => slots.acquire(1, { timeout: 5 })).toThrow(TimeoutError);
    expect(() => slots.acquire({ timeout: 0 })).toThrow(/acquire semaphore "slots"/);
    await expect(slots.acquireAsync({ timeout: 5 })).rejects.toThrow(TimeoutError);
    await keep();
    expect(slots.available).toBe(2);
  });

  it("lets in whose time is over if there are enough at that moment, though somebody has precedence who wants more", async () => {
    const slots = new Semaphore(2, { name: "slots" });
    const keep = await holdElsewhere(slots, 1);
    const large = spawn(waiter, slots, 2);
    const [event, rules] = [1, 2];
    const cells = new Int32Array(toHandle(slots).buffer);
    // It is made to look in vain, as by releases that others made use of, until newcomers let it pass for 64 ms.
    await untilTrue(() => {
      Atomics.add(cells, event, 1);
      Atomics.notify(cells, event);
      return ((Atomics.load(cells, rules) >> 1) & 7) >= 3;
    });
    try {
      for (const timeout of [0, 5]) {
        slots.acquire({ timeout }).release();
        (await slots.acquireAsync({ timeout })).release();
      }
    } finally {
      await keep();
    }
    expect(await large.joinAsync()).toBe("went on");
    expect(slots.available).toBe(2);
  });

  it("takes options without a number", () => {
    const slots = new Semaphore(1);
    slots.acquire({ timeout: 5 }).release();
    slots.acquire(1, {}).release();
    expect(slots.available).toBe(1);
  });

  it("is called off by a CancelFlag or an AbortSignal", async () => {
    const slots = new Semaphore(1);
    const permit = slots.acquire();
    const abort = new AbortController();
    const aborted = slots.acquireAsync({ signal: abort.signal });
    abort.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    const flag = new CancelFlag();
    flag.cancel("stop");
    expect(() => slots.acquire(1, { signal: flag })).toThrow();
    permit.release();
    expect(slots.available).toBe(1);
  });

  it("tells a thread that would wait for permits which it holds itself", () => {
    const slots = new Semaphore(3, { name: "slots" });
    const two = slots.acquire(2);
    expect(() => slots.acquire(2)).toThrow(DeadlockError);
    expect(() => slots.acquire(2, { timeout: 1000 })).toThrow(/semaphore "slots"/);
    expect(slots.tryAcquire(2)).toBeUndefined();
    slots.acquire().release();
    two.release();
    expect(slots.available).toBe(3);
  });

  it("gives the tasks of one thread theirs in the order in which they asked, a large one too", async () => {
    const slots = new Semaphore(2);
    const first = await slots.acquireAsync();
    const order: string[] = [];
    const large = slots.acquireAsync(2).then((permit) => {
      order.push("large");
      return permit;
    });
    const small = slots.acquireAsync().then((permit) => {
      order.push("small");
      return permit;
    });
    first.release();
    (await large).release();
    (await small).release();
    expect(order).toEqual(["large", "small"]);
    expect(slots.available).toBe(2);
  });

  it("when closed, tells who waits and who comes; what is held is given back as ever", async () => {
    const slots = new Semaphore(1, { name: "slots" });
    const permit = slots.acquire();
    const task = slots.acquireAsync();
    const thread = spawn(waiter, slots, 1);
    await untilMarked(slots);
    slots.close();
    await expect(task).rejects.toThrow(DisconnectedError);
    expect(await thread.joinAsync()).toMatch(/^DISCONNECTED: semaphore "slots" was closed/);
    expect(() => slots.acquire()).toThrow(DisconnectedError);
    expect(() => slots.tryAcquire()).toThrow(DisconnectedError);
    permit.release();
    slots.close();
    expect(slots.available).toBe(1);
  });

  it("is in a struct's field as many as were written there, of zeroed bytes", () => {
    const Pool = struct("PoolOfSlots", { slots: semaphore(4), users: u32 });
    const pool = Pool.create();
    expect(pool.slots.available).toBe(4);
    const permit = pool.slots.acquire(3);
    expect(pool.slots.available).toBe(1);
    expect(fromHandle<typeof pool>(structuredClone(toHandle(pool))).slots.available).toBe(1);
    permit.release();
    expect(Semaphore.at(new SharedArrayBuffer(1024), 8, 9).available).toBe(9);
    expect(() => Semaphore.at(new SharedArrayBuffer(16), 0, 1)).toThrow(RangeError);
    expect(() => Semaphore.at(new ArrayBuffer(64) as never, 0, 1)).toThrow(TypeError);
  });

  it("is the same behind a handle, name, permits and all; a forged one is refused", () => {
    const slots = new Semaphore(5, { name: "slots", holders: 2 });
    const handle = toHandle(slots);
    const other = fromHandle<Semaphore>(structuredClone(handle));
    const permit = slots.acquire(2);
    // Two objects of one thread share its slot, and each other's count.
    const more = other.acquire(2);
    expect(slots.available).toBe(1);
    permit.release();
    more.release();
    expect(other.available).toBe(5);
    expect(() => other.acquire(6)).toThrow(/semaphore "slots"/);
    for (const type of [undefined, 5, [5], [0, 2], [5, 1e9], [5, 64], ["5", 2]]) {
      expect(() => fromHandle({ ...handle, type })).toThrow(HandleError);
    }
    // @ts-expect-error a permit is no shared object
    expect(() => spawn((permit: Permit) => permit.count, permit)).toThrow(/belongs to the thread that took it/);
  });
});

describe("on real threads, a Semaphore", () => {
  it("never gives more than it has, of whatever weight", async () => {
    const slots = new Semaphore(3);
    const used = words(1);
    const threads = [1, 2, 3].map((seed) => spawn(taker, slots, 3, used, 20_000, seed));
    expect(await Promise.all(threads.map((thread) => thread.joinAsync()))).toEqual([0, 0, 0]);
    expect(slots.available).toBe(3);
  });

  it("lets more threads than it has slots take turns", async () => {
    const slots = new Semaphore(4, { holders: 1 });
    const used = words(1);
    const threads = [1, 2, 3].map((seed) => spawn(taker, slots, 4, used, 3_000, seed));
    expect(await Promise.all(threads.map((thread) => thread.joinAsync()))).toEqual([0, 0, 0]);
    expect(slots.available).toBe(4);
  });

  it("gets back what a thread took with it, and gives it to who waits", async () => {
    const slots = new Semaphore(4);
    spawn(keeper, slots, 3).join();
    expect(slots.available).toBe(4);
    spawn(keeper, slots, 4).join();
    slots.acquire(4, { timeout: 10_000 }).release();
  });

  it("lets a large request through small ones that never leave it enough", async () => {
    const slots = new Semaphore(3);
    const [stop, arrivals] = [words(1), words(1)];
    const threads = [1, 2, 3].map((seed) => spawn(greedy, slots, stop, arrivals, 3, seed));
    await untilTrue(() => Atomics.load(arrivals, 0) === 3);
    try {
      slots.acquire(3, { timeout: 4_000 }).release();
    } finally {
      Atomics.store(stop, 0, 1);
      await Promise.all(threads.map((thread) => thread.joinAsync()));
    }
    expect(slots.available).toBe(3);
  });
});

describe("a DeadlockError tells of a Semaphore", () => {
  it("of one permit, in a cycle with a Mutex, to one thread", async () => {
    const [slots, mutex, arrivals] = [new Semaphore(1, { name: "slots" }), new Mutex(undefined, { name: "ants" }), words(1)];
    const a = new ThreadBuilder({ name: "a" }).spawn(permitFirst, slots, mutex, arrivals, 2);
    const b = new ThreadBuilder({ name: "b" }).spawn(mutexFirst, slots, mutex, arrivals, 2, 1);
    const told = [await a.joinAsync(), await b.joinAsync()];
    expect(told.filter((end) => end === "went on")).toHaveLength(1);
    const story = told.find((end) => end !== "went on");
    expect(story).toContain("DEADLOCK");
    expect(story).toContain(`thread "a" waits for mutex "ants", held by thread "b"`);
    expect(story).toContain(`thread "b" waits for semaphore "slots", held by thread "a"`);
    expect(slots.available).toBe(1);
  });

  it("whose every permit is held by threads that are stuck", async () => {
    const [slots, mutex, arrivals] = [new Semaphore(2, { name: "slots" }), new Mutex(), words(1)];
    const threads = [1, 2].map(() => spawn(permitFirst, slots, mutex, arrivals, 3));
    const last = spawn(mutexFirst, slots, mutex, arrivals, 3, 1);
    const told = await Promise.all([...threads, last].map((thread) => thread.joinAsync()));
    expect(told.filter((end) => end !== "went on")).toHaveLength(1);
  });

  it("of which so few permits are free that they do not help", async () => {
    const [slots, mutex, arrivals] = [new Semaphore(3), new Mutex(), words(1)];
    const other = spawn(permitFirst, slots, mutex, arrivals, 2);
    const last = spawn(mutexFirst, slots, mutex, arrivals, 2, 3);
    const told = [await other.joinAsync(), await last.joinAsync()];
    expect(told.filter((end) => end !== "went on")).toHaveLength(1);
  });
});

it("no DeadlockError tells of a Semaphore of which a permit is held outside of the cycle", async () => {
  const [slots, mutex, arrivals] = [new Semaphore(2), new Mutex(), words(1)];
  const outside = slots.acquire();
  const other = spawn(permitFirst, slots, mutex, arrivals, 2);
  const last = spawn(mutexFirst, slots, mutex, arrivals, 2, 1);
  await untilMarked(slots);
  // Long enough for a verdict that must not come.
  await sleepAsync(60);
  outside.release();
  expect([await other.joinAsync(), await last.joinAsync()]).toEqual(["went on", "went on"]);
});

/** Holds permits in another thread until the returned function is called. */
async function holdElsewhere(slots: Semaphore, count: number): Promise<() => Promise<void>> {
  const stop = words(2);
  const thread = spawn(
    (semaphore: Semaphore, want: number, word: Int32Array<SharedArrayBuffer>) => {
      const permit = semaphore.acquire(want);
      Atomics.store(word, 1, 1);
      Atomics.wait(word, 0, 0);
      permit.release();
    },
    slots,
    count,
    stop,
  );
  await untilTrue(() => Atomics.load(stop, 1) === 1);
  return async () => {
    Atomics.store(stop, 0, 1);
    Atomics.notify(stop, 0);
    await thread.joinAsync();
  };
}
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await sleepAsync(1);
}
/** Until somebody waits, and so has marked who holds permits. */
async function untilMarked(slots: Semaphore): Promise<void> {
  const { buffer } = toHandle(slots);
  const cells = new Int32Array(buffer);
  const isSet = (at: number, flag: number): boolean => at < cells.length && (Atomics.load(cells, at) & flag) !== 0;
  await untilTrue(() => [4, 7].some((owner) => isSet(owner, 4) || isSet(owner + 1, 1)));
}

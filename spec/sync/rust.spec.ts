/** What Rust and parking_lot do at the points that are easy to get wrong: the same titles for each lock that can be poisoned. */
import { describe, expect, it } from "@jest/globals";
import { Condvar, Mutex, ReentrantMutex, RwLock, spawn, type ExclusiveGuard } from "ferrous";
import { until, words } from "../support/lockers.js";
import { thrownBy } from "../support/thrown.ts";
import { keep } from "./keepers.js";

type Words = Int32Array<SharedArrayBuffer>;
interface Options {
  readonly timeout?: number;
  readonly allowPoisoned?: boolean;
}
interface Guard {
  readonly value: Words;
  poison(): void;
  release(): void;
}

/** One lock, by the verbs that all have in common. */
interface Kind {
  readonly lock: Mutex<Words> | RwLock<Words> | ReentrantMutex<Words>;
  take(opts?: Options): Guard;
  tryTake(opts?: Options): Guard | undefined;
  inside(fn: (value: Words) => unknown, opts?: Options): unknown;
}
const KINDS: readonly (readonly [string, () => Kind])[] = [
  [
    "mutex",
    () => {
      const lock = new Mutex(words(1));
      return { lock, take: (o) => lock.lock(o), tryTake: (o) => lock.tryLock(o), inside: (fn, o) => lock.with(fn, o) };
    },
  ],
  [
    "rwlock, writing",
    () => {
      const lock = new RwLock(words(1));
      return { lock, take: (o) => lock.write(o), tryTake: (o) => lock.tryWrite(o), inside: (fn, o) => lock.withWrite(fn, o) };
    },
  ],
  [
    "reentrant mutex",
    () => {
      const lock = new ReentrantMutex(words(1));
      return { lock, take: (o) => lock.lock(o), tryTake: (o) => lock.tryLock(o), inside: (fn, o) => lock.with(fn, o) };
    },
  ],
];

const panic = (): never => {
  throw new Error("panic");
};
function poisoned(make: () => Kind): Kind {
  const kind = make();
  expect(thrownBy(() => kind.inside(panic)).message).toBe("panic");
  return kind;
}
/** Calls `act` while another thread holds the lock. */
async function whileHeld({ lock }: Kind, act: () => void): Promise<void> {
  const stage = words(2);
  const keeper = spawn(keep, lock, stage);
  until(() => Atomics.load(stage, 0) === 1);
  try {
    act();
  } finally {
    Atomics.store(stage, 1, 1);
    Atomics.notify(stage, 1);
    await keeper.joinAsync();
  }
}

describe.each(KINDS)("%s:", (_, make) => {
  it("try_lock when poisoned and free: poisoned", () => {
    const { tryTake } = poisoned(make);
    expect(thrownBy(() => tryTake())).toMatchObject({ code: "POISONED" });
  });
  it("try_lock when poisoned and held: would block", async () => {
    const kind = poisoned(make);
    await whileHeld(kind, () => {
      expect(kind.tryTake()).toBeUndefined();
    });
  });
  it("poisoned after a successful recovery lock: true", () => {
    const { lock, take } = poisoned(make);
    take({ allowPoisoned: true }).release();
    expect(lock.poisoned).toBe(true);
  });
  it("lock after clear_poison: works", () => {
    const { lock, take } = poisoned(make);
    lock.clearPoison();
    take().release();
    expect(lock.poisoned).toBe(false);
  });
  it("PoisonError itself holds the lock: no, here nothing is held", () => {
    const { take, tryTake } = poisoned(make);
    expect(thrownBy(() => take())).toMatchObject({ code: "POISONED" });
    expect(tryTake({ allowPoisoned: true })).toBeDefined();
  });
  it("into_inner when poisoned: the value, by allowPoisoned", () => {
    const { inside } = poisoned(make);
    expect(inside((value) => value.length, { allowPoisoned: true })).toBe(1);
  });
  it("panic under the guard: poisoned, free again", () => {
    const { lock, tryTake } = poisoned(make);
    expect(lock.poisoned).toBe(true);
    expect(tryTake({ allowPoisoned: true })).toBeDefined();
  });
  it("panic after mem::forget(guard): not poisoned, would block", async () => {
    const kind = make();
    const forgotten = kind.take();
    expect(thrownBy(panic).message).toBe("panic");
    expect(kind.lock.poisoned).toBe(false);
    const seen = spawn((lock: Kind["lock"]) => ("tryWrite" in lock ? lock.tryWrite() : lock.tryLock()) === undefined, kind.lock);
    expect(await seen.joinAsync()).toBe(true);
    forgotten.release();
  });
  it("locked and unlocked during unwinding: not poisoned", () => {
    const { lock, inside, take } = make();
    const unwinding = (): void => {
      try {
        panic();
      } finally {
        inside((value) => value.fill(1));
      }
    };
    expect(thrownBy(unwinding).message).toBe("panic");
    expect(lock.poisoned).toBe(false);
    expect(take().value[0]).toBe(1);
  });
  it("panic after drop(guard): not poisoned", () => {
    const { lock, take } = make();
    const late = (): void => {
      take().release();
      panic();
    };
    expect(thrownBy(late).message).toBe("panic");
    expect(lock.poisoned).toBe(false);
  });
  it("Err returned with the guard held: not poisoned", () => {
    const { lock, inside } = make();
    expect(inside(() => new Error("no luck"))).toMatchObject({ message: "no luck" });
    expect(lock.poisoned).toBe(false);
  });
  it("another thread panics while I hold it: not poisoned", () => {
    const { lock, take } = make();
    const guard = take();
    const failing = spawn((given: Kind["lock"]) => {
      if (!given.poisoned) throw new Error("panic");
    }, lock);
    expect(thrownBy(() => failing.join())).toMatchObject({ code: "PANIC" });
    guard.release();
    expect(lock.poisoned).toBe(false);
  });
  it("try_lock_for(20ms) on a held one: none, waited", async () => {
    const kind = make();
    await whileHeld(kind, () => {
      const start = performance.now();
      expect(thrownBy(() => kind.take({ timeout: 20 }))).toMatchObject({ code: "TIMEOUT" });
      expect(performance.now() - start).toBeGreaterThan(19);
    });
  });
});

describe.each<[string, () => { take(): ExclusiveGuard<Words>; takeAsync(): Promise<ExclusiveGuard<Words>> }]>([
  [
    "a mutex",
    () => {
      const lock = new Mutex(words(1));
      return { take: () => lock.lock(), takeAsync: () => lock.lockAsync() };
    },
  ],
  [
    "an rwlock",
    () => {
      const lock = new RwLock(words(1));
      return { take: () => lock.write(), takeAsync: () => lock.writeAsync() };
    },
  ],
])("condvar with %s:", (_, make) => {
  /** Awaits a notification; the task after it may lock meanwhile. */
  const waitIn = async (changed: Condvar, { takeAsync }: ReturnType<typeof make>): Promise<string> => {
    const guard = await takeAsync();
    try {
      return await changed.waitAsync(guard);
    } finally {
      guard.release();
    }
  };
  const waiters = async (changed: Condvar, lock: ReturnType<typeof make>, count: number): Promise<Promise<string>[]> => {
    const waits = Array.from({ length: count }, () => waitIn(changed, lock));
    // Each has its turn with the lock, in the order in which they asked, and waits in the condvar when the last one has it back.
    (await lock.takeAsync()).release();
    return waits;
  };

  it("notify_one / notify_all with nobody waiting: 0 / 0", () => {
    const changed = new Condvar();
    expect([changed.notifyOne(), changed.notifyAll()]).toEqual([0, 0]);
  });
  it("notify before wait is lost: timed out", () => {
    const [changed, { take }] = [new Condvar(), make()];
    changed.notifyOne();
    const guard = take();
    expect(changed.wait(guard, { timeout: 5 })).toBe("timed-out");
    guard.release();
  });
  it("notify_one, then notify_all with 3 waiting: 1 / 2", async () => {
    const [changed, lock] = [new Condvar(), make()];
    const waits = await waiters(changed, lock, 3);
    expect([changed.notifyOne(), changed.notifyAll()]).toEqual([1, 2]);
    expect(await Promise.all(waits)).toEqual(["ok", "ok", "ok"]);
  });
  it("wait_timeout_while, zero time, condition already met: not timed out", () => {
    const [changed, { take }] = [new Condvar(), make()];
    const guard = take();
    expect(changed.waitWhile(guard, () => false, { timeout: 0 })).toBe("ok");
    expect(changed.waitWhile(guard, () => true, { timeout: 0 })).toBe("timed-out");
    guard.release();
  });
  it("wait returns Err if poisoned meanwhile: and holds nothing", async () => {
    const [changed, lock] = [new Condvar(), make()];
    const [waiting] = await waiters(changed, lock, 1);
    const guard = lock.take();
    guard.poison();
    guard.release();
    changed.notifyAll();
    await expect(waiting).rejects.toMatchObject({ code: "POISONED" });
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions, type FailureKind, type Report } from "../../lib/check/index.ts";
import { TimeoutError } from "../../lib/errors.ts";
import { CancelFlag } from "../../lib/sync/cancel-flag.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { Deaf, Keeper, Leaver, Swallower, Tidy } from "./mutex.abort.broken.ts";

interface Shared {
  readonly mutex: Mutex;
  readonly flag: CancelFlag;
}
const setup = (): Shared => ({ mutex: new Mutex(undefined, { name: "m" }), flag: new CancelFlag() });

const passesThrough = ({ mutex }: Shared): void => {
  mutex.lock().release();
};
/** "in" or "off". */
const waitsWith = (lock: () => void): string => {
  try {
    lock();
    return "in";
  } catch (error) {
    if (error instanceof DOMException || error instanceof TimeoutError) return "off";
    throw error;
  }
};
const waitsWithFlag = ({ mutex, flag }: Shared): string =>
  waitsWith(() => {
    mutex.lock({ signal: flag }).release();
  });
const cancels = ({ flag }: Shared): void => {
  flag.cancel();
};

describe("in every interleaving, a Mutex", () => {
  it("holds nothing after an abort, at whatever step that comes", () => {
    const ends = new Set<unknown>();
    const report = check({
      setup,
      threads: { holder: passesThrough, waiter: waitsWithFlag, canceller: cancels },
      after: ({ mutex }, { waiter }) => {
        ends.add(waiter);
        expect(mutex.tryLock()).toBeDefined();
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect(ends).toEqual(new Set(["in", "off"]));
  });

  it("that is held for ever lets an aborted waiter go", () => {
    const report = check({
      setup: () => {
        const shared = setup();
        shared.mutex.lock();
        return shared;
      },
      threads: { waiter: waitsWithFlag, canceller: cancels },
      after: (_, { waiter }) => {
        expect(waiter).toBe("off");
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("wakes the next in line when a waiter is called off", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup,
        threads: { holder: passesThrough, waiter: waitsWithFlag, next: passesThrough, canceller: cancels },
        after: ({ mutex }, { waiter }) => {
          ends.add(waiter);
          expect(mutex.tryLock()).toBeDefined();
        },
      },
      { preemptions: 2, time: 30_000 },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["in", "off"]));
  });

  it("survives the death of a canceller on its way, and of a waiter on its way out", () => {
    const report = check(
      {
        setup,
        threads: {
          holder: ({ mutex }) => {
            mutex.lock({ allowPoisoned: true }).release();
          },
          waiter: waitsWithFlag,
          canceller: cancels,
        },
        after: ({ mutex, flag }, { waiter }) => {
          if (waiter === "off") expect(flag.cancelled).toBe(true);
          expect(mutex.tryLock({ allowPoisoned: true })).toBeDefined();
        },
      },
      { deaths: 1, mortal: [1, 2], preemptions: 2, time: 30_000 },
    );
    expectPassed(report);
  });
});

describe("the checker finds a waiter that", () => {
  type Kind = new (cells: Int32Array) => Leaver;
  interface Cells {
    readonly cells: Int32Array;
    readonly flag: CancelFlag;
  }
  const cellsAndFlag = (): Cells => ({ cells: new Int32Array(new SharedArrayBuffer(4)), flag: new CancelFlag() });
  /** A holder, one that gives up, and another that does not. */
  const run = (Twin: Kind, how: "flag" | "time"): Report => {
    const options: CheckOptions = { preemptions: 2, time: 30_000 };
    const threads = {
      holder: ({ cells }: Cells) => {
        new Leaver(cells).pass();
      },
      // In the checker's world a clock shows 1 ms more each time that it is asked.
      waiter: ({ cells, flag }: Cells) =>
        waitsWith(() => {
          new Twin(cells).pass(how === "flag" ? { signal: flag } : { timeout: 3 });
        }),
      next: ({ cells }: Cells) => {
        new Leaver(cells).pass();
      },
    };
    const canceller = ({ flag }: Cells): void => {
      flag.cancel();
    };
    const after = ({ cells }: Cells): void => {
      expect((cells[0] ?? 0) >>> 4).toBe(0);
    };
    return check({ setup: cellsAndFlag, threads: how === "flag" ? { ...threads, canceller } : threads, after }, options);
  };

  it.each<[string, Kind, "flag" | "time", readonly FailureKind[]]>([
    ["swallows the wake-up that it was given", Swallower, "time", ["lost wake-up", "deadlock"]],
    ["takes back a mark that others need", Tidy, "flag", ["lost wake-up", "deadlock"]],
    ["takes the lock with it", Keeper, "flag", ["lost wake-up", "deadlock", "assertion"]],
  ])("%s", (_, Twin, how, kinds) => {
    expect(kinds).toContain(run(Twin, how).failure?.kind);
    // The same without the mistake.
    expectPassed(run(Leaver, how));
  });

  it("does not look at its flag", () => {
    const held = (Twin: Kind): Report =>
      check({
        setup: () => {
          const shared = cellsAndFlag();
          new Leaver(shared.cells).lock();
          return shared;
        },
        threads: {
          waiter: ({ cells, flag }) =>
            waitsWith(() => {
              new Twin(cells).lock({ signal: flag });
            }),
          canceller: ({ flag }) => {
            flag.cancel();
          },
        },
      });
    expect(held(Deaf).failure?.kind).toBe("deadlock");
    expectPassed(held(Leaver));
  });

  it("swallows a wake-up because of its flag, and does no harm: who cancels makes everybody look again", () => {
    expectPassed(run(Swallower, "flag"));
  });
});

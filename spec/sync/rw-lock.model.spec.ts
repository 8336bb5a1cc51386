import { afterAll, describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { DeadlockError, PoisonedError } from "../../lib/errors.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Early, Forgetful, HalfTrusting, Hurried, Mourning, Quiet, Secretive, Trusting, Twin } from "./rw-lock.broken.ts";
import { downgrade, late, pauseWords, read, setup, twice, upgrade, write, type Body } from "../support/rw-bodies.ts";

/** Checks, and gives all the ends that were met. After each of them the lock must be free. Without bounds: rw-lock.model.long.ts. */
function endsOf(threads: Body[], options: CheckOptions = {}, readers = 2): string[] {
  const seen = new Set<string>();
  const report = check(
    {
      setup: () => setup(readers),
      threads,
      after: ({ lock, cells }, results) => {
        seen.add(results.map(String).join());
        // Half-written data is never without the poison.
        if (cells[0] !== cells[1]) expect(lock.poisoned).toBe(true);
        lock.write({ allowPoisoned: true }).release();
        lock.read({ allowPoisoned: true }).release();
        expect(lock.tryWrite({ allowPoisoned: true })).toBeDefined();
      },
    },
    { time: 60_000, ...options },
  );
  expectPassed(report);
  expect(report.complete).toBe(options.preemptions === undefined);
  executions.push(`${threads.length} threads, ${JSON.stringify(options)}: ${String(report.executions)}`);
  return [...seen].sort();
}
const executions: string[] = [];

/** Reads until `last` has read. */
const lingering: Body = ({ lock, cells }) => {
  const guard = lock.read();
  while (Atomics.load(cells, 2) === 0) Atomics.wait(cells, 2, 0);
  guard.release();
  return "lingered";
};
const last: Body = ({ lock, cells }) => {
  lock.read().release();
  Atomics.store(cells, 2, 1);
  Atomics.notify(cells, 2);
  return "read";
};
/** What comes of `work`, done while `held` is; "refused" if it would be a deadlock. */
function unlessRefused(held: { release(): void }, work: () => string): string {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DeadlockError)) throw error;
    return "refused";
  } finally {
    held.release();
  }
}
/** Does `work`, and says what it was told if that was poison. */
const unlessPoisoned =
  (work: (lock: RwLock<Int32Array>) => void, told: (message: string) => void = () => undefined): Body =>
  ({ lock }) => {
    try {
      work(lock);
    } catch (error) {
      if (!(error instanceof PoisonedError)) throw error;
      told(error.message);
    }
  };
const keeps: Body = ({ lock }) => void lock.write();
const hasty = late((lock) => lock.write({ timeout: 50 }), "wrote");
afterAll(() => {
  if (process.env["SHOW_EXECUTIONS"] !== undefined) console.log(executions.join("\n"));
});

describe("in every interleaving, an RwLock", () => {
  it.each<[string, Body[], CheckOptions]>([
    ["a reader and a writer", [read, write], {}],
    ["two writers", [write, write], {}],
    ["two readers", [read, read], {}],
    ["a reader and two writers", [read, write, write], { preemptions: 1 }],
    ["two readers and a writer", [read, read, write], { preemptions: 1 }],
    ["a reader and a writer, twice each", [twice(read), twice(write)], { preemptions: 2 }],
    ["a reader who comes back and two writers", [twice(read), write, write], { preemptions: 2 }],
    ["one who downgrades, a reader and a writer", [downgrade, read, write], { preemptions: 1 }],
    ["one who upgrades, a reader and a writer", [upgrade, read, write], { preemptions: 1 }],
    ["two who upgrade", [upgrade, upgrade], {}],
  ])("of %s shows nobody a half-written value, and loses no wake-up", (_, threads, options) => {
    const ends = endsOf(threads, options);
    expect(ends).toHaveLength(1);
    expect(ends[0]).not.toMatch(/undefined|poisoned|late/);
  });

  it("with fewer slots than readers lets them in one after another", () => {
    expect(endsOf([read, read], {}, 1)).toEqual(["read,read"]);
    expect(endsOf([read, read, write], { preemptions: 1 }, 1)).toEqual(["read,read,wrote"]);
  });

  it.each<[string, Body[], CheckOptions]>([
    ["two slots for three readers", [lingering, read, last], { preemptions: 1 }],
    ["two slots for three readers and a writer who gives up", [lingering, read, last, hasty], { timeouts: true, preemptions: 0 }],
  ])("of %s tells the third of whichever slot is left, while the first one waits for it", (_, threads, options) => {
    for (const end of endsOf(threads, options)) expect(end).toMatch(/^lingered,read,read/);
  });

  it.each<[string, Body[], CheckOptions]>([
    ["a reader and a writer", [read, write], { deaths: 1, preemptions: 2 }],
    ["two writers", [write, write], { deaths: 1 }],
    ["two writers, both", [write, write], { deaths: 2 }],
    ["two readers and a writer", [read, read, write], { deaths: 1, preemptions: 0 }],
    ["a reader and two writers", [read, write, write], { deaths: 1, preemptions: 0 }],
    ["one who upgrades and a reader", [upgrade, read], { deaths: 1, preemptions: 1 }],
    ["one who downgrades and a writer", [downgrade, write], { deaths: 1, preemptions: 2 }],
  ])("survives a death at every step of %s", (_, threads, options) => {
    const ends = endsOf(threads, options);
    expect(ends.some((end) => end.includes("undefined") && !end.includes("poisoned"))).toBe(true);
    // Only a writer's death poisons; and it was met.
    expect(ends.some((end) => end.includes("poisoned"))).toBe(true);
  });

  it("tells a thread that reads through one handle that it can't wait through another, while a writer waits for it", () => {
    const ends = new Set<unknown>();
    const place = (): SharedArrayBuffer => new SharedArrayBuffer(64);
    const twice = (buffer: SharedArrayBuffer): string =>
      unlessRefused(RwLock.at(buffer, 0).read(), () => {
        RwLock.at(buffer, 0).read().release();
        return "twice";
      });
    const writer = (buffer: SharedArrayBuffer): void => {
      RwLock.at(buffer, 0).write().release();
    };
    const after = (_: SharedArrayBuffer, results: readonly unknown[]): void => void ends.add(results[0]);
    expectPassed(check({ setup: place, threads: [twice, writer], after }, { preemptions: 2, time: 60_000 }));
    expect([...ends].sort()).toEqual(["refused", "twice"]);
  });

  it.each<[string, Body]>([
    ["tryWrite()", ({ lock }) => lock.tryWrite()?.release()],
    [
      "tryUpgrade()",
      ({ lock }) => {
        const guard = lock.upgradable();
        (guard.tryUpgrade() ?? guard).release();
      },
    ],
  ])("lets a thread read again beside a %s, which waits for nobody", (_, tries) => {
    const again: Body = ({ lock }) =>
      unlessRefused(lock.read(), () => {
        lock.read().release();
        return "read again";
      });
    expect(endsOf([again, tries], { preemptions: 3 })).toEqual(["read again,undefined"]);
    expect(endsOf([again, tries, write], { preemptions: 0 })).toContain("read again,undefined,wrote");
    expect(endsOf([read, tries], { deaths: 1, mortal: [1], preemptions: 2 })).toEqual(["poisoned,undefined", "read,undefined"]);
  });

  it("tells a thread that reads that it can't wait to write, also while another writer waits for it", () => {
    const more =
      (take: (lock: RwLock<Int32Array>) => { release(): void }): Body =>
      ({ lock }) =>
        unlessRefused(lock.read(), () => {
          take(lock).release();
          return "went on";
        });
    expect(endsOf([more((lock) => lock.write()), write], { preemptions: 2 })).toEqual(["refused,wrote"]);
    expect(endsOf([more((lock) => lock.upgradable()), write], { preemptions: 2 })).toEqual(["refused,wrote", "went on,wrote"]);
  });

  it("is never poisoned by the death of a reader", () => {
    const ends = endsOf([read, write], { deaths: 1, mortal: [0], preemptions: 2 });
    expect(ends).toEqual(["read,wrote", "undefined,wrote"]);
  });

  it("is in no doubt once that was declared, whoever marks it as waited for meanwhile", () => {
    const wants = unlessPoisoned((lock) => {
      lock.upgradable().release();
    });
    const clears: Body = ({ lock }) => {
      if (!lock.poisoned) return;
      lock.clearPoison();
      expect(lock.poisoned).toBe(false);
    };
    const report = check(
      { setup: () => setup(1), threads: [keeps, wants, clears] },
      { deaths: 1, mortal: [0], preemptions: 4, executions: 6000, time: 60_000 },
    );
    expect(report.failure?.trace).toBeUndefined();
  });

  it("names the dead writer to everybody", () => {
    const named = new Set<unknown>();
    const wants = unlessPoisoned(
      (lock) => lock.tryRead()?.release(),
      (message) => named.add(message),
    );
    const report = check(
      { setup: () => setup(2), threads: [keeps, wants, wants] },
      { deaths: 1, mortal: [0], preemptions: 1, time: 60_000 },
    );
    expectPassed(report);
    expect([...named]).toEqual([expect.stringContaining("thread 1")]);
  });

  it("names whoever poisoned it last, however late somebody finds the one before", () => {
    const wants = unlessPoisoned((lock) => lock.tryRead()?.release());
    const repairs: Body = ({ lock }) => {
      if (!lock.poisoned) return false;
      lock.clearPoison();
      expect(() => lock.withWrite(() => expect("repaired").toBe("worse"))).toThrow("worse");
      return true;
    };
    let repaired = 0;
    const report = check(
      {
        setup: () => setup(1),
        threads: [keeps, wants, repairs],
        after: ({ lock }, [, , isAgain]) => {
          if (isAgain !== true) return;
          repaired++;
          expect(() => lock.read()).toThrow(/thread 3/);
        },
      },
      { deaths: 1, mortal: [0], preemptions: 2, time: 60_000 },
    );
    expect(report.failure?.trace).toBeUndefined();
    expectPassed(report);
    expect(repaired).toBeGreaterThan(0);
  });

  it("holds nothing, and lets the others go on, after a time that ran out at any step", () => {
    const readLate = late((lock) => lock.read({ timeout: 50 }), "read");
    const writeLate = late((lock) => lock.write({ timeout: 50 }), "wrote");
    expect(endsOf([readLate, write], { timeouts: true, preemptions: 2 })).toEqual(["late,wrote", "read,wrote"]);
    expect(endsOf([writeLate, read], { timeouts: true, preemptions: 2 })).toEqual(["late,read", "wrote,read"]);
    expect(endsOf([writeLate, read, write], { timeouts: true, preemptions: 1 })).toEqual(["late,read,wrote", "wrote,read,wrote"]);
  });
});

describe("the checker catches an RwLock that", () => {
  interface Twins {
    readonly lock: Twin;
    readonly cells: Int32Array;
  }
  const verdict = (Broken: new (cells: Int32Array) => Twin, options: CheckOptions = {}): string => {
    const reader =
      (n: number) =>
      ({ lock, cells }: Twins): void => {
        lock.read(n, () => {
          const first = cells[0];
          pauseWords();
          expect(cells[1]).toBe(first);
        });
      };
    const writer = ({ lock, cells }: Twins): void => {
      lock.write(() => {
        cells[0] = (cells[0] ?? 0) + 1;
        pauseWords();
        cells[1] = (cells[1] ?? 0) + 1;
      });
    };
    const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
    const report = check<Twins>(
      {
        setup: () => ({ lock: new Broken(words(3)), cells: words(2) }),
        threads: [reader(0), writer, options.deaths === undefined ? writer : reader(1)],
      },
      { time: 30_000, preemptions: 2, ...options },
    );
    return report.failure?.kind ?? report.verdict;
  };

  it.each<[string, new (cells: Int32Array) => Twin, CheckOptions]>([
    ["reads without a second look", Trusting, {}],
    ["looks only for a writer before it stays", HalfTrusting, {}],
    ["leaves without waking", Quiet, {}],
    ["waits for the dead", Mourning, { deaths: 1, mortal: [0], preemptions: 1 }],
    ["forgets who waits in a slot", Forgetful, {}],
    ["looks at the slots too early", Early, {}],
    ["opens the slots without saying so", Secretive, {}],
    ["does not wake who came while it unlocked", Hurried, {}],
  ])("%s", (_, Broken, options) => {
    expect(verdict(Broken, options)).toMatch(/lost wake-up|deadlock|assertion|data race/);
    expect(verdict(Twin, options)).toBe("passed");
  });
});

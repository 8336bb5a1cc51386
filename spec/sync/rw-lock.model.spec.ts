import { afterAll, describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { PoisonedError, TimeoutError } from "../../lib/errors.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";

interface Shared {
  readonly lock: RwLock<Int32Array>;
  readonly cells: Int32Array;
}
const setup = (readers: number): Shared => {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  return { cells, lock: new RwLock(cells, { name: "rw", readers }) };
};
type Body = (s: Shared) => unknown;

/** A step that others may see: between two of a writer's stores, or of a reader's loads. */
const pauseWords = (): void => {
  Atomics.load(new Int32Array(new SharedArrayBuffer(4)), 0);
};
const careful =
  (body: Body): Body =>
  (s) => {
    try {
      return body(s);
    } catch (error) {
      if (error instanceof PoisonedError) return "poisoned";
      if (error instanceof TimeoutError) return "late";
      throw error;
    }
  };
const write = careful(({ lock }) => {
  const guard = lock.write();
  const cells = guard.value;
  expect(cells[0]).toBe(cells[1]);
  cells[0] = (cells[0] ?? 0) + 1;
  pauseWords();
  cells[1] = (cells[1] ?? 0) + 1;
  guard.release();
  return "wrote";
});
const read = careful(({ lock }) => {
  const guard = lock.read();
  const first = guard.value[0];
  pauseWords();
  expect(guard.value[1]).toBe(first);
  guard.release();
  return "read";
});
const downgrade = careful(({ lock }) => {
  const writer = lock.write();
  writer.value[0] = (writer.value[0] ?? 0) + 1;
  writer.value[1] = (writer.value[1] ?? 0) + 1;
  const wrote = writer.value[0];
  const reader = writer.downgrade();
  pauseWords();
  // Nobody has written in between.
  expect(reader.value[0]).toBe(wrote);
  reader.release();
  return "wrote";
});
const upgrade = careful(({ lock }) => {
  const reader = lock.upgradable();
  const first = reader.value[0] ?? 0;
  const writer = reader.upgrade();
  expect(writer.value[0]).toBe(first);
  writer.value[0] = first + 1;
  pauseWords();
  writer.value[1] = first + 1;
  writer.release();
  return "wrote";
});
const twice =
  (body: Body): Body =>
  (s) =>
    [body(s), body(s)].join("+");
/** As a call with a timeout, which the checker may let run out at any step. */
const late = (take: (lock: RwLock<Int32Array>) => { release(): void }, did: string): Body =>
  careful(({ lock }) => {
    take(lock).release();
    return did;
  });

/** Checks, and gives all the ends that were met. After each of them the lock must be free. */
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
afterAll(() => {
  if (process.env["SHOW_EXECUTIONS"] !== undefined) console.log(executions.join("\n"));
});

describe("in every interleaving, an RwLock", () => {
  it.each<[string, Body[], CheckOptions]>([
    ["a reader and a writer", [read, write], {}],
    ["two writers", [write, write], {}],
    ["two readers", [read, read], {}],
    ["a reader and two writers", [read, write, write], { preemptions: 2 }],
    ["two readers and a writer", [read, read, write], { preemptions: 2 }],
    ["a reader and a writer, twice each", [twice(read), twice(write)], { preemptions: 2 }],
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
    ["a reader and a writer", [read, write], { deaths: 1 }],
    ["two writers", [write, write], { deaths: 1 }],
    ["two writers, both", [write, write], { deaths: 2 }],
    ["two readers and a writer", [read, read, write], { deaths: 1, preemptions: 1 }],
    ["a reader and two writers", [read, write, write], { deaths: 1, preemptions: 1 }],
    ["one who upgrades and a reader", [upgrade, read], { deaths: 1, preemptions: 2 }],
    ["one who downgrades and a writer", [downgrade, write], { deaths: 1, preemptions: 2 }],
  ])("survives a death at every step of %s", (_, threads, options) => {
    const ends = endsOf(threads, options);
    expect(ends.some((end) => end.includes("undefined") && !end.includes("poisoned"))).toBe(true);
    // Only a writer's death poisons; and it was met.
    expect(ends.some((end) => end.includes("poisoned"))).toBe(true);
  });

  it("is never poisoned by the death of a reader", () => {
    const ends = endsOf([read, write], { deaths: 1, mortal: [0] });
    expect(ends).toEqual(["read,wrote", "undefined,wrote"]);
  });

  it("holds nothing, and lets the others go on, after a time that ran out at any step", () => {
    const readLate = late((lock) => lock.read({ timeout: 50 }), "read");
    const writeLate = late((lock) => lock.write({ timeout: 50 }), "wrote");
    expect(endsOf([readLate, write], { timeouts: true })).toEqual(["late,wrote", "read,wrote"]);
    expect(endsOf([writeLate, read], { timeouts: true })).toEqual(["late,read", "wrote,read"]);
    expect(endsOf([writeLate, read, write], { timeouts: true, preemptions: 1 })).toEqual(["late,read,wrote", "wrote,read,wrote"]);
  });
});

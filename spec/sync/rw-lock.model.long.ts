import { describe, expect, it } from "@jest/globals";
import { check, expectPassed, type CheckOptions } from "../../lib/check/index.ts";
import { late, read, setup, upgrade, write, type Body } from "../support/rw-bodies.ts";

const readLate = late((lock) => lock.read({ timeout: 50 }), "read");
const writeLate = late((lock) => lock.write({ timeout: 50 }), "wrote");

describe("without bounds, an RwLock", () => {
  it.each<[string, Body[], CheckOptions]>([
    ["a reader and a writer, a death", [read, write], { deaths: 1 }],
    ["one who upgrades and a reader, a death", [upgrade, read], { deaths: 1, preemptions: 3 }],
    ["two readers and a writer", [read, read, write], { preemptions: 3 }],
    ["a reader and two writers", [read, write, write], { preemptions: 3 }],
    ["two readers and a writer, a death", [read, read, write], { deaths: 1, preemptions: 1 }],
    ["a reader and two writers, a death", [read, write, write], { deaths: 1, preemptions: 1 }],
    ["a reader whose time runs out", [readLate, write], { timeouts: true }],
    ["a writer whose time runs out", [writeLate, read], { timeouts: true }],
  ])(
    "of %s shows nobody a half-written value, and hangs never",
    (_, threads, options) => {
      const report = check(
        {
          setup: () => setup(2),
          threads,
          after: ({ lock, cells }) => {
            if (cells[0] !== cells[1]) expect(lock.poisoned).toBe(true);
            lock.write({ allowPoisoned: true }).release();
            lock.read({ allowPoisoned: true }).release();
          },
        },
        { time: 900_000, ...options },
      );
      expectPassed(report);
    },
    1_000_000,
  );
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { TimeoutError } from "../../lib/errors.ts";
import { Word } from "../../lib/memory/word.ts";
import { wait, type Waiter } from "../../lib/park/wait.ts";

/** One token in a word: 0 none, 1 there, 2 none and somebody sleeps. */
const take = (state: Word) => (_: Waiter) => {
  for (;;) {
    const seen = state.load();
    if (seen === 1) {
      if (state.compareExchange(1, 0) === 1) return undefined;
      continue;
    }
    if (seen === 2 || state.compareExchange(0, 2) === 0) return { word: state, value: 2 };
  }
};
const give = (state: Word): void => {
  if (state.exchange(1) === 2) state.notify();
};
const token = { describe: () => "the token" };
const setup = (): Word => Word.at(new SharedArrayBuffer(4), 0);

describe("in every interleaving, the driver that blocks", () => {
  it("sleeps no longer than its attempt fails", () => {
    const report = check({
      setup,
      threads: [
        (state) => {
          wait(take(state), token, "take", undefined);
        },
        give,
      ],
      after: (state) => {
        expect(state.load()).toBe(0);
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it("is not fooled by waking without cause", () => {
    expectPassed(
      check(
        {
          setup,
          threads: [
            (state) => {
              wait(take(state), token, "take", undefined);
            },
            give,
          ],
        },
        { spurious: 2 },
      ),
    );
  });

  it("takes nothing when its time is over, at whatever step that is", () => {
    const ends = new Set<string>();
    const report = check(
      {
        setup,
        threads: [
          (state) => {
            try {
              wait(take(state), token, "take", { timeout: 20 });
              return "taken";
            } catch (error) {
              if (error instanceof TimeoutError) return "late";
              throw error;
            }
          },
          give,
        ],
        after: (state, [end]) => {
          ends.add(String(end));
          expect(state.load()).toBe(end === "taken" ? 0 : 1);
        },
      },
      { timeouts: true },
    );
    expectPassed(report);
    expect(ends).toEqual(new Set(["taken", "late"]));
  });

  it("wakes after a death, but leaves it to the attempt what to make of that", () => {
    const report = check(
      {
        setup: () => ({ state: setup(), done: setup() }),
        threads: [
          ({ state }) => {
            wait(take(state), token, "take", { timeout: 1e6 });
          },
          ({ state }) => {
            give(state);
          },
        ],
      },
      { deaths: 1 },
    );
    // This attempt does not ask who lives, and sleeps on.
    expect(report.failure?.kind).toMatch(/deadlock|lost wake-up/);
    expect(report.failure?.trace).toContain("dies");
  });

  describe("with an attempt that only lets others go first for a while", () => {
    /** Takes the token at its second look, although nobody tells it to. */
    const patient =
      (state: Word, looks = 2) =>
      ({ wakes }: Waiter) =>
        wakes + 1 < looks ? { word: state, value: 0, atMost: 1 } : undefined;

    it("sleeps no longer than that", () => {
      const report = check({
        setup,
        threads: [
          (state) => {
            wait(patient(state), token, "take", undefined);
          },
        ],
      });
      expectPassed(report);
      expect(report.executions).toBe(1);
    });

    it("sees all orders in which two such sleeps can end", () => {
      const orders = new Set<string>();
      const report = check({
        setup: () => ({ state: setup(), next: setup() }),
        threads: [0, 1].map(() => ({ state, next }: { state: Word; next: Word }) => {
          wait(patient(state), token, "take", undefined);
          return next.add(1);
        }),
        after: (_, results) => {
          orders.add(results.join());
        },
      });
      expectPassed(report);
      expect(orders).toEqual(new Set(["0,1", "1,0"]));
    });

    it("is stuck if that gets it nowhere", () => {
      const report = check({
        setup,
        threads: [
          (state) => {
            wait(patient(state, Infinity), token, "take", undefined);
          },
        ],
      });
      expect(report.failure?.kind).toBe("deadlock");
    });

    it("sleeps until its own time is over, if that comes first", () => {
      const ends = new Set<unknown>();
      const report = check(
        {
          setup,
          threads: [
            (state) => {
              try {
                wait(() => ({ word: state, value: 0, atMost: 60 }), token, "take", { timeout: 50 });
              } catch (error) {
                return error instanceof TimeoutError;
              }
              return "taken";
            },
          ],
          after: (_, [end]) => {
            ends.add(end);
          },
        },
        { timeouts: true },
      );
      expectPassed(report);
      expect(ends).toEqual(new Set([true]));
    });
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";

const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(8));
const set = (cells: Int32Array) => Atomics.store(cells, 0, 1);

/** Looks until the flag is set or the time is over, as a lock with a deadline does. */
const until =
  (ms: number, now: () => number) =>
  (cells: Int32Array): string => {
    const end = now() + ms;
    while (Atomics.load(cells, 0) === 0) if (now() > end) return "late";
    return "set";
  };
const CLOCKS: [string, () => number][] = [
  ["Date.now()", () => Date.now()],
  ["performance.now()", () => performance.now()],
];

/** What a thread can end with while another one sets the flag. */
function endsOf(body: (cells: Int32Array) => unknown): unknown[] {
  const ends = new Set<unknown>();
  expectPassed(check({ setup: words, threads: [body, set], after: (_state, [end]) => void ends.add(end) }));
  return [...ends].sort();
}

describe("a thread that looks more than once before it goes into a loop", () => {
  const look = (cells: Int32Array): number => Atomics.load(cells, 0);
  const spin = (cells: Int32Array): void => {
    while (look(cells) === 0);
  };
  it("is not held back before it is in the loop", () => {
    const twice = (cells: Int32Array): string => {
      const seen = `${String(look(cells))}, ${String(look(cells))}`;
      spin(cells);
      return seen;
    };
    expect(endsOf(twice)).toEqual(["0, 0", "0, 1", "1, 1"]);
  });

  it("may leave one loop for another that only looks", () => {
    const slow = (cells: Int32Array): number => {
      for (let looks = 0; looks < 20; looks++) if (look(cells) === 1) return looks;
      spin(cells);
      return 20;
    };
    expect(endsOf(slow)).toHaveLength(21);
  });

  it("may find the flag set at each place of a loop that looks at several", () => {
    const letters = (cells: Int32Array): string => {
      for (;;) {
        if (look(cells) === 1) return "a";
        if (look(cells) === 1) return "b";
        if (look(cells) === 1) return "c";
        if (look(cells) === 1) return "d";
      }
    };
    expect(endsOf(letters)).toEqual(["a", "b", "c", "d"]);
  });
});

describe("a thread that spins", () => {
  it.each(CLOCKS)("until %s says that it is late is no livelock", (_, now) => {
    const report = check({
      setup: words,
      threads: [until(5000, now)],
      after: (_state, [end]) => {
        expect(end).toBe("late");
      },
    });
    expectPassed(report);
    expect(report.complete).toBe(true);
  });

  it.each(CLOCKS)("until %s says that it is late may be late, or not", (_, now) => {
    const ends = new Set<unknown>();
    const report = check({ setup: words, threads: [until(2000, now), set], after: (_state, [end]) => void ends.add(end) });
    expectPassed(report);
    expect(report.complete).toBe(true);
    expect(ends).toEqual(new Set(["late", "set"]));
  });

  it("until a day is over sees no more executions than a few, and one with a deadline that never comes is a livelock", () => {
    const day = check({ setup: words, threads: [until(86_400_000, Date.now), set] });
    expectPassed(day);
    expect(day.executions).toBeLessThan(40);
    expect(check({ setup: words, threads: [until(Infinity, () => Date.now())] }).failure?.kind).toBe("livelock");
  });

  it("not, but does the same again and again, has 1 ms go by with each look at a clock", () => {
    const report = check({
      setup: words,
      threads: [
        (cells) => {
          const end = Date.now() + 200;
          for (let round = 0; round < 100; round++) {
            while (Atomics.compareExchange(cells, 0, 0, 1) !== 0);
            Atomics.store(cells, 0, 0);
            if (Date.now() > end) return "late";
          }
          return "in time";
        },
      ],
      after: (_state, [end]) => {
        expect(end).toBe("in time");
      },
    });
    expectPassed(report);
  });

  it("1,500 times before it waits is found to sleep, not to spin", () => {
    const patient = (cells: Int32Array): unknown => {
      for (let round = 0; round < 1500; round++) if (Atomics.load(cells, 0) !== 0) return "seen";
      return Atomics.wait(cells, 0, 0);
    };
    expect(check({ setup: words, threads: [patient] }).failure).toMatchObject({ kind: "deadlock" });
    const forgetful = check({ setup: words, threads: [patient, set] });
    expect(forgetful.failure?.kind).toBe("lost wake-up");
  });

  it.each([1, 70])("and reads plainly as well, %i times in each round, is held back all the same", (reads) => {
    const scenario = {
      setup: () => ({ flag: words(), data: words() }),
      threads: [
        ({ flag, data }: { flag: Int32Array; data: Int32Array }) => {
          let sum = 0;
          while (Atomics.load(flag, 0) === 0) for (let read = 0; read < reads; read++) sum += data[read % 2] as number;
          return sum;
        },
      ],
    };
    if (reads === 1) expect(check(scenario).failure?.kind).toBe("livelock");
    const report = check({ ...scenario, threads: [...scenario.threads, ({ flag }) => set(flag)] });
    expectPassed(report);
    expect(report).toMatchObject({ complete: true, executions: 2 });
  });

  it("by a throw of the dice that seldom comes is no livelock", () => {
    const report = check({
      setup: words,
      threads: [
        (cells) => {
          while (Atomics.load(cells, 0) === 0) if (Math.random() < 0.001) return;
        },
      ],
    });
    expect(report.failure?.kind).not.toBe("livelock");
  });

  it("with a pause as long as the dice say is held back", () => {
    const report = check({
      setup: words,
      threads: [
        (cells) => {
          while (Atomics.load(cells, 0) === 0) for (let pause = Math.random() * 8; pause > 0; pause--);
        },
        set,
      ],
    });
    expectPassed(report);
    expect(report).toMatchObject({ complete: true, executions: 2 });
  });
});

import { describe, expect, it } from "@jest/globals";
import { check, expectPassed } from "../../lib/check/index.ts";
import { struct } from "../../lib/memory/layout.ts";
import { Word } from "../../lib/memory/word.ts";
import { wait } from "../../lib/park/wait.ts";
import { fromHandle, toHandle } from "../../lib/send/handle.ts";
import { Latch, latch } from "../../lib/sync/latch.ts";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

describe("a Latch", () => {
  it("opens when it was counted down", async () => {
    const it = new Latch(3);
    const waits = [it.waitAsync(), it.waitAsync()];
    it.countDown();
    expect([it.count, it.tryWait()]).toEqual([2, false]);
    expect(thrownBy(() => it.wait({ timeout: 1 })).code).toBe("TIMEOUT");
    it.countDown(2);
    await Promise.all(waits);
    it.wait();
    expect([it.count, it.tryWait()]).toEqual([0, true]);
  });
  it("of none is open", () => {
    new Latch(0).wait();
  });
  it("refuses to count what is not there, and counts nothing then", () => {
    const it = new Latch(2, { name: "loaded" });
    for (const by of [3, 0, -1, 1.5, Number.NaN]) expect(thrownBy(() => it.countDown(by)).name).toBe("RangeError");
    expect(thrownBy(() => it.countDown(3)).message).toContain('latch "loaded"');
    expect(it.count).toBe(2);
    for (const count of [-1, 0.5, 2 ** 30]) expect(thrownBy(() => new Latch(count)).name).toBe("RangeError");
  });
  it("can be waited for with an AbortSignal", async () => {
    const error = await rejectionOf(new Latch(1, { name: "a" }).waitAsync({ timeout: 1 }));
    expect(error.message).toContain('latch "a"');
    await expect(new Latch(1).waitAsync({ signal: AbortSignal.abort("enough") })).rejects.toBe("enough");
  });
  it("lies in a struct, and behind a handle", () => {
    const start = struct("LatchStart", { ready: latch(2) }).create();
    start.ready.countDown();
    expect(fromHandle<Latch>(toHandle(start.ready)).count).toBe(1);
  });
});

describe("in every interleaving, a Latch", () => {
  it.each([
    [2, {}],
    [3, {}],
    [2, { timeouts: true }],
  ] as const)("counted down by %i threads wakes who waits: %j", (threads, options) => {
    const report = check(
      {
        setup: () => ({ it: new Latch(threads), cells: new Int32Array(new SharedArrayBuffer(4 * threads)) }),
        threads: Array.from({ length: threads }, (_, me) => ({ it, cells }: { it: Latch; cells: Int32Array }) => {
          cells[me] = 1;
          it.countDown();
          it.wait();
          expect(cells[1 - Math.min(me, 1)]).toBe(1);
        }),
      },
      { ...options, time: 10_000 },
    );
    expectPassed(report);
  });
  it("hangs nobody whose wait has a limit, when one dies that should have counted", () => {
    const ends = new Set<unknown>();
    const report = check(
      {
        setup: () => new Latch(1),
        threads: [
          (it: Latch) => {
            it.countDown();
          },
          (it: Latch) => {
            try {
              it.wait({ timeout: 50 });
              return "open";
            } catch {
              return "late";
            }
          },
        ],
        after: (_, [, end]) => void ends.add(end),
      },
      { deaths: 1, timeouts: true, time: 10_000 },
    );
    expectPassed(report);
    expect(ends).toContain("open");
    expect(ends).toContain("late");
  });
  it.each(["mute", "storing", undefined])("and the checker catches one that is %s", (mistake) => {
    const report = check({
      setup: () => new Int32Array(new SharedArrayBuffer(4)),
      threads: [0, 1].map(() => (cells: Int32Array) => {
        const word = new Word(cells as Int32Array<SharedArrayBuffer>, 0);
        if (mistake === "storing") word.store(word.load() + 1);
        else word.add(1);
        if (mistake !== "mute" && word.load() === 2) word.notify();
        const attempt = (): { word: Word; value: number } | undefined => {
          const value = word.load();
          return value === 2 ? undefined : { word, value };
        };
        wait(attempt, { describe: () => "a twin" }, "wait", undefined);
      }),
    });
    if (mistake === undefined) expectPassed(report);
    else expect(report.failure).toBeDefined();
  });
});

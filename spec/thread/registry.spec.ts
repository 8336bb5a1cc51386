/** The registry of threads, by itself: no thread runs here. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { Field, MAX_THREADS, Registry } from "../../lib/thread/registry.ts";

describe("Registry", () => {
  it("gives unique ids, and never takes a stale one for a living one", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("claim", "begin", "markDead"), fc.nat(50)), { maxLength: 100 }), (steps) => {
        const all = Registry.create();
        const alive = new Map<number, boolean>();
        for (const [step, pick] of steps) {
          const ids = [...alive.keys()];
          const id = ids[pick % Math.max(1, ids.length)];
          if (step === "claim" || id === undefined) {
            all.cursor.store(0);
            const fresh = all.claim();
            expect(fresh > 0 && !alive.has(fresh)).toBe(true);
            alive.set(fresh, true);
          } else if (step === "begin") all.begin(id, 1);
          else {
            all.setWatched(id, false);
            expect(all.markDead(id)).toBe(alive.get(id));
            alive.set(id, false);
          }
          for (const [known, lives] of alive) expect(all.isAlive(known)).toBe(lives);
          expect(all.unwatched.load()).toBe(0);
        }
      }),
    );
  });

  it("refuses when it is full, and reuses what is free", () => {
    const all = Registry.create();
    const ids = Array.from({ length: MAX_THREADS }, () => all.claim());
    expect(new Set(ids).size).toBe(MAX_THREADS);
    expect(() => all.claim()).toThrow(expect.objectContaining({ code: "TOO_MANY_THREADS" }) as Error);
    const [, first = 0, second = 0] = ids;
    all.markDead(second);
    all.markDead(first);
    expect([all.claim(), all.claim()].map((id) => id % MAX_THREADS)).toEqual([first, second].map((id) => id % MAX_THREADS));
  });

  it("retires an index whose generation is spent", () => {
    const all = Registry.create();
    const index = all.claim() % MAX_THREADS;
    all.field(index, Field.LIFE).store((0xffff << 2) | 3);
    for (let at = 1; at < MAX_THREADS; at++) expect(all.claim() % MAX_THREADS).not.toBe(index);
    expect(() => all.claim()).toThrow(expect.objectContaining({ code: "TOO_MANY_THREADS" }) as Error);
  });

  it("cuts names to 64 bytes, never half a character", () => {
    const all = Registry.create();
    const id = all.claim();
    all.setName(id, `x${"ü".repeat(60)}`);
    expect(all.nameOf(id)).toBe(`x${"ü".repeat(31)}`);
  });
});

/** The shared table by itself: whatever step a merge is cut short at, repair() brings back what was there before. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { pack, WordTable, type Batch } from "../../examples/word-frequency/word-table.js";

const word = fc.stringMatching(/^[a-cß東]{1,3}$/u);
const counts = fc.dictionary(word, fc.integer({ min: 1, max: 9 }), { maxKeys: 12, noNullPrototype: true });
type Counts = Record<string, number>;

/** One batch a file, as if each word of it had been counted. */
const batchOf = (file: number, words: Counts): Batch =>
  pack(new Map(Object.entries(words)), [{ file, bytes: 1, words: Object.values(words).reduce((a, b) => a + b, 0), skipped: false }]);

class Killed extends Error {}

/** A batch whose `step`-th use throws. */
function killedAt(batch: Batch, step: number): Batch {
  let used = 0;
  return new Proxy(batch, {
    get: (target, key: keyof Batch) => {
      if (used++ === step) throw new Killed();
      return target[key];
    },
  });
}

const freshTable = (files: number) => new WordTable(WordTable.allocate({ files, bytes: 2000 }));
const stateOf = (table: WordTable) => ({ counts: table.counts(), now: JSON.stringify(table.now), uncounted: table.uncounted() });

describe("a WordTable", () => {
  it("sums up its batches", () => {
    fc.assert(
      fc.property(fc.array(counts, { maxLength: 6 }), (batches) => {
        const table = freshTable(batches.length);
        const model = new Map<string, number>();
        batches.forEach((words, file) => {
          table.merge(batchOf(file, words));
          for (const [text, n] of Object.entries(words)) model.set(text, (model.get(text) ?? 0) + n);
        });
        table.audit();
        expect(table.counts()).toEqual(model);
        expect(table.uncounted()).toEqual([]);
      }),
    );
  });

  it("is what it was before a merge that was cut short anywhere, and goes on from there", () => {
    fc.assert(
      fc.property(counts, counts, fc.nat(80), (first, second, step) => {
        const table = freshTable(2);
        table.merge(batchOf(0, first));
        const before = stateOf(table);
        const batch = batchOf(1, second);
        let killed = true;
        try {
          table.merge(killedAt(batch, step));
          killed = false;
        } catch (error) {
          if (!(error instanceof Killed)) throw error;
        }
        table.repair();
        if (killed) {
          expect(stateOf(table)).toEqual(before);
          expect(table.repair()).toBe(0);
          table.merge(batch);
        }
        table.audit();
        const straight = freshTable(2);
        straight.merge(batchOf(0, first));
        straight.merge(batch);
        expect(stateOf(table)).toEqual(stateOf(straight));
      }),
      { numRuns: 300 },
    );
  });

  it("forgets the files of a merge that died after it had marked some", () => {
    const table = freshTable(3);
    const batch = batchOf(0, { a: 1 });
    const files = {
      *[Symbol.iterator]() {
        yield { file: 0, bytes: 1, words: 1, skipped: false };
        yield { file: 1, bytes: 1, words: 0, skipped: true };
        throw new Killed();
      },
    };
    expect(() => {
      table.merge({ ...batch, files: files as never });
    }).toThrow(Killed);
    expect(table.repair()).toBe(1);
    expect(stateOf(table)).toEqual(stateOf(freshTable(3)));
  });
});

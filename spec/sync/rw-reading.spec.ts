import { expect, it } from "@jest/globals";
import { Word } from "../../lib/memory/word.ts";
import { Reading } from "../../lib/sync/rw-reading.ts";
import { bytesOf, OWNER_SHIFT, RwWords, spread } from "../../lib/sync/rw-words.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";

const WAITS = 1 << 1;

it("a reader that was let in, and has not woken yet, does not read elsewhere: it would be told of a deadlock with the next writer", () => {
  const { registry } = currentThread();
  const writer = registry.claim();
  registry.begin(writer, 0);
  const shape = spread(2);
  const words = new RwWords(Word.fresh(bytesOf(shape)), shape, () => "the lock");
  const reading = new Reading(words);
  const me = currentId();
  words.state.store(writer << OWNER_SHIFT);
  expect(reading.entering()({ me, blocks: false, wakes: 0 })).toBeDefined();
  expect(words.slot(0).load()).toBe((me << OWNER_SHIFT) | WAITS);
  expect(reading.elsewhere).toBe(0);
  // As the writer does who unlocks.
  words.slot(0).and(~WAITS);
  expect(reading.elsewhere).toBe(0);
  expect(new Reading(words).elsewhere).toBe(1);
  registry.markDead(writer);
});

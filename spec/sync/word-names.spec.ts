/** How the words of locks read in the checker's traces. */
import { expect, it } from "@jest/globals";
import { LAYOUT } from "../../lib/memory/place.ts";
import { wordsOf } from "../../lib/memory/word-names.ts";
import { HANDLE } from "../../lib/send/handle.ts";
import { Barrier, barrier } from "../../lib/sync/barrier.ts";
import { Condvar } from "../../lib/sync/condvar.ts";
import { Latch } from "../../lib/sync/latch.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { Once } from "../../lib/sync/once.ts";
import { ReentrantMutex } from "../../lib/sync/reentrant-mutex.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";

const threadOf = (id: number): string => `thread ${String(id)}`;

it.each<[string, { [HANDLE](): { kind: string; type?: unknown } }, string, number, string]>([
  ["a Once", new Once(), "state", (3 << 2) | 1, "thread 3+RUNNING"],
  ["a Once that is done", new Once(), "state", 3, "DONE"],
  ["a OnceLock", new OnceLock(), "state", (3 << 2) | 1, "thread 3+RUNNING"],
  ["a OnceLock that nobody initialises", new OnceLock(), "state", 0, "EMPTY"],
  ["a Latch", new Latch(3), "counted", 2, "2 of 3"],
  ["a Barrier", new Barrier(3), "state", (5 << 15) | (2 << 1) | 1, "generation 5, 2 came, BROKEN"],
  ["a Barrier's slot", new Barrier(3), "slot 2", (4 << 4) | 1, "thread 4+WAITING"],
  ["a Condvar's owner", new Condvar(), "owner 30", 7, "thread 7"],
  ["a Condvar's counts", new Condvar(), "counts 0", (1 << 15) | 2, "2 wait, 1 notified"],
  ["a ReentrantMutex' counter", new ReentrantMutex(), "counter", 2, "thread 2"],
  ["an RwLock", new RwLock(), "state", (9 << 4) | 9, "thread 9+WAITERS+OPEN"],
  ["an RwLock's slot", new RwLock(), "slot 1", (9 << 4) | 2, "thread 9+WAITS"],
  ["a Semaphore", new Semaphore(2), "lock", (4 << 1) | 1, "thread 4+CONTENDED"],
  ["a Semaphore's permits", new Semaphore(2), "held 0", (2 << 1) | 1, "2 held+WANTED"],
])("the words of %s read as its picture names them", (_, object, word, value, text) => {
  const { kind, type } = object[HANDLE]();
  const found = wordsOf(kind, type).find(({ name }) => name === word);
  expect(found?.show?.(value, threadOf)).toBe(text);
});

it("words have their place: as many as lie in a struct's field", () => {
  for (const { kind, type, byteLength } of [Condvar[LAYOUT], RwLock[LAYOUT], Once[LAYOUT], ReentrantMutex[LAYOUT], barrier(4)[LAYOUT]])
    expect(wordsOf(kind, type)).toHaveLength(byteLength / 4);
});

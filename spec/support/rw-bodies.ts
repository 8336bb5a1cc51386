/** What modelled threads do with an RwLock. */
import { expect } from "@jest/globals";
import { PoisonedError, TimeoutError } from "../../lib/errors.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";

export interface Shared {
  readonly lock: RwLock<Int32Array>;
  readonly cells: Int32Array;
}
export const setup = (readers: number): Shared => {
  const cells = new Int32Array(new SharedArrayBuffer(12));
  return { cells, lock: new RwLock(cells, { name: "rw", readers }) };
};
export type Body = (s: Shared) => unknown;

/** A step that others may see: between two of a writer's stores, or of a reader's loads. */
export const pauseWords = (): void => {
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
export const write = careful(({ lock }) => {
  const guard = lock.write();
  const cells = guard.value;
  expect(cells[0]).toBe(cells[1]);
  cells[0] = (cells[0] ?? 0) + 1;
  pauseWords();
  cells[1] = (cells[1] ?? 0) + 1;
  guard.release();
  return "wrote";
});
export const read = careful(({ lock }) => {
  const guard = lock.read();
  const first = guard.value[0];
  pauseWords();
  expect(guard.value[1]).toBe(first);
  guard.release();
  return "read";
});
export const downgrade = careful(({ lock }) => {
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
export const upgrade = careful(({ lock }) => {
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
export const twice =
  (body: Body): Body =>
  (s) =>
    [body(s), body(s)].join("+");
/** As a call with a timeout, which the checker may let run out at any step. */
export const late = (take: (lock: RwLock<Int32Array>) => { release(): void }, did: string): Body =>
  careful(({ lock }) => {
    take(lock).release();
    return did;
  });

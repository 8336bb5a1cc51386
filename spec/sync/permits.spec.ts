import { afterEach, describe, expect, it, jest } from "@jest/globals";
import { host } from "../../lib/host/node.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";
import { currentId, currentThread } from "../../lib/thread/current.ts";
import { bytesOfPermits, Permits } from "../../lib/sync/permits.ts";

const fresh = (total: number): { readonly permits: Permits; readonly words: Int32Array } => {
  const buffer = new SharedArrayBuffer(bytesOfPermits(total));
  return { permits: new Permits(buffer, 0, total, total), words: new Int32Array(buffer) };
};
const RULES = 2;
/** A name that no thread has yet. */
const NOBODYS = (1 << 26) - 1;

afterEach(() => {
  jest.restoreAllMocks();
});

describe("permits", () => {
  it("count what a thread holds exactly, whatever it has given back", () => {
    const { permits } = fresh(3);
    const me = currentId();
    expect(permits.heldBy(me)).toBe(0);
    permits.take(me, 1, false);
    permits.take(me, 2, false);
    expect(permits.heldBy(me)).toBe(3);
    permits.give(1);
    expect(permits.heldBy(me)).toBe(2);
    permits.give(2);
    // One is spare: counted as taken, and not held.
    expect(permits.heldBy(me)).toBe(0);
    expect(permits.retake()).toBe(true);
    expect(permits.heldBy(me)).toBe(1);
  });

  it("forget who had precedence and has died, so that the quick ways are open again", () => {
    const { permits, words } = fresh(2);
    const me = currentId();
    permits.take(me, 1, false);
    permits.give(1);
    permits.first = { id: NOBODYS, level: 3 };
    expect([permits.retake(), permits.takeQuickly(1)]).toEqual([false, false]);
    expect(permits.take(me, 1, false)).toBe(true);
    expect(words[RULES]).toBe(0);
    permits.give(1);
    expect(permits.retake()).toBe(true);
  });

  it("are not taken again without LOCK while somebody has precedence, nor once they are closed", () => {
    const { permits } = fresh(2);
    const me = currentId();
    permits.take(me, 1, false);
    permits.first = { id: me, level: 0 };
    permits.give(1);
    expect(permits.retake()).toBe(false);
    permits.first = { id: 0, level: 0 };
    permits.take(me, 1, false);
    permits.give(1);
    permits.close();
    expect([permits.retake(), permits.takeQuickly(1)]).toEqual([false, false]);
  });

  it("go to who may not block whenever there are enough, whoever has precedence; else it is told to await", () => {
    const { registry } = currentThread();
    const other = registry.claim();
    registry.begin(other, 0);
    const { permits } = fresh(2);
    const slots = Semaphore.at(permits.buffer, 0, 2);
    permits.first = { id: other, level: 7 };
    jest.replaceProperty(host, "mayBlock", false);
    slots.acquire();
    expect(slots.available).toBe(1);
    expect(() => slots.acquire(2)).toThrow(/acquireAsync/);
    expect(permits.first.id).toBe(other);
    registry.markDead(other);
  });
});

/** Who waits for whom, without threads: words and reports as they are at one moment. */
import { describe, expect, it } from "@jest/globals";
import { findCycle, type Blocked } from "../../lib/thread/deadlock.ts";
import type { HolderWords } from "../../lib/thread/protocol.ts";
import { Field, Registry } from "../../lib/thread/registry.ts";

const SHIFT = 4;
const SEQ = 1;

describe("the search for a cycle", () => {
  /** A writer stands in word 0 and waits for the reader in word 1; the reader is still in its call, and waits for the writer. */
  const cycle = (admits: boolean): number[] | undefined => {
    const registry = Registry.create();
    const [writer, reader] = [registry.claim(), registry.claim()];
    for (const id of [writer, reader]) registry.field(id, Field.SEQ).store(SEQ);
    const buffer = new SharedArrayBuffer(8);
    new Int32Array(buffer).set([writer << SHIFT, reader << SHIFT]);
    const words = (more: Partial<HolderWords>): HolderWords[] => [{ offset: 0, stride: 4, count: 2, shift: SHIFT, ...more }];
    const report = (holders: HolderWords[]): Blocked => ({ seq: SEQ, what: "a lock", holders, buffer });
    const blocked = new Map([
      [writer, report(words({}))],
      [reader, report(words({ admits }))],
    ]);
    const found = findCycle(writer, registry, blocked);
    return found?.map((id) => (id === writer ? 1 : 2));
  };

  it("finds two who wait for each other", () => {
    expect(cycle(false)).toEqual([1, 2]);
  });
  it("finds none if one of them was let in already, and has only not woken yet", () => {
    expect(cycle(true)).toBeUndefined();
  });
});

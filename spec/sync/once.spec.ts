/** A Once as one thread sees it; titles after Rust's. */
import { describe, expect, it } from "@jest/globals";
import { Once } from "../../lib/sync/once.ts";
import { struct } from "../../lib/memory/layout.ts";
import { fromHandle, toHandle } from "../../lib/send/handle.ts";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

const fail = (): never => {
  throw new RangeError("boom");
};

describe("Once", () => {
  it("runs the first function only", () => {
    const once = new Once();
    const ran: number[] = [];
    expect(once.done).toBe(false);
    once.run(() => void ran.push(1));
    once.run(() => void ran.push(2));
    expect(ran).toEqual([1]);
    expect(once.done).toBe(true);
  });
  it("call_once after a panicking one: has previously been poisoned", () => {
    const once = new Once({ name: "tables" });
    expect(thrownBy(() => once.run(fail)).message).toBe("boom");
    expect(once.poisoned).toBe(true);
    const error = thrownBy(() => once.run(() => undefined));
    expect(error.code).toBe("POISONED");
    expect(error.message).toContain('once "tables"');
    expect(error.message).toContain("allowPoisoned");
  });
  it("completed after call_once_force", () => {
    const once = new Once();
    thrownBy(() => once.run(fail));
    const told: boolean[] = [];
    once.run(({ poisoned }) => void told.push(poisoned), { allowPoisoned: true });
    expect(told).toEqual([true]);
    expect([once.done, once.poisoned]).toEqual([true, false]);
    once.run(fail);
  });
  it("is a deadlock when its function runs it again", () => {
    const once = new Once();
    expect(thrownBy(() => once.run(() => once.run(() => undefined, { timeout: 5 }))).code).toBe("DEADLOCK");
    expect(once.poisoned).toBe(true);
  });
  it("refuses what is no function, a function that returns a promise, and wrong options", () => {
    expect(thrownBy(() => new Once().run(1 as never)).name).toBe("TypeError");
    const once = new Once();
    expect(thrownBy(() => once.run((async () => Promise.resolve()) as never)).message).toContain("runAsync");
    expect(once.poisoned).toBe(true);
    expect(thrownBy(() => new Once().run(() => undefined, { timeout: -1 })).name).toBe("RangeError");
    expect(thrownBy(() => new Once({ name: 1 as never })).name).toBe("TypeError");
  });
  it("lets tasks of one thread wait in line, and a blocking call be a deadlock", async () => {
    const once = new Once();
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const order: string[] = [];
    const first = once.runAsync(async () => {
      await gate;
      order.push("ran");
    });
    const second = once.runAsync(() => void order.push("never")).then(() => order.push("second"));
    const late = rejectionOf(once.runAsync(() => undefined, { timeout: 0 }));
    expect((await late).code).toBe("TIMEOUT");
    expect(thrownBy(() => once.run(() => undefined)).code).toBe("DEADLOCK");
    const stop = new AbortController();
    const aborted = once.runAsync(() => undefined, { signal: stop.signal });
    stop.abort("enough");
    await expect(aborted).rejects.toBe("enough");
    open();
    await Promise.all([first, second]);
    expect(order).toEqual(["ran", "second"]);
  });
  it("is poisoned by an async function that rejects, for those in line too", async () => {
    const once = new Once();
    const first = once.runAsync(async () => Promise.reject(new RangeError("boom")));
    const second = once.runAsync(() => undefined);
    expect((await rejectionOf(first)).message).toBe("boom");
    expect((await rejectionOf(second)).code).toBe("POISONED");
  });
  it("lies in a struct, at a place, and behind a handle", () => {
    const Tables = struct("OnceTables", { ready: Once });
    const tables = Tables.create();
    tables.ready.run(() => undefined);
    expect(tables.ready.done).toBe(true);
    const once = Once.at(new SharedArrayBuffer(8), 4);
    once.run(() => undefined);
    expect(fromHandle<Once>(toHandle(once)).done).toBe(true);
    expect(thrownBy(() => Once.at(new SharedArrayBuffer(4), 4)).name).toBe("RangeError");
  });
});

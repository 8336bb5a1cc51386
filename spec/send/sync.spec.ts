/** What a lock may protect, as seen when it is made: memory that threads share, or nothing. */
import { describe, expect, it } from "@jest/globals";
import { channel } from "../../lib/channel/channel.ts";
import { f64, struct, u32 } from "../../lib/memory/layout.ts";
import { assertSync } from "../../lib/send/send.ts";
import { AtomicI32 } from "../../lib/sync/atomic.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

const Account = struct("SyncAccount", { id: u32, total: f64 });
const shared = new SharedArrayBuffer(16);

describe("assertSync()", () => {
  it.each<readonly [string, unknown]>([
    ["nothing", undefined],
    ["shared memory", shared],
    ["shared memory of another realm", structuredClone(shared)],
    ["a typed array over it", new Int32Array(shared)],
    ["a DataView over it", new DataView(shared, 4)],
    ["a struct", Account.create()],
    ["an array of structs", Account.array(2)],
    ["a Mutex", new Mutex()],
    ["an atomic", new AtomicI32(0)],
  ])("takes %s", (_, value) => {
    expect(() => {
      assertSync(value, "the value of a Mutex");
    }).not.toThrow();
  });

  it.each([0, 1] as const)("refuses the end %i of a channel, which belongs to one thread at a time, before it is in two", (at) => {
    const message = /^the value of a Mutex must be shared between threads, and a (Sender|Receiver) belongs to one at a time: .* clone\(\)/;
    const ends = channel<number>();
    expect(() => {
      assertSync(ends[at], "the value of a Mutex");
    }).toThrow(message);
    expect(() => new Mutex(ends[at] as never)).toThrow(message);
    ends[0].send(1);
    expect(ends[1].tryRecv()).toEqual({ value: 1 });
  });

  const struct_ = "use a struct, or a typed array over a SharedArrayBuffer";
  const place = "use a lock with a place for it, such as Mutex.of(f64, 0)";
  it.each<readonly [string, unknown, string, string]>([
    ["a plain object", { total: 1 }, "an Object", struct_],
    ["an array", [1], "an Array", struct_],
    ["a Map", new Map(), "a Map", struct_],
    ["a Date", new Date(0), "a Date", struct_],
    ["memory of its own", new ArrayBuffer(8), "an ArrayBuffer", struct_],
    ["a typed array over it", new Int32Array(2), "an Int32Array", "use a typed array over a SharedArrayBuffer"],
    ["null", null, "null", struct_],
    ["a number", 5, "number 5", place],
    ["a text", "five", "string five", place],
    ["a function", () => 1, "a function", place],
  ])("refuses %s, and says what to use", (_, value, kind, instead) => {
    expect(() => {
      assertSync(value, "the value of a Mutex");
    }).toThrow(new TypeError(`the value of a Mutex must be shared between threads, and ${kind} is copied to each of them: ${instead}.`));
  });
});

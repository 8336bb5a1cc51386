/** Handles: every shared object through a real port and in a real worker, and whatever may arrive in the place of one. */
import { once } from "node:events";
import { MessageChannel, receiveMessageOnPort, type Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { AtomicI32, fromHandle, HandleError, Mutex, NotSendableError, park, spawn, Thread, toHandle, type Handle } from "ferrous";
import { Account, CASES, startOpener } from "../support/opener.js";

/** What a port makes of a value. */
function posted<T>(value: T): T {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value);
  const message: unknown = receiveMessageOnPort(port2)?.message;
  port1.close();
  return message as T;
}

describe.each(Object.entries(CASES))("%s", (name, { make, poke, seen, before, after }) => {
  it("is the same memory behind a port", () => {
    const original = make();
    const copy = fromHandle(posted(toHandle(original)));
    expect(seen(copy)).toEqual(before);
    poke(copy);
    expect(seen(original)).toEqual(after);
    expect(copy).toBeInstanceOf(name.includes("Mutex") ? Mutex : Object);
  });

  it("is the same memory in a worker that others started", async () => {
    const original = make();
    expect(seen(original)).toEqual(before);
    opener.postMessage({ name, handle: toHandle(original) });
    const [kind] = (await once(opener, "message")) as [string];
    expect(seen(original)).toEqual(after);
    expect(kind).toBe(toHandle(original).kind);
  });

  it("is the same memory in a spawned thread", () => {
    const original = make();
    const kind = spawn((object: object) => Object.prototype.toString.call(object), original as Mutex).join();
    expect(kind).toBe(Object.prototype.toString.call(original));
  });
});

let opener: Worker;
beforeAll(() => {
  opener = startOpener();
});
afterAll(() => opener.terminate());

describe("a Thread's handle", () => {
  it("names the thread, wherever it is opened", async () => {
    const me = Thread.current();
    const { id, name } = fromHandle<Thread>(posted(toHandle(me)));
    expect({ id, name }).toEqual({ id: me.id, name: me.name });
    opener.postMessage({ name: "Thread", handle: toHandle(me) });
    expect(park({ timeout: 10_000 })).toBe("ok");
    await once(opener, "message");
  });

  it("is refused when it names no thread, or lies elsewhere", () => {
    const handle = posted(toHandle(Thread.current()));
    for (const type of [0, -1, 1.5, NaN, 2 ** 40, "1", undefined, Thread.current().id + 1]) {
      expect(() => fromHandle({ ...handle, type })).toThrow(HandleError);
    }
  });
});

it("an array in a struct, and an empty array, cross too", () => {
  for (const length of [0, 7]) expect(fromHandle<{ length: number }>(posted(toHandle(Account.array(length)))).length).toBe(length);
});

it("toHandle() takes shared objects only", () => {
  for (const value of [{}, [], new Map(), null, undefined, 1, "Mutex", new Mutex().lock()] as object[]) {
    expect(() => toHandle(value)).toThrow(NotSendableError);
  }
});

describe("fromHandle() gives a working object or a HandleError", () => {
  const given = Object.values(CASES).map(({ make }) => make());
  const opened = (handle: unknown): object | undefined => {
    try {
      return fromHandle(handle);
    } catch (error) {
      expect(error).toBeInstanceOf(HandleError);
      expect((error as Error).message).toMatch(/^this is no usable ferrous handle: .+[^.]\. Make one with toHandle/s);
      return undefined;
    }
  };

  it("of anything at all", () => {
    const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withTypedArray: true });
    fc.assert(
      fc.property(anything, (value) => {
        expect(opened(value)).toBeUndefined();
      }),
    );
  });

  const { registry } = toHandle(new Mutex());
  const copied = (change: (words: Int32Array) => void): SharedArrayBuffer => {
    const buffer = new SharedArrayBuffer(registry.byteLength);
    new Int32Array(buffer).set(new Int32Array(registry));
    change(new Int32Array(buffer));
    return buffer;
  };
  const registries = {
    foreign: copied((words) => (words[2] = ~(words[2] ?? 0))),
    otherVersion: copied((words) => (words[1] = 99)),
    notOurs: copied((words) => words.fill(0)),
    truncated: new SharedArrayBuffer(64),
    odd: new SharedArrayBuffer(7),
    empty: new SharedArrayBuffer(0),
    unshared: new ArrayBuffer(registry.byteLength),
  };

  it.each(Object.entries(registries))("with a registry that is %s: always a HandleError", (_, other) => {
    for (const object of given) expect(opened({ ...toHandle(object), registry: other })).toBeUndefined();
  });

  it("with any of its fields replaced, dropped or taken from another handle", () => {
    const handle = fc.constantFrom(...given).map((object) => posted(toHandle(object)));
    const field = fc.constantFrom<keyof Handle>("kind", "buffer", "byteOffset", "name", "type", "value", "registry");
    const bytes = fc.oneof(fc.nat(80), fc.constantFrom(0, 1, 2, 4, 8));
    const replacement = fc.oneof(
      fc.anything(),
      fc.constantFrom(undefined, null, -1, 1, 3, 4, 0.5, NaN, 2 ** 32, 2 ** 53, Infinity, -0, "4"),
      fc.constantFrom("Mutex@1", "Mutex@2", "AtomicI64@1", "struct@1", "array@1", "Thread@1", "CancelFlag@1", "__proto__", "constructor"),
      bytes.map((length) => new SharedArrayBuffer(length)),
      bytes.map((length) => new ArrayBuffer(length)),
      fc.constantFrom<unknown>(
        "f64",
        ["f64", 2],
        ["f64", 1e9],
        ["struct", "HandleAccount", [["id", "u32"]]],
        ["array", "u8", 1e12],
        ["shared", "Mutex@1"],
      ),
    );
    fc.assert(
      fc.property(
        handle,
        handle,
        fc.array(fc.tuple(field, fc.option(replacement), fc.boolean()), { minLength: 1, maxLength: 3 }),
        (one, other, changes) => {
          const forged: Record<string, unknown> = { ...one };
          for (const [key, value, take] of changes) {
            if (take) forged[key] = other[key];
            else if (value === null) Reflect.deleteProperty(forged, key);
            else forged[key] = value;
          }
          const object = opened(forged);
          if (object instanceof Mutex) expect(object.tryLock({ allowPoisoned: true })?.release()).toBeUndefined();
          if (object instanceof AtomicI32) expect(Number.isInteger(object.load())).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("that contains itself, or lies a thousand deep", () => {
    const circle: Record<string, unknown> = { ...toHandle(new Mutex()) };
    circle["value"] = circle;
    expect(opened(posted(circle))).toBeUndefined();
    let deep: unknown = toHandle(new Mutex());
    for (let depth = 0; depth < 1000; depth++) deep = { ...toHandle(new Mutex()), value: deep };
    expect(opened(deep)).toBeUndefined();
  });

  it("whose lock protects what threads do not share", () => {
    for (const value of [{}, [1], 5, "text", new Uint8Array(4), new Map()]) {
      expect(opened({ ...toHandle(new Mutex()), value })).toBeUndefined();
    }
  });
});

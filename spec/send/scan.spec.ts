/** Refusals: each names the argument, the path and the reason. */
import { BlockList } from "node:net";
import { parse } from "node:querystring";
import { runInNewContext } from "node:vm";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { NotSendableError } from "../../lib/errors.ts";
import { explainRefusal } from "../../lib/send/scan.ts";
import { encode, encodeAll } from "../../lib/send/transit.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { threadLocal } from "../../lib/spawn/local.ts";

const where = "argument 2 of spawn()";
function refusalOf(value: unknown): string {
  try {
    encode(value, where);
  } catch (error) {
    expect(error).toBeInstanceOf(NotSendableError);
    return (error as Error).message;
  }
  return "it was sent";
}

class Counter {
  count = 0;
  next(): number {
    return ++this.count;
  }
}
class Tagged {
  readonly [Symbol.toStringTag] = "Tagged";
}
class Stack extends Array<number> {
  top(): number | undefined {
    return this.at(-1);
  }
}
class Registry extends Map<string, number> {
  register(name: string): this {
    return this.set(name, this.size);
  }
}
class Labelled extends Map<string, number> {
  override readonly [Symbol.toStringTag] = "Labelled";
}
class Day extends Date {
  next(): Date {
    return new Date(this.getTime() + 86_400_000);
  }
}
class Pixels extends Uint8Array {
  red(): number | undefined {
    return this[0];
  }
}
class Rootless {
  static make(): object {
    return Object.create(Object.setPrototypeOf({ method: () => 1 }, null) as object) as object;
  }
}
const trap = { get: () => fail("trap"), has: () => fail("trap"), getPrototypeOf: () => fail("trap"), ownKeys: () => fail("trap") };
const fail = (why: string): never => {
  throw new Error(why);
};

describe("what stays in its thread", () => {
  const reasons: readonly (readonly [string, unknown, string])[] = [
    ["a function", () => 1, "it is a function, and code stays in its thread: make it a task(), and send what it needs."],
    ["a class", Counter, "it is a function, and code stays in its thread: make it a task(), and send what it needs."],
    ["a symbol", Symbol("s"), "it is a symbol, which is another one in every thread: send a string."],
    ["a guard", new Mutex().lock(), "a MutexGuard proves that this thread holds the lock: send the Mutex itself."],
    [
      "a threadLocal",
      threadLocal(() => 1),
      "a threadLocal() has another value in every thread: make it at the top level of a module that both import.",
    ],
    ["an instance of a class", new Counter(), "it is a Counter, whose methods would be lost: send its plain data, or make it a struct."],
    ["an instance with a tag", new Tagged(), "it is a Tagged, whose methods would be lost: send its plain data, or make it a struct."],
    ["an Array with methods", Stack.of(1), "it is of class Stack, whose methods would be lost: send a plain Array."],
    ["a Map with methods", new Registry(), "it is of class Registry, whose methods would be lost: send a plain Map."],
    ["a Map with a tag", new Labelled(), "it is a Labelled, whose methods would be lost: send its plain data, or make it a struct."],
    ["a Date with methods", new Day(0), "it is of class Day, whose methods would be lost: send a plain Date."],
    ["a typed array with methods", new Pixels(3), "it is of class Pixels, whose methods would be lost: send a plain Uint8Array."],
    ["methods without a class", Rootless.make(), "it is an Object, whose methods would be lost: send its plain data, or make it a struct."],
    ["a URL", new URL("a:b"), "it is an URL, whose methods would be lost: send its plain data, or make it a struct."],
    ["a Promise", Promise.resolve(1), "a Promise: it is settled by this thread: await it, and send its value."],
    ["a WeakMap", new WeakMap(), "a WeakMap: it holds on to objects of this thread."],
    ["a WeakRef", new WeakRef({}), "a WeakRef: it holds on to an object of this thread."],
    ["a generator", (function* () {})(), "a Generator: it is running code of this thread."],
    ["a proxy that throws", new Proxy({}, trap), "reading it threw trap."],
  ];

  it.each(reasons)("%s", (_, value, reason) => {
    expect(refusalOf(value)).toBe(`${where} cannot be sent to another thread: ${reason}`);
  });

  it.each(reasons)("%s, deep in a value: the message has the path", (_, value, reason) => {
    const end = ` cannot be sent to another thread: ${reason}`;
    expect(refusalOf({ a: [0, { "b c": value }] })).toBe(`${where} (a[1]["b c"])${end}`);
    expect(refusalOf(new Map([["k", { v: value }]]))).toBe(`${where} (get("k").v)${end}`);
    expect(refusalOf([new Map([[{ k: value }, 1]])])).toBe(`${where} ([0].keys().k)${end}`);
    expect(refusalOf({ set: new Set([value]) })).toBe(`${where} (set.values())${end}`);
  });

  it("a property that throws when it is read", () => {
    const value = { list: [{ get x(): never { return fail("not yet"); } }] }; // prettier-ignore
    expect(refusalOf(value)).toBe(`${where} (list[0].x) cannot be sent to another thread: reading it threw not yet.`);
  });

  it("the end of a long list: the path is cut", () => {
    let list: unknown = { fn: () => 1 };
    for (let at = 0; at < 10_000; at++) list = { next: list };
    expect(refusalOf(list)).toMatch(/\(next\.next\.next\.next\.next\.next\.\.\..*next\.fn\) cannot be sent/);
    expect(refusalOf(list).length).toBeLessThan(300);
  });

  it("the first of several arguments that is refused, by its number", () => {
    const name = (at: number): string => `argument ${String(at + 1)}`;
    expect(() => encodeAll([1, Symbol("s"), () => 2], name)).toThrow(/^argument 2 cannot be sent/);
  });
});

it("what is plain data with shared objects in it is never refused", () => {
  fc.assert(
    fc.property(
      fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withBigInt: true, withNullPrototype: true }),
      (value) => {
        expect(refusalOf([value, new Mutex()])).toBe("it was sent");
      },
    ),
  );
});

describe("what loses nothing by being copied is sent", () => {
  class Plain extends Map<string, number> {}
  it.each<readonly [string, unknown]>([
    ["a class that adds nothing to Map", new Plain()],
    ["node's Buffer", Buffer.from("bytes")],
    ["what querystring gives", parse("a=1&b=2")],
    ["the match of a RegExp", /(?<b>b)/.exec("abc")],
    ["an array without a prototype", Object.setPrototypeOf([1], null)],
    ["an array of another realm", runInNewContext("[[1], new Map([[{}, new Date()]]), new Uint8Array(1)]")],
    ["a BlockList", new BlockList()],
  ])("%s", (_, value) => {
    expect(refusalOf([value])).toBe("it was sent");
  });
});

describe("what structured clone refuses though it looked well", () => {
  const blamed = (value: unknown): string => {
    try {
      structuredClone(value);
    } catch (error) {
      return explainRefusal([1, value], (at) => `argument ${String(at + 1)}`, error).message;
    }
    return "it was cloned";
  };
  const proxy = new Proxy({}, {});

  it("is found, and named with its path", () => {
    const reason = / cannot be sent to another thread: .+ could not be cloned\. If it is a Proxy, copy it to a plain object first\.$/;
    const pathOf = (message: string): string => message.replace(reason, "");
    expect(pathOf(blamed(proxy))).toBe("argument 2");
    expect(pathOf(blamed({ a: [1, { b: proxy }] }))).toBe("argument 2 (a[1].b)");
    const circle: Record<string, unknown> = { fine: [1], map: new Map([["k", proxy]]) };
    circle["self"] = circle;
    expect(pathOf(blamed(circle))).toBe('argument 2 (map.get("k"))');
  });

  it("is not a port beside it, which is moved", () => {
    const { port1 } = new MessageChannel();
    expect(blamed({ port: port1, list: [port1, proxy] })).toMatch(/^argument 2 \(list\[1\]\)/);
    port1.close();
  });
});

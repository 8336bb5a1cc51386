/** Values through a real port: everything that structured clone copies, with shared objects and errors anywhere in it. */
import { execFileSync } from "node:child_process";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import * as ours from "../../lib/errors.ts";
import { decode, encode, encodeAll } from "../../lib/send/transit.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { AtomicI32 } from "../../lib/sync/atomic.ts";
import { difference, graph } from "../support/graphs.ts";

function sent<T>(value: T): T {
  const { port1, port2 } = new MessageChannel();
  const encoded = encode(value, "it");
  port1.postMessage(encoded, encoded.transfer as never[]);
  const message = receiveMessageOnPort(port2)?.message as ReturnType<typeof encode>;
  port1.close();
  return decode(message) as T;
}

describe("a value on its way", () => {
  it("arrives as the same graph: kinds, keys, holes, cycles and identities", () => {
    fc.assert(
      fc.property(graph, (value) => {
        expect(difference(value, sent(value))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it("is not changed by being sent", () => {
    const atomic = new AtomicI32(1);
    const error = new Error("it", { cause: atomic });
    const value = Object.freeze({ list: Object.freeze([atomic, error]), map: new Map<unknown, unknown>([[atomic, error]]) });
    sent(value);
    expect(value.list).toEqual([atomic, error]);
    expect(error.cause).toBe(atomic);
    expect([...value.map]).toEqual([[atomic, error]]);
  });

  it("is posted as it is, uncopied, when structured clone keeps all of it", () => {
    const value = { big: new Float64Array(10), deep: [{ map: new Map([[1, new Date()]]) }] };
    expect(encode(value, "it")).toEqual({ value, transfer: [], movables: [] });
    expect(encode(value, "it").value).toBe(value);
    const values = [value, 1];
    expect(encodeAll(values, String).value).toBe(values);
  });

  it("keeps the order of a Map's keys and a Set's values when some are revived", () => {
    const atomic = new AtomicI32(3);
    const map = sent(
      new Map<unknown, string>([
        [1, "a"],
        [atomic, "b"],
        [2, "c"],
      ]),
    );
    expect([...map.values()]).toEqual(["a", "b", "c"]);
    expect([...sent(new Set<unknown>(["x", atomic, "y"]))].map((item) => typeof item)).toEqual(["string", "object", "string"]);
  });

  it("is one object on arrival, however often it was sent within one value", () => {
    const mutex = new Mutex(new Mutex());
    const [one, two] = sent([mutex, [mutex]] as const);
    expect(two[0]).toBe(one);
  });

  it("may look like a handle or an error packet without being one", () => {
    const fake = { ferrous: "handle", kind: "Mutex@1", atomic: new AtomicI32(), stands: { handles: [], errors: [] } };
    const arrived = sent(fake);
    expect({ ...arrived, atomic: 0 }).toEqual({ ...fake, atomic: 0 });
    expect(sent({ [Symbol.toStringTag]: "Map", atomic: new AtomicI32(4) }).atomic.load()).toBe(4);
  });

  it("moves its ports", () => {
    const { port1, port2 } = new MessageChannel();
    const arrived = sent({ deep: [port2] });
    port1.postMessage("through");
    expect(receiveMessageOnPort(arrived.deep[0] as never)?.message).toBe("through");
    port1.close();
  });

  it("may be a list 5,000 deep, and a sparse array of four billion", () => {
    let list: unknown = null;
    for (let at = 0; at < 5000; at++) list = { at, next: list };
    expect(encode(list, "it").value).toBe(list);
    const sparse: unknown[] = [];
    sparse[4_000_000_000] = new AtomicI32(9);
    const arrived = sent(sparse);
    expect([arrived.length, (arrived[4_000_000_000] as AtomicI32).load()]).toEqual([4_000_000_001, 9]);
  });

  // In a process of its own: in jest's realm every look at a global takes ten times as long. 0.5 and 0.1 were measured.
  it("costs less to look at than to copy, when it is large", () => {
    const source = `
      import { encode } from ${JSON.stringify(new URL("../../lib/send/transit.ts", import.meta.url).href)};
      const time = (work) => { const start = performance.now(); work(); return performance.now() - start; };
      const best = (work) => Math.min(...Array.from({ length: 7 }, () => time(work)));
      const rows = Array.from({ length: 50_000 }, (_, id) => ({ id, name: "row " + id, tags: ["a", "b"] }));
      const numbers = Array.from({ length: 1_000_000 }, (_, at) => at);
      console.log(JSON.stringify([rows, numbers].map((value) => best(() => encode(value, "it")) / best(() => structuredClone(value)))));`;
    const args = ["--import", "tsx", "--input-type=module", "--eval", source];
    const ratios = JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" })) as number[];
    for (const ratio of ratios) expect(ratio).toBeLessThan(1.5);
  });
});

describe("an error on its way", () => {
  const facts = (error: Error): object => ({
    name: error.name,
    message: error.message,
    stack: error.stack,
    proto: Object.getPrototypeOf(error) as unknown,
  });
  const native = [
    new Error("a"),
    new TypeError("b"),
    new RangeError("c"),
    new SyntaxError("d"),
    new ReferenceError("e"),
    new EvalError("f"),
    new URIError("g"),
    new AggregateError([1], "h"),
  ];

  it.each(native.map((error) => [error.name, error] as const))("stays a %s, with message and stack", (_, error) => {
    expect(facts(sent(error))).toEqual(facts(error));
  });

  const own: Error[] = [
    new ours.PoisonedError("mutex", "thread"),
    new ours.DeadlockError("a waits for b"),
    new ours.TimeoutError("mutex", "lock", 5),
    new ours.DisconnectedError("gone", { value: 1, index: 2 }),
    new ours.PanicError("thread 7", new TypeError("why")),
    new ours.ThreadDiedError("thread 7", "out-of-memory"),
    new ours.ThreadDiedError("thread 7", "unhandled-rejection", new Error("why")),
    new ours.CaptureError(["x", "y"]),
    new ours.NotSendableError("argument 1", "it is a function."),
    new ours.HandleError("it is forged"),
    new ours.TaskError("no such task"),
  ];
  it.each(own.map((error) => [error.name, error] as const))("stays a %s of ours, with its fields", (_, error) => {
    const arrived = sent(error);
    expect(facts(arrived)).toEqual(facts(error));
    const { cause: before, ...fields } = { cause: error.cause, ...error };
    const { cause: after, ...arrivedFields } = { cause: arrived.cause, ...arrived };
    expect(arrivedFields).toEqual(fields);
    expect((after as Error | undefined)?.message).toBe((before as Error | undefined)?.message);
  });

  it("keeps the name of a class that only its thread has, and the nearest class that both have", () => {
    class ParseError extends SyntaxError {
      readonly line = 3;
    }
    class TimeoutError extends Error {}
    class Named extends Error {
      override readonly name = "Other";
    }
    const arrived = sent(new ParseError("here"));
    expect([arrived.name, arrived.line, arrived instanceof SyntaxError, arrived instanceof ParseError]).toEqual([
      "ParseError",
      3,
      true,
      false,
    ]);
    expect(sent(new Named("it")).name).toBe("Other");
    // One of the user's, that only happens to be called as one of ours.
    const timeout = sent(new TimeoutError("mine"));
    expect([timeout.name, timeout instanceof ours.TimeoutError]).toEqual(["TimeoutError", false]);
  });

  it("keeps the name and code of node's own errors", () => {
    const caught = (work: () => unknown): Error => {
      try {
        work();
      } catch (error) {
        return error as Error;
      }
      throw new Error("nothing was thrown");
    };
    const invalid = sent(caught(() => Buffer.alloc("x" as never)) as Error & { code: string });
    expect([invalid.name, invalid.code]).toEqual(["TypeError", "ERR_INVALID_ARG_TYPE"]);
  });

  it("stays an AbortError that is a DOMException", () => {
    const error = new DOMException("called off", "AbortError");
    const arrived = sent({ error }).error;
    expect(arrived).toBeInstanceOf(DOMException);
    expect([arrived.name, arrived.message, arrived.code, arrived.stack]).toEqual(["AbortError", "called off", 20, error.stack]);
  });

  it("keeps causes, circles of them too, the errors of an AggregateError, and own properties", () => {
    const inner = Object.assign(new RangeError("inner"), { code: "E_INNER", at: { atomic: new AtomicI32(5) } });
    const outer = new AggregateError([inner, "text"], "outer", { cause: inner });
    inner.cause = outer;
    const arrived = sent(outer);
    const back = arrived.cause as typeof inner;
    expect([back.message, back.code, back.at.atomic.load()]).toEqual(["inner", "E_INNER", 5]);
    expect(arrived.errors[0]).toBe(back);
    expect(arrived.errors[1]).toBe("text");
    expect(back.cause).toBe(arrived);
    expect(Object.keys(arrived)).toEqual([]);
  });

  it("arrives whatever hangs on it: what cannot be sent is left behind, or said in words", () => {
    const error = Object.assign(new Error("it", { cause: () => 1 }), {
      run: () => 2,
      symbol: Symbol("s"),
      nested: { fn: () => 3 },
      kept: [1],
    });
    Object.defineProperty(error, "trap", { enumerable: true, get: () => fail() });
    const fail = (): never => {
      throw new Error("a getter that throws");
    };
    const arrived = sent(error) as unknown as Record<string, unknown>;
    expect({ ...arrived }).toEqual({ kept: [1], trap: undefined });
    expect(arrived["cause"]).toBe("() => 1");
    expect(sent(new AggregateError([() => 4, 5])).errors).toEqual(["() => 4", 5]);
  });
});

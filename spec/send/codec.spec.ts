/** Values as bytes and back: what structured clone keeps, byte for byte where it is quick, and what shared objects and errors need. */
import { execFileSync } from "node:child_process";
import { createSecretKey } from "node:crypto";
import { BlockList } from "node:net";
import { MessageChannel } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { FerrousError, HandleError, NotSendableError } from "../../lib/errors.ts";
import { pack, unpack } from "../../lib/send/codec.ts";
import { encode } from "../../lib/send/transit.ts";
import { AtomicI32 } from "../../lib/sync/atomic.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { difference, graph } from "../support/graphs.ts";

interface Message {
  readonly bytes: Uint8Array;
  readonly isSimple: boolean;
  readonly shared: readonly SharedArrayBuffer[];
}
/** Packed, and copied out of the scratch buffer. */
function messageOf(value: unknown): Message {
  const { bytes, start, end, isSimple, shared } = pack(value, "it");
  return { bytes: new Uint8Array(bytes.subarray(start, end)), isSimple, shared };
}
const opened = ({ bytes, isSimple, shared }: Message): unknown => unpack(bytes, bytes.length, isSimple, shared);
const sent = <T>(value: T): T => opened(messageOf(value)) as T;
const isSimple = (value: unknown): boolean => messageOf(value).isSimple;

/** Compared with what structured clone makes of it. */
const expectCloned = (value: unknown): void => {
  expect(difference(structuredClone(value), sent(value))).toBeUndefined();
};

const BOM = "\uFEFF";
/** Texts of any code units, lone surrogates too, some of which begin with a byte order mark; as long as to be encoded in each way. */
const unit = fc.oneof(
  fc.constantFrom("a", "é", "€", "😀", BOM, "\0"),
  fc.nat(0xffff).map((code) => String.fromCharCode(code)),
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit }),
  fc
    .tuple(unit, fc.constantFrom("a", "é", "€", "😀"), fc.constantFrom(1, 15, 16, 31, 32, 63, 64, 65, 255, 256, 1023, 1024, 1025))
    .map(([first, one, times]) => first + one.repeat(times)),
);
const scalar = fc.oneof(
  fc.constantFrom(undefined, null, true, false, 0, -0, NaN, Infinity, -Infinity, Number.MAX_SAFE_INTEGER, 2 ** 53, 5e-324),
  fc.integer(),
  fc
    .constantFrom(5, 6, 7, 8, 15, 16, 31, 32)
    .chain((power) => fc.constantFrom(2 ** power - 1, 2 ** power, -(2 ** power), -(2 ** power) - 1)),
  fc.double(),
  text,
);
const key = fc.oneof(
  fc.string(),
  text,
  fc.constantFrom("__proto__", "constructor", "toJSON", "hasOwnProperty", "toString", "valueOf", "then", "length", "7", "01", "-0", ""),
);
/** Trees of what most messages are: no object in them twice. */
const tree = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 20, depthIdentifier: "tree" },
    scalar,
    fc.array(tie("value"), { maxLength: 5, depthIdentifier: "tree" }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5, depthIdentifier: "tree" }).map(objectOf),
  ),
})).value;
function objectOf(entries: [string, unknown][]): object {
  const object = {};
  for (const [name, value] of entries) Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  return object;
}
const anything = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  key,
});

describe("a value as bytes", () => {
  it("is what structured clone makes of it: trees of objects, lists and texts", () => {
    fc.assert(fc.property(tree, expectCloned), { numRuns: 2000 });
  });
  it("is what structured clone makes of it: anything at all", () => {
    fc.assert(fc.property(anything, expectCloned), { numRuns: 1000 });
  });
  it("is the same graph: kinds, keys, holes, cycles, identities, shared objects and errors", () => {
    fc.assert(
      fc.property(graph, (value) => {
        expect(difference(value, sent(value))).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  const values: [string, unknown][] = [
    ["an object of 65,535 properties", Object.fromEntries(Array.from({ length: 65_535 }, (_, at) => [`k${String(at)}`, at]))],
    ["an object of 65,536 properties", Object.fromEntries(Array.from({ length: 65_536 }, (_, at) => [`k${String(at)}`, at]))],
    ["a list of 100,000 numbers", Array.from({ length: 100_000 }, (_, at) => at)],
    ["a list of 10,000 objects", Array.from({ length: 10_000 }, (_, id) => ({ id, name: `row ${String(id)}` }))],
    ["a long list that ends in a Map", [...Array.from({ length: 2000 }, (_, id) => ({ id })), new Map([[1, 2]])]],
    ["a list with a hole and a property in its place", Object.assign(new Array<number>(2).fill(1, 0, 1), { x: 1 })],
    ["a list of holes", new Array(5)],
    ["a match, with its properties", /(?<a>b)/.exec("abc")],
    ["a list whose property looks like an index", Object.assign([1, 2], { "02": 3 })],
    ["an element that is not enumerable", Object.defineProperty([1, 2, 3], 1, { enumerable: false })],
    ["a property that is not enumerable", Object.defineProperty({ a: 1 }, "b", { value: 2 })],
    ["a getter", { get id() { return 5; } }], // prettier-ignore
    ["properties that msgpackr asks for", { constructor: null, toJSON: true, hasOwnProperty: 1 }],
    ["bigints of many words", [2n ** 64n, -(2n ** 63n) - 1n, 2n ** 4000n]],
    ["an invalid Date", new Date(NaN)],
    ["views of one buffer", ((buffer) => [new Uint8Array(buffer, 1, 3), new DataView(buffer, 2), buffer])(new ArrayBuffer(8))],
  ];
  it.each(values)("may be %s", (_what, value) => {
    expectCloned(value);
  });

  it("may be a list 1,000 deep, and a sparse array of four billion", () => {
    let list: unknown = null;
    for (let at = 0; at < 1000; at++) list = { at, next: list };
    expectCloned(list);
    const sparse: unknown[] = [];
    sparse[4_000_000_000] = "end";
    expectCloned(sparse);
  });

  it("is fresh: nothing of it lies in the bytes, nor in those of the next value", () => {
    const values = { id: 17, name: "packet", tags: ["a".repeat(500)], raw: new Uint8Array(64).fill(7), set: new Set(["x"]) };
    for (const value of [values, { id: 17, tags: values.tags }]) {
      const { bytes, start, end, isSimple, shared } = pack(value, "it");
      const arrived = unpack(bytes.slice(start, end), end - start, isSimple, shared);
      const message = messageOf(value);
      const again = opened(message);
      message.bytes.fill(0xff);
      pack({ id: 99, name: "another", tags: ["z".repeat(600)] }, "it");
      expect(difference(value, arrived)).toBeUndefined();
      expect(difference(value, again)).toBeUndefined();
    }
  });

  it("leaves the value as it is, and a Buffer arrives as the Uint8Array that it is", () => {
    const value = Object.freeze({ atomic: new AtomicI32(1), list: Object.freeze([new Error("it")]), raw: Buffer.from("abc") });
    const { raw } = sent(value);
    expect([Object.keys(value), value.list.length]).toEqual([["atomic", "list", "raw"], 1]);
    expect([Object.getPrototypeOf(raw) === Object.getPrototypeOf(structuredClone(raw)), Buffer.isBuffer(raw), [...raw]]).toEqual([true, false, [97, 98, 99]]); // prettier-ignore
  });

  it("says which shared memory is in it, each once, and nothing for most values", () => {
    const memory = new SharedArrayBuffer(8);
    const { shared } = messageOf([memory, new Uint8Array(memory, 4), { again: memory }]);
    expect(shared).toEqual([memory]);
    expect(messageOf({ a: 1 }).shared).toBe(messageOf([2]).shared);
    const mutex = new Mutex();
    const [one, two, view] = sent([mutex, { mutex }, new Int32Array(memory, 4, 1)] as const);
    expect(two.mutex).toBe(one);
    view[0] = 9;
    expect(new Int32Array(memory)[1]).toBe(9);
  });

  it.each([0, 1, 14, 15, 16, 17, 100])("keeps what is in it twice as one object, also behind %p others", (count) => {
    const others = Array.from({ length: count }, (_, id) => ({ id }));
    const twice = { id: -1 };
    expect(isSimple([{ ...twice }, ...others, { deep: [twice] }])).toBe(true);
    expectCloned([twice, ...others, { deep: [twice] }]);
    expectCloned([...others, twice, { deep: [others[0], twice] }]);
    const list: unknown[] = [...others];
    expectCloned({ list, again: { list } });
  });

  it("goes as what it shows, where structured clone refuses it: a Proxy of a simple value, and arguments", () => {
    expect(sent({ list: new Proxy([1, 2], {}), object: new Proxy({ a: 1 }, {}) })).toEqual({ list: [1, 2], object: { a: 1 } });
    // eslint-disable-next-line prefer-rest-params -- the object itself is meant
    const given = (function () { return arguments; } as (...list: number[]) => unknown)(1, 2); // prettier-ignore
    expect(sent(given)).toEqual({ 0: 1, 1: 2 });
    // Which leaves the refusal of those that are not simple.
    expect(() => pack([new Map(), new Proxy({ a: 1 }, {})], "it")).toThrow(
      /^it \(\[1\]\) cannot be sent to another thread: .*If it is a Proxy/,
    );
  });

  it("is quick if it is simple, and only then", () => {
    for (const value of [5, "text", null, undefined, true, { id: 17, name: "packet", ok: true, at: 1.5 }, [[1], { a: [] }], []]) {
      expect([value, isSimple(value)]).toEqual([value, true]);
    }
    for (const value of [-0, `${BOM}x`, "\ud800", { ["__proto__"]: 1 }, new Array(1), new Map(), 5n, Object.create(null)]) {
      expect(isSimple(value)).toBe(false);
    }
    // Whatever keys stood at the same places before.
    for (const key of ["__proto__", `${BOM}x`, "\ud800", "k".repeat(1025)]) {
      expect([isSimple({ id: 1, [key]: 2 }), isSimple({ id: 1, name: 2 }), isSimple({ id: 1, [key]: 2 })]).toEqual([false, true, false]);
    }
  });
});

describe("an error as bytes", () => {
  it("arrives with class, code, cause and own properties, without what cannot lie in memory", () => {
    const cause = Object.assign(new RangeError("inner"), { code: "E_INNER" });
    const error = Object.assign(new TypeError("outer", { cause }), { blob: new Blob(["a"]), port: new MessageChannel().port1, list: [1] });
    const arrived = sent({ error }).error as TypeError & { cause: typeof cause };
    expect([arrived instanceof TypeError, arrived.message, { ...arrived }]).toEqual([true, "outer", { list: [1] }]);
    expect([arrived.cause instanceof RangeError, arrived.cause.code]).toEqual([true, "E_INNER"]);
    expect(sent(new NotSendableError("it", "why.")).code).toBe("NOT_SENDABLE");
  });
});

describe("a value that cannot be bytes", () => {
  const wasm = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
  const platform: [string, unknown][] = [
    ["MessagePort", new MessageChannel().port1],
    ["Blob", new Blob(["a"])],
    ["WebAssembly.Module", wasm],
    ["BlockList", new BlockList()],
    ["KeyObject", createSecretKey(Buffer.from("a"))],
  ];
  it.each(platform)("is refused by its place: a %s", (what, value) => {
    const refused = new RegExp(
      `^it \\(list\\[1\\]\\.part\\) cannot be sent to another thread: it is an? ${what}, which cannot lie in memory`,
    );
    expect(() => pack({ list: [1, { part: value }] }, "it")).toThrow(NotSendableError);
    expect(() => pack({ list: [1, { part: value }] }, "it")).toThrow(refused);
    expect(() => pack(new Map([[1, { list: [1, value] }]]), "it")).toThrow(/^it \(get\(1\)\.list\[1\]\) cannot be sent/);
  });

  class Point {
    x = 1;
    length(): number {
      return this.x;
    }
  }
  const others: [string, unknown][] = [
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["a Promise", Promise.resolve()],
    ["a WeakMap", new WeakMap()],
    ["a class with methods", new Point()],
    ["a guard", new Mutex().lock()],
    ["a getter that throws", { get it() { throw new Error("no"); } }], // prettier-ignore
  ];
  it.each(others)("is refused in the same words as in a message: %s", (_what, part) => {
    const words = (work: () => unknown): unknown => {
      try {
        return work();
      } catch (error) {
        return (error as FerrousError).message;
      }
    };
    for (const value of [part, { list: [1, part] }, new Map([["k", part]])]) {
      const refusal = words(() => encode(value, "it"));
      expect(refusal).toMatch(/^it .*cannot be sent to another thread/);
      expect(words(() => pack(value, "it"))).toBe(refusal);
    }
  });

  it("leaves the packer as it was", () => {
    const keyed = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`k${String(at)}`, "v"]));
    expect(() => pack({ keyed, call: () => 1 }, "it")).toThrow(NotSendableError);
    expectCloned(keyed);
    expectCloned({ id: 17 });
  });
});

describe("bytes that were damaged", () => {
  /** What comes of it: a value, or what was thrown. */
  const outcome = (message: Message): { readonly value: unknown } | { readonly thrown: unknown } => {
    try {
      return { value: opened(message) };
    } catch (thrown) {
      return { thrown };
    }
  };
  const expectHandleError = (message: Message): void => {
    expect(outcome(message)).toEqual({ thrown: expect.any(HandleError) });
  };

  it("are a HandleError when some are missing, wherever they end", () => {
    fc.assert(
      fc.property(fc.oneof(tree, anything, graph), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (value, part) => {
        const message = messageOf(value);
        const bytes = message.bytes.subarray(0, Math.floor(message.bytes.length * part));
        expectHandleError({ ...message, bytes });
        // In a scratch buffer, what lies behind them is of another message.
        expect(() => unpack(message.bytes, bytes.length, message.isSimple, message.shared)).toThrow(HandleError);
      }),
      { numRuns: 500 },
    );
  });
  it("are a HandleError when there are too many simple ones", () => {
    const { bytes } = messageOf({ id: 17 });
    expectHandleError({ bytes: new Uint8Array([...bytes, 1]), isSimple: true, shared: [] });
  });
  it("are some value, or an error of ours, when they are garbage", () => {
    const harmless = (message: Message): void => {
      const came = outcome(message);
      if ("thrown" in came) expect(came.thrown).toBeInstanceOf(FerrousError);
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, simple) => {
        harmless({ bytes, isSimple: simple, shared: [] });
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.oneof(tree, anything, graph), fc.nat(), fc.nat(255), (value, at, byte) => {
        const message = messageOf(value);
        message.bytes[at % message.bytes.length] = byte;
        harmless(message);
      }),
      { numRuns: 1000 },
    );
  });
  it("are a HandleError when they hold no value, or when their shared memory is missing", () => {
    for (const value of [5, null, { stands: {} }, []]) {
      const { bytes } = messageOf(new Map([[1, value]]));
      // The header and the entry's value alone, without the object that all values lie in.
      expectHandleError({ bytes: bytes.slice(0, 3), isSimple: false, shared: [] });
    }
    const undefinedAlone = new Uint8Array([...messageOf(5n).bytes.subarray(0, 2), 0x5f]);
    expectHandleError({ bytes: undefinedAlone, isSimple: false, shared: [] });
    for (const value of [new SharedArrayBuffer(4), new Int32Array(new SharedArrayBuffer(4)), new AtomicI32(1)]) {
      expectHandleError({ ...messageOf([value]), shared: [] });
    }
  });
});

describe("the packer", () => {
  const run = (source: string, ...flags: string[]): unknown => {
    const codec = JSON.stringify(new URL("../../lib/send/codec.ts", import.meta.url).href);
    const args = [...flags, "--import", "tsx", "--input-type=module", "--eval", `import { pack, unpack } from ${codec};\n${source}`];
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  };

  it("is loaded on first use, and needs no native part and no code made from text", () => {
    const source = `
      import { createRequire } from "node:module";
      const { cache } = createRequire(import.meta.url);
      const loaded = () => Object.keys(cache).filter((file) => file.includes("msgpackr")).map((file) => /[^/\\\\]*$/.exec(file)[0]);
      const before = loaded();
      const trips = [];
      for (let n = 0; n < 10; n++) {
        const { bytes, end } = pack({ id: n, name: "packet" }, "it");
        trips.push(unpack(bytes.slice(0, end), end, true, []));
      }
      console.log(JSON.stringify({ before, after: loaded(), last: trips.at(-1) }));`;
    const found = run(source, "--disallow-code-generation-from-strings");
    expect(found).toEqual({ before: [], after: ["index-no-eval.cjs"], last: { id: 9, name: "packet" } });
  });

  it("keeps no large buffer for the next value", () => {
    const rows = Array.from({ length: 100_000 }, (_, id) => ({ id, name: "a long enough name of a row" }));
    expect(isSimple(rows)).toBe(true);
    expect(pack(1, "it").bytes.length).toBeLessThan(1 << 20);
  });

  // 2.0 were measured: the bytes, and the text that arrives.
  it.each(["latin1", "utf16le"])("carries a text of 100 MB, in %s, in no more than two copies besides the text", (encoding) => {
    const source = `
      const SIZE = 100 * 2 ** 20;
      const text = Buffer.alloc(SIZE, "\u20ac", ${JSON.stringify(encoding)}).toString(${JSON.stringify(encoding)});
      pack(new Map(), "it");
      for (let round = 0; round < 3; round++, await new Promise((done) => setTimeout(done, 5))) gc();
      const before = process.memoryUsage.rss();
      const { bytes, start, end, isSimple, shared } = pack(text, "it");
      const same = unpack(bytes.subarray(start, end), end - start, isSimple, shared) === text;
      console.log(JSON.stringify({ same, copies: (process.resourceUsage().maxRSS * 1024 - before) / SIZE }));`;
    const { same, copies } = run(source, "--expose-gc") as { same: boolean; copies: number };
    expect(same).toBe(true);
    expect(copies).toBeGreaterThan(1);
    expect(copies).toBeLessThan(2.3);
  });
});

/** Object graphs of everything that structured clone copies, and whether two of them are the same graph. */
import fc from "fast-check";
import { isShareable } from "../../lib/send/handle.ts";
import { AtomicI32 } from "../../lib/sync/atomic.ts";

const KINDS = ["object", "null-object", "array", "map", "set"] as const;
type Container = object & { readonly length?: number };

const scalar = fc.oneof(
  fc.constantFrom(undefined, null, -0, NaN, Infinity, "", true, false, 0n, -(2n ** 70n)),
  fc.integer(),
  fc.double(),
  fc.string({ unit: "binary" }),
  fc.bigInt(),
);
const key = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString", "length", "ferrous", "then", "0", "7"));

/** Objects that contain no others. */
const leaf: fc.Arbitrary<object> = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(/a+/giu, /\//m).map((made) => new RegExp(made)),
  fc.uint8Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.uint8Array().map((bytes) => bytes.slice().buffer),
  fc.uint8Array({ minLength: 8 }).map((bytes) => new DataView(bytes.slice().buffer, 2, 3)),
  fc.constantFrom(1, "boxed", true, 3n).map((value) => Object(value) as object),
  fc.nat(9).map((size) => new SharedArrayBuffer(size)),
  fc.integer().map((value) => new AtomicI32(value)),
  fc.tuple(fc.constantFrom(Error, TypeError, RangeError), fc.string()).map(([Made, message]) => new Made(message)),
);

/** A graph: containers and leaves, each reachable from any other, with cycles and shared identity. The first one is given. */
export const graph: fc.Arbitrary<object> = fc
  .record({
    kinds: fc.array(fc.constantFrom(...KINDS), { minLength: 1, maxLength: 6 }),
    leaves: fc.array(leaf, { maxLength: 4 }),
    edges: fc.array(
      fc.tuple(
        fc.nat(),
        key,
        fc.oneof(
          scalar.map((value) => ({ value })),
          fc.nat().map((node) => ({ node })),
        ),
      ),
      { maxLength: 20 },
    ),
  })
  .map(({ kinds, leaves, edges }) => {
    const containers = kinds.map(empty);
    const nodes: object[] = [...containers, ...leaves];
    for (const [from, name, to] of edges) {
      const target = "node" in to ? nodes[to.node % nodes.length] : to.value;
      add(containers[from % containers.length] as Container, name, target, nodes[(from + 1) % nodes.length]);
    }
    return containers[0] as object;
  });

function empty(kind: (typeof KINDS)[number]): object {
  switch (kind) {
    case "object":
      return {};
    case "null-object":
      return Object.create(null) as object;
    case "array":
      return [];
    case "map":
      return new Map();
    case "set":
      return new Set();
  }
}

function add(to: Container, name: string, value: unknown, other: unknown): void {
  if (to instanceof Map) to.set(name.length % 3 === 0 ? other : name, value);
  else if (to instanceof Set) to.add(value);
  // Every third element leaves a hole before it.
  else if (Array.isArray(to)) to[to.length + (name.length % 3 === 0 ? 1 : 0)] = value;
  else Object.defineProperty(to, name, { value, enumerable: true, writable: true, configurable: true });
}

const tagOf = (value: object): string => Object.prototype.toString.call(value);
const bytesOf = (value: unknown): number[] => [...new Uint8Array(value as ArrayBuffer)];

/** Where two graphs differ first, as a path; undefined if they are the same, identities and all. */
export function difference(a: unknown, b: unknown, path = "it", seen = new Map<unknown, unknown>()): string | undefined {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b) ? undefined : path;
  if (seen.has(a)) return seen.get(a) === b ? undefined : `${path} (identity)`;
  seen.set(a, b);
  if (tagOf(a) !== tagOf(b) && !isShareable(a)) return `${path} (${tagOf(a)}, not ${tagOf(b)})`;
  return differenceInside(a, b, path, seen) ?? differenceOfParts(a, b, path, seen);
}

function differenceInside(a: object, b: object, path: string, seen: Map<unknown, unknown>): string | undefined {
  if (a instanceof AtomicI32) {
    a.store(a.load() ^ 0x5555);
    return b instanceof AtomicI32 && b.load() === a.load() ? undefined : `${path} (other memory)`;
  }
  const told = (value: object): unknown => {
    switch (tagOf(value)) {
      case "[object Date]":
        return (value as Date).getTime();
      case "[object RegExp]":
        return String(value);
      case "[object ArrayBuffer]":
      case "[object SharedArrayBuffer]":
        return bytesOf(value).join();
      case "[object DataView]":
        return [(value as DataView).byteOffset, (value as DataView).byteLength, ...bytesOf((value as DataView).buffer)].join();
      case "[object Error]":
        return `${(value as Error).name}: ${(value as Error).message} ${String((value as Error).stack)}`;
      case "[object Array]":
        return (value as unknown[]).length;
      default:
        return ArrayBuffer.isView(value)
          ? [...(value as Uint8Array)].map((item) => (Object.is(item, -0) ? "-0" : String(item))).join()
          : Object.prototype.valueOf.call(value) === value
            ? undefined
            : value.valueOf();
    }
  };
  if (!Object.is(told(a), told(b))) return `${path}: ${String(told(a))} is ${String(told(b))}`;
  const entries = (value: object): unknown[] => (/Map|Set/.test(tagOf(value)) ? [...(value as Set<unknown>)] : []);
  return differenceOfParts({ ...entries(a) }, { ...entries(b) }, `${path}.entries`, seen);
}

function differenceOfParts(a: object, b: object, path: string, seen: Map<unknown, unknown>): string | undefined {
  if (isShareable(a) || ArrayBuffer.isView(a)) return undefined;
  const [keys, others] = [Object.keys(a), Object.keys(b)];
  if (keys.join("\0") !== others.join("\0")) return `${path}: keys ${JSON.stringify(keys)} are ${JSON.stringify(others)}`;
  for (const name of keys) {
    const found = difference((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name], `${path}.${name}`, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

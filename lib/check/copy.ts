/**
 * Plain data of one's own: what a thread returned, or what was drawn as an argument, is used by many executions, and whoever is given
 * it may write to it.
 */
import { isPlain } from "../send/clonable.ts";
import { ARRAYS, RealDate, elementOf } from "./real.ts";

/**
 * A copy of arrays, plain objects, Maps, Sets, Dates and typed arrays over memory that is not shared, all the way down. All else, such as
 * an instance of a class, is the same as in the original. Not structuredClone: that refuses all for one part, and takes classes away.
 */
export function ownCopy<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  try {
    return copyOf(value, new Map()) as T;
  } catch {
    // A Proxy whose traps throw, or what is too deep.
    return value;
  }
}

function copyOf(value: unknown, met: Map<unknown, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (met.has(value)) return met.get(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const begin = <C extends object>(copy: C): C => {
    met.set(value, copy);
    return copy;
  };
  if (Array.isArray(value) && prototype === Array.prototype) {
    const copy = begin((value as unknown[]).slice());
    copy.forEach((inner, at) => {
      if (typeof inner === "object") copy[at] = copyOf(inner, met);
    });
    // Such as the index of a RegExp's match.
    const keys = Object.keys(value);
    if (keys.length > value.length) copyProperties(value, copy, met, (key) => !Object.hasOwn(copy, key));
    return copy;
  }
  if (prototype === Map.prototype) {
    const copy = begin(new Map<unknown, unknown>());
    for (const [key, inner] of value as Map<unknown, unknown>) copy.set(copyOf(key, met), copyOf(inner, met));
    return copy;
  }
  if (prototype === Set.prototype) {
    const copy = begin(new Set<unknown>());
    for (const inner of value as Set<unknown>) copy.add(copyOf(inner, met));
    return copy;
  }
  if (prototype === RealDate.prototype) return begin(new RealDate(Number(value)));
  if (isPlain(value)) {
    const copy = begin(Object.create(prototype as object | null) as object);
    copyProperties(value, copy, met, () => true);
    return copy;
  }
  const element = elementOf(value);
  const bytes = value as Uint8Array;
  if (ARRAYS[element]?.prototype === prototype && bytes.buffer instanceof ArrayBuffer) return begin(bytes.slice());
  return value;
}

function copyProperties(from: object, to: object, met: Map<unknown, unknown>, wanted: (key: PropertyKey) => boolean): void {
  for (const key of Reflect.ownKeys(from)) {
    if (!wanted(key)) continue;
    const property = Object.getOwnPropertyDescriptor(from, key) as PropertyDescriptor;
    Object.defineProperty(to, key, "value" in property ? { ...property, value: copyOf(property.value, met) } : property);
  }
}

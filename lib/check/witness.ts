/**
 * Notices threads that share through ordinary objects of the state. Real threads have no object in common, and a body that is run
 * again to be resumed would write twice.
 */
import { CheckError } from "../errors.ts";
import { propertiesOf } from "./handles.ts";

/** How deep into the state, and how many properties of one object that is no array, are looked at; and of all together. */
const DEPTH = 4;
const PROPERTIES = 100;
const TOGETHER = 10_000;

type Entry = readonly [key: string | number, value: unknown];

export class Witness {
  readonly #seen: { readonly object: object; readonly path: string; readonly entries: readonly Entry[] }[] = [];
  readonly #met = new Set<unknown>();
  #left = TOGETHER;

  /** `isMemory`: what is no ordinary object, because it lies in shared memory. */
  constructor(state: unknown, isMemory: (value: object) => boolean) {
    this.#note(state, "state", 0, isMemory);
  }

  /** @throws {CheckError} an object is not what it was */
  verify(): void {
    for (const { object, path, entries } of this.#seen) {
      const now = entriesOf(object);
      const changed =
        now.length === entries.length
          ? now.find(([key, value], at) => key !== entries[at]?.[0] || !Object.is(value, entries[at][1]))
          : [""];
      if (changed === undefined) continue;
      const name = changed[0] === "" ? path : `${path}.${String(changed[0])}`;
      throw new CheckError(
        `a thread changed ${name}, which is part of an ordinary object: real threads have no such object in common. ` +
          `Keep it in shared memory (new Int32Array(new SharedArrayBuffer(4))), or return it from the thread and look at it in after.`,
      );
    }
  }

  #note(value: unknown, path: string, depth: number, isMemory: (value: object) => boolean): void {
    if (typeof value !== "object" || value === null || depth > DEPTH || this.#met.has(value) || isMemory(value)) return;
    this.#met.add(value);
    const entries = entriesOf(value);
    if (entries.length > (isList(value) ? this.#left : Math.min(PROPERTIES, this.#left))) return;
    this.#left -= entries.length;
    this.#seen.push({ object: value, path, entries });
    for (const [key, inner] of entries) this.#note(inner, `${path}.${String(key)}`, depth + 1, isMemory);
  }
}

const isList = (object: object): object is ArrayLike<unknown> =>
  Array.isArray(object) || (ArrayBuffer.isView(object) && "length" in object);

/** What an object holds: its properties, or what is in a Map or Set. */
export function entriesOf(object: object): readonly Entry[] {
  // Of a long array without a descriptor for each.
  if (isList(object) && object.length > PROPERTIES)
    return object.length > TOGETHER ? [] : Array.from(object, (value: unknown, at) => [at, value] as const);
  if (object instanceof Map) return [...object].map(([key, value]) => [String(key), value]);
  if (object instanceof Set) return [...object].map((value, at) => [String(at), value]);
  return propertiesOf(object);
}

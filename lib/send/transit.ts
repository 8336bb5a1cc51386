/**
 * Values on their way to another thread. Structured clone copies most of them as they are; shared objects of ours go as handles and
 * errors as packets, wherever they stand in the value, and both are put back on arrival. Cycles and shared identity are kept.
 */
import { NotSendableError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";
import { adorn, isError, packError, unpackError, type ErrorPacket } from "./error-packet.ts";
import { fromHandle, isShareable, toHandle } from "./handle.ts";
import { NOT_SENDABLE, type NotSendable } from "./refusals.ts";

/** A value that can be posted. */
export interface Encoded {
  readonly value: unknown;
  /** The objects in `value` that stand for something else; undefined if there is none, and nothing to do on arrival. */
  readonly stands?: { readonly handles: readonly object[]; readonly errors: readonly ErrorPacket[] };
  /** Ports in `value`, which move. */
  readonly transfer: readonly object[];
}

/**
 * Makes a value ready to be posted. A value that structured clone can copy as it is, is not copied here.
 * @param where  what the value is, for messages: "argument 2 of spawn()"
 * @throws {NotSendableError} a part of it cannot be sent; it says which, and why
 */
export function encode(value: unknown, where: string): Encoded {
  return encodeParts([value], () => where, true);
}

/** As {@link encode}, of several values as one: an array. */
export function encodeAll(values: readonly unknown[], where: (at: number) => string): Encoded {
  return encodeParts(values, where, false);
}

function encodeParts(values: readonly unknown[], where: (at: number) => string, alone: boolean): Encoded {
  const scan = new Scan();
  values.forEach((value, at) => {
    scan.visit(value, where(at), "");
  });
  if (!scan.rewrites) return { value: alone ? values[0] : values, transfer: scan.ports };
  const rewrite = new Rewrite();
  const rewritten = values.map((value) => rewrite.of(value));
  const { handles, errors } = rewrite;
  return { value: alone ? rewritten[0] : rewritten, stands: { handles, errors }, transfer: scan.ports };
}

/** The value again. `encoded` is used up: it is what the value is made of. */
export function decode({ value, stands }: Encoded): unknown {
  return stands === undefined ? value : new Arrival(stands).of(value);
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** Of no class, whichever realm it comes from. */
function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  return proto === null || proto === Object.prototype || Object.getPrototypeOf(proto) === null;
}

/** Copied by structured clone as they are, and nothing of ours can be in them. */
const LEAVES = new Set(
  "Date RegExp ArrayBuffer SharedArrayBuffer DataView Boolean Number String BigInt Blob WebAssembly.Module CryptoKey KeyObject".split(" "),
);
const REFUSED = new Map([
  ["WeakMap", "it holds on to objects of this thread"],
  ["WeakSet", "it holds on to objects of this thread"],
  ["WeakRef", "it holds on to an object of this thread"],
  ["Promise", "it is settled by this thread: await it, and send its value"],
  ["Generator", "it is running code of this thread"],
  ["AsyncGenerator", "it is running code of this thread"],
]);

/** Looks at a value once, whole: is there anything to rewrite, anything to refuse? */
class Scan {
  rewrites = false;
  readonly ports: object[] = [];
  readonly #seen = new Set<object>();

  visit(value: unknown, where: string, path: string): void {
    if (typeof value === "function") refuse(where, path, "it is a function, and code stays in its thread: make it a task(), and send what it needs.");
    if (typeof value === "symbol") refuse(where, path, "it is a symbol, which is another one in every thread: send a string.");
    if (typeof value !== "object" || value === null || this.#seen.has(value)) return;
    this.#seen.add(value);
    if (NOT_SENDABLE in value) refuse(where, path, `${(value as NotSendable)[NOT_SENDABLE]}.`);
    if (isShareable(value)) this.rewrites = true;
    else if (ArrayBuffer.isView(value)) return;
    else if (Array.isArray(value)) this.#visitArray(value, where, path);
    else if (isError(value)) this.rewrites = true;
    else this.#visitTagged(value, tagOf(value), where, path);
  }

  #visitArray(array: readonly unknown[], where: string, path: string): void {
    for (let at = 0; at < array.length; at++) {
      const item = array[at];
      if (typeof item !== "number" && typeof item !== "string") this.visit(item, where, `${path}[${String(at)}]`);
    }
  }

  #visitTagged(value: object, tag: string, where: string, path: string): void {
    const reason = REFUSED.get(tag);
    if (reason !== undefined) refuse(where, path, `${kindOf(value)}: ${reason}.`);
    if (LEAVES.has(tag)) return;
    if (tag === "MessagePort") this.ports.push(value);
    else if (tag === "Map") {
      for (const [key, item] of value as Map<unknown, unknown>) {
        this.visit(key, where, `${path}.keys()`);
        this.visit(item, where, `${path}.get(${shown(key)})`);
      }
    } else if (tag === "Set") {
      for (const item of value as Set<unknown>) this.visit(item, where, `${path}.values()`);
    } else if (isPlain(value)) {
      for (const key of Object.keys(value)) this.visit((value as Record<string, unknown>)[key], where, path === "" ? key : `${path}.${key}`);
    } else if (tag === "Object") {
      refuse(where, path, `it is ${kindOf(value)}, whose methods would be lost: send its plain data, or make it a struct.`);
    }
    // What is left is the platform's own (a Blob, a FileHandle): structured clone knows best.
  }
}

function refuse(where: string, path: string, why: string): never {
  throw new NotSendableError(path === "" ? where : `${where} (${path})`, why);
}

const shown = (key: unknown): string => (typeof key === "string" ? JSON.stringify(key) : typeof key === "object" ? "..." : String(key));

/** Copies what leads to shared objects and errors, with those replaced. */
class Rewrite {
  readonly handles: object[] = [];
  readonly errors: ErrorPacket[] = [];
  readonly #done = new Map<object, unknown>();

  of(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const done = this.#done.get(value);
    if (done !== undefined) return done;
    if (isShareable(value)) {
      const handle = toHandle(value);
      this.handles.push(handle);
      return this.#keep(value, handle);
    }
    if (ArrayBuffer.isView(value)) return value;
    if (Array.isArray(value)) {
      const copy = this.#keep(value, new Array<unknown>(value.length));
      value.forEach((item, at) => (copy[at] = this.of(item)));
      return copy;
    }
    if (isError(value)) return this.#packet(value);
    return this.#container(value, tagOf(value));
  }

  #container(value: object, tag: string): unknown {
    if (tag === "Map") {
      const copy = this.#keep(value, new Map<unknown, unknown>());
      for (const [key, item] of value as Map<unknown, unknown>) copy.set(this.of(key), this.of(item));
      return copy;
    }
    if (tag === "Set") {
      const copy = this.#keep(value, new Set<unknown>());
      for (const item of value as Set<unknown>) copy.add(this.of(item));
      return copy;
    }
    if (LEAVES.has(tag) || !isPlain(value)) return value;
    const copy = this.#keep(value, {} as Record<string, unknown>);
    for (const key of Object.keys(value)) put(copy, key, this.of((value as Record<string, unknown>)[key]));
    return copy;
  }

  #packet(error: Error): ErrorPacket {
    const packet = this.#keep(error, packError(error));
    this.errors.push(packet);
    for (const [key, item] of Object.entries(packet.own)) {
      // An error must arrive whatever hangs on it, so what cannot be sent is left behind.
      if (isSendable(item)) packet.own[key] = this.of(item);
      else if (key === "cause") packet.own[key] = String(item);
      else Reflect.deleteProperty(packet.own, key);
    }
    return packet;
  }

  #keep<T>(value: object, copy: T): T {
    this.#done.set(value, copy);
    return copy;
  }
}

function isSendable(value: unknown): boolean {
  try {
    const scan = new Scan();
    scan.visit(value, "", "");
    return scan.ports.length === 0;
  } catch {
    return false;
  }
}

/** Puts shared objects and errors back where their stand-ins are. The value is a fresh clone, so it is changed in place. */
class Arrival {
  readonly #handles: ReadonlySet<object>;
  readonly #errors: ReadonlySet<object>;
  readonly #done = new Map<object, unknown>();

  constructor({ handles, errors }: NonNullable<Encoded["stands"]>) {
    this.#handles = new Set(handles);
    this.#errors = new Set(errors);
  }

  of(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const done = this.#done.get(value);
    if (done !== undefined) return done;
    if (this.#handles.has(value)) return this.#keep(value, fromHandle(value));
    if (this.#errors.has(value)) return this.#error(value as ErrorPacket);
    this.#done.set(value, value);
    const tag = tagOf(value);
    if (Array.isArray(value)) value.forEach((item, at) => (value[at] = this.of(item)));
    else if (tag === "Map") refill(value as Map<unknown, unknown>, (map, [key, item]: [unknown, unknown]) => map.set(this.of(key), this.of(item)));
    else if (tag === "Set") refill(value as Set<unknown>, (set, item) => set.add(this.of(item)));
    else if (tag === "Object") {
      for (const key of Object.keys(value)) put(value as Record<string, unknown>, key, this.of((value as Record<string, unknown>)[key]));
    }
    return value;
  }

  #error(packet: ErrorPacket): Error {
    const error = this.#keep(packet, unpackError(packet));
    for (const [key, item] of Object.entries(packet.own)) adorn(error, key, this.of(item));
    return error;
  }

  #keep<T>(value: object, revived: T): T {
    this.#done.set(value, revived);
    return revived;
  }
}

/** Empties a Map or Set and fills it again, so that keys that changed keep their order. */
function refill<E, C extends { clear(): void } & Iterable<E>>(container: C, add: (container: C, entry: E) => unknown): void {
  const entries = [...container];
  container.clear();
  for (const entry of entries) add(container, entry);
}

/** An own property, even if it is called `__proto__`. */
function put(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  else object[key] = value;
}

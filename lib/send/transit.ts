/**
 * Values on their way to another thread. Structured clone copies most of them as they are; shared objects of ours go as handles and
 * errors as packets, wherever they stand in the value, and both are put back on arrival. Cycles and shared identity are kept.
 */
import { NotSendableError } from "../errors.ts";
import { isPlain, tagOf } from "./clonable.ts";
import { adorn, isError, packError, unpackError, type ErrorPacket } from "./error-packet.ts";
import { fromHandle, handleOf, isShareable, type Handle } from "./handle.ts";
import { isSharedMemory, isStandIn, memoryOf, standInFor, swapIn } from "./memory.ts";
import { isMovable, type Movable } from "./moving.ts";
import { Scan } from "./scan.ts";
import { inWords } from "./words.ts";

/** A value that can be posted. */
export interface Encoded {
  readonly value: unknown;
  /** The objects in `value` that stand for something else; undefined if there is none, and nothing to do on arrival. */
  readonly stands?: Stands;
  /** Ports in `value`, which move. */
  readonly transfer: readonly object[];
}

/** A value that has been encoded where it is, with what moves if it is sent. */
export interface Departing extends Encoded {
  readonly movables: readonly Movable[];
}

/** Structured clone keeps identity within one message, so these arrive as the very objects that stand in the value. */
interface Stands {
  readonly handles: readonly object[];
  readonly errors: readonly ErrorPacket[];
  /** Of what became bytes: for shared memory. */
  readonly memories: readonly object[];
}

/**
 * Makes a value ready to be posted. A value that structured clone can copy as it is, is not copied here.
 * @param where   what the value is, for messages: "argument 2 of spawn()"
 * @param memory  given if the value is to become bytes: the shared memory in it is put into this list, and stand-ins into the value
 * @throws {NotSendableError} a part of it cannot be sent; it says which, and why
 */
export function encode(value: unknown, where: string, memory?: SharedArrayBuffer[]): Departing {
  const encoded = encodeAll([value], () => where, memory);
  return { ...encoded, value: (encoded.value as unknown[])[0] };
}

/** As {@link encode}, of several values as one: an array. */
export function encodeAll(values: readonly unknown[], where: (at: number) => string, memory?: SharedArrayBuffer[]): Departing {
  const scan = new Scan(memory !== undefined);
  values.forEach((value, at) => {
    scan.look(value, where(at));
  });
  if (!scan.rewrites && !(scan.hasMemory && memory !== undefined)) return { value: values, transfer: scan.ports, movables: [] };
  const rewrite = new Rewrite(memory);
  const rewritten = values.map((value, at) => rewrite.whole(value, where(at)));
  const { handles, errors, memories, movables } = rewrite;
  return { value: rewritten, stands: { handles, errors, memories }, transfer: scan.ports, movables };
}

/** The value again. `encoded` is used up: it is what the value is made of. */
export function decode({ value, stands }: Encoded, memory: readonly SharedArrayBuffer[] = []): unknown {
  return stands === undefined ? value : new Arrival(stands, memory).of(value);
}

/** Copies what leads to shared objects and errors, with those replaced. */
class Rewrite {
  readonly handles: object[] = [];
  readonly errors: ErrorPacket[] = [];
  /** What belongs to the receiver, once it is sent. */
  readonly movables: Movable[] = [];
  readonly memories: object[] = [];
  readonly #memory: SharedArrayBuffer[] | undefined;
  readonly #done = new Map<object, unknown>();

  constructor(memory: SharedArrayBuffer[] | undefined) {
    this.#memory = memory;
  }

  whole(value: unknown, where: string): unknown {
    try {
      return this.#of(value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new NotSendableError(where, "its objects lie deeper in each other than can be copied: send a flat list.", error);
    }
  }

  #of(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const done = this.#done.get(value);
    if (done !== undefined) return done;
    if (isShareable(value)) {
      const handle = this.#keep(value, this.#withoutMemory(handleOf(value)));
      if (isMovable(value)) this.movables.push(value);
      this.handles.push(handle);
      return handle;
    }
    if (this.#memory !== undefined && isSharedMemory(value)) return this.#standIn(value, this.#memory);
    if (Array.isArray(value)) return this.#properties(value, new Array<unknown>(value.length) as unknown as Record<string, unknown>);
    if (isPlain(value)) return this.#properties(value, {});
    return isError(value) ? this.#packet(value) : this.#container(value);
  }

  #standIn(value: Parameters<typeof standInFor>[0], memory: SharedArrayBuffer[]): object {
    const standIn = this.#keep(value, standInFor(value, memory));
    this.memories.push(standIn);
    return standIn;
  }
  #withoutMemory(handle: Handle): Handle {
    const memory = this.#memory;
    if (memory === undefined) return handle;
    return swapIn(handle, (part) => (isSharedMemory(part) ? standInFor(part, memory) : undefined)) as Handle;
  }

  /** By keys: a hole stays a hole. */
  #properties(value: object, copy: Record<string, unknown>): unknown {
    this.#keep(value, copy);
    for (const key of Object.keys(value)) put(copy, key, this.#of((value as Record<string, unknown>)[key]));
    return copy;
  }

  #container(value: object): unknown {
    switch (tagOf(value)) {
      case "Map": {
        const copy = this.#keep(value, new Map<unknown, unknown>());
        for (const [key, item] of value as Map<unknown, unknown>) copy.set(this.#of(key), this.#of(item));
        return copy;
      }
      case "Set": {
        const copy = this.#keep(value, new Set<unknown>());
        for (const item of value as Set<unknown>) copy.add(this.#of(item));
        return copy;
      }
      default:
        return value;
    }
  }

  #packet(error: Error): ErrorPacket {
    const packet = this.#keep(error, packError(error));
    this.errors.push(packet);
    const asBytes = this.#memory !== undefined;
    for (const [key, item] of Object.entries(packet.own)) {
      // An error must arrive whatever hangs on it: what cannot be sent is left behind, or said in words.
      if (key === "errors" && Array.isArray(item))
        packet.own[key] = item.map((one) => this.#of(isSendable(one, asBytes) ? one : inWords(one)));
      else if (isSendable(item, asBytes)) packet.own[key] = this.#of(item);
      else if (key === "cause") packet.own[key] = inWords(item);
      else Reflect.deleteProperty(packet.own, key);
    }
    return packet;
  }

  #keep<T>(value: object, copy: T): T {
    this.#done.set(value, copy);
    return copy;
  }
}

/** May it hang on an error? A port may not: a copy of an error must not take anything away. */
function isSendable(value: unknown, asBytes: boolean): boolean {
  try {
    const scan = new Scan(asBytes);
    scan.look(value, "");
    return scan.ports.length === 0;
  } catch {
    return false;
  }
}

/** Puts shared objects and errors back where their stand-ins are. The value is a fresh clone, so it is changed in place. */
class Arrival {
  readonly #handles: ReadonlySet<object>;
  readonly #errors: ReadonlySet<object>;
  readonly #memories: ReadonlySet<object>;
  readonly #memory: readonly SharedArrayBuffer[];
  readonly #done = new Map<object, unknown>();

  constructor({ handles, errors, memories }: Stands, memory: readonly SharedArrayBuffer[]) {
    this.#memories = new Set(memories);
    this.#memory = memory;
    this.#handles = new Set(handles);
    this.#errors = new Set(errors);
  }

  of(value: unknown): unknown {
    if (typeof value !== "object" || value === null) return value;
    const done = this.#done.get(value);
    if (done !== undefined) return done;
    if (this.#handles.has(value)) return this.#keep(value, fromHandle(this.#withMemory(value)));
    if (this.#memories.has(value) && isStandIn(value)) return this.#keep(value, memoryOf(value, this.#memory));
    if (this.#errors.has(value)) return this.#error(value as ErrorPacket);
    this.#keep(value, value);
    this.#fill(value);
    return value;
  }

  #withMemory(handle: object): unknown {
    if (this.#memory.length === 0) return handle;
    return swapIn(handle, (part) => (isStandIn(part) ? memoryOf(part, this.#memory) : undefined));
  }

  #fill(value: object): void {
    if (Array.isArray(value) || isPlain(value)) {
      for (const key of Object.keys(value)) put(value as Record<string, unknown>, key, this.of((value as Record<string, unknown>)[key]));
      return;
    }
    const tag = tagOf(value);
    if (tag === "Map")
      refill(value as Map<unknown, unknown>, (map, [key, item]: [unknown, unknown]) => map.set(this.of(key), this.of(item)));
    else if (tag === "Set") refill(value as Set<unknown>, (set, item) => set.add(this.of(item)));
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

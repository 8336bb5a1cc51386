/**
 * Handles: what a shared object becomes to cross to another thread. A handle is plain data that structured clone can copy: a
 * marker, the object's kind with the version of its bytes, its place, its name, and the handle of the value that it protects.
 */
import { HandleError, NotSendableError } from "../errors.ts";
import { HOME, TYPE } from "../memory/hidden.ts";
import { describeType, elementTypeOf, FixedArray, fixedArrayAt, placeOf, typeFrom, typeOf, type FieldType } from "../memory/layout.ts";
import { isSharedBuffer, kindOf, layoutFrom, type Place } from "../memory/place.ts";
import { meetRegistry, registryBuffer } from "../thread/registry.ts";
import { isMovable, moveAll } from "./moving.ts";
import { messageOf } from "./words.ts";

/** Under this key an object gives what another thread needs to open it. */
export const HANDLE: unique symbol = Symbol("ferrous handle");

/** What another thread needs to open a shared object. */
export interface HandleBody {
  /** The kind's name and the version of its bytes: `"Mutex@1"`. */
  readonly kind: string;
  readonly place: Place;
  readonly name?: string | undefined;
  /** What the kind is made of, as data. */
  readonly type?: unknown;
  /** The value that it protects: one that threads share. */
  readonly value?: unknown;
}

/** An object that lies in shared memory and can be opened in every thread. */
export interface Shareable {
  [HANDLE](): HandleBody;
}

/** A shared object on its way to another thread. Make one with {@link toHandle}, post it, open it with {@link fromHandle}. */
export interface Handle {
  readonly ferrous: "handle";
  readonly kind: string;
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
  readonly name?: string;
  readonly type?: unknown;
  readonly value?: unknown;
  /** The process' registry of threads: a worker that has none yet takes it from here. */
  readonly registry: SharedArrayBuffer;
}

/** `typeFrom` makes a field type of its description: handed on, so that a page which opens no handles need not load all types for it. */
type Revive = (body: HandleBody, typeFrom: (description: unknown) => FieldType) => object;
const revivers = new Map<string, Revive>();

/** Tells how objects of a kind are opened; kinds that need no more than their place need only `registerLayout`. */
export function registerKind(kind: string, revive: Revive): void {
  revivers.set(kind, revive);
}

const STRUCT = "struct@1";
function reviveStruct({ place: { buffer, byteOffset }, type }: HandleBody): object {
  const struct = typeFrom(type) as FieldType & { at?: (buffer: SharedArrayBuffer, byteOffset: number) => object };
  if (typeof struct.at !== "function") throw new HandleError("its type is no struct");
  return struct.at(buffer, byteOffset);
}

const ARRAY = "array@1";
function reviveArray({ place: { buffer, byteOffset }, type }: HandleBody): object {
  const [element, length] = Array.isArray(type) ? (type as unknown[]) : [];
  return fixedArrayAt(typeFrom(element), buffer, byteOffset, length as number);
}

/** What another thread needs to open `value`; undefined if it is no shared object of ours. */
export function bodyOf(value: unknown): HandleBody | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (HANDLE in value) return (value as Shareable)[HANDLE]();
  if (TYPE in value) return { kind: STRUCT, place: placeOf(value), type: describeType(typeOf(value)) };
  if (!(value instanceof FixedArray)) return undefined;
  const { buffer, byteOffset, length } = value;
  return { kind: ARRAY, place: { buffer, byteOffset }, type: [describeType(elementTypeOf(value)), length] };
}

/** Is it a shared object of ours, which {@link toHandle} takes? */
export function isShareable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  // Structs and arrays by what they keep: their classes would bring all of theirs into each page that only has a lock.
  return HANDLE in value || HOME in value;
}

/** Is it memory that threads share, or nothing at all? */
export function isSync(value: unknown): boolean {
  if (value === undefined || isShareable(value) || isSharedBuffer(value)) return true;
  return ArrayBuffer.isView(value) && isSharedBuffer(value.buffer);
}

/**
 * The handle of a shared object, for a plain `postMessage` to any worker of this process. `spawn` and channels do it by themselves.
 * @throws {NotSendableError} it is no shared object of this library
 * @example worker.postMessage({ totals: toHandle(totals) });
 */
export function toHandle(object: object): Handle {
  return moveAll(isMovable(object) ? [object] : [], "anywhere", "into a handle", () => handleOf(object));
}

/** As {@link toHandle}, of what its sender moves. */
export function handleOf(object: object): Handle {
  const body = bodyOf(object);
  if (body === undefined) {
    throw new NotSendableError(
      kindOf(object),
      "it is no shared object of ferrous, such as a Mutex, an atomic or a struct. Post plain data as it is.",
    );
  }
  const { kind, place, name, type, value } = body;
  return {
    ferrous: "handle",
    kind,
    buffer: place.buffer,
    byteOffset: place.byteOffset,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
    ...(value === undefined ? {} : { value: isShareable(value) ? handleOf(value as object) : value }),
    registry: registryBuffer(),
  };
}

/**
 * Opens a handle that came from another thread: the object itself, over the same memory.
 * @throws {HandleError} it is no handle, was damaged, is of another version of ferrous, or comes from another process' memory
 * @example parentPort.once("message", ({ totals }) => fromHandle(totals).lock());
 */
export function fromHandle<T extends object = object>(handle: unknown): T {
  try {
    return open(handle, 0) as T;
  } catch (error) {
    if (error instanceof HandleError) throw error;
    // What a constructor says of a wrong argument is, of a handle, that somebody changed it.
    throw new HandleError(messageOf(error));
  }
}

/** How deep handles may lie in each other: a forged one may contain itself. */
const MAX_DEPTH = 64;

function open(handle: unknown, depth: number): object {
  if (depth > MAX_DEPTH) throw new HandleError("handles lie deeper in it than in any real one");
  const { registry, ...body } = check(handle);
  if (!meetRegistry(registry)) {
    throw new HandleError(
      "its threads cannot see this one. Use ferrous in the main thread before it starts its workers, and one version of it: npm ls ferrous shows who brings which",
    );
  }
  const value = isHandle(body.value) ? open(body.value, depth + 1) : body.value;
  if (!isSync(value)) throw new HandleError(`what it protects is ${kindOf(value)}, which threads do not share`);
  return revive({ ...body, value });
}

export const isHandle = (value: unknown): value is Handle => (value as Partial<Handle> | null | undefined)?.ferrous === "handle";

function revive(body: HandleBody): object {
  const { kind, place, type } = body;
  if (kind === STRUCT) return reviveStruct(body);
  if (kind === ARRAY) return reviveArray(body);
  const known = revivers.get(kind);
  if (known !== undefined) return known(body, typeFrom);
  const layout = layoutFrom(kind, type === undefined || typeof type === "number" ? type : typeFrom(type));
  if (layout === undefined) {
    throw new HandleError(
      `a ${kind.slice(0, 40)} is not known here: both threads need the same version of ferrous, with that class imported`,
    );
  }
  return layout.at(place.buffer, place.byteOffset) as object;
}

function check(handle: unknown): HandleBody & { readonly registry: SharedArrayBuffer } {
  if (!isHandle(handle)) throw new HandleError(`it is ${kindOf(handle)}, not the object that toHandle() gave`);
  const { kind, buffer, byteOffset, name, type, value, registry } = handle as { readonly [K in keyof Handle]: unknown };
  if (typeof kind !== "string") throw new HandleError("its kind is missing");
  if (!isSharedBuffer(buffer)) throw new HandleError(`its buffer is ${kindOf(buffer)}, not the shared memory that it lies in`);
  if (typeof byteOffset !== "number" || !Number.isInteger(byteOffset) || byteOffset < 0) {
    throw new HandleError(`its byteOffset is ${String(byteOffset)}, which is no place`);
  }
  if (name !== undefined && typeof name !== "string") throw new HandleError("its name is no string");
  if (!isSharedBuffer(registry)) throw new HandleError("the registry of its process is missing");
  return { kind, place: { buffer, byteOffset }, name, type, value, registry };
}

/**
 * Handles: what a shared object becomes to cross to another thread. A handle is plain data that structured clone can copy: a
 * marker, the object's kind with the version of its bytes, its place, its name, and the handle of the value that it protects.
 */
import { HandleError, NotSendableError } from "../errors.ts";
import { describeType, placeOf, typeFrom, typeOf, type FieldType } from "../memory/layout.ts";
import { TYPE } from "../memory/hidden.ts";
import { isSharedBuffer, kindOf, layoutFrom, type Place } from "../memory/place.ts";
import { meetRegistry, registryBuffer } from "../thread/registry.ts";

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

type Revive = (body: HandleBody) => object;
const revivers = new Map<string, Revive>();

/** Tells how objects of a kind are opened; kinds that need no more than their place need only `registerLayout`. */
export function registerKind(kind: string, revive: Revive): void {
  revivers.set(kind, revive);
}

const STRUCT = "struct@1";
registerKind(STRUCT, ({ place: { buffer, byteOffset }, type }) => {
  const struct = typeFrom(type) as FieldType & { at?: (buffer: SharedArrayBuffer, byteOffset: number) => object };
  if (typeof struct.at !== "function") throw new HandleError("its type is no struct");
  return struct.at(buffer, byteOffset);
});

/** What another thread needs to open `value`; undefined if it is no shared object of ours. */
export function bodyOf(value: object): HandleBody | undefined {
  if (HANDLE in value) return (value as Shareable)[HANDLE]();
  return TYPE in value ? { kind: STRUCT, place: placeOf(value), type: describeType(typeOf(value)) } : undefined;
}

/** Is it a shared object of ours, which {@link toHandle} takes? */
export function isShareable(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return HANDLE in value || TYPE in value;
}

/**
 * The handle of a shared object, for a plain `postMessage` to any worker of this process. `spawn` and channels do it by themselves.
 * @throws {NotSendableError} it is no shared object of this library
 * @example worker.postMessage({ totals: toHandle(totals) });
 */
export function toHandle(object: object): Handle {
  const body = isShareable(object) ? bodyOf(object) : undefined;
  if (body === undefined) {
    throw new NotSendableError(kindOf(object), "it is no shared object of ferrous, such as a Mutex, an atomic or a struct. Post plain data as it is.");
  }
  const { kind, place, name, type, value } = body;
  return {
    ferrous: "handle",
    kind,
    buffer: place.buffer,
    byteOffset: place.byteOffset,
    ...(name === undefined ? {} : { name }),
    ...(type === undefined ? {} : { type }),
    ...(value === undefined ? {} : { value: isShareable(value) ? toHandle(value as object) : value }),
    registry: registryBuffer(),
  };
}

/**
 * Opens a handle that came from another thread: the object itself, over the same memory.
 * @throws {HandleError} it is no handle, was damaged, is of another version of ferrous, or comes from another process' memory
 * @example parentPort.once("message", ({ totals }) => fromHandle(totals).lock());
 */
export function fromHandle<T extends object = object>(handle: unknown): T {
  const { body, registry } = checkHandle(handle);
  if (!meetRegistry(registry)) {
    throw new HandleError("it comes from a group of threads that cannot see this one: use ferrous in the main thread before it starts its workers");
  }
  const value = isHandle(body.value) ? fromHandle(body.value) : body.value;
  try {
    return revive({ ...body, value }) as T;
  } catch (error) {
    // What a constructor says of a wrong argument is, of a handle, that somebody changed it.
    if (error instanceof TypeError || error instanceof RangeError) throw new HandleError(error.message.replace(/\.$/, ""));
    throw error;
  }
}

export const isHandle = (value: unknown): value is Handle => (value as Partial<Handle> | null | undefined)?.ferrous === "handle";

function revive(body: HandleBody): object {
  const { kind, place, type } = body;
  const known = revivers.get(kind);
  if (known !== undefined) return known(body);
  const layout = layoutFrom(kind, type === undefined ? undefined : typeFrom(type));
  if (layout === undefined) {
    throw new HandleError(`a ${kind.slice(0, 40)} is not known here: both threads need the same version of ferrous, with that class imported`);
  }
  return layout.at(place.buffer, place.byteOffset) as object;
}

function checkHandle(handle: unknown): { body: HandleBody; registry: SharedArrayBuffer } {
  if (typeof handle !== "object" || handle === null) throw new HandleError(`it is ${kindOf(handle)}, not the object that toHandle() gave`);
  if (!isHandle(handle)) throw new HandleError(`${kindOf(handle)} without the mark of toHandle() was given`);
  const { kind, buffer, byteOffset, name, type, value, registry } = handle as { readonly [K in keyof Handle]: unknown };
  if (typeof kind !== "string") throw new HandleError("its kind is missing");
  if (!isSharedBuffer(buffer)) throw new HandleError(`its buffer is ${kindOf(buffer)}, not the shared memory that it lies in`);
  if (typeof byteOffset !== "number" || !Number.isInteger(byteOffset) || byteOffset < 0) {
    throw new HandleError(`its byteOffset is ${String(byteOffset)}, which is no place`);
  }
  if (name !== undefined && typeof name !== "string") throw new HandleError("its name is no string");
  if (!isSharedBuffer(registry)) throw new HandleError("the registry of its process is missing");
  return { body: { kind, place: { buffer, byteOffset }, name, type, value }, registry };
}


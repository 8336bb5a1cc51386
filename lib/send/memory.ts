/** Shared memory in a value that becomes bytes: bytes cannot refer to it, so stand-ins do, and the memory goes beside them in a list. */
import { HandleError } from "../errors.ts";
import { isSharedBuffer } from "../memory/place.ts";
import { isPlain, tagOf } from "./clonable.ts";

/** A buffer, or a view of one. */
interface StandIn {
  readonly ferrous: "memory";
  /** The buffer's place in the list. */
  readonly at: number;
  /** Of a view: the class, and what of the buffer it shows; in elements, of a DataView in bytes. */
  readonly view?: string;
  readonly byteOffset?: number;
  readonly length?: number;
}

type SharedMemory = SharedArrayBuffer | ArrayBufferView<SharedArrayBuffer>;

export const isSharedMemory = (value: object): value is SharedMemory =>
  isSharedBuffer(value) || (ArrayBuffer.isView(value) && isSharedBuffer(value.buffer));

/** What stands for it; its buffer is in `list` then. */
export function standInFor(memory: SharedMemory, list: SharedArrayBuffer[]): StandIn {
  const buffer = isSharedBuffer(memory) ? memory : memory.buffer;
  const known = list.indexOf(buffer);
  const at = known >= 0 ? known : list.push(buffer) - 1;
  if (isSharedBuffer(memory)) return { ferrous: "memory", at };
  const { length = memory.byteLength } = memory as { length?: number };
  return { ferrous: "memory", at, view: tagOf(memory), byteOffset: memory.byteOffset, length };
}

/** The memory again. */
export function memoryOf({ at, view, byteOffset, length }: StandIn, list: readonly SharedArrayBuffer[]): unknown {
  const buffer = list[at];
  if (buffer === undefined) throw new HandleError("the shared memory that is in it did not come with it");
  if (view === undefined) return buffer;
  const made = (globalThis as unknown as Record<string, new (...args: unknown[]) => unknown>)[view];
  return made === undefined ? undefined : new made(buffer, byteOffset, length);
}

/** A handle, which is plain data with buffers in it, with each part for which `swap` gives another replaced. */
export function swapIn(value: unknown, swap: (part: object) => unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const swapped = swap(value);
  if (swapped !== undefined) return swapped;
  // By from(): whether an array that was filled otherwise has holes, and so is written in another way, depends on what was seen before.
  if (Array.isArray(value)) return Array.from(value, (part) => swapIn(part, swap));
  if (!isPlain(value)) return value;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) copy[key] = swapIn((value as Record<string, unknown>)[key], swap);
  return copy;
}

export const isStandIn = (value: object): value is StandIn => (value as Partial<StandIn>).ferrous === "memory";

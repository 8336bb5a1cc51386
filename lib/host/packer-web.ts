/**
 * Values as bytes where there is no serializer of the platform's own: what structured clone copies is written by devalue, which keeps
 * cycles, what is there twice, Maps, Sets, Dates, typed arrays, bigints, -0, holes and texts that are no well-formed Unicode.
 */
import { parse, stringify } from "devalue";
import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from "msgpackr";

export interface Packer {
  /** The bytes from `start` to `end` of a buffer that is used again the next time. */
  pack(value: unknown): Region;
  /** Of the value in the first `length` bytes. */
  unpack(bytes: Uint8Array, length: number): unknown;
}

type Region = Uint8Array & { readonly start: number; readonly end: number };

/** As bytes what structured clone can copy, but for shared memory, and what only a page has. @throws a DataCloneError for what it cannot */
export function serialize(value: unknown): Uint8Array {
  // Cloned first: it refuses what it must, in its own words, and makes of class instances the plain objects that arrive.
  const clone = structuredClone(value) as unknown;
  try {
    return new TextEncoder().encode(stringify(clone));
  } catch (error) {
    throw new DOMException(`${(error as Error).message}: it could not be cloned into bytes.`, "DataCloneError");
  }
}
export function deserialize(bytes: Uint8Array): unknown {
  return parse(new TextDecoder().decode(bytes)) as unknown;
}

/** A larger buffer than this is not kept for the next value. */
const MAX_KEPT_BYTES = 1 << 20;
const FIRST_BYTES = 8192;

let packer: Packer | undefined;

export function loadPacker(): Packer {
  if (packer !== undefined) return packer;
  // A property may be called toJSON.
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, useToJSON: false } as object);
  packer = {
    pack: (value) => {
      const region = packr.pack(value, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as unknown as Region;
      if (region.length > MAX_KEPT_BYTES) packr.useBuffer(new Uint8Array(FIRST_BYTES) as never);
      return region;
    },
    unpack: (bytes, length) => packr.unpack(bytes as never, length as never) as unknown,
  };
  return packer;
}

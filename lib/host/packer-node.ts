/** Loads the packer of simple values on first use: it takes 6 ms, and most threads send none, or only what lies in a channel as it is. */
import { createRequire } from "node:module";
import process from "node:process";
import * as v8 from "node:v8";
import type * as Msgpackr from "msgpackr";

export interface Packer {
  /** The bytes from `start` to `end` of a buffer that is used again the next time. */
  pack(value: unknown): Region;
  /** Of the value in the first `length` bytes. */
  unpack(bytes: Uint8Array, length: number): unknown;
}

/** Bun has the functions of node:v8, over its own engine's bytes, and not the classes. In Node the functions would make Buffers of typed arrays. */
const hasClasses = process.versions["bun"] === undefined;

/** As bytes what structured clone can copy, but for shared memory. @throws a DataCloneError for what it cannot */
export function serialize(value: unknown): Uint8Array {
  if (!hasClasses) return v8.serialize(value);
  const serializer = new v8.Serializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}
export function deserialize(bytes: Uint8Array): unknown {
  if (!hasClasses) return v8.deserialize(bytes) as unknown;
  const deserializer = new v8.Deserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue() as unknown;
}

type Region = Uint8Array & { readonly start: number; readonly end: number };

let packer: Packer | undefined;

/** A larger buffer than this is not kept for the next value. */
const MAX_KEPT_BYTES = 1 << 20;
const FIRST_BYTES = 8192;

/** Synchronously, because sending is: which import() is not. */
export function loadPacker(): Packer {
  return (packer ??= load(createRequire(import.meta.url)));
}

function load(require: NodeJS.Require): Packer {
  // The door without its native part, which is not there on every machine and reads some texts otherwise, and without code made from text.
  const { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } = require("msgpackr/index-no-eval") as typeof Msgpackr;
  // A property may be called toJSON.
  const packr = new Packr({ useRecords: false, mapsAsObjects: true, useToJSON: false } as Msgpackr.Options);
  return {
    pack: (value) => {
      // A new buffer, or a new view of one, would take longer than to fill it.
      const region = packr.pack(value, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as unknown as Region;
      if (region.length > MAX_KEPT_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(FIRST_BYTES));
      return region;
    },
    unpack: (bytes, length) => packr.unpack(bytes, length) as unknown,
  };
}

/** Loads the packer of simple values on first use: it takes 7 ms, and most threads send none, or only what lies in a channel as it is. */
import { createRequire } from "node:module";
import type * as Msgpackr from "msgpackr";

export interface Packer {
  /** The bytes from `start` to `end` of a buffer that is used again the next time. */
  pack(value: unknown): Region;
  /** Of the value in the first `length` bytes. */
  unpack(bytes: Uint8Array, length: number): unknown;
}

type Region = Uint8Array & { readonly start: number; readonly end: number };

let packer: Packer | undefined;

/** Synchronously, because sending is: which import() is not. */
export function loadPacker(): Packer {
  return (packer ??= load(createRequire(import.meta.url)));
}

function load(require: NodeJS.Require): Packer {
  const { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } = require("msgpackr") as typeof Msgpackr;
  // Without records, which need code made from text.
  const packr = new Packr({ useRecords: false, mapsAsObjects: true });
  return {
    // A new buffer, or a new view of one, would take longer than to fill it.
    pack: (value) => packr.pack(value, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as unknown as Region,
    unpack: (bytes, length) => packr.unpack(bytes, length) as unknown,
  };
}

/** Loads the packer of simple values on first use: it takes 7 ms, and most threads send none, or only what lies in a channel as it is. */
import { createRequire } from "node:module";
import type * as Msgpackr from "msgpackr";

export interface Packer {
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

let packer: Packer | undefined;

/** Synchronously, because sending is: which import() is not. */
export function loadPacker(): Packer {
  return (packer ??= load(createRequire(import.meta.url)));
}

function load(require: NodeJS.Require): Packer {
  const { Packr } = require("msgpackr") as typeof Msgpackr;
  // Without records, which need code made from text.
  return new Packr({ useRecords: false, mapsAsObjects: true });
}

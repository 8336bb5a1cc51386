/** 32-bit cells that are read and written plainly, for structures that a lock of their own orders. */
import { int32Of } from "./views.ts";

/** Cells from a place on. Each use says why it is no race: which lock is held. */
export class Cells {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #from: number;

  /** The cells from a place on that was checked before: aligned to 4 bytes, inside the buffer. */
  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#cells = int32Of(buffer);
    this.#from = byteOffset >>> 2;
  }
  // PLAIN: by the lock that the caller holds.
  get(at: number): number {
    return this.#cells[this.#from + at] as number;
  }
  set(at: number, value: number): void {
    this.#cells[this.#from + at] = value;
  }
}

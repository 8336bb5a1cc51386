/** 32-bit cells that are read and written plainly, for structures that a lock of their own orders. */
import { makeView } from "./views.ts";

/** So many cells from a place on. Each use says why it is no race: which lock is held. */
export class Cells {
  readonly #cells: Int32Array<SharedArrayBuffer>;

  /** The place was checked before: aligned to 4 bytes, and all cells inside the buffer. */
  constructor(buffer: SharedArrayBuffer, byteOffset: number, count: number) {
    // A view of its own, so that no offset is added at each access.
    this.#cells = makeView("Int32", buffer, byteOffset, count);
  }
  // PLAIN: by the lock that the caller holds.
  get(at: number): number {
    return this.#cells[at] as number;
  }
  set(at: number, value: number): void {
    this.#cells[at] = value;
  }
}

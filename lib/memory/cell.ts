/**
 * One integer of shared memory of any atomic kind; the typed array's kind decides how it wraps around.
 *
 * What sleeps or packs flags uses a {@link Word}; this is what the public atomics are made of.
 */
import { elementSize, makeView, viewOf, type Views } from "./views.ts";

export type CellKind = "Int32" | "Uint32" | "BigInt64" | "BigUint64";

export class Cell<T extends number | bigint> {
  readonly #cells: Views["Int32"];
  readonly #at: number;

  /** The element number `at` of a view, whose elements are of type T. */
  constructor(cells: Views[CellKind], at: number) {
    // Atomics takes each kind and answers in it; its types are overloads for number and bigint, which no generic T can choose from.
    this.#cells = cells as Views["Int32"];
    this.#at = at;
  }

  /** The cell at a place that was checked before. */
  static open<T extends number | bigint>(kind: CellKind, buffer: SharedArrayBuffer, byteOffset: number): Cell<T> {
    return new Cell(
      viewOf<Views[CellKind]>(kind, buffer, (all) => makeView(kind, all)),
      byteOffset / elementSize(kind),
    );
  }
  /** A cell in a buffer of its own, zeroed. */
  static fresh<T extends number | bigint>(kind: CellKind): Cell<T> {
    return new Cell(makeView(kind, new SharedArrayBuffer(elementSize(kind))), 0);
  }

  get buffer(): SharedArrayBuffer {
    return this.#cells.buffer;
  }
  /** In bytes from the start of {@link buffer}. */
  get byteOffset(): number {
    return this.#cells.byteOffset + this.#at * this.#cells.BYTES_PER_ELEMENT;
  }

  load(): T {
    return Atomics.load(this.#cells, this.#at) as T;
  }
  store(value: T): void {
    Atomics.store(this.#cells, this.#at, value as number);
  }
  /** Stores `value` and returns what was there. */
  exchange(value: T): T {
    return Atomics.exchange(this.#cells, this.#at, value as number) as T;
  }
  /** Stores `next` if the cell is `expected`; returns what was there. */
  compareExchange(expected: T, next: T): T {
    return Atomics.compareExchange(this.#cells, this.#at, expected as number, next as number) as T;
  }
  add(n: T): T {
    return Atomics.add(this.#cells, this.#at, n as number) as T;
  }
  sub(n: T): T {
    return Atomics.sub(this.#cells, this.#at, n as number) as T;
  }
  and(mask: T): T {
    return Atomics.and(this.#cells, this.#at, mask as number) as T;
  }
  or(mask: T): T {
    return Atomics.or(this.#cells, this.#at, mask as number) as T;
  }
  xor(mask: T): T {
    return Atomics.xor(this.#cells, this.#at, mask as number) as T;
  }
}

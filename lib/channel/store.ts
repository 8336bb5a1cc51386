/**
 * How messages lie in a queue's storage, which is a ring of cells of four bytes.
 *
 *     scalar   an element of a typed array: one cell, or two for those of 8 bytes
 *     field    any other type of a struct's field, and structs: as many cells as it has bytes, rounded up
 *     packed   BYTES << 1 | SIMPLE, CARGO, and that many bytes of an encoded value, rounded up to an even number of cells. It may begin at the end of the
 *              ring and go on at its beginning; BYTES and CARGO may not. CARGO is the number of the shared objects in it, 0 for none
 *
 * PLAIN, all of it: a sender writes cells that no message lies in, inside the gate TX; a receiver reads those of published messages,
 * inside the gate RX. The words TAIL and HEAD, which say which is which, order them.
 */
import type { FieldCode, Scalar } from "../memory/field.ts";
import { Home } from "../memory/home.ts";
import { makeView, type ViewKind, type Views } from "../memory/views.ts";

export const CELL_BYTES = 4;
/** So few are written one by one: to make a view of them takes longer. */
const FEW = 16;
/** BYTES and CARGO. */
const HEADER_CELLS = 2;
const SCRATCH_BYTES = 4096;

/** What a message of one kind is on its way in, and out. */
export interface Store<In = unknown, Out = unknown> {
  /** How many cells each message takes; 0 if each another number. */
  readonly cells: number;
  /** How many cells this one takes. */
  cellsOf(item: In): number;
  /** Where the cells lie. */
  readonly buffer: SharedArrayBuffer;
  /** Makes sure that the buffer has so many cells, and that they are seen. @throws {RangeError} there is no memory for them */
  fit(cells: number): void;
  put(at: number, item: In, size: number): void;
  take(at: number, size: number): Out;
  /** How many cells the message at `at` takes. */
  cellsAt(at: number): number;
  /** Moves cells to where the ring has just become longer. */
  copy(to: number, from: number, cells: number): void;
}

/** A place for cells: all of a buffer from `byteOffset` on. Only one from 0 on can grow. */
export interface Room {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
}

abstract class Ring {
  readonly buffer: SharedArrayBuffer;
  protected readonly byteOffset: number;
  protected bytes: Uint8Array<SharedArrayBuffer>;

  constructor({ buffer, byteOffset }: Room) {
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.bytes = makeView("Uint8", buffer, byteOffset);
  }

  fit(cells: number): void {
    const bytes = this.byteOffset + cells * CELL_BYTES;
    if (this.buffer.byteLength < bytes) this.buffer.grow(bytes);
    if (this.bytes.length < cells * CELL_BYTES) this.see();
  }
  /** Makes the views again, which have a fixed length because those that grow are slow. */
  protected see(): void {
    this.bytes = makeView("Uint8", this.buffer, this.byteOffset);
  }

  copy(to: number, from: number, cells: number): void {
    this.bytes.copyWithin(to * CELL_BYTES, from * CELL_BYTES, (from + cells) * CELL_BYTES);
  }
}

/** Elements of a typed array. */
export class ScalarStore extends Ring implements Store<number | bigint, number | bigint> {
  readonly cells: number;
  readonly kind: ViewKind;
  readonly #shift: number;
  #view: Views[ViewKind];

  /** @param scalar  of 4 or 8 bytes */
  constructor(room: Room, scalar: Scalar) {
    super(room);
    this.kind = scalar.view;
    this.#shift = scalar.shift - 2;
    this.cells = 1 << this.#shift;
    this.#view = makeView(this.kind, room.buffer, room.byteOffset);
  }
  protected override see(): void {
    super.see();
    this.#view = makeView(this.kind, this.buffer, this.byteOffset);
  }

  cellsOf(): number {
    return this.cells;
  }
  cellsAt(): number {
    return this.cells;
  }
  put(at: number, item: number | bigint): void {
    this.#view[at >> this.#shift] = item as never;
  }
  take(at: number): number | bigint {
    return this.#view[at >> this.#shift] as number | bigint;
  }

  /** As many as lie side by side from `at` on. */
  putSome(at: number, items: ArrayLike<number | bigint>, from: number, count: number): void {
    const first = at >> this.#shift;
    if (count > FEW && this.isOfKind(items)) {
      (this.#view as Int32Array).set((items as Int32Array).subarray(from, from + count), first);
      return;
    }
    const view = this.#view as { [index: number]: number | bigint };
    for (let n = 0; n < count; n++) view[first + n] = items[from + n] as number | bigint;
  }
  /** Are these elements of the same kind, of which each may be sent? */
  isOfKind(items: unknown): boolean {
    return (items as { constructor?: unknown }).constructor === this.#view.constructor;
  }
  /** A typed array of them, not shared, with room for so many. */
  make(count: number): Int32Array {
    return new (this.#view.constructor as Int32ArrayConstructor)(count);
  }
  takeSome(at: number, into: Int32Array, from: number, count: number): void {
    const first = at >> this.#shift;
    into.set((this.#view as Int32Array).subarray(first, first + count), from);
  }
}

/** Values of any field's type that is not an element of a typed array, or a small one. */
export class FieldStore extends Ring implements Store {
  readonly cells: number;
  readonly #code: FieldCode;
  #home: Home;

  constructor(room: Room, code: FieldCode) {
    super(room);
    this.#code = code;
    this.cells = cellsFor(code);
    this.#home = Home.of(room.buffer);
  }
  protected override see(): void {
    super.see();
    this.#home = Home.of(this.buffer);
  }

  cellsOf(): number {
    return this.cells;
  }
  cellsAt(): number {
    return this.cells;
  }
  put(at: number, item: unknown): void {
    this.#code.write(this.#home, this.#byteAt(at), item);
  }
  take(at: number): unknown {
    const code = this.#code;
    if (!code.kept) return code.read(this.#home, this.#byteAt(at));
    // One of its own, that nobody else sees: what was received never changes later.
    const home = new Home(new SharedArrayBuffer(code.byteLength));
    code.copy(home, 0, this.#home, this.#byteAt(at));
    return code.read(home, 0);
  }
  /** Small numbers as a typed array of them, not shared; other values as they are. */
  listOf(items: readonly unknown[]): ArrayLike<unknown> {
    const { scalar } = this.#code;
    if (scalar === undefined || scalar.boolean) return items;
    const { constructor } = makeView(scalar.view, this.buffer, 0, 0);
    return new (constructor as Uint8ArrayConstructor)(items as number[]);
  }
  takeInto(at: number, home: Home, homeAt: number): void {
    this.#code.copy(home, homeAt, this.#home, this.#byteAt(at));
  }
  #byteAt(at: number): number {
    return this.byteOffset + at * CELL_BYTES;
  }
}

/** Cells of one value: a multiple of its alignment, so that the next one is aligned too. */
export function cellsFor({ byteLength, align }: FieldCode): number {
  const unit = Math.max(CELL_BYTES, align);
  return Math.max(1, (Math.ceil(byteLength / unit) * unit) / CELL_BYTES);
}

/** An encoded value: its bytes, from `start` to `end`, how they are to be read, and the number under which its shared memory is known, 0 without any. */
export interface Parcel {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly isSimple: boolean;
  readonly cargo: number;
  /** Of a message that was opened when it was taken: the value, or why it cannot be had. */
  value?: unknown;
  error?: unknown;
  /** Of one that is out of the queue, and can be opened only by who awaits: how many were taken before it. */
  count?: number;
}

/** Encoded values, each of its own length. */
export class PackedStore extends Ring implements Store<Parcel, Parcel> {
  readonly cells = 0;
  /** Is what was taken unpacked before anything else is? Then it need not be copied to a place of its own. */
  lends = false;
  /** Is what may fail to arrive opened before it is out of the queue? Then whoever takes several knows where to stop. */
  opens = false;
  readonly #scratch = new Uint8Array(SCRATCH_BYTES);
  readonly #scratchWords = new Int32Array(this.#scratch.buffer);
  #words: Int32Array<SharedArrayBuffer>;
  /** Where the last message came from: the packer's buffer, most of the time; and its words. */
  #region: Uint8Array = this.#scratch;
  #source: Int32Array = this.#scratchWords;

  constructor(room: Room) {
    super(room);
    this.#words = makeView("Int32", room.buffer, room.byteOffset);
  }
  protected override see(): void {
    super.see();
    this.#words = makeView("Int32", this.buffer, this.byteOffset);
  }

  cellsOf({ start, end }: Parcel): number {
    return packedCells(end - start);
  }
  cellsAt(at: number): number {
    return packedCells((this.#words[at] as number) >>> 1);
  }

  put(at: number, { bytes, start, end, isSimple, cargo }: Parcel, size: number): void {
    const length = end - start;
    this.#words[at] = (length << 1) | Number(isSimple);
    this.#words[at + 1] = cargo;
    const to = at + HEADER_CELLS;
    const words = wordsFor(length);
    const from = length <= FEW_BYTES ? this.#wordOf(bytes, start, words) : -1;
    if (from >= 0) {
      const first = Math.min(words, size - to);
      copyWords(this.#source, from, this.#words, to, first);
      if (first < words) copyWords(this.#source, from + first, this.#words, 0, words - first);
      return;
    }
    const first = Math.min(length, (size - to) * CELL_BYTES);
    this.bytes.set(bytes.subarray(start, start + first), to * CELL_BYTES);
    if (first < length) this.bytes.set(bytes.subarray(start + first, end), 0);
  }
  /** Where in {@link #source} so many words of these bytes begin, -1 if they do not lie in whole words. */
  #wordOf(bytes: Uint8Array, start: number, words: number): number {
    if (this.#region !== bytes) {
      const { buffer, byteOffset, byteLength } = bytes;
      this.#region = bytes;
      this.#source = byteOffset % CELL_BYTES === 0 ? new Int32Array(buffer as ArrayBuffer, byteOffset, byteLength >>> 2) : NO_WORDS;
    }
    return start % CELL_BYTES === 0 && (start >>> 2) + words <= this.#source.length ? start >>> 2 : -1;
  }

  cargoAt(at: number): number {
    return this.#words[at + 1] as number;
  }
  /** A copy: the cells belong to a sender soon. */
  take(at: number, size: number): Parcel {
    const header = this.#words[at] as number;
    const length = header >>> 1;
    const from = at + HEADER_CELLS;
    const borrows = this.lends && length <= SCRATCH_BYTES;
    const bytes = borrows ? this.#scratch : new Uint8Array(length);
    if (borrows && length <= FEW_BYTES) {
      const words = wordsFor(length);
      const first = Math.min(words, size - from);
      copyWords(this.#words, from, this.#scratchWords, 0, first);
      if (first < words) copyWords(this.#words, 0, this.#scratchWords, first, words - first);
    } else {
      const first = Math.min(length, (size - from) * CELL_BYTES);
      bytes.set(this.bytes.subarray(from * CELL_BYTES, from * CELL_BYTES + first), 0);
      if (first < length) bytes.set(this.bytes.subarray(0, length - first), first);
    }
    return { bytes, start: 0, end: length, isSimple: (header & 1) !== 0, cargo: this.#words[at + 1] as number };
  }
}

/** So few bytes are copied word by word: to make a view of them takes longer. */
const FEW_BYTES = 512;
const NO_WORDS = new Int32Array(0);
const wordsFor = (bytes: number): number => (bytes + CELL_BYTES - 1) >>> 2;

function copyWords(from: Int32Array, start: number, to: Int32Array, at: number, count: number): void {
  for (let n = 0; n < count; n++) to[at + n] = from[start + n] as number;
}

/** An even number, so that BYTES and CARGO lie side by side. */
export const packedCells = (bytes: number): number => HEADER_CELLS + 2 * Math.ceil(bytes / (2 * CELL_BYTES));

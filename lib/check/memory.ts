/**
 * The shared memory of a world: every buffer by a number that is the same in each execution, and a journal of what the threads
 * wrote, by which an execution that begins like an earlier one is brought to the place where they part.
 *
 * Buffers made in the world are zeroed and used again by the next execution. Buffers from before the world get their first
 * content back; what plain stores do to them is not seen, so their bytes are noted segment by segment (see {@link Memory.foreign}).
 */
import { BYTES_PER, INT32, RealInt32Array, RealSharedArrayBuffer, RealUint8Array, viewAll, type Cells } from "./real.ts";
import { shorten } from "./shorten.ts";

/**
 * Larger buffers are made anew instead of zeroed: the engine gets zeroed pages for less. Views of them that a thread of an earlier execution
 * returned, and that is not run again, then show what was; of all others they show what is.
 */
const RECYCLED_BYTES = 2 ** 20;

/** Images of buffers share the pages that did not change between them. */
const PAGE_BYTES = 4096;
type Pages = readonly Uint8Array[];
/** What buffers held, in the order of {@link Memory.foreign}. */
export type Image = readonly Pages[];

export class SharedBuffer {
  readonly id: number;
  /** Where its bytes begin in the address space of all buffers. */
  readonly base: number;
  readonly bytes: SharedArrayBuffer;
  readonly all: Uint8Array<SharedArrayBuffer>;
  readonly #views: (Cells | undefined)[] = [];
  /** What a buffer from before the world held when it was first met. */
  readonly original: Uint8Array | undefined;
  /** Undo list of a buffer whose content outlives executions and is written through the checker only. */
  readonly undo: (() => void)[] | undefined;

  constructor(id: number, base: number, bytes: SharedArrayBuffer, keep: "nothing" | "content" | "changes") {
    this.id = id;
    this.base = base;
    this.bytes = bytes;
    this.all = new RealUint8Array(bytes);
    this.original = keep === "content" ? this.all.slice() : undefined;
    this.undo = keep === "changes" ? [] : undefined;
  }

  /** All bytes in pages, of which those that have not changed are the ones of `before`. */
  pages(before: Pages | undefined): Pages {
    const [words, inWords] = [this.cells(INT32), Math.floor(this.all.length / 4)];
    const same = (page: Uint8Array, from: number): boolean => {
      const old = new RealInt32Array(page.buffer, 0, Math.floor(page.length / 4));
      const first = from / 4;
      for (let at = 0; at < old.length; at++) if (old[at] !== words[first + at]) return false;
      for (let at = Math.max(from, inWords * 4); at < from + page.length; at++) if (page[at - from] !== this.all[at]) return false;
      return true;
    };
    return Array.from({ length: Math.ceil(this.all.length / PAGE_BYTES) }, (_, n) => {
      const page = before?.[n];
      const from = n * PAGE_BYTES;
      return page !== undefined && same(page, from) ? page : this.all.slice(from, from + PAGE_BYTES);
    });
  }

  /** All of the buffer as elements of one kind. */
  cells(element: number): Cells {
    return (this.#views[element] ??= viewAll(this.bytes, element));
  }
}

export class Memory {
  readonly buffers: SharedBuffer[] = [];
  /** Buffers whose plain stores may go unseen: those from before the world, in the order they were met; or all of them. */
  readonly foreign: SharedBuffer[] = [];
  readonly #allForeign: boolean;
  /** The last one that was made. */
  #image: Image = [];
  readonly #byBytes = new WeakMap<SharedArrayBuffer, SharedBuffer>();
  /** What each creator (0: setup, 1...: a thread) made, in order, and how many of them it has asked for in this run. */
  readonly #made: SharedBuffer[][] = [];
  readonly #asked: number[] = [];
  #nextBase = 8;
  /** By number: what each buffer of setup's held when it was done. */
  readonly #left: Uint8Array<ArrayBuffer>[] = [];
  /** The journal, one entry in five arrays: buffer, kind of element, index, value before, value after. */
  readonly #buffer: number[] = [];
  readonly #element: number[] = [];
  readonly #index: number[] = [];
  readonly #after: (number | bigint)[] = [];

  /** `allForeign`: buffers of this world, too, are written through views that are not seen. */
  constructor(allForeign = false) {
    this.#allForeign = allForeign;
  }

  /** Entries in the journal. */
  get written(): number {
    return this.#buffer.length;
  }

  /** A buffer for this creator; in a repeated run the one that it was given before. */
  create(creator: number, byteLength: number, options?: { maxByteLength?: number }): SharedArrayBuffer {
    const made = (this.#made[creator] ??= []);
    const nth = this.#asked[creator] ?? 0;
    this.#asked[creator] = nth + 1;
    const before = made[nth];
    const same = before?.bytes.byteLength === byteLength && options?.maxByteLength === undefined;
    if (before !== undefined && same && (creator > 0 || byteLength <= RECYCLED_BYTES)) {
      if (creator === 0) before.all.fill(0);
      return before.bytes;
    }
    const bytes = new RealSharedArrayBuffer(byteLength, ...(options === undefined ? [] : [options]));
    made[nth] = this.#add(bytes, "nothing", before);
    return bytes;
  }

  /** A creator begins anew, and will be given the same buffers again. */
  restart(creator: number): void {
    this.#asked[creator] = 0;
  }

  /** The record of a buffer; one that was not made here is from before the world. */
  of(bytes: SharedArrayBuffer): SharedBuffer {
    const known = this.#byBytes.get(bytes);
    if (known !== undefined) return known;
    return this.#add(bytes, "content");
  }

  /** Takes over a buffer that only code under the checker's eyes writes, so that its changes can be undone one by one. */
  adopt(bytes: SharedArrayBuffer): SharedBuffer {
    return this.#byBytes.get(bytes) ?? this.#add(bytes, "changes");
  }

  byId(id: number): SharedBuffer {
    return this.buffers[id] as SharedBuffer;
  }

  /** Notes that a thread (or setup or after, which are not in the journal) changed an element. */
  note(buffer: SharedBuffer, element: number, index: number, before: number | bigint, after: number | bigint, journal: boolean): void {
    buffer.undo?.push(() => {
      buffer.cells(element)[index] = before;
    });
    if (!journal) return;
    this.#buffer.push(buffer.id);
    this.#element.push(element);
    this.#index.push(index);
    this.#after.push(after);
  }

  /** Notes what setup left, for {@link wasSeen}; false if it is not what it left before. */
  remember(): boolean {
    let same = true;
    // What is made in after has not been asked for yet.
    for (const { id, all } of this.#made[0]?.slice(0, this.#asked[0]) ?? []) {
      const left = this.#left[id];
      if (left !== undefined) same &&= isEqual(left, all);
      this.#left[id] = all.slice();
    }
    return same;
  }
  /** Is all that the buffers of this world hold what setup left and the journal tells? */
  wasSeen(): boolean {
    // Those of others than setup are zeroed for each execution; those from before the world have images instead.
    const told: (Uint8Array<ArrayBuffer> | undefined)[] = [];
    this.#made.forEach((made, creator) => {
      for (let nth = 0; nth < made.length; nth++) {
        // What an earlier execution's after made has not been asked for in this one, and nobody has zeroed it.
        if (creator === 0 && nth >= (this.#asked[0] as number)) break;
        const { all, id } = made[nth] as SharedBuffer;
        told[id] = this.#left[id]?.slice() ?? new RealUint8Array(all.length);
      }
    });
    for (let at = 0; at < this.#buffer.length; at++) {
      const bytes = told[this.#buffer[at] as number];
      if (bytes === undefined) continue;
      const cells = viewAll(bytes.buffer, this.#element[at] as number);
      cells[this.#index[at] as number] = this.#after[at] as number | bigint;
    }
    return told.every((bytes, id) => bytes === undefined || isEqual(bytes, this.byId(id).all));
  }

  /** Everything as it was before the world's first setup; the journal stays. */
  reset(): void {
    this.#asked.fill(0);
    for (const buffer of this.buffers) {
      if (buffer.original !== undefined) buffer.all.set(buffer.original);
      for (let undo = buffer.undo?.pop(); undo !== undefined; undo = buffer.undo?.pop()) undo();
    }
    for (let creator = 1; creator < this.#made.length; creator++) for (const { all } of this.#made[creator] ?? []) all.fill(0);
  }

  /** Forgets the journal from `length` on, and does the rest of it again. */
  redo(length: number): void {
    for (const column of [this.#buffer, this.#element, this.#index, this.#after]) shorten(column, length);
    for (let at = 0; at < length; at++) {
      const buffer = this.byId(this.#buffer[at] as number);
      const element = this.#element[at] as number;
      const index = this.#index[at] as number;
      const after = this.#after[at] as number | bigint;
      const cells = buffer.cells(element);
      if (buffer.undo !== undefined) this.note(buffer, element, index, cells[index] as number | bigint, after, false);
      cells[index] = after;
    }
  }

  /** The bytes of all foreign buffers, or undefined if there are none. */
  image(): Image | undefined {
    if (this.foreign.length === 0) return undefined;
    return (this.#image = this.foreign.map((buffer, at) => buffer.pages(this.#image[at])));
  }

  restore(image: Image | undefined): void {
    image?.forEach((pages, at) => {
      const { all } = this.foreign[at] as SharedBuffer;
      pages.forEach((page, n) => {
        all.set(page, n * PAGE_BYTES);
      });
    });
  }

  #add(bytes: SharedArrayBuffer, keep: "nothing" | "content" | "changes", replaced?: SharedBuffer): SharedBuffer {
    // A buffer that stands in for one of an earlier execution takes its number and, if it fits, its addresses.
    const fits = replaced !== undefined && replaced.bytes.byteLength >= bytes.byteLength;
    const base = fits ? replaced.base : this.#nextBase;
    if (!fits) this.#nextBase += (bytes.byteLength + 71) & ~7;
    const buffer = new SharedBuffer(replaced?.id ?? this.buffers.length, base, bytes, keep);
    this.buffers[buffer.id] = buffer;
    this.#byBytes.set(bytes, buffer);
    if (keep === "content" || (keep === "nothing" && this.#allForeign)) {
      const at = replaced === undefined ? -1 : this.foreign.indexOf(replaced);
      this.foreign[at < 0 ? this.foreign.length : at] = buffer;
    }
    return buffer;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** The address of an element. */
export const addressOf = (buffer: SharedBuffer, element: number, index: number): number =>
  buffer.base + index * (BYTES_PER[element] as number);

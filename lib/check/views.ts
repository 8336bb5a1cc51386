/**
 * Views of shared memory as the checked code sees them: typed arrays and DataViews whose every plain access is noted.
 *
 * A plain access is done once and answered from the log when the code is run again. `Atomics` refuses a Proxy, so the modelled
 * one (atomics.ts) asks here what lies behind it; code that captured the real one is thus stopped instead of going unseen.
 */
import { isSharedBuffer } from "../memory/place.ts";
import type { Executor } from "./executor.ts";
import type { Memory, SharedBuffer } from "./memory.ts";
import { Kind } from "./operation.ts";
import {
  ARRAYS,
  asIntN,
  BYTES_PER,
  construct,
  elementOf,
  get,
  isInteger,
  RealDataView,
  RealProxy,
  RealUint8Array,
  set,
  toNumber,
  type Cells,
} from "./real.ts";

/** What a view shows: elements of one kind, from number `first` of the buffer. */
export interface Behind {
  readonly buffer: SharedBuffer;
  readonly element: number;
  readonly first: number;
  readonly raw: Cells;
}

/** Methods that leave the elements alone and return something of their own: done on a copy. */
const ON_A_COPY = new Set(["filter", "map", "toLocaleString", "toReversed", "toSorted", "toString", "with"]);
const UINT8 = ARRAYS.indexOf(Uint8Array);
const ARRAY_METHODS = Array.prototype as unknown as Record<PropertyKey, unknown>;

/** Getters of the engine's that only work on its own views; all others are the code's, and see the view that it has. */
const ENGINE_GETTERS = new Set<PropertyKey>(["buffer", "byteLength", "byteOffset", "length", Symbol.toStringTag]);

type Method = (this: unknown, ...args: unknown[]) => unknown;

export class Views {
  readonly #memory: Memory;
  readonly #machine: () => Executor | undefined;
  readonly #behind = new WeakMap<object, Behind>();
  /** Of DataViews: their bytes. Apart, because Atomics takes none. */
  readonly #bytes = new WeakMap<object, Behind>();
  #last: unknown;
  #lastBehind: Behind | undefined;

  constructor(memory: Memory, machine: () => Executor | undefined) {
    this.#memory = memory;
    this.#machine = machine;
  }

  /** What lies behind a view of shared memory, ours or one from before the world; undefined for all else. */
  behind(view: unknown): Behind | undefined {
    if (view === this.#last) return this.#lastBehind;
    if (typeof view !== "object" || view === null) return undefined;
    let found = this.#behind.get(view);
    if (found === undefined) {
      const element = elementOf(view);
      const raw = view as Cells;
      if (element < 0 || !isSharedBuffer(raw.buffer)) return undefined;
      found = { buffer: this.#memory.of(raw.buffer), element, first: raw.byteOffset / (BYTES_PER[element] as number), raw };
      this.#behind.set(view, found);
    }
    this.#last = view;
    this.#lastBehind = found;
    return found;
  }

  /** What any view of shared memory shows, of a DataView its bytes; undefined for all else. */
  shown(view: object): Behind | undefined {
    return this.behind(view) ?? this.#bytes.get(view);
  }

  /** The constructor that stands in for a kind of typed array. */
  arrayConstructor(element: number): object {
    const real = ARRAYS[element] as unknown as new (...args: unknown[]) => Cells;
    const constructor: object = new RealProxy(real, {
      construct: (_, args: unknown[], made) => {
        const raw = construct(real, args, made === constructor ? real : made) as Cells;
        return isSharedBuffer(raw.buffer) ? this.#watch(raw, element, raw.buffer, constructor) : raw;
      },
    });
    return constructor;
  }

  /** The constructor that stands in for DataView. */
  dataViewConstructor(): object {
    const constructor: object = new RealProxy(RealDataView, {
      construct: (real, args: unknown[], made) => {
        const raw = construct(real, args, made === constructor ? real : made) as DataView;
        return isSharedBuffer(raw.buffer) ? this.#watchDataView(raw, raw.buffer) : raw;
      },
    });
    return constructor;
  }

  #watch(raw: Cells, element: number, bytes: SharedArrayBuffer, constructor: object): object {
    const behind: Behind = { buffer: this.#memory.of(bytes), element, first: raw.byteOffset / (BYTES_PER[element] as number), raw };
    const view: object = new RealProxy(raw, {
      get: (target, key) => {
        const index = indexIn(key);
        if (index !== undefined) return this.#read(behind, index);
        if (key === "constructor")
          return Object.hasOwn(target, key) || target.constructor !== ARRAYS[element] ? target.constructor : constructor;
        const own: unknown = get(target, key, ENGINE_GETTERS.has(key) ? target : view);
        return typeof own === "function" ? this.#method(behind, view, key, own as Method, constructor) : own;
      },
      set: (target, key, value) => {
        const index = indexIn(key);
        if (index === undefined) return set(target, key, value, view);
        this.#write(behind, index, value);
        return true;
      },
    });
    this.#behind.set(view, behind);
    return view;
  }

  #method({ raw, element, buffer }: Behind, view: object, key: PropertyKey, own: Method, constructor: object): Method {
    const copy = (from = 0, length = raw.length): Cells & unknown[] => {
      const cells = new (ARRAYS[element] as unknown as new (length: number) => Cells & unknown[])(length);
      for (let at = 0; at < length; at++) cells[at] = get(view, String(from + at)) as number;
      return cells;
    };
    const overwrite = (values: ArrayLike<unknown>, from: number): void => {
      for (let at = 0; at < values.length; at++) set(view, String(from + at), values[at]);
    };
    if (key === "subarray") return (...args) => this.#watch(own.apply(raw, args) as Cells, element, buffer.bytes, constructor);
    if (key === "set") {
      return (source, offset = 0) => {
        const values = Array.from(source as ArrayLike<unknown>);
        if (Number(offset) < 0 || values.length + Number(offset) > raw.length) throw new RangeError("offset is out of bounds");
        overwrite(values, Number(offset));
      };
    }
    if (key === "sort") {
      return (compare) => {
        overwrite(copy().sort(compare as never), 0);
        return view;
      };
    }
    if (key === "slice") {
      return (...range) => {
        // Nothing outside of it is read.
        const part = (raw as Cells & Uint8Array).subarray(...(range as [number, number]));
        return copy((part.byteOffset - raw.byteOffset) / (BYTES_PER[element] as number), part.length);
      };
    }
    if (typeof key === "string" && ON_A_COPY.has(key)) return (...args) => own.apply(copy(), args);
    // The methods of Array go through the elements one by one, of whatever they are called on.
    const generic = ARRAY_METHODS[key];
    return typeof generic === "function" && key in RealUint8Array.prototype
      ? (...args) => (generic as Method).apply(view, args)
      : own.bind(view);
  }

  #read(behind: Behind, index: number): unknown {
    const { buffer, element, first, raw } = behind;
    const machine = this.#machine();
    if (index >= raw.length || !isInteger(index)) return undefined;
    if (machine?.current === undefined) return raw[index];
    return machine.access(Kind.READ, buffer, element, first + index, undefined, () => raw[index]);
  }

  /** @param goesOn  is it part of a write that goes on with the next byte? */
  #write(behind: Behind, index: number, given: unknown, goesOn = false): void {
    const { buffer, element, first, raw } = behind;
    const machine = this.#machine();
    // As assigning to an element converts, errors included.
    const value = element < 9 ? +(given as number) : typeof given === "bigint" ? given : asIntN(64, given as bigint);
    if (index >= raw.length || !isInteger(index)) return;
    const write = (journal: boolean): number | bigint => {
      const before = raw[index] as number | bigint;
      raw[index] = value;
      this.#memory.note(buffer, element, first + index, before, raw[index] as number | bigint, journal);
      return before;
    };
    if (machine?.current === undefined) write(false);
    else machine.access(Kind.WRITE, buffer, element, first + index, value, () => write(true), goesOn);
  }

  #watchDataView(raw: DataView, bytes: SharedArrayBuffer): object {
    // Byte by byte, because it may lie anywhere.
    const all = new RealUint8Array(bytes, raw.byteOffset, raw.byteLength) as Cells;
    const behind: Behind = { buffer: this.#memory.of(bytes), element: UINT8, first: raw.byteOffset, raw: all };
    const view: object = new RealProxy(raw, {
      get: (target, key) => {
        const own: unknown = get(target, key, ENGINE_GETTERS.has(key) ? target : view);
        const access = typeof key === "string" ? /^([gs])et(Big)?[A-Z][a-z]+(\d+)$/.exec(key) : null;
        if (access === null || own !== get(RealDataView.prototype, key)) return own;
        const size = Number(access[3]) / 8;
        return (given: number, ...rest: unknown[]) => {
          const scratch = new RealDataView(new ArrayBuffer(size));
          const at = Math.trunc(+given) || 0;
          if (!(at >= 0) || at + size > raw.byteLength) throw new RangeError("Offset is outside the bounds of the DataView");
          const accessor = get(scratch, key, scratch) as Method;
          if (access[1] === "s") {
            accessor.call(scratch, 0, ...rest);
            for (let byte = 0; byte < size; byte++) this.#write(behind, at + byte, scratch.getUint8(byte), byte < size - 1);
            return undefined;
          }
          for (let byte = 0; byte < size; byte++) scratch.setUint8(byte, this.#read(behind, at + byte) as number);
          return accessor.call(scratch, 0, ...rest);
        };
      },
    });
    this.#bytes.set(view, behind);
    return view;
  }

  /** Is it one that the code gets for its own? The engine's functions refuse those. */
  isOurs(view: unknown): view is object {
    return typeof view === "object" && view !== null && this.behind(view) !== undefined && this.behind(view)?.raw !== view;
  }
  /** What a view of ours shows, for the engine's functions that take no other; undefined for all else. */
  contentOf(view: unknown): Uint8Array | undefined {
    const behind = this.isOurs(view) ? this.behind(view) : undefined;
    if (behind === undefined || behind.element !== UINT8) return undefined;
    return RealUint8Array.from({ length: behind.raw.length }, (_, at) => Number(this.#read(behind, at)));
  }
}

/** The element that a key names, or undefined if it names something else. */
function indexIn(key: PropertyKey): number | undefined {
  if (typeof key !== "string") return undefined;
  const code = key.charCodeAt(0);
  if (code < 48 || code > 57) return undefined;
  const index = toNumber(key);
  return index !== index ? undefined : index;
}

/** The views through which everything that struct() lays into one buffer reaches its bytes. */
import { makeView, viewOf, type ViewKind, type Views } from "./views.ts";

type Slots = { [K in ViewKind]: Views[K] | undefined };

/** A buffer with the views that were needed so far. All properties exist from the start, because objects of one shape are read fastest. */
export class Home implements Slots {
  readonly buffer: SharedArrayBuffer;
  Int8: Slots["Int8"] = undefined;
  Uint8: Slots["Uint8"] = undefined;
  Int16: Slots["Int16"] = undefined;
  Uint16: Slots["Uint16"] = undefined;
  Int32: Slots["Int32"] = undefined;
  Uint32: Slots["Uint32"] = undefined;
  Float32: Slots["Float32"] = undefined;
  Float64: Slots["Float64"] = undefined;
  BigInt64: Slots["BigInt64"] = undefined;
  BigUint64: Slots["BigUint64"] = undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
  }

  /** The one home of a buffer; a new one once the buffer has grown. */
  static of(buffer: SharedArrayBuffer): Home {
    return viewOf("Home", buffer, (shared) => new Home(shared));
  }

  /** All of the buffer as elements of this kind. */
  view<K extends ViewKind>(kind: K): Views[K] {
    return (this[kind] as Views[K] | undefined) ?? this.#make(kind);
  }
  #make<K extends ViewKind>(kind: K): Views[K] {
    const view = makeView(kind, this.buffer);
    Object.assign(this, { [kind]: view });
    return view;
  }
}

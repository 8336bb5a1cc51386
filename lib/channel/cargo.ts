/** What a channel carries: how values become messages, and messages values again. */
import { HandleError } from "../errors.ts";
import type { FieldCode } from "../memory/field.ts";
import { describeType, type FieldType, type TypeDescription } from "../memory/layout.ts";
import { pack, unpack } from "./tmp-codec.ts";
import { fromHandle, handleOf, isShareable } from "../send/handle.ts";
import { arriving, isMovable, type Movable } from "../send/moving.ts";
import { fetchShelved, shelve, unshelve } from "../thread/lifeline.ts";
import { currentThread } from "../thread/current.ts";
import { FieldStore, PackedStore, ScalarStore, type Parcel, type Room, type Store } from "./store.ts";

export interface Cargo {
  readonly store: Store;
  /** The type of all messages as data, undefined if they are encoded. */
  readonly type: TypeDescription | undefined;
  /** A message, of a value that was looked at; `what` is the value in errors. It may lie in a scratch buffer until the next one is made. */
  pack(value: unknown, what: string): unknown;
  /** The message as it can lie until there is room for it. */
  keep(item: unknown): unknown;
  /** What moves with a value that was packed last. */
  readonly movables: readonly Movable[];
  /** The value again. */
  unpack(item: unknown): unknown;
  /** The message will not be sent. */
  forget(item: unknown): void;
}

const NONE: readonly Movable[] = [];

/** Values of one type of fixed length, which lie in the ring as they are. */
export class TypedCargo implements Cargo {
  readonly store: ScalarStore | FieldStore;
  readonly type: TypeDescription;
  readonly movables = NONE;
  readonly #code: FieldCode;

  constructor(type: FieldType, code: FieldCode, room: Room) {
    this.type = describeType(type);
    this.#code = code;
    const { scalar } = code;
    this.store = scalar !== undefined && scalar.shift >= 2 ? new ScalarStore(room, scalar) : new FieldStore(room, code);
  }

  pack(value: unknown, what: string): unknown {
    const { scalar } = this.#code;
    if (scalar?.test(value) !== true) this.#code.check(value, what, true);
    return value;
  }
  keep(item: unknown): unknown {
    return item;
  }
  unpack(item: unknown): unknown {
    return item;
  }
  forget(): void {}
}

/** Any values, encoded. Shared objects in them lie on the supervisor's shelf while the message is queued. */
export class PackedCargo implements Cargo {
  readonly store: PackedStore;
  readonly type = undefined;
  movables: readonly Movable[] = NONE;

  constructor(room: Room) {
    this.store = new PackedStore(room);
  }

  pack(value: unknown, what: string): Parcel {
    const { bytes, shared } = pack(value, what);
    if (shared.length === 0) {
      this.movables = NONE;
      return { bytes, cargo: 0 };
    }
    this.movables = shared.filter(isMovable);
    return { bytes, cargo: store(shared) };
  }
  keep(item: Parcel): Parcel {
    return { bytes: item.bytes.slice(), cargo: item.cargo };
  }
  unpack({ bytes, cargo }: Parcel): unknown {
    return unpack(bytes, cargo === 0 ? [] : load(cargo));
  }
  forget({ cargo }: Parcel): void {
    if (cargo !== 0 && !currentThread().modelled) unshelve(cargo);
  }
}

/** Shared objects of messages in the checker's worlds, where there is no supervisor. */
const modelled = new Map<number, unknown[]>();

function store(shared: readonly object[]): number {
  const handles = shared.map((object) => (isShareable(object) ? handleOf(object) : object));
  const thread = currentThread();
  if (!thread.modelled) return shelve(handles);
  const number = thread.registry.numbers.add(1) + 1;
  modelled.set(number, handles);
  return number;
}

function load(number: number): object[] {
  const isModelled = currentThread().modelled;
  const handles = (isModelled ? modelled.get(number) : fetchShelved(number)) as object[] | undefined;
  if (handles === undefined) throw new HandleError("the shared objects of this message are gone");
  if (!isModelled) unshelve(number);
  return arriving("travelling", () => handles.map((handle) => ("ferrous" in handle ? fromHandle(handle) : handle)));
}

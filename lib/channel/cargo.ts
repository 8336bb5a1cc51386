/** What a channel carries: how values become messages, and messages values again. */
import { host } from "#host";
import { BlockingNotAllowedError, HandleError } from "../errors.ts";
import type { FieldCode } from "../memory/field.ts";
import { Home } from "../memory/home.ts";
import { describeType, type FieldType, type TypeDescription } from "../memory/layout.ts";
import { pack, unpack } from "../send/codec.ts";
import { arriving, type Movable } from "../send/moving.ts";
import { fetchShelved, fetchShelvedAsync, NO_MAIL, reshelve, shelve, unshelve } from "../thread/shelf.ts";
import { currentThread } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";
import { supervise } from "../thread/supervision.ts";
import { isPlaceOf } from "./places.ts";
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
  /** As {@link unpack}, for whoever can await it: it may be a promise. */
  unpackAsync?(item: unknown): unknown;
  /** @throws {BlockingNotAllowedError} who blocks cannot unpack the message at that place */
  readonly requireBytes?: ((cell: number) => void) | undefined;
  /**
   * A message is being taken out of its queue: what moves with it is this thread's before it is out.
   * @param count  how many were taken before it, modulo 2^25
   * @returns what is to be done when it is out
   */
  receive?(item: unknown, count: number): (() => void) | undefined;
  /** The message will not be sent. */
  forget(item: unknown): void;
  /** Nobody will receive the message at that place. */
  forgetAt?(cell: number): void;
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
    return scalar?.test(value) === true ? value : this.#code.check(value, what, true);
  }
  /** A copy of what its sender may change meanwhile. */
  keep(item: unknown): unknown {
    const code = this.#code;
    if (!code.kept) return item;
    const home = new Home(new SharedArrayBuffer(code.byteLength));
    code.write(home, 0, item);
    return code.read(home, 0);
  }
  unpack(item: unknown): unknown {
    return item;
  }
  forget(): void {}
}

/** Any values, encoded. Shared memory in them lies on the supervisor's shelf while the message is queued. */
export class PackedCargo implements Cargo {
  readonly store: PackedStore;
  readonly type = undefined;
  movables: readonly Movable[] = NONE;
  /** The number of the channel. */
  queueNumber: () => number = () => 0;
  /** Is the channel known by its number? Else no ends of others were ever in its messages. */
  carries: () => boolean = () => false;
  /** So many more messages are being opened that are out of the queue already. */
  countOpening: (by: number) => void = () => undefined;
  readonly requireBytes = host.polls
    ? undefined
    : (cell: number): void => {
        if (this.store.cargoAt(cell) !== 0 && isDeaf())
          throw new BlockingNotAllowedError("a message with shared memory in it", "recv", NO_MAIL);
      };

  constructor(room: Room) {
    this.store = new PackedStore(room);
  }

  pack(value: unknown, what: string): Parcel {
    const { bytes, start, end, isSimple, shared, movables } = pack(value, what);
    this.movables = movables;
    const cargo = shared.length === 0 ? 0 : putOnShelf({ shared, queue: movables.length === 0 ? 0 : this.queueNumber() } satisfies Lot);
    const parcel = { bytes, start, end, isSimple, cargo };
    // The packer's buffer, which each thread has for itself, is one for all threads of the checker's worlds.
    return currentThread().modelled ? this.keep(parcel) : parcel;
  }
  keep(item: Parcel): Parcel {
    const bytes = new Uint8Array(item.bytes.subarray(item.start, item.end));
    return { ...item, bytes, start: 0, end: bytes.length };
  }
  /**
   * With what may move opened at once: if this thread dies now, its ends are closed with it, and not queued for ever. What is simple
   * arrives whole unless its bytes were damaged, and is opened when nobody waits for it at the gate.
   */
  receive(parcel: Parcel, count: number): (() => void) | undefined {
    const { cargo } = parcel;
    if (cargo === 0 && (parcel.isSimple || !this.store.opens)) return undefined;
    if (cargo !== 0 && isDeaf()) {
      this.countOpening(1);
      parcel.count = count;
      return undefined;
    }
    const then: (() => void)[] = [];
    try {
      parcel.value = cargo === 0 ? this.#open(parcel) : unpackWith(parcel, getFromShelf(cargo), count, then);
    } catch (error) {
      parcel.error = error;
      // The ends in it are gone with it: of that no word tells.
      if (cargo !== 0) then.push(wakeEverybody);
    }
    return then.length === 0
      ? undefined
      : () => {
          for (const act of then) act();
        };
  }
  unpack(parcel: Parcel): unknown {
    if (parcel.cargo === 0 && parcel.isSimple) return this.#open(parcel);
    this.forget(parcel);
    if ("error" in parcel) throw parcel.error;
    return parcel.cargo !== 0 || "value" in parcel ? parcel.value : this.#open(parcel);
  }
  #open({ bytes, end, isSimple }: Parcel): unknown {
    return unpack(bytes, end, isSimple, NONE as readonly never[]);
  }
  unpackAsync(parcel: Parcel): unknown {
    const { cargo, count } = parcel;
    if (count === undefined) return this.unpack(parcel);
    const then: (() => void)[] = [];
    return fetchShelvedAsync(cargo)
      .then((lot) => {
        this.forget(parcel);
        return unpackWith(parcel, lot, count, then);
      })
      .finally(() => {
        this.countOpening(-1);
        for (const act of then) act();
        // Who asked meanwhile after an end in any of the channel's messages was told that it may still come.
        if (then.length > 0 || this.carries()) wakeEverybody();
      });
  }
  forget({ cargo }: Parcel): void {
    if (cargo !== 0 && !currentThread().modelled) unshelve(cargo);
  }
  forgetAt(cell: number): void {
    const cargo = this.store.cargoAt(cell);
    if (cargo !== 0) unshelve(cargo);
  }
}

/** The shared memory of a message, as it lies on the shelf. */
interface Lot {
  readonly shared: readonly SharedArrayBuffer[];
  /** The number of the channel in whose queue the message is, if ends of channels are in it; else 0. */
  readonly queue: number;
}

function unpackWith({ bytes, end, isSimple }: Parcel, found: unknown, count: number, then: (() => void)[]): unknown {
  const lot = found as Lot | undefined;
  if (lot === undefined) throw new HandleError("the shared memory of this message is gone");
  const { queue, shared } = lot;
  const isAt = (place: number): boolean => isPlaceOf(place, count);
  return arriving(queue === 0 ? "anywhere" : { queue, isAt, then }, () => unpack(bytes, end, isSimple, shared));
}

/** The shelf of the checker's worlds, where there is no supervisor. */
const modelled = new Map<number, unknown>();

/** Puts something on the shelf, from where every thread gets it by its number. */
export function putOnShelf(value: unknown): number {
  const thread = currentThread();
  if (!thread.modelled) return shelve(value);
  const number = thread.registry.numbers.add(1) + 1;
  modelled.set(number, value);
  return number;
}
/** Puts it there again under the number that it had on the shelf of an earlier supervisor. */
export function putBackOnShelf(number: number, value: unknown): void {
  supervise();
  reshelve(number, value);
}
/** The number stays known, as that of nothing: whoever asks for it is told so at once. */
export function emptyOnShelf(number: number): void {
  if (!currentThread().modelled) reshelve(number, undefined);
}
export const getFromShelf = (number: number): unknown =>
  currentThread().modelled ? modelled.get(number) : fetchShelved(number, "a message with shared memory in it", "recv");

/** Does this thread receive nothing while it blocks? */
export const isDeaf = (): boolean => !host.polls && !currentThread().modelled;

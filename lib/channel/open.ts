/** Making channels, and opening them in other threads. */
import { HandleError } from "../errors.ts";
import { requireCode, type FieldType } from "../memory/field.ts";
import { typeFrom } from "../memory/layout.ts";
import { kindOf } from "../memory/place.ts";
import { registerWords, type WordName } from "../memory/word-names.ts";
import type { HandleBody } from "../send/handle.ts";
import { currentThread, tagIn } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";
import { fetchShelvedAsync } from "../thread/shelf.ts";
import { emptyOnShelf, getFromShelf, isDeaf, PackedCargo, putBackOnShelf, putOnShelf, TypedCargo, type Cargo } from "./cargo.ts";
import type { PipeShape } from "./face.ts";
import { headerBytes, Pipe, publishBy } from "./pipe.ts";
import { QUEUE_NAMES, type QueueShape } from "./queue.ts";
import { askQueuesBy, Side } from "./roll.ts";
import { CELL_BYTES, cellsFor, packedCells } from "./store.ts";

export const SENDER = "Sender@1";
export const RECEIVER = "Receiver@1";

/** A ring that can grow begins with so many bytes. */
export const FIRST_BYTES = 4096;
/** And has so many at most in the checker's worlds, which use small buffers again. */
const MODELLED_BYTES = 4096;

/** What the bytes of a channel do not tell. */
interface Described {
  readonly shape: PipeShape;
  /** The type of all messages, if they have one. */
  readonly type: FieldType | undefined;
  /** Where the ring lies, if not behind the rest. */
  readonly ring: SharedArrayBuffer | undefined;
}

/** A new channel. Its ring lies in its own buffer if it has one length for ever. */
export function makePipe(shape: PipeShape, type: FieldType | undefined): Pipe {
  const header = headerBytes(shape.capacity === 0);
  const { cells, mostCells } = ringOf(shape, type);
  if (cells === mostCells && type !== undefined) {
    return openPipe(new SharedArrayBuffer(header + cells * CELL_BYTES), { shape, type, ring: undefined });
  }
  const most = mostCells * CELL_BYTES;
  // The checker cannot take back a buffer's growth: its worlds get the whole ring, of which they see the beginning.
  const ring = currentThread().modelled ? new SharedArrayBuffer(most) : new SharedArrayBuffer(cells * CELL_BYTES, { maxByteLength: most });
  return openPipe(new SharedArrayBuffer(header), { shape, type, ring });
}

/** How long the ring is at first, and at most. */
function ringOf({ capacity, maxBytes, firstBytes }: PipeShape, type: FieldType | undefined): Pick<QueueShape, "cells" | "mostCells"> {
  const unit = type === undefined ? 2 : cellsFor(requireCode(type, "of"));
  if (type !== undefined && capacity !== Infinity) {
    const cells = Math.max(1, capacity) * unit;
    return { cells, mostCells: cells };
  }
  const { modelled } = currentThread();
  const least = type === undefined ? packedCells(0) + 2 : unit;
  const whole = (bytes: number): number => Math.max(least, Math.floor(bytes / CELL_BYTES / unit) * unit);
  const mostCells = whole(modelled ? Math.min(maxBytes, MODELLED_BYTES) : maxBytes);
  return { cells: Math.min(whole(firstBytes), mostCells), mostCells };
}

function openPipe(buffer: SharedArrayBuffer, { shape, type, ring }: Described): Pipe {
  const room = ring === undefined ? { buffer, byteOffset: headerBytes(shape.capacity === 0) } : { buffer: ring, byteOffset: 0 };
  const cargo: Cargo = type === undefined ? new PackedCargo(room) : new TypedCargo(type, requireCode(type, "of"), room);
  const pipe = new Pipe(buffer, shape, { capacity: shape.capacity, ...ringOf(shape, type) }, cargo);
  if (cargo instanceof PackedCargo) {
    cargo.queueNumber = () => pipe.number;
    cargo.carries = () => pipe.carries;
    cargo.countOpening = (by) => {
      pipe.countOpening(by);
    };
  }
  return pipe;
}

publishBy((pipe, known) => {
  const body = { ...handleBody(pipe, Side.RECEIVERS, false), kind: "channel" };
  if (known === 0) return putOnShelf(body);
  putBackOnShelf(known, body);
  return known;
}, emptyOnShelf);

/** Channels that were asked after by their numbers, because ends of others are in their queues; "gone": they never have a receiver again. */
const observed = new Map<number, WeakRef<Pipe> | "gone">();
/** Those that are being asked after: a channel may be in its own queue, or in that of one in its queue. */
const asking = new Set<number>();
askQueuesBy((number, place) => {
  if (asking.has(number)) return false;
  const { modelled } = currentThread();
  const known = modelled ? undefined : observed.get(number);
  if (known === "gone") return false;
  let pipe = known?.deref();
  if (pipe === undefined && isDeaf()) return askLater(number);
  if (pipe === undefined) {
    const found = pipeWith(number);
    if (found === "gone") observe(number, found);
    if (!(found instanceof Pipe)) return false;
    pipe = found;
    observe(number, new WeakRef(pipe));
  }
  asking.add(number);
  let isReceived = true;
  try {
    isReceived = pipe.roll.has(Side.RECEIVERS);
    return isReceived && pipe.holds(place);
  } finally {
    asking.delete(number);
    // In the midst of a question it may only seem so.
    if (!isReceived && asking.size === 0) observe(number, "gone");
  }
});

/** In the checker's worlds the same numbers are others'. */
function observe(number: number, state: WeakRef<Pipe> | "gone"): void {
  if (!currentThread().modelled) observed.set(number, state);
}

/** Undefined: it was known to a supervisor that died. Nobody can receive what was in its queue then; if it carries more, it becomes known again. */
function pipeWith(number: number): Pipe | "gone" | undefined {
  try {
    const body = getFromShelf(number) as HandleBody | undefined;
    return body === undefined ? "gone" : pipeOf(body).pipe;
  } catch (error) {
    if (error instanceof HandleError) return undefined;
    throw error;
  }
}

/** Where the answer comes only while this thread awaits: until then the channel may well have a receiver. */
function askLater(number: number): true {
  if (!askedFor.has(number)) {
    askedFor.add(number);
    void fetchShelvedAsync(number)
      .then((body) => pipeOf(body as HandleBody).pipe)
      .catch(() => undefined)
      .then((pipe) => {
        askedFor.delete(number);
        observed.set(number, pipe === undefined ? "gone" : new WeakRef(pipe));
        wakeEverybody();
      });
  }
  return true;
}
const askedFor = new Set<number>();

/** By TAG: one face for all ends of a channel that come to this thread, as long as one of them is there. */
const faces = new Map<number, WeakRef<Pipe>>();
const forgotten = new FinalizationRegistry<number>((tag) => {
  if (faces.get(tag)?.deref() === undefined) faces.delete(tag);
});

/** What another thread needs to open an end. */
export function handleBody(pipe: Pipe, side: Side, once: boolean): HandleBody {
  const { buffer, shape, cargo } = pipe;
  const ring = cargo.store.buffer === buffer ? undefined : cargo.store.buffer;
  remember(pipe);
  return {
    kind: side === Side.SENDERS ? SENDER : RECEIVER,
    place: { buffer, byteOffset: 0 },
    name: shape.name,
    type: [shape.capacity, shape.maxBytes, shape.firstBytes, once, cargo.type, ring],
  };
}

function remember(pipe: Pipe): void {
  if (currentThread().modelled) return;
  const tag = tagIn(pipe.tag);
  if (faces.get(tag)?.deref() === pipe) return;
  faces.set(tag, new WeakRef(pipe));
  forgotten.register(pipe, tag);
}

/** The channel of an end that came from another thread. */
export function pipeOf({ place: { buffer }, name, type }: HandleBody): { readonly pipe: Pipe; readonly once: boolean } {
  const [capacity, maxBytes, firstBytes, once, of, ring] = Array.isArray(type) ? (type as unknown[]) : [];
  if (typeof capacity !== "number" || typeof maxBytes !== "number" || typeof firstBytes !== "number")
    throw new HandleError(`it says ${kindOf(type)} where a channel's shape stands`);
  const described: Described = {
    shape: { capacity, maxBytes, firstBytes, name },
    type: of === undefined ? undefined : typeFrom(of),
    ring: ring as SharedArrayBuffer | undefined,
  };
  if (currentThread().modelled) return { pipe: openPipe(buffer, described), once: once === true };
  const header = openPipe(buffer, described);
  const known = faces.get(tagIn(header.tag))?.deref();
  if (known === undefined) remember(header);
  return { pipe: known ?? header, once: once === true };
}

const names = (): readonly WordName[] => [
  ...QUEUE_NAMES,
  ...["tag", "number", "kept", "shelved by"].map((name) => ({ name })),
  ...Array.from({ length: 8 }, (_, nth) => ({ name: `opening[${String(nth)}]` })),
  ...["travelling", "up to", "moves"].map((name) => ({ name })),
  ...Array.from({ length: 16 }, (_, carrier) =>
    ["", " sender", " sender too", " receiver", " receiver too"].map((what) => ({ name: `carrier ${String(carrier)}${what}` })),
  ).flat(),
  ...Array.from({ length: 16 }, (_, thread) => ({ name: `ends of ${String(thread)}` })),
];
registerWords(SENDER, names);
registerWords(RECEIVER, names);

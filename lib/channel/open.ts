/** Making channels, and opening them in other threads. */
import { HandleError } from "../errors.ts";
import { requireCode, type FieldType } from "../memory/field.ts";
import { typeFrom } from "../memory/layout.ts";
import { kindOf } from "../memory/place.ts";
import { registerWords, type WordName } from "../memory/word-names.ts";
import type { HandleBody } from "../send/handle.ts";
import { currentThread, tagIn } from "../thread/current.ts";
import { getFromShelf, PackedCargo, putOnShelf, TypedCargo, type Cargo } from "./cargo.ts";
import { headerBytes, Pipe, publishBy, type PipeShape } from "./pipe.ts";
import { QUEUE_NAMES, type QueueShape } from "./queue.ts";
import { askQueuesBy, Side } from "./roll.ts";
import { CELL_BYTES, cellsFor, packedCells } from "./store.ts";

export const SENDER = "Sender@1";
export const RECEIVER = "Receiver@1";

/** A ring that can grow begins with so many bytes. */
const FIRST_BYTES = 4096;

/** What the bytes of a channel do not tell. */
interface Described {
  readonly shape: PipeShape;
  /** The type of all messages, if they have one. */
  readonly type: FieldType | undefined;
  /** Where the ring lies, if not behind the rest. */
  readonly ring: SharedArrayBuffer | undefined;
}

/**
 * A new channel. Its ring lies in its own buffer if it has one length for ever.
 * @param firstBytes  how long a ring that can grow is at first
 */
export function makePipe(shape: PipeShape, type: FieldType | undefined, firstBytes = FIRST_BYTES): Pipe {
  const header = headerBytes(shape.capacity === 0);
  const fixed = fixedCells(shape, type);
  if (fixed !== undefined) return openPipe(new SharedArrayBuffer(header + fixed * CELL_BYTES), { shape, type, ring: undefined });
  const { cells, mostCells } = ringOf(shape, type, Math.min(firstBytes, shape.maxBytes));
  const most = mostCells * CELL_BYTES;
  // The checker cannot take back a buffer's growth: its worlds get the whole ring, of which they see the beginning.
  const ring = currentThread().modelled
    ? new SharedArrayBuffer(Math.min(most, 4 * firstBytes))
    : new SharedArrayBuffer(cells * CELL_BYTES, { maxByteLength: most });
  return openPipe(new SharedArrayBuffer(header), { shape, type, ring }, firstBytes);
}

/** Cells of a ring that never grows, undefined of others. */
function fixedCells({ capacity }: PipeShape, type: FieldType | undefined): number | undefined {
  if (type === undefined || capacity === Infinity) return undefined;
  return Math.max(1, capacity) * cellsFor(requireCode(type, "of"));
}

function ringOf(shape: PipeShape, type: FieldType | undefined, firstBytes: number): Pick<QueueShape, "cells" | "mostCells"> {
  const unit = type === undefined ? 2 : cellsFor(requireCode(type, "of"));
  const whole = (bytes: number): number =>
    Math.max(type === undefined ? packedCells(0) + 2 : unit, Math.floor(bytes / CELL_BYTES / unit) * unit);
  return { cells: whole(firstBytes), mostCells: whole(shape.maxBytes) };
}

function openPipe(buffer: SharedArrayBuffer, { shape, type, ring }: Described, firstBytes = FIRST_BYTES): Pipe {
  const room = ring === undefined ? { buffer, byteOffset: headerBytes(shape.capacity === 0) } : { buffer: ring, byteOffset: 0 };
  const cargo: Cargo = type === undefined ? new PackedCargo(room) : new TypedCargo(type, requireCode(type, "of"), room);
  const fixed = fixedCells(shape, type);
  const cells = fixed === undefined ? ringOf(shape, type, Math.min(firstBytes, shape.maxBytes)) : { cells: fixed, mostCells: fixed };
  const pipe = new Pipe(buffer, shape, { capacity: shape.capacity, ...cells }, cargo);
  if (cargo instanceof PackedCargo) cargo.queueNumber = () => pipe.number;
  return pipe;
}

/** Channels that were asked after by their numbers, because ends of others are in their queues. */
const observed = new Map<number, Pipe>();
publishBy((pipe) => putOnShelf({ ...handleBody(pipe, Side.RECEIVERS, false), kind: "channel" }));
/** Those that are being asked after: a channel may be in its own queue, or in that of one in its queue. */
const asking = new Set<number>();
askQueuesBy((number) => {
  if (asking.has(number)) return false;
  let pipe = currentThread().modelled ? undefined : observed.get(number);
  if (pipe === undefined) {
    const body = getFromShelf(number) as HandleBody | undefined;
    if (body === undefined) return false;
    observed.set(number, (pipe = pipeOf(body).pipe));
  }
  asking.add(number);
  try {
    return pipe.roll.has(Side.RECEIVERS);
  } finally {
    asking.delete(number);
  }
});

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
    type: [shape.capacity, shape.maxBytes, once, cargo.type, ring],
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
  const [capacity, maxBytes, once, of, ring] = Array.isArray(type) ? (type as unknown[]) : [];
  if (typeof capacity !== "number" || typeof maxBytes !== "number")
    throw new HandleError(`it says ${kindOf(type)} where a channel's shape stands`);
  const described: Described = {
    shape: { capacity, maxBytes, name },
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
  ...["tag", "-", "-", "-", "travelling", "up to", "moves"].map((name) => ({ name })),
  ...Array.from({ length: 16 }, (_, thread) => ({ name: `ends of ${String(thread)}` })),
];
registerWords(SENDER, names);
registerWords(RECEIVER, names);

/**
 * Any Send value as bytes, and back: for what lies in shared memory while nobody has it.
 *
 * Most messages are simple: objects and arrays of numbers, texts and the like, none of them twice. These are encoded by msgpackr, ten
 * times as fast as structured clone does it. All else goes the platform's own way of structured clone, which keeps everything: Maps,
 * Dates, cycles, bigints, typed arrays, texts that are no well-formed Unicode; with shared objects and errors put in and out as for a
 * message (transit.ts). Which way it went is said beside the bytes.
 */
import { host } from "#host";
import { loadPacker, type Packer } from "../host/packer-node.ts";
import { NotSendableError } from "../errors.ts";
import { explainRefusal, isStackOverflow } from "./scan.ts";
import type { Movable } from "./moving.ts";
import { decode, encode, type Encoded } from "./transit.ts";

/** An encoded value. */
export interface Packed {
  /** From `start` to `end`. May be a scratch buffer, until the next value is packed. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly isSimple: boolean;
  /** The shared memory that the bytes refer to, by its place in this list. */
  readonly shared: readonly SharedArrayBuffer[];
  /** What moves with the value. */
  readonly movables: readonly Movable[];
}

let packer: Packer | undefined;
const NONE: readonly never[] = [];

/**
 * Makes bytes of a value.
 * @param where  what the value is, for messages
 * @throws {NotSendableError} a part of it cannot be sent; it says which, and why
 */
export function pack(value: unknown, where: string): Packed {
  if (isSimple(value)) {
    const bytes = (packer ??= loadPacker()).pack(value);
    return { bytes, start: bytes.start, end: bytes.end, isSimple: true, shared: NONE, movables: NONE };
  }
  const shared: SharedArrayBuffer[] = [];
  const { movables, transfer, ...encoded } = encode(value, where, shared);
  if (transfer.length > 0)
    throw new NotSendableError(where, "there is a MessagePort in it, which cannot lie in memory: send it by postMessage().");
  try {
    const bytes = host.serialize(encoded);
    return { bytes, start: 0, end: bytes.length, isSimple: false, shared, movables };
  } catch (error) {
    throw isCloneError(error) || isStackOverflow(error) ? explainRefusal([value], () => where, error) : error;
  }
}

/** The value in the first `length` bytes again, of which nothing lies in them. */
export function unpack(bytes: Uint8Array, length: number, isSimple: boolean, shared: readonly SharedArrayBuffer[]): unknown {
  return isSimple
    ? (packer ??= loadPacker()).unpack(bytes, length)
    : decode({ ...(host.deserialize(length === bytes.length ? bytes : bytes.subarray(0, length)) as Encoded), transfer: NONE }, shared);
}

const isCloneError = (error: unknown): boolean =>
  error instanceof Error && (error.name === "DataCloneError" || error.message.includes("could not be cloned"));

/** Texts longer than this are left to structured clone, which copies them as they are. */
const LONG_TEXT = 1024;
const MAX_DEPTH = 16;
/** So many objects are looked for one by one; with more, in a Set. */
const FEW = 16;

/** The objects that were met, so that one that is met again is kept the same. */
let few: object[] = [];
let many: Set<object> | undefined;

/** Does msgpackr give back exactly what structured clone would? */
function isSimple(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isSimplePart(value, 0);
  try {
    return isSimplePart(value, 0);
  } catch {
    // A getter threw, or a Proxy: it is refused in words elsewhere.
    return false;
  } finally {
    few = [];
    many = undefined;
  }
}

function isSimplePart(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case "number":
      return value !== 0 || 1 / value > 0;
    case "string":
      return value.length <= LONG_TEXT && value.isWellFormed();
    case "boolean":
    case "undefined":
      return true;
    case "object":
      return (
        value === null ||
        (depth < MAX_DEPTH && isNew(value) && (Array.isArray(value) ? isSimpleArray(value, depth) : isSimpleObject(value, depth)))
      );
    default:
      return false;
  }
}

function isSimpleObject(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype || Symbol.toStringTag in value) return false;
  for (const key in value) {
    if (key === "__proto__" || key.length > LONG_TEXT || !key.isWellFormed() || !Object.hasOwn(value, key)) return false;
    if (!isSimplePart((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

function isSimpleArray(value: unknown[], depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype) return false;
  let elements = 0;
  // By keys: it may have holes, or properties.
  for (const key in value) {
    if (Number(key) !== elements++ || !isSimplePart(value[Number(key)], depth + 1)) return false;
  }
  return elements === value.length;
}

function isNew(value: object): boolean {
  if (many !== undefined) {
    const { size } = many;
    return many.add(value).size > size;
  }
  if (few.includes(value)) return false;
  few.push(value);
  if (few.length > FEW) many = new Set(few);
  return true;
}

/**
 * Any Send value as bytes, and back: for what lies in shared memory while nobody has it.
 *
 * Most messages are simple: objects and arrays of numbers, texts and the like, none of them twice. These are encoded by msgpackr, ten
 * times as fast as structured clone does it. All else goes the platform's own way of structured clone, which keeps everything: Maps,
 * Dates, cycles, bigints, typed arrays, texts that are no well-formed Unicode; with shared objects and errors put in and out as for a
 * message (transit.ts). Which way it went is said beside the bytes.
 *
 * Two differences are known: a Proxy of a simple value, or `arguments`, goes as what it shows, where structured clone refuses it; and a
 * view that grows with its shared memory arrives with the length that it has. JavaScript tells neither from the usual.
 */
import { deserialize, loadPacker, serialize, type Packer } from "../host/packer-node.ts";
import { FerrousError, HandleError } from "../errors.ts";
import { arrivalError, explainRefusal, isStackOverflow } from "./scan.ts";
import type { Movable } from "./moving.ts";
import { decode, encode, type Encoded } from "./transit.ts";
import { messageOf } from "./words.ts";

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
  const encoded = encode(value, where, shared);
  const { stands, movables } = encoded;
  try {
    const bytes = serialize(stands === undefined ? { value: encoded.value } : { value: encoded.value, stands });
    return { bytes, start: 0, end: bytes.length, isSimple: false, shared, movables };
  } catch (error) {
    throw isCloneError(error) || isStackOverflow(error) ? explainRefusal([value], () => where, error) : error;
  }
}

/**
 * The value in the first `length` bytes again, of which nothing lies in them.
 * @throws {HandleError} these are no bytes that pack() made, or not all of them
 */
export function unpack(bytes: Uint8Array, length: number, isSimple: boolean, shared: readonly SharedArrayBuffer[]): unknown {
  try {
    if (isSimple) return (packer ??= loadPacker()).unpack(bytes, length);
    const encoded = deserialize(length === bytes.length ? bytes : bytes.subarray(0, length));
    if (typeof encoded !== "object" || encoded === null || !("value" in encoded))
      throw new HandleError("there is no value in the bytes of a message");
    return decode({ ...(encoded as Encoded), transfer: NONE }, shared);
  } catch (error) {
    if (error instanceof FerrousError || isStackOverflow(error)) throw arrivalError("a message", error);
    throw new HandleError(`the bytes of a message are damaged (${messageOf(error)})`);
  }
}

/** By what it says: the engine's own may be of another realm. */
const isCloneError = (thrown: unknown): boolean =>
  (thrown as Partial<Error> | undefined)?.name === "DataCloneError" || messageOf(thrown).includes("could not be cloned");

/** Texts longer than this are left to structured clone, which copies them as they are. */
const LONG_TEXT = 1024;
/** At the beginning of a text, msgpackr's decoder takes it for a mark of how the text is encoded, and drops it. */
const BYTE_ORDER_MARK = 0xfeff;
/** msgpackr counts the properties of an object in 16 bits. */
const MAX_PROPERTIES = 0xffff;
/** Lists of numbers and the like that are longer than this are left to structured clone: their keys need not be listed. */
const LONG_LIST = 1024;
const MAX_DEPTH = 16;
/** So many objects are looked for one by one; with more, in a Set. And so many keys are known. */
const FEW = 16;

/** The objects that were met, so that one that is met again is kept the same: the first ones here, which allocates nothing. */
const few = new Array<object | undefined>(FEW).fill(undefined);
let met = 0;
let many: Set<object> | undefined;

/** Does msgpackr give back exactly what structured clone would? */
function isSimple(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isSimplePart(value, 0);
  // So that every key that is met below is the object's own: to ask of each takes three times as long as all the rest.
  for (const _inherited in Object.prototype) return false;
  try {
    return isSimplePart(value, 0);
  } catch {
    // A getter threw, or a Proxy: it is refused in words elsewhere.
    return false;
  } finally {
    for (; met > 0; met--) few[met - 1] = undefined;
    many = undefined;
  }
}

function isSimplePart(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return isSimpleScalar(value);
  return depth < MAX_DEPTH && isNew(value) && (Array.isArray(value) ? isSimpleArray(value, depth) : isSimpleObject(value, depth));
}

/** Apart from what calls itself, so that the engine puts it in place. */
function isSimpleScalar(value: unknown): boolean {
  switch (typeof value) {
    case "number":
      return value !== 0 || 1 / value > 0;
    case "string":
      return isSimpleText(value);
    case "boolean":
    case "undefined":
      return true;
    default:
      return value === null;
  }
}

function isSimpleText(text: string): boolean {
  return text.length <= LONG_TEXT && text.isWellFormed() && text.charCodeAt(0) !== BYTE_ORDER_MARK;
}

/** By its place in an object: a key that was found simple there last. Most messages have the same, and to compare is the quickest. */
const keys = new Array<string>(FEW).fill("");

function isSimpleObject(value: object, depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Object.prototype || Symbol.toStringTag in value) return false;
  let properties = 0;
  for (const key in value) {
    if (key !== keys[properties]) {
      if (key === "__proto__" || !isSimpleText(key)) return false;
      if (properties < FEW) keys[properties] = key;
    }
    const part = (value as Record<string, unknown>)[key];
    if (!(typeof part === "object" ? isSimplePart(part, depth + 1) : isSimpleScalar(part))) return false;
    properties++;
  }
  return properties <= MAX_PROPERTIES;
}

function isSimpleArray(value: unknown[], depth: number): boolean {
  if (Object.getPrototypeOf(value) !== Array.prototype) return false;
  const { length } = value;
  if (length > LONG_LIST && (typeof value[0] !== "object" || value[0] === null)) return false;
  // As many keys as elements, the last one an element's: there are no holes, and no properties besides.
  const keys = Object.keys(value);
  if (keys.length !== length || (length > 0 && keys[length - 1] !== String(length - 1))) return false;
  for (let at = 0; at < length; at++) if (!isSimplePart(value[at], depth + 1)) return false;
  return true;
}

function isNew(value: object): boolean {
  if (many !== undefined) {
    const { size } = many;
    return many.add(value).size > size;
  }
  for (let at = 0; at < met; at++) if (few[at] === value) return false;
  if (met < FEW) few[met++] = value;
  else many = new Set([...(few as object[]), value]);
  return true;
}

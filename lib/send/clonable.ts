/** What structured clone makes of an object, asked of tags and prototypes: `instanceof` is false for what another realm made. */

export const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** Of no class, whichever realm it comes from: its prototype is an Object.prototype, or has nothing in it. */
export function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value);
  if (proto === null || proto === Object.prototype) return true;
  return (
    Object.getPrototypeOf(proto) === null &&
    (Object.hasOwn(proto as object, "isPrototypeOf") || Reflect.ownKeys(proto as object).length === 0)
  );
}

/** By its class: node's ports bear the tag of an EventTarget. */
export const isPort = (value: object): boolean => (value as { constructor?: { name?: unknown } }).constructor?.name === "MessagePort";

/** The language's own, copied as they are; nothing of ours can be in them. */
export const VALUES: ReadonlySet<string> = new Set("Date RegExp ArrayBuffer SharedArrayBuffer Boolean Number String BigInt".split(" "));
/** The platform's, likewise. */
export const RESOURCES: ReadonlySet<string> = new Set("Blob File WebAssembly.Module CryptoKey KeyObject".split(" "));

/** Why an object of this tag stays in its thread. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ["WeakMap", "it holds on to objects of this thread"],
  ["WeakSet", "it holds on to objects of this thread"],
  ["WeakRef", "it holds on to an object of this thread"],
  ["Promise", "it is settled by this thread: await it, and send its value"],
  ["Generator", "it is running code of this thread"],
  ["AsyncGenerator", "it is running code of this thread"],
]);

/**
 * Is an object of a class one of the platform's own that crosses as what it is, such as a BlockList or an X509Certificate?
 * A user's class crosses as a plain object, or as the Map or Date that it extends under a tag of its own: without its methods.
 */
export function keepsItsClass(value: object): boolean {
  try {
    const clone = structuredClone(value);
    const tag = tagOf(clone);
    return !(isPlain(clone) || Array.isArray(clone) || ArrayBuffer.isView(clone) || tag === "Map" || tag === "Set" || VALUES.has(tag));
  } catch {
    return false;
  }
}

/** Engines differ in the blanks. */
export const isNative = (made: object): boolean => /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(made));

/** By prototype: what a class is does not change, and to ask for it takes longer than to copy its instance. */
const subclasses = new WeakMap<object, string | false>();

/**
 * The name of a user's class that extends one of the language's, such as a Stack that is an Array and would arrive as one; false if
 * it is none. A class that adds no methods loses none; node's Buffer arrives as the Uint8Array that it is.
 */
export function subclassOf(value: object): string | false {
  const proto = Object.getPrototypeOf(value) as object | null;
  if (proto === null || proto === Array.prototype) return false;
  let name = subclasses.get(proto);
  if (name === undefined) subclasses.set(proto, (name = lookUpSubclass(proto)));
  return name;
}

function lookUpSubclass(first: object): string | false {
  for (let proto: unknown = first; proto !== null; proto = Object.getPrototypeOf(proto)) {
    const made: unknown = Object.getOwnPropertyDescriptor(proto, "constructor")?.value;
    if (typeof made === "function" && (isNative(made) || made.name === "Buffer")) return false;
    const adds = Reflect.ownKeys(proto as object).some((key) => key !== "constructor");
    if (adds) return typeof made === "function" && made.name !== "" ? made.name : "a nameless class";
  }
  return false;
}

/** Where a part stands in its whole: an index, a property, or a text for what has neither. */
export type Spot = number | string | (() => string);

/** Reading the part at `spot` threw: a getter, or a proxy. */
export class Unreadable {
  readonly spot: Spot;
  readonly error: unknown;
  constructor(spot: Spot, error: unknown) {
    this.spot = spot;
    this.error = error;
  }
}

/** An array longer than this is looked through by its keys: it is sparse, or the keys are the least of its costs. */
const LONG = 1 << 24;

/**
 * Calls `visit` for each part of an object that structured clone would copy with it. What an array has besides its elements, such as
 * the `index` of a RegExp's match, is left to structured clone: to look for it would take ten times as long as all the rest.
 * @throws {Unreadable} a part cannot be read
 */
export function eachPart(whole: object, tag: string, visit: (part: unknown, spot: Spot) => void): void {
  if (Array.isArray(whole) && whole.length <= LONG) {
    for (let at = 0; at < whole.length; at++) visit(whole[at], at);
  } else if (Array.isArray(whole) || isPlain(whole)) {
    for (const key of Object.keys(whole)) visit(read(whole, key), key);
  } else if (tag === "Map") {
    for (const [key, item] of whole as Map<unknown, unknown>) {
      visit(key, () => ".keys()");
      visit(item, () => `.get(${shown(key)})`);
    }
  } else if (tag === "Set") {
    for (const item of whole as Set<unknown>) visit(item, () => ".values()");
  }
}

function read(whole: object, key: string): unknown {
  try {
    return (whole as Record<string, unknown>)[key];
  } catch (error) {
    throw new Unreadable(key, error);
  }
}

const shown = (key: unknown): string =>
  typeof key === "string" ? JSON.stringify(key) : typeof key === "object" && key !== null ? "..." : String(key);

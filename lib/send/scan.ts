/** One look at a value before it is posted: is there anything in it to rewrite, anything to refuse? */
import { NotSendableError } from "../errors.ts";
import { kindOf } from "../memory/place.ts";
import {
  eachPart,
  isPlain,
  isPort,
  keepsItsClass,
  REFUSED,
  RESOURCES,
  subclassOf,
  tagOf,
  Unreadable,
  VALUES,
  type Spot,
} from "./clonable.ts";
import { isError, packError } from "./error-packet.ts";
import { isShareable } from "./handle.ts";
import { isSharedMemory } from "./memory.ts";
import { NOT_SENDABLE, type NotSendable } from "./refusals.ts";
import { messageOf } from "./words.ts";

/** A part of a value, and how it is reached. Written as a path only when it is refused. */
interface Part {
  readonly value: object;
  readonly spot: Spot | undefined;
  readonly whole: Part | undefined;
}

/** Looks at values, each object once, without recursion: as deep as structured clone goes, and deeper. */
export class Scan {
  /** Is there a shared object or an error, which structured clone would not keep? */
  rewrites = false;
  /** Is there shared memory, as it is? */
  hasMemory = false;
  /** Ports, which move. */
  readonly ports: object[] = [];
  readonly #asBytes: boolean;
  readonly #seen = new Set<object>();
  readonly #todo: Part[] = [];
  #where = "";

  /** @param asBytes  is the value to become bytes? Then what belongs to the platform stays here */
  constructor(asBytes = false) {
    this.#asBytes = asBytes;
  }

  /**
   * @param where  what the value is, for messages
   * @throws {NotSendableError} a part of it cannot be sent
   */
  look(value: unknown, where: string): void {
    this.#where = where;
    this.#meet(value, undefined, undefined);
    for (let part = this.#todo.pop(); part !== undefined; part = this.#todo.pop()) {
      try {
        this.#visit(part);
      } catch (error) {
        this.#refuseUnreadable(part, error);
      }
    }
  }

  #meet(value: unknown, spot: Spot | undefined, whole: Part | undefined): void {
    if (typeof value === "object") {
      if (value === null || this.#seen.has(value)) return;
      this.#seen.add(value);
      this.#todo.push({ value, spot, whole });
    } else if (typeof value === "function") {
      this.#refuse({ spot, whole }, "it is a function, and code stays in its thread: make it a task(), and send what it needs.");
    } else if (typeof value === "symbol") {
      this.#refuse({ spot, whole }, "it is a symbol, which is another one in every thread: send a string.");
    }
  }

  #visit(part: Part): void {
    const { value } = part;
    // First what most objects are.
    if (isPlain(value) || (Array.isArray(value) && subclassOf(value) === false)) this.#visitParts(part, "Object");
    else if (NOT_SENDABLE in value) this.#refuse(part, `${(value as NotSendable)[NOT_SENDABLE]}.`);
    else if (isShareable(value) || isError(value)) this.rewrites = true;
    else if (isPort(value)) {
      this.#refuseAsBytes(part, "a MessagePort");
      this.ports.push(value);
    } else this.#visitTagged(part, tagOf(value));
  }

  #visitTagged(part: Part, tag: string): void {
    const reason = REFUSED.get(tag);
    if (reason !== undefined) this.#refuse(part, `${kindOf(part.value)}: ${reason}.`);
    if (RESOURCES.has(tag)) {
      this.#refuseAsBytes(part);
      return;
    }
    if (isSharedMemory(part.value)) this.hasMemory = true;
    const isContainer = tag === "Map" || tag === "Set";
    if (isContainer || VALUES.has(tag) || ArrayBuffer.isView(part.value) || Array.isArray(part.value)) this.#refuseSubclass(part, tag);
    else if (!keepsItsClass(part.value)) {
      this.#refuse(part, `it is ${kindOf(part.value)}, whose methods would be lost: send its plain data, or make it a struct.`);
    } else this.#refuseAsBytes(part);
    if (isContainer) this.#visitParts(part, tag);
  }

  #refuseAsBytes(part: Part, kind = kindOf(part.value)): void {
    if (this.#asBytes) this.#refuse(part, `it is ${kind}, which cannot lie in memory: send it by postMessage().`);
  }

  #refuseSubclass(part: Part, tag: string): void {
    const name = subclassOf(part.value);
    if (name !== false) this.#refuse(part, `it is of class ${name}, whose methods would be lost: send a plain ${tag}.`);
  }

  #visitParts(part: Part, tag: string): void {
    eachPart(part.value, tag, (value, spot) => {
      if (typeof value !== "number" && typeof value !== "string") this.#meet(value, spot, part);
    });
  }

  #refuseUnreadable(part: Part, error: unknown): void {
    if (error instanceof NotSendableError) throw error;
    const [spot, cause] = error instanceof Unreadable ? [error.spot, error.error] : [undefined, error];
    const at = spot === undefined ? part : { spot, whole: part };
    this.#refuse(at, `reading it threw ${messageOf(cause)}.`, cause);
  }

  #refuse(part: Pick<Part, "spot" | "whole">, why: string, cause?: unknown): never {
    throw new NotSendableError(placed(this.#where, part), why, cause);
  }
}

/**
 * The error for values that passed the scan and that structured clone refused all the same: there is a Proxy, a port that has
 * moved, or they lie too deep for its recursion. Tries parts until it knows which.
 */
export function explainRefusal(values: readonly unknown[], where: (at: number) => string, cause: unknown): Error {
  if (isStackOverflow(cause)) return tooDeep(values, where, cause);
  const why = messageOf(cause);
  const blame = new Blame();
  for (const [at, value] of values.entries()) {
    const culprit = blame.find(value, undefined, undefined);
    if (culprit === undefined) continue;
    return new NotSendableError(placed(where(at), culprit), `${why}. If it is a Proxy, copy it to a plain object first.`, cause);
  }
  return new NotSendableError(where(0), `${why}.`, cause);
}

/** Did the stack overflow? By its name: what the engine throws may be of another realm. */
export function isStackOverflow(thrown: unknown): boolean {
  try {
    const { name, message } = thrown as Error;
    // What engines call it: V8 and JavaScriptCore, SpiderMonkey.
    return (
      (name === "RangeError" && message.startsWith("Maximum call stack size")) ||
      (name === "InternalError" && message === "too much recursion")
    );
  } catch {
    return false;
  }
}

/** What to throw when a value could not be taken from its message: stacks differ, so what one thread could copy another may not. */
export function arrivalError(what: string, error: unknown): unknown {
  if (!isStackOverflow(error)) return error;
  return new NotSendableError(what, "its objects lie deeper in each other than this thread can copy: send a flat list.", error);
}

/** For so deep a value there is room on every stack, but on one that is about to overflow for a reason of its own. */
const SHALLOW = 100;

function tooDeep(values: readonly unknown[], where: (at: number) => string, cause: unknown): Error {
  const depths = values.map(depthOf);
  const depth = Math.max(...depths);
  if (depth < SHALLOW) return cause as Error;
  return new NotSendableError(
    where(depths.indexOf(depth)),
    `its objects lie ${String(depth)} deep in each other, which is more than can be copied: send a flat list.`,
    cause,
  );
}

/** How deep structured clone goes into a value, which copies each object where it first meets it. */
function depthOf(value: unknown): number {
  const seen = new Set<object>();
  /** For each object on the way down, which of its parts are yet to come, the next one last. */
  const way = [objectsIn([value])];
  let deepest = 0;
  for (let left = way.at(-1); left !== undefined; left = way.at(-1)) {
    const part = left.pop();
    if (part === undefined) way.pop();
    else if (!seen.has(part)) {
      seen.add(part);
      way.push(objectsIn(partsOf(part)));
      deepest = Math.max(deepest, way.length - 1);
    }
  }
  return deepest;
}

const objectsIn = (parts: unknown[]): object[] =>
  parts.filter((part): part is object => typeof part === "object" && part !== null).reverse();

function partsOf(whole: object): unknown[] {
  if (isError(whole)) return Object.values(packError(whole).own);
  const parts: unknown[] = [];
  try {
    eachPart(whole, tagOf(whole), (part) => parts.push(part));
  } catch {
    // What cannot be read is not gone into.
  }
  return parts;
}

/** How deep it is looked for who is to blame: at each level all that lies below is tried again. */
const MAX_LEVELS = 64;

/** Looks for the innermost part that structured clone refuses. */
class Blame {
  readonly #seen = new Set<object>();
  /** A port can be cloned only by moving it, so what contains one proves nothing. */
  #ports = 0;

  find(value: unknown, spot: Spot | undefined, whole: Part | undefined, level = 0): Part | undefined {
    if (typeof value !== "object" || value === null || this.#seen.has(value)) return undefined;
    this.#seen.add(value);
    if (isPort(value)) this.#ports++;
    if (isPort(value) || isClonable(value)) return undefined;
    const part: Part = { value, spot, whole };
    if (level === MAX_LEVELS) return part;
    const ports = this.#ports;
    let culprit: Part | undefined;
    try {
      eachPart(value, tagOf(value), (inner, at) => (culprit ??= this.find(inner, at, part, level + 1)));
    } catch {
      // What cannot even be read is to blame itself.
    }
    return culprit ?? (this.#ports > ports ? undefined : part);
  }
}

function isClonable(value: object): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}

/** `argument 2 of spawn() (files[3].name)` */
function placed(where: string, part: Pick<Part, "spot" | "whole">): string {
  const steps: string[] = [];
  for (let at: Pick<Part, "spot" | "whole"> | undefined = part; at?.spot !== undefined; at = at.whole) steps.push(stepOf(at.spot));
  if (steps.length === 0) return where;
  steps.reverse();
  // Of a long list's end, the way there is no news.
  if (steps.length > MAX_STEPS) steps.splice(MAX_STEPS / 2, steps.length - MAX_STEPS, "...");
  return `${where} (${steps.join("").replace(/^\./, "")})`;
}

const MAX_STEPS = 12;

function stepOf(spot: Spot): string {
  if (typeof spot === "function") return spot();
  if (typeof spot === "number") return `[${String(spot)}]`;
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(spot) ? `.${spot}` : `[${JSON.stringify(spot)}]`;
}

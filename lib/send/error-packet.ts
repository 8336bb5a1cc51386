/**
 * Errors on their way to another thread, which keep what structured clone loses: class name, code, own properties, stack and cause.
 */
import * as errors from "../errors.ts";
import { isNative } from "./clonable.ts";

/** An error as plain data. */
export interface ErrorPacket {
  /** The class, or the nearest of its ancestors, that both threads have: one of the language's, or of ours. */
  readonly base: string;
  /** What it is called, if not as `base`. */
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own properties, `cause` and `errors` among them. */
  readonly own: Record<string, unknown>;
}

type ErrorClass = { readonly name: string; readonly prototype: object };
const byName = (classes: readonly ErrorClass[]): ReadonlyMap<string, ErrorClass> => new Map(classes.map((made) => [made.name, made]));

const BUILTIN = byName([Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError]);
const OURS = byName(Object.values(errors).filter((made) => made.prototype instanceof errors.FerrousError));
const DOM = "DOMException";

/** Is it an error, of whichever realm? */
export function isError(value: object): value is Error {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Error]" || tag === `[object ${DOM}]` || value instanceof Error;
}

/** Not enumerable in the original, and so not here. */
const HIDDEN = ["cause", "errors"];

/** The packet of an error, its own properties still as they are. */
export function packError(error: Error): ErrorPacket {
  const own: Record<string, unknown> = {};
  const keys = new Set([...Object.keys(error), ...HIDDEN.filter((key) => Object.hasOwn(error, key))]);
  for (const key of keys) if (key !== "stack" && key !== "message") own[key] = read(error, key);
  const stack = read(error, "stack");
  return {
    base: baseOf(error),
    name: nameOf(error),
    message: String(read(error, "message")),
    stack: typeof stack === "string" ? stack : undefined,
    own,
  };
}

/** A getter that throws must not keep the error from arriving. */
function read(error: Error, key: string): unknown {
  try {
    return (error as unknown as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** The names of its classes, its own first. Asked by name: `instanceof` is false for an error of another realm. */
function* classesOf(error: Error): Iterable<{ readonly name: string; readonly isNative: boolean }> {
  for (let proto: unknown = Object.getPrototypeOf(error); proto !== null && proto !== undefined; proto = Object.getPrototypeOf(proto)) {
    const made: unknown = Object.getOwnPropertyDescriptor(proto, "constructor")?.value;
    if (typeof made === "function") yield { name: made.name, isNative: isNative(made) };
  }
}

function baseOf(error: Error): string {
  if (Object.prototype.toString.call(error) === `[object ${DOM}]`) return DOM;
  const classes = [...classesOf(error)];
  const isOurs = classes.some(({ name }) => name === errors.FerrousError.name);
  return classes.find(({ name, isNative }) => (isOurs && OURS.has(name)) || (isNative && BUILTIN.has(name)))?.name ?? "Error";
}

/** A class may leave `name` to its parent, or set it and be minified: what says more wins. */
function nameOf(error: Error): string {
  const name = String(read(error, "name"));
  const [made] = classesOf(error);
  // Node's own errors are of nameless kinds, which it calls NodeError.
  if (!BUILTIN.has(name) || made === undefined || made.name === "" || made.name === "NodeError") return name;
  return made.name;
}

/**
 * An error again: of the class that both threads have, and bearing the name of its own. Its own properties are yet to be put on
 * it, since they may lead back to it.
 */
export function unpackError({ base, name, message, stack }: ErrorPacket): Error {
  const error = base === DOM ? new DOMException(message, name) : new Error(message);
  const known = OURS.get(base) ?? BUILTIN.get(base);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  if (error.name !== name) hide(error, "name", name);
  if (stack !== undefined) hide(error, "stack", stack);
  return error;
}

/** Puts an own property on an unpacked error, as the original had it. */
export function adorn(error: Error, key: string, value: unknown): void {
  if (HIDDEN.includes(key)) hide(error, key, value);
  else Object.defineProperty(error, key, { value, enumerable: true, writable: true, configurable: true });
}

const hide = (error: Error, key: string, value: unknown): void => {
  Object.defineProperty(error, key, { value, enumerable: false, writable: true, configurable: true });
};

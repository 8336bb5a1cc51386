/**
 * Errors on their way to another thread, which keep what structured clone loses: class name, code, own properties, stack and cause.
 */
import * as errors from "../errors.ts";

/** An error as plain data. */
export interface ErrorPacket {
  readonly class: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** Own properties, `cause` and `errors` among them. */
  readonly own: Record<string, unknown>;
}

/** Is it an error, of whichever realm? */
export function isError(value: object): value is Error {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Error]" || tag === "[object DOMException]" || value instanceof Error;
}

const HIDDEN = ["cause", "errors"];

/** The packet of an error, its own properties still as they are. */
export function packError(error: Error): ErrorPacket {
  const own: Record<string, unknown> = {};
  for (const key of [...Object.keys(error), ...HIDDEN.filter((key) => Object.hasOwn(error, key))]) {
    if (key !== "stack" && key !== "message") own[key] = (error as unknown as Record<string, unknown>)[key];
  }
  const { stack } = error;
  return { class: classOf(error), message: String(error.message), stack: typeof stack === "string" ? stack : undefined, own };
}

function classOf(error: Error): string {
  const tag = Object.prototype.toString.call(error);
  if (tag === "[object DOMException]") return `DOMException:${error.name}`;
  const made: unknown = (error as { constructor?: { name?: unknown } }).constructor?.name;
  // A class may leave `name` to its parent, or set it and be minified: what says more wins.
  const inherited = BUILTIN.has(error.name) || error.name === "Error";
  return inherited && typeof made === "string" && made !== "" ? made : String(error.name);
}

const BUILTIN = new Map<string, { readonly prototype: object }>(
  Object.entries({ Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError }),
);
const OURS = new Map<string, { readonly prototype: object }>(
  Object.entries(errors).filter(([, made]) => made.prototype instanceof errors.FerrousError),
);

/**
 * An error again: of its very class if that is one of the language's or one of ours, else an Error that bears the class's name. Its
 * own properties are yet to be put on it, since they may lead back to it.
 */
export function unpackError(packet: ErrorPacket): Error {
  const { class: name, message, stack } = packet;
  const [kind, domName] = name.split(":");
  if (kind === "DOMException") return new DOMException(message, domName);
  const error = new Error(message);
  const known = BUILTIN.get(name) ?? OURS.get(name);
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype);
  else hide(error, "name", name);
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

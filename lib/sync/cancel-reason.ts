/**
 * Why work was called off, as text of a limited size: JSON, with what JSON has no words for written as strings that begin with a mark.
 */

interface WrittenError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
}

/**
 * At most `limit` bytes of UTF-8. Whatever the reason is, even one that throws when it is looked at, there is a text: the flag is
 * cancelled.
 */
export function textOfReason(reason: unknown, limit: number): string {
  try {
    return textOf(reason, limit);
  } catch {
    return write({ value: `${typeof reason} without a text` });
  }
}

/** The reason again: a plain value, or an error with the name, message and code of the given one. */
export function reasonOfText(text: string): unknown {
  const { error, value } = read(JSON.parse(text)) as { error?: WrittenError; value?: unknown };
  if (error === undefined) return value;
  if (error.name === "AbortError" || error.name === "TimeoutError") return new DOMException(error.message, error.name);
  const { code } = error;
  return Object.assign(new Error(error.message), { name: error.name }, code === undefined ? {} : { code });
}

function textOf(reason: unknown, limit: number): string {
  if (typeof reason === "object" && reason !== null && "message" in reason) {
    const { name, message, code } = reason as { name?: unknown; message: unknown; code?: unknown };
    const texts = { name: String(name ?? "Error"), message: String(message), ...(typeof code === "string" ? { code } : {}) };
    const cutAll = (cut: number): object => Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, text.slice(0, cut)]));
    return fitted((cut) => write({ error: cutAll(cut) }), limit, limit);
  }
  if (typeof reason !== "function" && typeof reason !== "symbol") {
    try {
      const text = write({ value: reason });
      if (bytesOf(text) <= limit) return text;
    } catch {
      // Not for JSON: a cycle. Its text has to do.
    }
  }
  const text = String(reason);
  return fitted((cut) => write({ value: text.slice(0, cut) }), text.length, limit);
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The longest cut that fits. */
function fitted(written: (cut: number) => string, length: number, limit: number): string {
  for (let cut = length; ; cut = cut >> 1) {
    const text = written(cut);
    if (bytesOf(text) <= limit || cut === 0) return text;
  }
}

// --- JSON, with NaN, Infinity, -0, bigints and undefined in it ---

/** Begins a string that stands for something else; a string that begins with it by itself gets one more. */
const MARK = "\u0001";

const write = (value: unknown): string => JSON.stringify(value, (_, part: unknown) => marked(part));

function marked(part: unknown): unknown {
  switch (typeof part) {
    case "string":
      return part.startsWith(MARK) ? MARK + part : part;
    case "number":
      return Number.isFinite(part) && !Object.is(part, -0) ? part : `${MARK}${Object.is(part, -0) ? "-0" : String(part)}`;
    case "bigint":
      return `${MARK}${String(part)}n`;
    case "undefined":
      return `${MARK}undefined`;
    default:
      return part;
  }
}

/** In place: the value comes fresh from JSON. It lies no deeper than its text is long. */
function read(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith(MARK) ? unmarked(value.slice(1)) : value;
  if (typeof value !== "object" || value === null) return value;
  const whole = value as Record<string, unknown>;
  for (const key of Object.keys(whole)) {
    const part = read(whole[key]);
    if (part !== whole[key]) Object.defineProperty(whole, key, { value: part, enumerable: true, writable: true, configurable: true });
  }
  return whole;
}

function unmarked(text: string): unknown {
  if (text.startsWith(MARK)) return text;
  if (text === "undefined") return undefined;
  return text.endsWith("n") ? BigInt(text.slice(0, -1)) : Number(text);
}

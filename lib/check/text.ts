/**
 * What the checked code made, in words: looked at carefully, because its getters and traps may throw.
 */

/** What `ask` finds out about something that the checked code made; `otherwise` if its getters or traps throw. */
export function asked<T>(ask: () => T, otherwise: T): T {
  try {
    return ask();
  } catch {
    return otherwise;
  }
}

export const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" && value !== null && asked(() => "then" in value && typeof value.then === "function", false);

/** What a generator function returns: nothing of it has run. */
export const isGenerator = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  asked(() => {
    const tag: unknown = (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
    return typeof tag === "string" && tag.endsWith("Generator");
  }, false);

/** Nobody shall hear of its rejection: what it was rejected with may be the checker's own. */
export function silence(promise: PromiseLike<unknown>): void {
  if (Object.prototype.toString.call(promise) === "[object Promise]") promise.then(undefined, () => undefined);
}

/** What was thrown, in a few words. */
export function describe(thrown: unknown): string {
  if (typeof thrown === "function") return "a function";
  if (typeof thrown !== "object" || thrown === null) return typeof thrown === "string" ? JSON.stringify(thrown) : String(thrown);
  return asked(() => {
    const { name, message } = thrown as { name?: unknown; message?: unknown };
    return `${typeof name === "string" ? name : "an object"}: ${typeof message === "string" ? message : "without a message"}`;
  }, "an object that cannot be looked at");
}

/** A value in a message. */
export function textOf(value: unknown): string {
  if (typeof value === "bigint") return `${String(value)}n`;
  if (typeof value === "function" || typeof value === "symbol" || value instanceof Error) return describe(value);
  const plain = (_: string, inner: unknown): unknown =>
    typeof inner === "bigint" ? `${String(inner)}n` : inner instanceof Map || inner instanceof Set ? [...inner] : inner;
  try {
    return JSON.stringify(value, plain) ?? String(value);
  } catch {
    return "an object that cannot be shown";
  }
}

/** Threads without a name of their own are called by their number. */
export const titleOf = (name: string): string => (/^thread \d+$/.test(name) ? name : `thread "${name}"`);

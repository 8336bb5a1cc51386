/** Anything at all in words, for messages: what was thrown or sent may have traps in it. */

export function inWords(value: unknown): string {
  try {
    return String(value);
  } catch {
    return "a value that cannot be shown";
  }
}

/** What an error says, or what was thrown in its place, without the full stop. */
export function messageOf(thrown: unknown): string {
  let message: unknown;
  try {
    message = (thrown as { message?: unknown } | null | undefined)?.message;
  } catch {
    // It is shown as the value that it is.
  }
  return inWords(message ?? thrown).replace(/\.$/, "");
}

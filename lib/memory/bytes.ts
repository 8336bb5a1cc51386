/** Short texts in shared bytes. */

/** Writes `text` as UTF-8, at most `capacity` bytes, never half a character; returns how many bytes. */
export function writeText(buffer: SharedArrayBuffer, byteOffset: number, capacity: number, text: string): number {
  const bytes = new Uint8Array(capacity);
  const { written } = new TextEncoder().encodeInto(text, bytes);
  // PLAIN: whoever calls owns these bytes until it publishes their length.
  new Uint8Array(buffer, byteOffset, capacity).set(bytes);
  return written;
}

/** The text of so many bytes of UTF-8; what is no UTF-8 reads as U+FFFD. */
export function readText(buffer: SharedArrayBuffer, byteOffset: number, bytes: number): string {
  // PLAIN: read behind the length that published them. Copied first: some decoders refuse shared memory.
  // A byte order mark is a character of the text like any other.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(new Uint8Array(buffer, byteOffset, bytes).slice());
}

/** Text of limited length inside a struct. */
import { kindOf } from "./place.ts";
import { checkSize } from "./size.ts";
import { copyBytes, FIELD, type Field } from "./field.ts";

/**
 * A text of at most `bytes` bytes of UTF-8: a string on reading and writing, zeroed bytes are `""`.
 *
 * Nothing is cut or replaced on writing: a text that is too long, that has a lone surrogate, or that ends in U+0000 (the bytes
 * after the text are zero, so its end would be lost) is a RangeError. Bytes that are no UTF-8 read as U+FFFD.
 *
 * @param bytes  a whole number from 1
 * @throws {RangeError} `bytes` is no such number
 * @example const User = struct("User", { name: utf8(32) });
 */
export function utf8(bytes: number): Field<string> {
  checkSize("utf8(n)", bytes, 1);
  return {
    [FIELD]: {
      label: `utf8(${String(bytes)})`,
      byteLength: bytes,
      align: 1,
      description: ["utf8", bytes],
      kept: false,
      writable: true,
      plain: true,
      read(home, at) {
        // PLAIN: a field belongs to whoever holds the user's lock on it. Copied, because browsers decode no shared memory.
        const copy = home.view("Uint8").slice(at, at + bytes);
        let end = bytes;
        while (end > 0 && copy[end - 1] === 0) end--;
        // A byte order mark is a character of the text like any other.
        return new TextDecoder("utf-8", { ignoreBOM: true }).decode(copy.subarray(0, end));
      },
      check(value, where) {
        if (typeof value !== "string") throw new TypeError(`${where} takes a string; it was given ${kindOf(value)}.`);
        const wrong = whyNotText(value, bytes);
        if (wrong !== undefined) throw new RangeError(`${where} takes a text of at most ${String(bytes)} bytes of UTF-8; ${wrong}.`);
        return value;
      },
      write(home, at, value) {
        const encoded = new Uint8Array(bytes);
        new TextEncoder().encodeInto(value as string, encoded);
        // PLAIN: as in read. Encoded elsewhere first, because browsers encode into no shared memory.
        home.view("Uint8").set(encoded, at);
      },
      copy: (home, at, from, fromAt) => copyBytes(home, at, from, fromAt, bytes),
    },
  };
}

function whyNotText(text: string, bytes: number): string | undefined {
  // A UTF-16 unit takes at least one byte, so a hopeless text is refused without encoding it.
  const size = text.length > bytes ? text.length : new TextEncoder().encode(text).length;
  if (size > bytes) return `it was given one of ${text.length > bytes ? "more than " : ""}${String(text.length > bytes ? bytes : size)}`;
  if (!text.isWellFormed()) return "it was given one with a lone surrogate, which UTF-8 cannot hold";
  if (text.endsWith("\0")) return "it was given one that ends in U+0000, which would be lost";
  return undefined;
}

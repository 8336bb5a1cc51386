/**
 * Calling work off, in every thread at once.
 *
 *     word 0  STATE    0 not cancelled | 1 cancelled | 2 cancelled, and REASON is there
 *          1  WRITER   the id of the thread that writes the reason
 *          2  LENGTH   of the reason, in bytes
 *             REASON   248 bytes of UTF-8: a class name and a message
 *
 * No wake-up is lost: cancelling changes STATE, then notifies who awaits STATE, then makes every blocked thread look again, since
 * those sleep on the word of what they wait for.
 */
import { checkPlace, LAYOUT, type Layout } from "../memory/place.ts";
import { readText, writeText } from "../memory/bytes.ts";
import { Word } from "../memory/word.ts";
import type { CancelSource } from "../park/limits.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { currentThread } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";

const KIND = "CancelFlag@1";
const WRITER = 4;
const LENGTH = 8;
const REASON = 12;
const BYTES = 260;
const LIVE = 0;
const CANCELLED = 1;
const CANCELLED_WITH_REASON = 2;

/**
 * A flag that calls work off. Blocking and awaiting calls of every thread take it as their `signal`; a loop asks {@link cancelled}.
 * @example
 * const stop = new CancelFlag();
 * process.once("SIGINT", () => stop.cancel());
 * spawn(work, stop);
 */
export class CancelFlag implements CancelSource {
  readonly #state: Word;
  #signal: AbortSignal | undefined;
  /** In the cancelling thread, the very reason that it gave. */
  #given: { readonly reason: unknown } | undefined;

  constructor();
  constructor(state?: Word) {
    this.#state = state ?? Word.at(new SharedArrayBuffer(BYTES), 0);
  }

  /**
   * Opens the flag that lies at a place; initialises nothing: zeroed bytes are a flag that is not cancelled.
   * @throws {TypeError} the buffer is not shared
   * @throws {RangeError} the place is outside the buffer, or no multiple of 4
   */
  static at(buffer: SharedArrayBuffer, byteOffset: number): CancelFlag {
    checkPlace("a CancelFlag", buffer, byteOffset, BYTES, 4);
    return new (CancelFlag as new (state: Word) => CancelFlag)(Word.at(buffer, byteOffset));
  }

  /** How a flag lies in a struct's field, or behind a handle. */
  static readonly [LAYOUT]: Layout<CancelFlag> = {
    kind: KIND,
    byteLength: BYTES,
    align: 4,
    at: (buffer, byteOffset) => CancelFlag.at(buffer, byteOffset),
  };

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    const { buffer, byteOffset } = this.#state;
    return { kind: KIND, place: { buffer, byteOffset } };
  }
  static {
    registerKind(KIND, ({ place }) => CancelFlag.at(place.buffer, place.byteOffset));
  }

  /** Was it cancelled, by whichever thread? */
  get cancelled(): boolean {
    return this.#state.load() !== LIVE;
  }

  /**
   * Cancels; the second time does nothing.
   * @param reason  what the called-off operations throw; an AbortError without it. To other threads goes a value that JSON can write,
   *                or an error's class name, message and code, cut to 248 bytes.
   */
  cancel(reason?: unknown): void {
    if (this.cancelled) return;
    const word = (offset: number): Word => Word.at(this.#state.buffer, this.#state.byteOffset + offset);
    const { id, registry } = currentThread();
    const writer = word(WRITER).load();
    const mayWrite = (writer === 0 || !registry.isAlive(writer)) && word(WRITER).compareExchange(writer, id) === writer;
    if (reason !== undefined && mayWrite) {
      const text = safeTextOf(reason);
      word(LENGTH).store(writeText(this.#state.buffer, this.#state.byteOffset + REASON, BYTES - REASON, text));
      this.#given = { reason };
    }
    // Who may not write cancels all the same: when this returns, the flag is cancelled. Of two reasons, the first to be there stands.
    const first = this.#state.compareExchange(LIVE, reason !== undefined && mayWrite ? CANCELLED_WITH_REASON : CANCELLED) === LIVE;
    if (!first) this.#given = undefined;
    this.#state.notify();
    wakeEverybody();
  }

  /** What it was cancelled with; undefined while it is not. */
  get reason(): unknown {
    const state = this.#state.load();
    if (state === LIVE) return undefined;
    this.#given ??= {
      reason: state === CANCELLED_WITH_REASON ? this.#readReason() : new DOMException("This operation was cancelled", "AbortError"),
    };
    return this.#given.reason;
  }

  /** Throws the reason if it was cancelled. */
  throwIfCancelled(): void {
    if (this.cancelled) throw this.reason;
  }

  /** The same as an AbortSignal of this thread, for whatever takes one. It does not keep the process alive. */
  get signal(): AbortSignal {
    if (this.#signal !== undefined) return this.#signal;
    const controller = new AbortController();
    this.#signal = controller.signal;
    const look = (): void => {
      if (this.cancelled) {
        controller.abort(this.reason);
        return;
      }
      const pending = this.#state.waitAsync(LIVE);
      if (pending.async) void pending.value.then(look);
      else look();
    };
    look();
    return this.#signal;
  }

  #readReason(): unknown {
    const at = this.#state.byteOffset;
    const length = Word.at(this.#state.buffer, at + LENGTH).load();
    return reasonOf(readText(this.#state.buffer, at + REASON, Math.min(length, BYTES - REASON)));
  }
}

interface WrittenError {
  readonly name: string;
  readonly message: string;
  readonly code?: unknown;
}

/** Whatever the reason is, even one that throws when it is looked at: the flag is cancelled. */
function safeTextOf(reason: unknown): string {
  try {
    return textOf(reason);
  } catch {
    return JSON.stringify({ value: `${typeof reason} without a text` });
  }
}

function textOf(reason: unknown): string {
  if (typeof reason === "object" && reason !== null && "message" in reason) {
    const { name, message, code } = reason as { name?: unknown; message: unknown; code?: unknown };
    const texts = { name: String(name ?? "Error"), message: String(message), ...(typeof code === "string" ? { code } : {}) };
    const cutAll = (cut: number): object => Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, text.slice(0, cut)]));
    return fitted((cut) => JSON.stringify({ error: cutAll(cut) }), BYTES);
  }
  try {
    // Of a function or a symbol, JSON leaves nothing.
    const text = JSON.stringify(reason) === undefined ? undefined : JSON.stringify({ value: reason });
    if (text !== undefined && bytesOf(text) <= BYTES - REASON) return text;
  } catch {
    // Not for JSON: a bigint, a cycle. Its text has to do.
  }
  const text = String(reason);
  return fitted((cut) => JSON.stringify({ value: text.slice(0, cut) }), text.length);
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The longest cut that fits the place. */
function fitted(write: (cut: number) => string, length: number): string {
  for (let cut = length; ; cut = cut >> 1) {
    const text = write(cut);
    if (bytesOf(text) <= BYTES - REASON || cut === 0) return text;
  }
}

function reasonOf(text: string): unknown {
  const { error, value } = JSON.parse(text) as { error?: WrittenError; value?: unknown };
  if (error === undefined) return value;
  if (error.name === "AbortError" || error.name === "TimeoutError") return new DOMException(error.message, error.name);
  const { code } = error;
  return Object.assign(new Error(error.message), { name: error.name }, code === undefined ? {} : { code });
}

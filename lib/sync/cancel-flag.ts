/**
 * Calling work off, in every thread at once.
 *
 *     word 0  STATE    0 not cancelled | 1 cancelled | 2 cancelled, and REASON is there
 *          1  WRITER   the id of the thread that writes the reason
 *          2  LENGTH   of the reason, in bytes
 *             REASON   248 bytes of UTF-8: see cancel-reason.ts
 *
 * No wake-up is lost: cancelling changes STATE, then notifies who awaits STATE, then makes every blocked thread look again, since
 * those sleep on the word of what they wait for.
 */
import { checkPlace, LAYOUT, type Layout } from "../memory/place.ts";
import { readText, writeText } from "../memory/bytes.ts";
import { registerWords, someThread } from "../memory/word-names.ts";
import { Word } from "../memory/word.ts";
import { whenChanged } from "../park/change-node.ts";
import { LISTENER, type CancelSource } from "../park/limits.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { currentThread } from "../thread/current.ts";
import { wakeEverybody } from "../thread/lifeline.ts";
import { reasonOfText, textOfReason } from "./cancel-reason.ts";

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
  #controller: AbortController | undefined;
  /** Was its signal given to the user? */
  #isGiven = false;
  /** May other threads have it? */
  #isShared: boolean;
  /** In the cancelling thread, the very reason that it gave. */
  #given: { readonly reason: unknown } | undefined;

  constructor();
  constructor(state?: Word) {
    this.#state = state ?? Word.at(new SharedArrayBuffer(BYTES), 0);
    this.#isShared = state !== undefined;
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
    this.#isShared = true;
    this.#keep();
    const { buffer, byteOffset } = this.#state;
    return { kind: KIND, place: { buffer, byteOffset } };
  }
  static {
    registerKind(KIND, ({ place }) => CancelFlag.at(place.buffer, place.byteOffset));
    registerWords(KIND, () => [{ name: "state" }, { name: "writer", show: someThread }, { name: "length" }]);
  }

  /** Was it cancelled, by whichever thread? */
  get cancelled(): boolean {
    return this.#state.load() !== LIVE;
  }

  /**
   * Cancels; the second time does nothing.
   * @param reason  what the called-off operations throw; an AbortError without it. To other threads goes plain data (what JSON can
   *                write, and NaN, Infinity, -0, bigints and undefined in it), or an error's class name, message and code. What is
   *                neither, and what takes more than 248 bytes, goes as text, cut to that length.
   */
  cancel(reason?: unknown): void {
    if (this.cancelled) return;
    const word = (offset: number): Word => Word.at(this.#state.buffer, this.#state.byteOffset + offset);
    const { id, registry } = currentThread();
    const writer = word(WRITER).load();
    const mayWrite = (writer === 0 || !registry.isAlive(writer)) && word(WRITER).compareExchange(writer, id) === writer;
    if (reason !== undefined && mayWrite) {
      const text = textOfReason(reason, BYTES - REASON);
      word(LENGTH).store(writeText(this.#state.buffer, this.#state.byteOffset + REASON, BYTES - REASON, text));
      this.#given = { reason };
    }
    // Who may not write cancels all the same: when this returns, the flag is cancelled. Of two reasons, the first to be there stands.
    const first = this.#state.compareExchange(LIVE, reason !== undefined && mayWrite ? CANCELLED_WITH_REASON : CANCELLED) === LIVE;
    if (!first) this.#given = undefined;
    // Until its signal has told its listeners, which it does at the event loop.
    if (this.#controller?.signal.aborted === false) kept.add(this);
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

  /**
   * The same as an AbortSignal of this thread, for whatever takes one. It does not keep the process alive.
   *
   * Of a flag that other threads have, it stays in memory until it is cancelled: they may abort it although this thread let go
   * of it, and platforms hold a signal weakly that is a source of `AbortSignal.any`.
   */
  get signal(): AbortSignal {
    this.#isGiven = true;
    this.#keep();
    return this[LISTENER];
  }

  /** The same signal, for waits of ours: whoever waits holds on to it, so nobody else must. @internal */
  get [LISTENER](): AbortSignal {
    if (this.#controller !== undefined) return this.#controller.signal;
    this.#controller = new AbortController();
    const { signal } = this.#controller;
    flagOf.set(signal, this);
    if (this.cancelled) this.#abort();
    else {
      dropped.register(this, this.#state);
      CancelFlag.#follow(new WeakRef(this), this.#state);
    }
    return signal;
  }

  /** Awaits the cancelling for as long as there is a flag or its signal. */
  static #follow(weak: WeakRef<CancelFlag>, state: Word): void {
    const look = (): void => {
      const flag = weak.deref();
      if (flag?.cancelled === true) flag.#abort();
      else if (flag !== undefined) CancelFlag.#follow(weak, state);
    };
    if (!whenChanged(state, LIVE, look)) look();
  }

  #abort(): void {
    kept.delete(this);
    this.#controller?.abort(this.reason);
  }

  /** Whose signal the user has, and which others may cancel, is kept. */
  #keep(): void {
    if (this.#isGiven && this.#isShared && !this.cancelled) kept.add(this);
  }

  #readReason(): unknown {
    const at = this.#state.byteOffset;
    const length = Word.at(this.#state.buffer, at + LENGTH).load();
    return reasonOfText(readText(this.#state.buffer, at + REASON, Math.min(length, BYTES - REASON)));
  }
}

/** Flags that are held on to until they are cancelled. */
const kept = new Set<CancelFlag>();
/** A signal holds its flag, as the flag holds its signal. */
const flagOf = new WeakMap<AbortSignal, CancelFlag>();
/** Ends the wait of a flag that is gone. Who else awaits the word looks, and goes on waiting. */
const dropped = new FinalizationRegistry<Word>((state) => {
  state.notify();
});

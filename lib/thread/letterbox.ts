/**
 * Bytes that one thread leaves for another: for a thread that blocks where no message can be received meanwhile, as in a browser.
 *
 *     word  0  COUNT   how many letters were left so far; the last one counts
 *           1  LENGTH  of its bytes; -1: it could not be made bytes, and comes by a message only
 *           2  BYTES
 *
 * Written by one thread, and read by another that was told by other means, such as a bell. Who dies while it writes has left none.
 */
import { Word } from "../memory/word.ts";

const BYTES = 8;
/** Reserved, not used: what is larger comes by a message. */
const MOST_BYTES = 1 << 26;

export class Letterbox {
  readonly buffer: SharedArrayBuffer;
  readonly #count: Word;
  readonly #length: Word;

  constructor(buffer = new SharedArrayBuffer(BYTES, { maxByteLength: MOST_BYTES })) {
    this.buffer = buffer;
    this.#count = Word.at(buffer, 0);
    this.#length = this.#count.next(1);
  }

  /** How many letters were left. */
  get count(): number {
    return this.#count.load();
  }

  /** @param bytes  undefined if it comes by a message only */
  leave(bytes: Uint8Array | undefined): void {
    const size = BYTES + (bytes?.length ?? 0);
    const fits = bytes !== undefined && size <= MOST_BYTES;
    // Until it is whole: who dies within a later letter has left none.
    this.#length.store(-1);
    if (fits) {
      if (this.buffer.byteLength < size) this.buffer.grow(size);
      // PLAIN: COUNT publishes them.
      new Uint8Array(this.buffer, BYTES).set(bytes);
    }
    if (fits) this.#length.store(bytes.length);
    this.#count.add(1);
  }

  /** The letter that was left last; undefined if there is none, or if it comes by a message only. */
  look(): Uint8Array | undefined {
    if (this.count === 0) return undefined;
    const length = this.#length.load();
    // PLAIN: read behind the count that published them.
    return length < 0 ? undefined : new Uint8Array(this.buffer, BYTES, length).slice();
  }
}

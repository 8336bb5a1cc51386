/** A receiver as an iterable: it gives what comes, ends once, and is what a generator would be to whoever holds it. */
import { describe, expect, it } from "@jest/globals";
import { channel, i32, ReleasedError, type Receiver } from "ferrous";

/** A receiver of what was sent before. */
function sent(...values: number[]): Receiver<number> {
  const [tx, rx] = channel({ of: i32, capacity: 8 });
  for (const value of values) tx.send(value);
  tx.close();
  return rx;
}

describe("a receiver's iterator", () => {
  it("gives what was sent, then is done, and stays done", () => {
    const stream = sent(1, 2)[Symbol.iterator]();
    expect([stream.next(), stream.next()]).toEqual([
      { value: 1, done: false },
      { value: 2, done: false },
    ]);
    expect([stream.next(), stream.next()]).toEqual(Array(2).fill({ value: undefined, done: true }));
  });

  it("leaves to the next one what a loop did not come to", () => {
    const rx = sent(1, 2, 3);
    for (const value of rx) if (value === 2) break;
    expect([...rx]).toEqual([3]);
  });

  it("is an iterable itself, and has what the platform's iterators have", () => {
    const stream = sent(1, 2, 3)[Symbol.iterator]();
    const prototype = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as object;
    expect(Object.prototype.isPrototypeOf.call(prototype, stream)).toBe(true);
    stream.next();
    expect([...stream]).toEqual([2, 3]);
  });

  it("is over once it was returned from or thrown into", () => {
    const [one, other] = [sent(1)[Symbol.iterator](), sent(1)[Symbol.iterator]()];
    expect(one.return()).toEqual({ value: undefined, done: true });
    expect(() => other.throw(new RangeError("mine"))).toThrow("mine");
    expect([one.next(), other.next()]).toEqual(Array(2).fill({ value: undefined, done: true }));
  });

  it("throws once what receiving throws, and is over", () => {
    const rx = sent(1);
    const stream = rx[Symbol.iterator]();
    rx.close();
    expect(() => stream.next()).toThrow(ReleasedError);
    expect(stream.next()).toEqual({ value: undefined, done: true });
  });
});

describe("a channel that was full", () => {
  it("takes a message as soon as one was taken, though the quick way waits for more room", () => {
    const [tx, rx] = channel({ of: i32, capacity: 64 });
    for (let n = 0; n < 64; n++) tx.send(n);
    expect(tx.trySend(64)).toBe(false);
    rx.recv();
    expect(tx.trySend(64)).toBe(true);
    expect(tx.trySend(65)).toBe(false);
    rx.recv();
    tx.send(65, { timeout: 5000 });
    expect(tx.length).toBe(64);
    tx.close();
    expect([...rx]).toEqual(Array.from({ length: 64 }, (_, n) => n + 2));
  });
});

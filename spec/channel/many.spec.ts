/** sendMany and its kin: what is sent is what was looked at, within the time for all, and who is called off half-way says so. */
import { describe, expect, it } from "@jest/globals";
import { channel, i32, struct, TimeoutError, type Receiver, type Sender } from "ferrous";

const Point = struct("Point", { x: i32, y: i32 });
type Numbers = [Sender<number>, Receiver<number>];
const typed = (capacity: number): Numbers => channel({ of: i32, capacity });
const encoded = (capacity: number): Numbers => channel<number>({ capacity });

describe("a list that is sent to a channel of structs", () => {
  it("arrives as it was when the call was made, whatever becomes of it while the call waits", async () => {
    const [tx, rx] = channel({ of: Point, capacity: 1 });
    const instance = Point.create({ x: 3, y: 3 });
    const list = [{ x: 1, y: 1 }, { x: 2, y: 2 }, instance];
    const sent = tx.sendManyAsync(list);
    Object.assign(list[1] as object, { x: "none", y: 99 });
    instance.x = 99;
    const got: number[][] = [];
    for (let n = 0; n < 3; n++) {
      const { x, y } = await rx.recvAsync();
      got.push([x, y]);
    }
    await sent;
    expect(got).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });
  it("is read once: what a getter gives the next time is not sent", () => {
    const [tx, rx] = channel({ of: Point, capacity: 2 });
    let reads = 0;
    const { get } = { get: (): number => (reads++ === 0 ? 7 : (Symbol() as never)) };
    tx.sendMany([Object.defineProperty({ x: 1 }, "y", { get, enumerable: true }) as { x: number; y: number }]);
    expect([rx.recv().y, reads]).toEqual([7, 1]);
  });
});

describe.each<[string, (capacity: number) => Numbers]>([
  ["of i32", typed],
  ["encoded", encoded],
])("a list that is sent to a channel, %s,", (_name, make) => {
  it("has one time for all of it, and the error tells that time", async () => {
    const [tx, rx] = make(1);
    const taking = setInterval(() => rx.tryRecv(), 25);
    const list = Array.from({ length: 1000 }, (_, n) => n);
    await expect(tx.sendManyAsync(list, { timeout: 60 })).rejects.toThrow(/did not succeed within 60 ms/);
    clearInterval(taking);
    while (rx.tryRecv() !== undefined);
    expect(() => {
      tx.sendMany(list, { timeout: 20 });
    }).toThrow(/did not succeed within 20 ms/);
  });
  it("is sent to the end, though its sender is closed meanwhile", async () => {
    const [tx, rx] = make(1);
    const sent = tx.sendManyAsync([1, 2, 3]);
    tx.close();
    const got: number[] = [];
    for await (const value of rx) got.push(value);
    await sent;
    expect(got).toEqual([1, 2, 3]);
  });
  it("is called off when one of several was handed over, and does not pass for sent", async () => {
    const [tx, rx] = make(0);
    const cause = new AbortController();
    const sent = tx.sendManyAsync([1, 2, 3], { signal: cause.signal });
    expect(rx.tryRecv()).toEqual({ value: 1 });
    cause.abort(new Error("enough"));
    await expect(sent).rejects.toThrow("enough");
    expect(rx.tryRecv()).toBeUndefined();
  });
  it("is sent if its last one was handed over before it was called off", async () => {
    const [tx, rx] = make(0);
    const cause = new AbortController();
    const sent = tx.sendManyAsync([1], { signal: cause.signal });
    expect(rx.tryRecv()).toEqual({ value: 1 });
    cause.abort(new Error("enough"));
    await expect(sent).resolves.toBeUndefined();
    await expect(tx.sendManyAsync([2], { timeout: 1 })).rejects.toThrow(TimeoutError);
  });
});

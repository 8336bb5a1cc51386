/** recvMany when a message cannot be opened here: it alone is lost, as if each had been received by a call of its own. */
import { describe, expect, it } from "@jest/globals";
import { channel, DisconnectedError, HandleError, Mutex, NotSendableError, oneshot, trySelect, type Receiver } from "ferrous";

const HANDLE = Object.getOwnPropertySymbols(Mutex.prototype).find(({ description }) => description === "ferrous handle") as symbol;
/** A shared object whose class nobody has imported. */
function unknown(): object {
  const mutex = new Mutex() as unknown as Record<symbol, () => object>;
  return Object.create({ [HANDLE]: () => ({ ...mutex[HANDLE]?.(), kind: "Unknown@1" }) }) as object;
}
/** So deep in each other that there is no room for it on the stack of {@link atTheEdge}, and no more. */
function deep(): unknown {
  let list: unknown = 1n;
  for (let depth = 0; depth < 2000; depth++) list = [list];
  return list;
}
/** Calls `work` where little of the stack is left, but enough for what is not deep. */
function atTheEdge<R>(work: () => R): R {
  const most = (depth: number): number => {
    try {
      return most(depth + 1);
    } catch {
      return depth;
    }
  };
  const down = (left: number): R => (left === 0 ? work() : down(left - 1));
  return down(Math.floor(most(0) * 0.8));
}

type Take = (rx: Receiver<unknown>, max: number) => unknown[] | Promise<unknown[]>;
describe.each<[string, Take]>([
  ["recvMany", (rx, max) => [...rx.recvMany(max)]],
  ["recvManyAsync", async (rx, max) => [...(await rx.recvManyAsync(max))]],
])("%s, when a message cannot be opened here,", (_name, take) => {
  const taken = async (rx: Receiver<unknown>, max = 10): Promise<unknown> => {
    try {
      return await take(rx, max);
    } catch (error) {
      return error;
    }
  };

  it("gives those before it; the next call throws for it, and those behind it still come", async () => {
    const [tx, rx] = channel<unknown>();
    tx.sendMany([1, 2n, unknown(), 3, new Mutex(), 4]);
    expect(await taken(rx)).toEqual([1, 2n]);
    expect(rx.length).toBe(3);
    expect(await taken(rx)).toBeInstanceOf(HandleError);
    expect(await taken(rx)).toEqual([3, expect.any(Mutex), 4]);
  });
  it("throws for it alone if it is the first, and again for the next such", async () => {
    const [tx, rx] = channel<unknown>();
    tx.sendMany([unknown(), unknown(), "last"]);
    tx.close();
    expect([await taken(rx), await taken(rx), await taken(rx)]).toEqual([expect.any(HandleError), expect.any(HandleError), ["last"]]);
    expect(await taken(rx)).toBeInstanceOf(DisconnectedError);
  });
  it("throws for it at the next call of whatever kind, before there is nothing more", async () => {
    const [tx, rx] = channel<unknown>();
    const calls = [() => rx.recv(), () => rx.tryRecv(), () => trySelect([rx]), () => rx.recvAsync(), () => rx.clone().recv()];
    for (const call of calls) {
      tx.sendMany(["first", unknown(), "last"]);
      expect(await taken(rx)).toEqual(["first"]);
      await expect((async () => call())()).rejects.toThrow(HandleError);
      expect(rx.recv()).toBe("last");
    }
    tx.sendMany(["first", unknown()]);
    tx.close();
    expect([await taken(rx), await taken(rx), await taken(rx)]).toEqual([
      ["first"],
      expect.any(HandleError),
      expect.any(DisconnectedError),
    ]);
  });
  it("leaves those behind it to other receivers", async () => {
    const [tx, rx] = channel<unknown>();
    const [reply] = oneshot<number>();
    const other = rx.clone();
    tx.sendMany(["first", unknown(), { reply }, "last"]);
    expect(await taken(rx, 2)).toEqual(["first"]);
    rx.close();
    expect(await taken(other)).toBeInstanceOf(HandleError);
    expect(await taken(other)).toHaveLength(2);
  });
});

it("recvMany gives what came before a message for which there is no room on the stack", () => {
  const [tx, rx] = channel<unknown>();
  tx.sendMany([1, deep(), 2]);
  expect(atTheEdge(() => [...rx.recvMany(10)])).toEqual([1]);
  expect(() => rx.recv()).toThrow(NotSendableError);
  expect(rx.recv()).toBe(2);
});

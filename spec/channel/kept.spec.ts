/** Ends that are kept where each thread finds a clone of them: nobody is alone on their side then. */
import { expect, it } from "@jest/globals";
import { channel, i32, OnceLock, spawn, TimeoutError } from "ferrous";
import { i32 as ownI32 } from "../../lib/memory/layout.ts";
import { channel as ownChannel } from "../../lib/channel/channel.ts";
import { Side } from "../../lib/channel/roll.ts";
import { encodeForAll } from "../../lib/sync/kept.ts";
import { countFound, takeFound } from "../support/messengers.js";

const MESSAGES = 200_000;

it("nothing is lost between a thread that was alone with its sender, and one that found a clone of it", () => {
  const [tx, rx] = channel({ of: i32, capacity: 2 * MESSAGES });
  tx.send(-1);
  rx.recv();
  const found = new OnceLock<typeof tx>();
  found.set(tx);
  const stage = new Int32Array(new SharedArrayBuffer(4));
  const other = spawn(countFound, found, MESSAGES, stage);
  Atomics.wait(stage, 0, 0);
  for (let n = 0; n < MESSAGES; n++) tx.send(MESSAGES + n);
  other.join();
  const all = [...rx.recvMany(3 * MESSAGES)];
  expect(all).toHaveLength(2 * MESSAGES);
  const inOrder = Array.from({ length: MESSAGES }, (_, n) => n);
  expect(all.filter((n) => n < MESSAGES)).toEqual(inOrder);
  expect(all.filter((n) => n >= MESSAGES)).toEqual(inOrder.map((n) => MESSAGES + n));
});

it("nothing is received twice by a thread that was alone with its receiver, and one that found a clone of it", () => {
  const [tx, rx] = channel({ of: i32, capacity: 2 * MESSAGES });
  expect(() => rx.recv({ timeout: 0 })).toThrow(TimeoutError);
  tx.sendMany(Int32Array.from({ length: 2 * MESSAGES }, (_, n) => n));
  tx.close();
  const mine = [rx.recv()];
  const found = new OnceLock<typeof rx>();
  found.set(rx);
  const stage = new Int32Array(new SharedArrayBuffer(4));
  const other = spawn(takeFound, found, stage);
  Atomics.wait(stage, 0, 0);
  for (const value of rx) mine.push(value);
  const all = [...mine, ...other.join()].sort((a, b) => a - b);
  expect(all).toEqual(Array.from({ length: 2 * MESSAGES }, (_, n) => n));
});

it("a thread that keeps an end for all is never again taken for the only one on its side", () => {
  const [tx, rx] = ownChannel({ of: ownI32, capacity: 1 });
  const { queue } = tx.inner();
  const look = (): readonly boolean[] => {
    for (let n = 0; n < 64; n++)
      for (const side of [Side.SENDERS, Side.RECEIVERS]) for (let m = 0; m < 17; m++) tx.inner().lookAround(side);
    return [queue.isSoleSender, queue.isSoleReceiver];
  };
  expect(look()).toEqual([true, true]);
  encodeForAll({ tx }, "a static");
  expect([queue.isSoleSender, queue.isSoleReceiver]).toEqual([false, true]);
  expect(look()).toEqual([false, true]);
  encodeForAll([rx], "a static");
  expect(look()).toEqual([false, false]);
});

/** Channels in whose messages ends of others are: how they are asked after. */
import { expect, it } from "@jest/globals";
import { channel, i32, spawn, type Sender } from "ferrous";
import { check } from "ferrous/check";
import { isAsleep } from "../support/deaths.js";
import { heapWithoutGarbage } from "../support/garbage.ts";
import { untilAsync } from "../support/lockers.js";
import { thrownBy } from "../support/thrown.ts";

it("a check of channels with the same numbers changes nothing for real ones", () => {
  check(
    {
      setup: () => {
        const carriers = [channel<{ end: Sender<number> }>(), channel<{ end: Sender<number> }>()];
        const [tx, rx] = channel({ of: i32, capacity: 4 });
        for (const [carrier] of carriers) carrier.send({ end: tx.clone() });
        tx.close();
        return { carried: carriers.map(([, carried]) => carried), rx };
      },
      moves: ({ carried, rx }) => [carried, [rx]],
      threads: [
        ({ carried }) => {
          for (const one of carried) one.recv().end.close();
        },
        ({ rx }) => [...rx],
      ],
    },
    { strategy: "random", executions: 50 },
  );
  const [carrier, carried] = channel<{ end: Sender<number> }>();
  const [tx, rx] = channel({ of: i32, capacity: 4 });
  carrier.send({ end: tx });
  expect(rx.tryRecv()).toBeUndefined();
  carried.recv().end.send(7);
  expect(rx.recv()).toBe(7);
});

it("one that is gone is forgotten by who asked after it", async () => {
  const carry = (): void => {
    const [carrier, carried] = channel<{ end: Sender<number> }>();
    const [tx, rx] = channel({ of: i32, capacity: 4 });
    carrier.send({ end: tx });
    carried.recv().end.close();
    for (const end of [carrier, carried, rx]) end.close();
  };
  const measured = async (): Promise<number> => {
    await heapWithoutGarbage();
    return process.memoryUsage().arrayBuffers;
  };
  for (let n = 0; n < 200; n++) carry();
  const before = await measured();
  for (let n = 0; n < 1000; n++) carry();
  // A carrier's buffers take 8 kB.
  expect(((await measured()) - before) / 1000).toBeLessThan(2000);
});

it("an end in a message that cannot be opened is gone, and its other side is told at once", async () => {
  const [carrier, carried] = channel<unknown>();
  const [tx, rx] = channel({ of: i32, capacity: 4 });
  const waiting = spawn((end) => {
    const begun = Date.now();
    try {
      return String(end.recv());
    } catch (error) {
      // A slice of a long sleep is 10 s.
      return Date.now() - begun < 5000 ? (error as { code: string }).code : "late";
    }
  }, rx);
  await untilAsync(() => isAsleep(waiting.thread.id));
  let deep: object = {};
  for (let n = 0; n < 1500; n++) deep = { deep };
  carrier.send({ deep, end: tx });
  // It looks meanwhile, and is told that the end may come.
  spawn(() => 0).join();
  const inDepth = (depth: number): unknown => {
    if (depth > 0) return [inDepth(depth - 1)];
    return thrownBy(() => carried.recv());
  };
  let limit = 0;
  const measure = (depth: number): unknown => [((limit = depth), measure(depth + 1))];
  expect(() => measure(0)).toThrow(RangeError);
  expect([inDepth(Math.floor(limit * 0.6))].flat(Infinity)).toEqual([expect.any(Error)]);
  expect(await waiting.joinAsync()).toBe("DISCONNECTED");
});

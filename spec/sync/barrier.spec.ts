import { describe, expect, it, jest } from "@jest/globals";
import { Barrier, barrier, fromHandle, spawn, struct, toHandle, u32 } from "ferrous";
import { words } from "../support/lockers.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";
import { crowd, meetOften, meetOnce } from "./barriers.js";

describe("a Barrier", () => {
  it.each([0, 1])("Barrier::new(%i).wait(): leader", async (count) => {
    const alone = new Barrier(count);
    expect(alone.wait()).toEqual({ leader: true });
    expect(alone.wait()).toEqual({ leader: true });
    expect(await alone.waitAsync()).toEqual({ leader: true });
  });

  it("reused: one leader each time, and nobody a round ahead", async () => {
    const [count, rounds] = [3, 2000];
    const meeting = new Barrier(count);
    const stage = words(count);
    const threads = Array.from({ length: count }, (_, me) => spawn(meetOften, meeting, stage, me, rounds));
    const led = await Promise.all(threads.map((thread) => thread.joinAsync()));
    expect(led.reduce((a, b) => a + b, 0)).toBe(rounds);
  });

  it("of two lets more threads than two meet, always two at a time", async () => {
    const meeting = new Barrier(2);
    const counts = words(2);
    const threads = Array.from({ length: 5 }, () => spawn(crowd, meeting, counts, 2000));
    for (const thread of threads) await thread.joinAsync();
    const [led = 0, followed = 0] = counts;
    expect(led).toBeGreaterThanOrEqual(2000);
    expect(followed).toBe(led);
  });

  it("lets tasks of one thread meet", async () => {
    const meeting = new Barrier(3);
    const ends = await Promise.all([meeting.waitAsync(), meeting.waitAsync(), meeting.waitAsync()]);
    expect(ends.filter(({ leader }) => leader)).toHaveLength(1);
    const again = await Promise.all([meeting.waitAsync(), meeting.waitAsync(), meeting.waitAsync()]);
    expect(again.filter(({ leader }) => leader)).toHaveLength(1);
  });

  it("counts who gave up as not come", async () => {
    const meeting = new Barrier(2, { name: "the start" });
    expect(thrownBy(() => meeting.wait({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    expect(await rejectionOf(meeting.waitAsync({ timeout: 5 }))).toMatchObject({ code: "TIMEOUT" });
    const controller = new AbortController();
    const aborted = meeting.waitAsync({ signal: controller.signal });
    controller.abort(new Error("enough"));
    expect(await rejectionOf(aborted)).toMatchObject({ message: "enough" });
    const first = meeting.waitAsync();
    expect(await meeting.waitAsync()).toEqual({ leader: true });
    expect(await first).toEqual({ leader: false });
  });

  it("is broken for those who come when a thread that took part has ended", async () => {
    const meeting = new Barrier(2, { name: "the meeting" });
    const other = spawn(meetOnce, meeting);
    meeting.wait();
    await other.joinAsync();
    expect(meeting.broken).toBe(false);
    expect(thrownBy(() => meeting.wait())).toMatchObject({
      code: "BROKEN_BARRIER",
      message: expect.stringMatching(/^barrier "the meeting" is broken: .* has taken part in it and has ended/) as unknown,
    });
    expect(meeting.broken).toBe(true);
    expect(await rejectionOf(meeting.waitAsync())).toMatchObject({ code: "BROKEN_BARRIER" });
  });

  it("is broken for a task whose companion dies between its coming and its first look", async () => {
    const place = words(3);
    const meeting = Barrier.at(place.buffer, 0, 2);
    const dead = (5 << 10) | 1023;
    const { compareExchange } = Atomics;
    const spy = jest.spyOn(Atomics, "compareExchange").mockImplementation(((cells: Int32Array, ...[at, before, after]: number[]) => {
      const was = compareExchange(cells, at as number, before as number, after as number);
      const hasCome = cells.buffer === place.buffer && at === 0 && was === before;
      // The name of one who came and died, in the other slot.
      if (hasCome) Atomics.store(place, 2, (dead << 4) | 1);
      return was;
    }) as typeof compareExchange);
    try {
      expect(await rejectionOf(meeting.waitAsync())).toMatchObject({ code: "BROKEN_BARRIER" });
    } finally {
      spy.mockRestore();
    }
  });

  it("has one name for each thread, however often it was opened there: the others' names stay, and their deaths are seen", () => {
    const names = words(4);
    for (let opened = 0; opened < 3; opened++) {
      const meeting = Barrier.at(names.buffer, 0, 3);
      expect(thrownBy(() => meeting.wait({ timeout: 0 }))).toMatchObject({ code: "TIMEOUT" });
    }
    expect([...names.subarray(1)].filter((name) => name !== 0)).toHaveLength(1);
  });

  it("lies in a struct, and crosses with its name and its count", () => {
    const Game = struct("Game", { round: barrier(2), score: u32 });
    expect(Game.byteLength).toBe(16);
    const game = Game.create({});
    const other = spawn(meetOnce, game.round);
    const mine = game.round.wait().leader;
    expect(other.join()).toBe(!mine);
    expect(toHandle(fromHandle(toHandle(new Barrier(5, { name: "far" }))))).toMatchObject({ name: "far", type: 5 });
  });

  it("refuses counts that are none, and wrong places", () => {
    for (const count of [-1, 1.5, Number.NaN, 16_384, "2", undefined]) expect(() => new Barrier(count as number)).toThrow(RangeError);
    expect(() => Barrier.at(new SharedArrayBuffer(8), 0, 3)).toThrow(RangeError);
    expect(() => Barrier.at(new ArrayBuffer(64) as never, 0, 3)).toThrow(TypeError);
    expect(() => fromHandle({ ...toHandle(new Barrier(2)), type: 1e9 })).toThrow(/barrier/);
    expect(() => new Barrier(2).wait({ timeout: -1 })).toThrow(RangeError);
  });
});

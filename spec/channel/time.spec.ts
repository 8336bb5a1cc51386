/** Receivers of the time, alone and in a select. That a moment is late is no error: a machine may be busy. */
import { describe, expect, it, jest } from "@jest/globals";
import {
  after,
  channel,
  i32,
  never,
  NotSendableError,
  select,
  selectAsync,
  spawn,
  tick,
  TimeoutError,
  trySelect,
  type Sender,
} from "ferrous";

const waits = [
  ["recv", (rx: ReturnType<typeof after>) => Promise.resolve(rx.recv())],
  ["recvAsync", (rx: ReturnType<typeof after>) => rx.recvAsync()],
  ["select", (rx: ReturnType<typeof after>) => Promise.resolve(select([never<number>(), rx]).value)],
  ["selectAsync", (rx: ReturnType<typeof after>) => selectAsync([rx, never<number>()]).then(({ value }) => value)],
] as const;

describe.each(waits)("by %s, a receiver of the time", (_way, take) => {
  it("gives the moment that it was made for, and not before", async () => {
    for (const ms of [0, 0.5, 3, 12]) {
      const start = performance.now();
      const moment = await take(after(ms));
      const end = performance.now();
      expect(moment).toBeGreaterThanOrEqual(start + ms);
      expect(end).toBeGreaterThanOrEqual(moment);
    }
  });
  it("gives moments that are at least the period apart, and leaves out those for which nobody was there", async () => {
    const ticks = tick(4);
    let before = await take(ticks);
    for (let n = 0; n < 4; n++) {
      if (n === 2) select([after(15)]);
      const moment = await take(ticks);
      expect(moment - before).toBeGreaterThanOrEqual(3.99);
      expect(performance.now()).toBeGreaterThanOrEqual(moment);
      before = moment;
    }
    // After the longest pause there is one at most.
    select([after(15)]);
    expect(ticks.length).toBe(1);
    await take(ticks);
    expect(ticks.length).toBe(0);
  });
});

describe("a receiver of the time", () => {
  it("gives one moment only, and then nothing ever comes", async () => {
    const once = after(1);
    once.recv();
    expect(once.length).toBe(0);
    expect(once.tryRecv()).toBeUndefined();
    expect(() => once.recv({ timeout: 3 })).toThrow(TimeoutError);
    await expect(once.recvAsync({ timeout: 3 })).rejects.toThrow(TimeoutError);
    expect(trySelect([once])).toBeUndefined();
  });
  it("is given to one of several tasks", async () => {
    const once = after(5);
    const stop = new AbortController();
    const ends = [once.recvAsync(), once.recvAsync({ signal: stop.signal })];
    expect(await ends[0]).toBeGreaterThan(0);
    stop.abort("off");
    await expect(ends[1]).rejects.toBe("off");
  });
  it("is gone through by a loop, tick by tick", async () => {
    const moments: number[] = [];
    for await (const moment of tick(2)) if (moments.push(moment) === 3) break;
    for (const moment of tick(2)) if (moments.push(moment) === 6) break;
    expect(moments).toEqual([...moments].sort((a, b) => a - b));
  });
  it("takes part in what is chosen: a message that is there, or else the time", () => {
    const [tx, rx] = channel({ of: i32, capacity: 1 });
    tx.send(5);
    expect(select([rx, after(60_000)])).toEqual({ index: 0, value: 5 });
    expect(select([rx, after(5)]).index).toBe(1);
    expect(select([never(), rx, tick(5)]).index).toBe(2);
    expect(trySelect([rx, after(60_000), never()])).toBeUndefined();
  });
  it("ticks while messages come, neither starving the other", () => {
    const [tx, rx] = channel<number>({ capacity: 64 });
    const thread = spawn((end: Sender<number>) => {
      try {
        for (let n = 0; ; n++) end.send(n);
      } catch (error) {
        return (error as { code?: string }).code;
      }
    }, tx);
    const ticks = tick(1);
    const counts = [0, 0];
    while ((counts[0] ?? 0) < 5 || (counts[1] ?? 0) < 200) {
      const { index } = select([ticks, rx]);
      counts[index] = (counts[index] ?? 0) + 1;
    }
    rx.close();
    expect(thread.join()).toBe("DISCONNECTED");
  });
  it("never is never there, whoever waits for it", async () => {
    const nothing = never<number>();
    expect([nothing.length, nothing.disconnected]).toEqual([0, false]);
    expect(() => nothing.recv({ timeout: 2 })).toThrow(TimeoutError);
    await expect(nothing.recvAsync({ timeout: 2 })).rejects.toThrow(TimeoutError);
    expect(() => select([nothing], { timeout: 2 })).toThrow(TimeoutError);
    await expect(selectAsync([nothing, nothing], { timeout: 2 })).rejects.toThrow(TimeoutError);
    expect(nothing.tryRecv()).toBeUndefined();
  });
  it("is named in what a wait for it says when the time is over", () => {
    expect(() => after(60_000).recv({ timeout: 1 })).toThrow(/after\(60000\)/);
    expect(() => tick(60_000).recv({ timeout: 1 })).toThrow(/tick\(60000\)/);
    expect(() => never().recv({ timeout: 1 })).toThrow(/never\(\)/);
  });
  it("waits as long as is said, however far that is, and is no busy loop", async () => {
    const start = process.cpuUsage();
    const timers = jest.spyOn(globalThis, "setTimeout");
    expect(() => select([after(2 ** 40), after(Infinity), never()], { timeout: 60 })).toThrow(TimeoutError);
    await expect(selectAsync([after(2 ** 40), after(Infinity)], { timeout: 60 })).rejects.toThrow(TimeoutError);
    await expect(after(2 ** 33).recvAsync({ timeout: 60 })).rejects.toThrow(TimeoutError);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1000).toBeLessThan(120);
    // A timer that is set to more than it can count to warns, and is over at once.
    expect(timers.mock.calls.filter(([, ms]) => (ms as number) >= 2 ** 31)).toEqual([]);
    expect(timers).toHaveBeenCalled();
    timers.mockRestore();
  });
  it("stays in its thread", () => {
    expect(() => spawn(((time: unknown) => time) as never, after(5) as never)).toThrow(NotSendableError);
    const [tx, rx] = channel<unknown>();
    expect(() => {
      tx.send({ deep: [tick(5)] } as never);
    }).toThrow(/it tells the time of its thread: make another there/);
    expect(rx.length).toBe(0);
  });
  it("may be closed, and cloned", () => {
    const once = after(1);
    const other = once.clone();
    once.close();
    once.close();
    expect(() => once.recv()).toThrow(/the receiver of after\(1\) was closed/);
    expect(other.recv()).toBeGreaterThan(0);
  });
});

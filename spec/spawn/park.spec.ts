/** One token a thread, and sleeping. */
import { beforeEach, describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { AtomicI32, CancelFlag, Latch, park, parkAsync, sleep, sleepAsync, spawn, Thread, unpark } from "ferrous";
import { end, pong, untilStarted, wait } from "../support/tasks.js";
import { rejectionOf, thrownBy } from "../support/thrown.ts";

const me = Thread.current();
// A token that one spec leaves would be one too many for the next.
beforeEach(() => void park({ timeout: 0 }));

describe("park()", () => {
  it("returns at once when there is a token, which does not add up", () => {
    unpark(me);
    unpark(me);
    expect([park({ timeout: 0 }), park({ timeout: 0 })]).toEqual(["ok", "timed-out"]);
  });

  it("is called off with another wait's TimeoutError, which tells nothing of its own time", async () => {
    const reason = thrownBy(() => new Latch(1).wait({ timeout: 0 }));
    const flag = new CancelFlag();
    flag.cancel(reason);
    expect(thrownBy(() => park({ signal: flag }))).toBe(reason);
    expect(await rejectionOf(parkAsync({ signal: flag }))).toBe(reason);
    expect(thrownBy(() => sleep(1000, { signal: flag }))).toBe(reason);
  });

  it("has a token exactly if somebody unparked since the last time", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), (steps) => {
        park({ timeout: 0 });
        let token = false;
        for (const gives of steps) {
          if (gives) unpark(me);
          else expect(park({ timeout: 0 })).toBe(token ? "ok" : "timed-out");
          token = gives;
        }
      }),
    );
  });

  it("is woken by another thread, a thousand times back and forth", () => {
    const other = spawn(pong, me, 1000);
    for (let round = 0; round < 1000; round++) {
      unpark(other.thread);
      expect(park({ timeout: 20_000 })).toBe("ok");
    }
    other.join();
  });

  it("waits its time, and is called off by a CancelFlag", () => {
    const start = performance.now();
    expect(park({ timeout: 30 })).toBe("timed-out");
    expect(performance.now() - start).toBeGreaterThanOrEqual(29);
    const flag = new CancelFlag();
    spawn((given: CancelFlag) => {
      given.cancel("enough");
    }, flag);
    expect(() => park({ signal: flag })).toThrow("enough");
    for (const timeout of [NaN, -1, "5"]) expect(() => park({ timeout: timeout as number })).toThrow(RangeError);
  });

  it("never takes a token of another thread, nor one for a thread that has ended", () => {
    const stage = new AtomicI32(0);
    const other = spawn(wait, stage);
    untilStarted(stage);
    unpark(other.thread);
    expect(park({ timeout: 0 })).toBe("timed-out");
    end(stage);
    other.join();
    unpark(other.thread);
    expect(other.thread.isAlive).toBe(false);
  });
});

describe("parkAsync()", () => {
  it("takes the token that is there, waits for one that comes, or for its time", async () => {
    unpark(me);
    expect(await parkAsync()).toBe("ok");
    expect(await parkAsync({ timeout: 5 })).toBe("timed-out");
    const parked = parkAsync();
    spawn((thread: Thread, wake: number) => wake + thread.id, me, 0).join();
    unpark(me);
    expect(await parked).toBe("ok");
  });

  it("gives one token to one task", async () => {
    const parked = [parkAsync(), parkAsync({ timeout: 5 })];
    unpark(me);
    expect(await Promise.all(parked)).toEqual(["ok", "timed-out"]);
  });

  it("is called off", async () => {
    const reason = new Error("called off");
    await expect(parkAsync({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const parked = parkAsync({ signal: controller.signal });
    controller.abort(reason);
    await expect(parked).rejects.toBe(reason);
  });
});

describe("sleep() and sleepAsync()", () => {
  it("last as long as they should", async () => {
    for (const ms of [0, 1, 20]) {
      const start = performance.now();
      sleep(ms);
      const between = performance.now();
      await sleepAsync(ms);
      expect(between - start).toBeGreaterThanOrEqual(ms - 1);
      expect(performance.now() - between).toBeGreaterThanOrEqual(ms - 1);
    }
  });

  it("take numbers from 0 only", async () => {
    for (const ms of [-1, NaN, "5", undefined]) {
      expect(() => {
        sleep(ms as number);
      }).toThrow(RangeError);
      await expect(sleepAsync(ms as number)).rejects.toThrow(RangeError);
    }
  });

  it("are called off, by a flag or a signal", async () => {
    const flag = new CancelFlag();
    const asleep = sleepAsync(60_000, { signal: flag });
    spawn((given: CancelFlag) => {
      given.cancel("awake");
    }, flag);
    expect(() => {
      sleep(60_000, { signal: flag });
    }).toThrow("awake");
    await expect(asleep).rejects.toBe("awake");
    await expect(sleepAsync(60_000, { signal: AbortSignal.abort("no") })).rejects.toBe("no");
  });

  it("ten thousand at once do not disturb each other", async () => {
    // By the processor's time, which others on the machine do not change. Ten times as many, where each looked at each other it would be a hundred times.
    const cost = async (count: number): Promise<number> => {
      const before = process.cpuUsage();
      await Promise.all(Array.from({ length: count }, (_, at) => sleepAsync(at % 50)));
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    await cost(1000);
    const [few, many] = [await cost(1000), await cost(10_000)];
    expect(many / few).toBeLessThan(40);
  });
});

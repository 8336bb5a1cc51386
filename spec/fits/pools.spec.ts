/** Threads that others start use everything, without a word to the library before: plain workers, and the tasks of pools. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterAll, describe, expect, it } from "@jest/globals";
import { AtomicU32, channel, i32, Mutex, staticAtomic, toHandle } from "ferrous";
import { Piscina } from "piscina";
import { Tinypool } from "tinypool";

const filename = new URL("../support/guest.js", import.meta.url).href;
const TWO = { filename, minThreads: 2, maxThreads: 2 };

interface Guests {
  run(order: { readonly job: string; readonly given: object }): Promise<unknown>;
  end(): Promise<unknown>;
}

const MAKE: Record<string, () => Guests> = {
  "a plain Worker": () => ({
    async run(order) {
      const [answer] = (await once(new Worker(new URL(filename), { workerData: order }), "message")) as unknown[];
      return answer;
    },
    end: () => Promise.resolve(),
  }),
  "a task of piscina": () => {
    const pool = new Piscina(TWO);
    return { run: (order) => pool.run(order), end: () => pool.destroy() };
  },
  "a task of tinypool": () => {
    const pool = new Tinypool({ ...TWO, runtime: "worker_threads" });
    return { run: (order) => pool.run(order), end: () => pool.destroy() };
  },
};

describe.each(Object.entries(MAKE))("%s", (_, make) => {
  const guests = make();
  afterAll(() => guests.end());

  it("shares a Mutex with another one, and neither loses an update", async () => {
    const rounds = 2000;
    const total = Mutex.of(i32, 0);
    const order = { job: "add", given: { mutex: toHandle(total), rounds } };
    const threads = await Promise.all([guests.run(order), guests.run(order)]);
    expect(new Set(threads).size).toBe(2);
    expect(await total.withAsync((value) => value)).toBe(2 * rounds);
  });

  it("takes messages from a channel, and answers through another", async () => {
    const [numbers, received] = channel<number>();
    const [answering, squares] = channel<number>({ capacity: 2 });
    const done = guests.run({ job: "square", given: { numbers: toHandle(received), squares: toHandle(answering) } });
    numbers.sendMany([1, 2, 3, 4, 5]);
    numbers.close();
    const got: number[] = [];
    for await (const square of squares) got.push(square);
    expect(got).toEqual([1, 4, 9, 16, 25]);
    expect(await done).toBe(5);
  });

  it("spawns a thread of ours, and joins it", async () => {
    expect(await guests.run({ job: "double", given: { n: 21 } })).toBe(42);
  });

  it("finds a static by its name", async () => {
    const counted = staticAtomic("spec/fits/COUNTED", AtomicU32, 0);
    const before = counted.load();
    expect(await guests.run({ job: "count", given: { by: 3 } })).toBe(before);
    expect(counted.load()).toBe(before + 3);
  });
});

/** Streams through channels of every flavour on real threads, some of which are terminated in the middle: see streams.js. */
import { describe, expect, it } from "@jest/globals";
import { CARGO_NAMES, stream } from "./streams.js";

const CAPACITIES = [undefined, 8];
const SHAPES = [
  [1, 1],
  [4, 4],
] as const;
/** The others in the last shape: the long run has all. */
const IN_EVERY_SHAPE: ReadonlySet<string> = new Set(["i32", "object"]);

describe.each(CAPACITIES)("a channel of capacity %s", (capacity) => {
  it.each(CARGO_NAMES)("brings each message once, whole and in order: %s", async (cargo) => {
    const shapes = IN_EVERY_SHAPE.has(cargo) ? SHAPES : SHAPES.slice(1);
    for (const [at, [senders, receivers]] of shapes.entries()) {
      const { problems, received } = await stream({ cargo, capacity, senders, receivers, messages: 100, seed: at, main: at === 0 });
      expect(problems).toEqual([]);
      expect(received).toBe(100 * senders);
    }
  });
});

it.each(CAPACITIES)("ends move from thread to thread in the middle of a stream, capacity %s", async (capacity) => {
  const run = { capacity, senders: 2, receivers: 2, messages: 90, moves: 2 };
  for (const [seed, cargo] of ["i32", "object"].entries()) {
    const { problems, received } = await stream({ ...run, cargo, seed });
    expect(problems).toEqual([]);
    expect(received).toBe(180);
  }
});

it.each(CAPACITIES)("whoever is terminated in the middle, the others end, and nothing comes twice, capacity %s", async (capacity) => {
  const run = { capacity, senders: 3, receivers: 3, messages: 400 };
  for (const [seed, cargo] of ["i32", "typed array", "nested map"].entries()) {
    const { problems } = await stream({ ...run, cargo, seed, deaths: 1 + seed });
    expect(problems).toEqual([]);
  }
});

/**
 * How fast does the checker go through executions, and how many does it need?
 *
 * The subject is the futex mutex of three states, each thread: lock, load, store, unlock. loom's figures are from the machine of
 * docs/check.md (192 executions for 2 lockers; 17,000-25,000 a second).
 */
import Table from "cli-table3";
import { limitsOf, programOf } from "../../lib/check/scenario.ts";
import { search, type Outcome } from "../../lib/check/search.ts";
import { Exhaustive } from "../../lib/check/strategy/exhaustive.ts";
import { inWorld } from "../../lib/check/world.ts";

type Cells = Int32Array;

const lock = (cells: Cells): void => {
  if (Atomics.compareExchange(cells, 0, 0, 1) === 0) return;
  while (Atomics.exchange(cells, 0, 2) !== 0) Atomics.wait(cells, 0, 2);
};
const unlock = (cells: Cells): void => {
  if (Atomics.exchange(cells, 0, 0) === 2) Atomics.notify(cells, 0, 1);
};
const lockers = (threads: number, rounds: number) => ({
  setup: () => new Int32Array(new SharedArrayBuffer(8)),
  threads: Array.from({ length: threads }, () => (cells: Cells) => {
    for (let round = 0; round < rounds; round++) {
      lock(cells);
      Atomics.store(cells, 1, Atomics.load(cells, 1) + 1);
      unlock(cells);
    }
  }),
  after: (cells: Cells) => {
    if (Atomics.load(cells, 1) !== threads * rounds) throw new Error("an increment is lost");
  },
});

function explore(threads: number, rounds: number, reduce: boolean, budget: { executions: number; time: number }): Outcome & { ms: number } {
  const strategy = new Exhaustive({ reduce, preemptions: Infinity });
  const start = performance.now();
  const outcome = inWorld(programOf(lockers(threads, rounds)), limitsOf({}), strategy, false, (machine, world) =>
    search(machine, world, strategy, budget),
  );
  return { ...outcome, ms: performance.now() - start };
}

const count = (n: number): string => Math.round(n).toLocaleString("en-US");

/** Subjects, and how often each is gone through to warm up and to measure. */
const SUBJECTS = [
  { threads: 2, rounds: 1, repeats: 2000, loom: "192" },
  { threads: 2, rounds: 2, repeats: 20, loom: "> 126,000" },
  { threads: 3, rounds: 1, repeats: 5, loom: "" },
];

/** Enough to see memory grow, if it grew. */
const LONG = 1_000_000;

export async function run(): Promise<void> {
  const table = new Table({
    head: ["subject", "executions", "naive", "loom", "first time, ms", "executions/s", "steps/s"],
    colAligns: ["left", "right", "right", "right", "right", "right", "right"],
  });
  for (const { threads, rounds, repeats, loom } of SUBJECTS) {
    const first = explore(threads, rounds, true, { executions: Infinity, time: Infinity });
    const naive = explore(threads, rounds, false, { executions: 200_000, time: 5_000 });
    let best = { rate: 0, steps: 0 };
    for (let batch = 0; batch < 5; batch++) {
      let ms = 0;
      for (let repeat = 0; repeat < repeats; repeat++) ms += explore(threads, rounds, true, { executions: Infinity, time: Infinity }).ms;
      const rate = (first.executions * repeats * 1000) / ms;
      if (rate > best.rate) best = { rate, steps: (first.steps * repeats * 1000) / ms };
    }
    const name = `${String(threads)} lockers x ${String(rounds)}`;
    const counted = `${naive.exhausted ? "" : "> "}${count(naive.executions)}`;
    table.push([name, count(first.executions), counted, loom, first.ms.toFixed(1), count(best.rate), count(best.steps)]);
  }
  console.log(table.toString());
  await Promise.resolve();
  memory();
}

/** A million executions of a larger subject: does the heap stay where it is? */
function memory(): void {
  const strategy = new Exhaustive({ reduce: true, preemptions: Infinity });
  const heap: number[] = [];
  let seen = 0;
  const start = performance.now();
  inWorld(programOf(lockers(3, 2)), limitsOf({}), strategy, false, (machine, world) =>
    search(machine, world, strategy, { executions: LONG, time: Infinity }, () => {
      if (++seen % (LONG / 10) !== 0) return;
      (globalThis as { gc?: () => void }).gc?.();
      heap.push(process.memoryUsage().heapUsed / 2 ** 20);
    }),
  );
  const ms = performance.now() - start;
  console.log(`3 lockers x 2, ${count(seen)} executions in ${(ms / 1000).toFixed(1)} s: ${count((seen * 1000) / ms)}/s`);
  console.log(`heap in MB, every ${count(LONG / 10)}: ${heap.map((mb) => mb.toFixed(1)).join(" ")}`);
}

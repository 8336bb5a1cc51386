/**
 * Dining philosophers (E. W. Dijkstra, 1965): who wants to eat needs both forks beside its plate.
 *
 *     broken   everybody takes the left fork first: if all do so at once, each waits for the next, around the table
 *     right    everybody takes the fork of the lower number first, so the last one takes its right: no circle closes
 */
import { Mutex, u32 } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual, team } from "./classic.ts";

const SEATS = 3;

interface Table {
  readonly rounds: number;
  readonly forks: readonly Mutex[];
  readonly meals: Mutex<number>;
}

const setup = (rounds: number): Table => ({
  rounds,
  forks: Array.from({ length: SEATS }, (_, number) => new Mutex(undefined, { name: `fork ${String(number)}` })),
  meals: Mutex.of(u32, 0, { name: "meals" }),
});

function eat({ forks, meals }: Table, first: number, second: number): void {
  forks[first]?.with(() => {
    forks[second]?.with(() => {
      const guard = meals.lock();
      guard.value += 1;
      guard.release();
    });
  });
}

function dine(table: Table, seat: number): void {
  const right = (seat + 1) % SEATS;
  for (let round = 0; round < table.rounds; round++) eat(table, Math.min(seat, right), Math.max(seat, right));
}

function dineLeftFirst(table: Table, seat: number): void {
  for (let round = 0; round < table.rounds; round++) eat(table, seat, (seat + 1) % SEATS);
}

const dinner = (rounds: number, body: typeof dine): Scenario<Table> => ({
  setup: () => setup(rounds),
  threads: team(SEATS, body),
  after: ({ meals }) => {
    expectEqual("meals", meals.lock().value, SEATS * rounds);
  },
});

export const right = (rounds = 1): Scenario<Table> => dinner(rounds, dine);
export const broken = (rounds = 1): Scenario<Table> => dinner(rounds, dineLeftFirst);

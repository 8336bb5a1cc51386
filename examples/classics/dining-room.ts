/**
 * The dining room (E. W. Dijkstra's second answer to the philosophers, 1965): everybody takes the left fork first, as they like, but a
 * footman lets in only so many that not all can wait for a right one.
 *
 *     broken   the footman lets everybody in
 *     right    one less than there are seats
 */
import { Mutex, Semaphore, u32 } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual, team } from "./classic.ts";

const SEATS = 3;

interface Room {
  readonly rounds: number;
  readonly footman: Semaphore;
  readonly forks: readonly Mutex[];
  readonly meals: Mutex<number>;
}

function dine({ rounds, footman, forks, meals }: Room, seat: number): void {
  for (let round = 0; round < rounds; round++) {
    const admission = footman.acquire();
    forks[seat]?.with(() => {
      forks[(seat + 1) % SEATS]?.with(() => {
        const guard = meals.lock();
        guard.value += 1;
        guard.release();
      });
    });
    admission.release();
  }
}

const dinner = (rounds: number, admitted: number): Scenario<Room> => ({
  setup: () => ({
    rounds,
    footman: new Semaphore(admitted, { name: "footman" }),
    forks: Array.from({ length: SEATS }, (_, number) => new Mutex(undefined, { name: `fork ${String(number)}` })),
    meals: Mutex.of(u32, 0, { name: "meals" }),
  }),
  threads: team(SEATS, dine),
  after: ({ meals }) => {
    expectEqual("meals", meals.lock().value, SEATS * rounds);
  },
});

export const right = (rounds = 1): Scenario<Room> => dinner(rounds, SEATS - 1);
export const broken = (rounds = 1): Scenario<Room> => dinner(rounds, SEATS);

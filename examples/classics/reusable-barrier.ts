/**
 * The reusable barrier (A. B. Downey, "The Little Book of Semaphores", 3.7): nobody begins a round before all have ended the last one.
 *
 *     broken   whoever waits looks whether all are there; but the first one out may already stand at the next round, and counts
 *     right    rounds have numbers, and whoever waits looks whether its round is over
 *
 * It is made by hand here, to show how; `new Barrier(n)` is one.
 */
import { Condvar, Mutex, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual, team } from "./classic.ts";

const RUNNERS = 2;

const Gate = struct("ClassicGate", { arrived: u32, round: u32 });
type Gate = Infer<typeof Gate>;

interface Course {
  readonly rounds: number;
  readonly gate: Mutex<Gate>;
  readonly opened: Condvar;
}

function pass({ gate, opened }: Course): void {
  const guard = gate.lock();
  const { round } = guard.value;
  guard.value.arrived += 1;
  if (guard.value.arrived === RUNNERS) {
    guard.value.arrived = 0;
    guard.value.round += 1;
    opened.notifyAll();
  } else opened.waitWhile(guard, (value) => value.round === round);
  guard.release();
}

function passByCount({ gate, opened }: Course): void {
  const guard = gate.lock();
  guard.value.arrived = (guard.value.arrived % RUNNERS) + 1;
  if (guard.value.arrived === RUNNERS) opened.notifyAll();
  else opened.waitWhile(guard, ({ arrived }) => arrived < RUNNERS);
  guard.release();
}

const run = (rounds: number, atGate: typeof pass): Scenario<Course> => ({
  setup: () => ({
    rounds,
    gate: new Mutex(Gate.create(), { name: "gate" }),
    opened: new Condvar({ name: "opened", waiters: RUNNERS }),
  }),
  threads: team(RUNNERS, (course: Course) => {
    for (let round = 0; round < course.rounds; round++) atGate(course);
    return course.rounds;
  }),
  after: (_, results) => {
    for (const passed of results) expectEqual("rounds", passed, rounds);
  },
});

export const right = (rounds = 2): Scenario<Course> => run(rounds, pass);
export const broken = (rounds = 2): Scenario<Course> => run(rounds, passByCount);

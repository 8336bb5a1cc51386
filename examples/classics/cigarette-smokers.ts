/**
 * The cigarette smokers (S. S. Patil, 1971): the agent puts two of three ingredients on the table; the smoker that has the third one
 * takes them and smokes.
 *
 *     broken   a smoker takes what it needs one by one: another one may have taken the other
 *     right    it takes both or none, under one lock
 */
import { bool, Condvar, Mutex, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

const INGREDIENTS = ["tobacco", "paper", "matches"] as const;
type Ingredient = (typeof INGREDIENTS)[number];

const Table = struct("ClassicTable", { tobacco: bool, paper: bool, matches: bool, smoked: u32, closed: bool });
type Table = Infer<typeof Table>;

interface Parlour {
  readonly rounds: number;
  readonly table: Mutex<Table>;
  readonly changed: Condvar;
}

/** Leaves out each ingredient in turn. */
function offer({ table, changed, rounds }: Parlour): void {
  const guard = table.lock();
  for (let round = 0; round < rounds; round++) {
    for (const name of INGREDIENTS) guard.value[name] = name !== INGREDIENTS[round % INGREDIENTS.length];
    changed.notifyAll();
    changed.waitWhile(guard, ({ smoked }) => smoked === round);
  }
  guard.value.closed = true;
  guard.release();
  changed.notifyAll();
}

const smoker =
  (...[first, second]: readonly [Ingredient, Ingredient]) =>
  ({ table, changed }: Parlour): void => {
    const guard = table.lock();
    for (;;) {
      changed.waitWhile(guard, (value) => !(value[first] && value[second]) && !value.closed);
      if (guard.value.closed) break;
      guard.value[first] = guard.value[second] = false;
      guard.value.smoked += 1;
      changed.notifyAll();
    }
    guard.release();
  };

const greedySmoker =
  (...needed: readonly [Ingredient, Ingredient]) =>
  ({ table, changed }: Parlour): void => {
    const guard = table.lock();
    for (;;) {
      for (const name of needed) {
        changed.waitWhile(guard, (value) => !value[name] && !value.closed);
        guard.value[name] = false;
      }
      if (guard.value.closed) break;
      guard.value.smoked += 1;
      changed.notifyAll();
    }
    guard.release();
  };

const open = (rounds: number, make: typeof smoker): Scenario<Parlour> => ({
  setup: () => ({
    rounds,
    table: new Mutex(Table.create(), { name: "table" }),
    changed: new Condvar({ name: "changed", waiters: INGREDIENTS.length + 1 }),
  }),
  threads: {
    agent: offer,
    "has tobacco": make("paper", "matches"),
    "has paper": make("matches", "tobacco"),
    "has matches": make("tobacco", "paper"),
  },
  after: ({ table }) => {
    expectEqual("cigarettes", table.lock().value.smoked, rounds);
  },
});

export const right = (rounds = 1): Scenario<Parlour> => open(rounds, smoker);
export const broken = (rounds = 1): Scenario<Parlour> => open(rounds, greedySmoker);

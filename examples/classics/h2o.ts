/**
 * Building water (G. Andrews' exercise; A. B. Downey, "The Little Book of Semaphores", 5.6): atoms wait until there are two of hydrogen and
 * one of oxygen, and no atom of the next molecule bonds before all of the last one have.
 *
 *     broken   an atom goes on when enough others are there; a quick one comes again and goes on with the same ones
 *     right    who completes a molecule takes its atoms out of the count and lets in exactly those; newcomers wait until they are gone
 */
import { Condvar, Mutex, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

type Element = "hydrogen" | "oxygen";
const MOLECULE = { hydrogen: 2, oxygen: 1 } as const;
const ATOMS = MOLECULE.hydrogen + MOLECULE.oxygen;

const Atoms = struct("ClassicAtoms", { hydrogen: u32, oxygen: u32 });
const Water = struct("ClassicWater", { waiting: Atoms, chosen: Atoms, bonding: Atoms, good: u32, bad: u32 });
type Water = Infer<typeof Water>;

interface Lab {
  readonly rounds: number;
  readonly water: Mutex<Water>;
  readonly changed: Condvar;
}

const isEnough = ({ waiting }: Water): boolean => waiting.hydrogen >= MOLECULE.hydrogen && waiting.oxygen >= MOLECULE.oxygen;
const isBonding = ({ chosen }: Water): boolean => chosen.hydrogen + chosen.oxygen > 0;

/** One atom more; every three are a molecule, good or bad. */
function bond(water: Water, element: Element): void {
  const { bonding } = water;
  bonding[element] += 1;
  if (bonding.hydrogen + bonding.oxygen < ATOMS) return;
  if (bonding.hydrogen === MOLECULE.hydrogen) water.good += 1;
  else water.bad += 1;
  bonding.hydrogen = bonding.oxygen = 0;
}

const atom =
  (element: Element) =>
  ({ water, changed, rounds }: Lab): void => {
    for (let round = 0; round < rounds; round++) {
      const guard = water.lock();
      const { waiting, chosen } = guard.value;
      // Who was quick waits here for the rest of its last molecule.
      changed.waitWhile(guard, isBonding);
      waiting[element] += 1;
      if (isEnough(guard.value)) {
        for (const each of ["hydrogen", "oxygen"] as const) {
          waiting[each] -= MOLECULE[each];
          chosen[each] += MOLECULE[each];
        }
        changed.notifyAll();
      }
      changed.waitWhile(guard, (value) => value.chosen[element] === 0);
      chosen[element] -= 1;
      bond(guard.value, element);
      if (!isBonding(guard.value)) changed.notifyAll();
      guard.release();
    }
  };

const hastyAtom =
  (element: Element) =>
  ({ water, changed, rounds }: Lab): void => {
    for (let round = 0; round < rounds; round++) {
      const guard = water.lock();
      guard.value.waiting[element] += 1;
      changed.notifyAll();
      changed.waitWhile(guard, (value) => !isEnough(value));
      bond(guard.value, element);
      guard.release();
    }
  };

const open = (rounds: number, make: typeof atom): Scenario<Lab> => ({
  setup: () => ({
    rounds,
    water: new Mutex(Water.create(), { name: "water" }),
    changed: new Condvar({ name: "changed", waiters: ATOMS }),
  }),
  threads: { "first hydrogen": make("hydrogen"), "second hydrogen": make("hydrogen"), oxygen: make("oxygen") },
  after: ({ water }) => {
    const { good, bad } = water.lock().value;
    expectEqual("molecules that are no water", bad, 0);
    expectEqual("molecules", good, rounds);
  },
});

export const right = (rounds = 2): Scenario<Lab> => open(rounds, atom);
export const broken = (rounds = 2): Scenario<Lab> => open(rounds, hastyAtom);

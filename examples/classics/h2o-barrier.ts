/**
 * Building water with a semaphore for each element and a barrier (A. B. Downey, "The Little Book of Semaphores", 5.6): two of hydrogen and
 * one of oxygen may come in; the three meet, bond, and only then make room for others.
 *
 *     broken   everybody may come in: any three atoms that meet bond
 *     right    a permit is held from before the meeting until after the bond, so nobody else can be there
 *
 * A barrier expects those again who came once, so nobody leaves before all are done: a latch.
 */
import { Barrier, Latch, Mutex, Semaphore, struct, u32, type Infer } from "ferrous";
import type { Scenario } from "ferrous/check";
import { expectEqual } from "./classic.ts";

type Element = "hydrogen" | "oxygen";
const MOLECULE = { hydrogen: 2, oxygen: 1 } as const;
const ATOMS = MOLECULE.hydrogen + MOLECULE.oxygen;
/** There are enough atoms of oxygen for a mistake: they take turns, the others are in every molecule. */
const THREADS = { hydrogen: 2, oxygen: 2 } as const;

const Water = struct("ClassicMolecules", { hydrogen: u32, oxygen: u32, good: u32, bad: u32 });
type Water = Infer<typeof Water>;

interface Lab {
  readonly rounds: number;
  readonly water: Mutex<Water>;
  readonly room: Readonly<Record<Element, Semaphore>>;
  readonly meeting: Barrier;
  readonly done: Latch;
}

/** One atom more; every three are a molecule, good or bad. */
function bond(water: Water, element: Element): void {
  water[element] += 1;
  if (water.hydrogen + water.oxygen < ATOMS) return;
  if (water.hydrogen === MOLECULE.hydrogen) water.good += 1;
  else water.bad += 1;
  water.hydrogen = water.oxygen = 0;
}

const atom =
  (element: Element) =>
  ({ rounds, water, room, meeting, done }: Lab): void => {
    for (let left = (rounds * THREADS.oxygen * MOLECULE[element]) / THREADS[element]; left > 0; left--) {
      const permit = room[element].acquire();
      meeting.wait();
      water.with((value) => {
        bond(value, element);
      });
      permit.release();
    }
    done.countDown();
    done.wait();
  };

const open = (rounds: number, room: (element: Element) => number): Scenario<Lab> => ({
  setup: () => ({
    rounds,
    water: new Mutex(Water.create(), { name: "water" }),
    room: {
      hydrogen: new Semaphore(room("hydrogen"), { name: "room for hydrogen" }),
      oxygen: new Semaphore(room("oxygen"), { name: "room for oxygen" }),
    },
    meeting: new Barrier(ATOMS, { name: "meeting" }),
    done: new Latch(THREADS.hydrogen + THREADS.oxygen, { name: "done" }),
  }),
  threads: {
    "first hydrogen": atom("hydrogen"),
    "second hydrogen": atom("hydrogen"),
    "first oxygen": atom("oxygen"),
    "second oxygen": atom("oxygen"),
  },
  after: ({ water }) => {
    const { good, bad } = water.lock().value;
    expectEqual("molecules that are no water", bad, 0);
    expectEqual("molecules", good, THREADS.oxygen * rounds);
  },
});

export const right = (rounds = 1): Scenario<Lab> => open(rounds, (element) => MOLECULE[element]);
export const broken = (rounds = 1): Scenario<Lab> => open(rounds, (element) => THREADS[element]);

/** The registry: is this name still alive? Names are used once, and whoever is dead stays dead. */
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { host } from "#host";
import { PoisonedError, TooManyThreadsError } from "../../lib/errors.ts";
import { unpark } from "../../lib/spawn/park.ts";
import { Thread } from "../../lib/spawn/thread.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { currentThread } from "../../lib/thread/current.ts";
import { Field, MAX_THREADS, noToken, Registry } from "../../lib/thread/registry.ts";

const DEAD = 3;
const LAST_GENERATION = 0xffff;
const indexOf = (id: number): number => id % MAX_THREADS;
const generationOf = (id: number): number => Math.floor(id / MAX_THREADS);

/** What this thread has claimed, and nobody has begun. */
const claimedBy = (registry: Registry, spawner: number): number[] =>
  [...registry.claimed()].filter((id) => registry.spawnerOf(id) === spawner);

/** Sets by hand how many threads an index has had already; none of them lives. */
function haveHad(registry: Registry, index: number, generations: number): void {
  registry.field(index, Field.LIFE).store((generations << 2) | DEAD);
}
/** A registry of which all indexes but these few are spent, so that a few steps are enough for reuse. */
function nearlySpent(generations: readonly number[]): Registry {
  const registry = Registry.create();
  for (let index = 0; index < MAX_THREADS; index++) haveHad(registry, index, generations[index] ?? LAST_GENERATION);
  return registry;
}
/** A thread that lives. */
function born(registry: Registry): number {
  const id = registry.claim();
  registry.begin(id, 0);
  return id;
}

describe("a registry", () => {
  it("gives 1,024 threads different ids of 26 bits, none of them 0, and the next one a TooManyThreadsError", () => {
    const registry = Registry.create();
    const ids = new Set(Array.from({ length: MAX_THREADS }, () => registry.claim()));
    expect(ids.size).toBe(MAX_THREADS);
    expect(ids.has(0)).toBe(false);
    expect(Math.max(...ids)).toBeLessThan(2 ** 26);
    expect(() => registry.claim()).toThrow(TooManyThreadsError);
    expect(() => registry.claim()).toThrow("1024");
    registry.markDead(ids.values().next().value as number);
    expect(ids.has(registry.claim())).toBe(false);
    expect(() => registry.claim()).toThrow(TooManyThreadsError);
  });

  it("uses indexes again oldest first, with the next generation", () => {
    const registry = Registry.create();
    const first = Array.from({ length: 5 }, () => born(registry));
    for (const id of first) registry.markDead(id);
    for (let n = first.length; n < MAX_THREADS; n++) registry.markDead(born(registry));
    const second = first.map(() => born(registry));
    expect(second.map(indexOf)).toEqual(first.map(indexOf));
    expect(second.map(generationOf)).toEqual(first.map((id) => generationOf(id) + 1));
  });

  it("retires an index when its generations are spent", () => {
    const registry = nearlySpent([LAST_GENERATION - 1]);
    const last = born(registry);
    expect(last).toBe(LAST_GENERATION * MAX_THREADS);
    registry.markDead(last);
    expect(() => registry.claim()).toThrow(TooManyThreadsError);
    expect(registry.isAlive(last)).toBe(false);
  });

  it("takes 0, and an id that nobody was given, for dead", () => {
    const registry = Registry.create();
    for (const id of [0, 1, MAX_THREADS, 2 ** 26 - 1]) expect(registry.isAlive(id)).toBe(false);
    expect(registry.markDead(MAX_THREADS)).toBe(false);
  });

  it("never gives an id twice nor takes a dead one for alive, whatever lives and dies in whatever order", () => {
    const step = fc.oneof(
      fc.constant("claim" as const),
      fc.constant("begin" as const),
      fc.nat().map((who) => ({ kills: who })),
      fc.nat().map((who) => ({ killsAgain: who })),
    );
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: LAST_GENERATION - 4, max: LAST_GENERATION - 1 }), { minLength: 1, maxLength: 4 }),
        fc.array(step, { maxLength: 40 }),
        (generations, steps) => {
          const registry = nearlySpent(generations);
          const total = generations.reduce((sum, spent) => sum + LAST_GENERATION - spent, 0);
          const [living, claimed, dead] = [new Set<number>(), new Set<number>(), new Set<number>()];
          for (const now of steps) {
            if (now === "claim") {
              const possible = [...generations.keys()].some(
                (index) => ![...living].some((id) => indexOf(id) === index) && !dead.has(LAST_GENERATION * MAX_THREADS + index),
              );
              if (!possible) {
                expect(() => registry.claim()).toThrow(TooManyThreadsError);
                continue;
              }
              const id = registry.claim();
              expect(living.has(id) || dead.has(id)).toBe(false);
              living.add(id);
              claimed.add(id);
            } else if (now === "begin") {
              for (const id of claimed) registry.begin(id, 7);
              claimed.clear();
            } else if ("kills" in now) {
              const id = [...living][now.kills % living.size];
              if (id === undefined) continue;
              expect(registry.markDead(id)).toBe(true);
              living.delete(id);
              claimed.delete(id);
              dead.add(id);
            } else {
              // Late news: told twice, or of a thread whose index another one has by now.
              const id = [...dead][now.killsAgain % dead.size];
              if (id === undefined) continue;
              registry.begin(id, 9);
              expect(registry.markDead(id)).toBe(false);
            }
            for (const id of living) expect(registry.isAlive(id)).toBe(true);
            for (const id of dead) expect(registry.isAlive(id)).toBe(false);
            expect(living.size + dead.size).toBeLessThanOrEqual(total);
            expect(new Set(registry.living())).toEqual(new Set([...living].filter((id) => !claimed.has(id))));
          }
        },
      ),
    );
  });

  it("clears what the last thread of an index left in its record", () => {
    const registry = nearlySpent([0]);
    const first = born(registry);
    registry.setName(first, "first");
    registry.setWatched(first);
    for (const field of [Field.TID, Field.BORN, Field.AWAITING, Field.VERDICT]) registry.field(first, field).store(5);
    registry.field(first, Field.TOKEN).store(noToken(first) + 1);
    registry.field(first, Field.SEQ).store(5);
    registry.markDead(first);
    expect(registry.nameOf(first)).toBe("first");
    const second = registry.claim();
    for (const field of [Field.TID, Field.BORN, Field.AWAITING, Field.VERDICT]) expect(registry.field(second, field).load()).toBe(0);
    expect(registry.field(second, Field.TOKEN).load()).toBe(noToken(second));
    expect(registry.isWatched(second)).toBe(false);
    const seq = registry.field(second, Field.SEQ).load();
    // Not blocked, and no number that a report of the dead thread may still carry.
    expect(seq % 2).toBe(0);
    expect(seq).toBeGreaterThan(5);
    registry.setName(second, "second");
    expect(registry.describe(second)).toBe('thread "second"');
    expect(registry.describe(first)).toBe(`thread ${String(first)}`);
  });

  it("cuts names at 64 bytes, between characters", () => {
    const registry = Registry.create();
    const id = born(registry);
    registry.setName(id, "ä".repeat(40));
    expect(registry.nameOf(id)).toBe("ä".repeat(32));
    registry.setName(id, `x${"😀".repeat(20)}`);
    expect(registry.nameOf(id)).toBe(`x${"😀".repeat(15)}`);
  });

  describe("and threads that no supervisor watches", () => {
    const unwatched = (registry: Registry): number => {
      const id = registry.claim();
      registry.beginUnwatched(id, 0);
      return id;
    };

    it("counts each once, until it is watched or dead, whichever is first", () => {
      fc.assert(
        fc.property(fc.array(fc.array(fc.constantFrom("watched", "dead"), { maxLength: 4 }), { maxLength: 8 }), (lives) => {
          const registry = Registry.create();
          const ids = lives.map(() => unwatched(registry));
          let expected = ids.length;
          expect(registry.unwatched.load()).toBe(expected);
          ids.forEach((id, n) => {
            for (const event of lives[n] ?? []) {
              if (event === "dead") registry.markDead(id);
              else registry.setWatched(id);
            }
            if (lives[n]?.length !== 0) expected--;
            expect(registry.unwatched.load()).toBe(expected);
          });
        }),
      );
    });

    it("are found dead by who needs a record, and theirs is used again; that of a living one is not", () => {
      const registry = Registry.create();
      const { tid, born } = host.osThread();
      const ids = Array.from({ length: MAX_THREADS }, () => unwatched(registry));
      for (const id of ids) {
        registry.field(id, Field.TID).store(tid);
        registry.field(id, Field.BORN).store(born);
      }
      expect(() => registry.claim()).toThrow(TooManyThreadsError);
      const gone = ids[500] as number;
      // The kernel uses numbers again: another thread was born with that one.
      registry.field(gone, Field.BORN).store(born + 1);
      expect(registry.claim()).toBe(gone + MAX_THREADS);
      expect(registry.unwatched.load()).toBe(MAX_THREADS - 1);
      expect(() => registry.claim()).toThrow(TooManyThreadsError);
    });

    it("does not count one whose parent is the supervisor, nor one that never began", () => {
      const registry = Registry.create();
      registry.markDead(registry.claim());
      const child = registry.claim();
      registry.setItsChild(child);
      registry.begin(child, 0);
      registry.markDead(child);
      expect(registry.unwatched.load()).toBe(0);
    });
  });

  it("lists what a dead spawner claimed and never began", () => {
    const registry = Registry.create();
    const spawner = born(registry);
    const [begun, waiting, foreign] = [registry.claim(spawner), registry.claim(spawner), registry.claim()];
    registry.begin(begun, 0);
    expect(claimedBy(registry, spawner)).toEqual([waiting]);
    expect(registry.isAlive(foreign)).toBe(true);
  });

  it("knows who claimed an id, and never takes whoever claimed the index before for it", () => {
    const registry = nearlySpent([0]);
    const first = registry.claim(4321);
    expect(registry.spawnerOf(first)).toBe(4321);
    registry.markDead(first);
    expect(registry.spawnerOf(first + MAX_THREADS)).toBe(0);
    // As in the midst of a claim, when nobody is named yet.
    registry.field(first, Field.LIFE).store((2 << 2) | 1);
    expect(registry.spawnerOf(first + MAX_THREADS)).toBe(0);
    expect(claimedBy(registry, 4321)).toEqual([]);
  });
});

describe("a registry of which one index is free", () => {
  it("gives it to who asks, although another one asks at the same time and moves the same cursor", () => {
    for (const free of [500, 501]) {
      const registry = nearlySpent([]);
      haveHad(registry, free, 7);
      // The other claimer moves it each time after this one did.
      const { cursor } = registry;
      const add = (n: number): number => {
        const at = cursor.add(n);
        cursor.add(n);
        return at;
      };
      Object.defineProperty(registry, "cursor", { value: { add } });
      expect(registry.claim()).toBe(8 * MAX_THREADS + free);
    }
  });
});

describe("a lock word that names a thread long dead", () => {
  const { registry } = currentThread();
  const place = new SharedArrayBuffer(16);
  const heldBy = (id: number): Mutex => {
    new Int32Array(place)[0] = id << 4;
    return Mutex.at(place, 0, { name: "relic" });
  };

  it("is never taken for one that a living thread of the same index holds", () => {
    const first = born(registry);
    expect(heldBy(first).tryLock()).toBeUndefined();
    registry.markDead(first);
    const ids = [first];
    // Round after round: each time a younger thread of the same index lives.
    for (let round = 0; round < 5; round++) {
      let id = born(registry);
      for (; indexOf(id) !== indexOf(first); id = born(registry)) registry.markDead(id);
      for (const relic of ids) expect(() => heldBy(relic).tryLock()).toThrow(PoisonedError);
      expect(heldBy(id).tryLock()).toBeUndefined();
      expect(heldBy(id).poisoned).toBe(false);
      registry.markDead(id);
      expect(heldBy(id).poisoned).toBe(true);
      ids.push(id);
    }
    expect(new Set(ids).size).toBe(6);
  });

  it("whatever generation it names but the living one's", () => {
    const alive = born(registry);
    try {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: LAST_GENERATION }), (generation) => {
          const id = generation * MAX_THREADS + indexOf(alive);
          fc.pre(id !== 0);
          if (id === alive) expect(heldBy(id).tryLock()).toBeUndefined();
          else expect(() => heldBy(id).tryLock()).toThrow(PoisonedError);
        }),
      );
    } finally {
      registry.markDead(alive);
    }
  });
});

describe("a token that comes when its thread has ended, and another one has its index", () => {
  it("is nobody's", () => {
    const { registry } = currentThread();
    const first = born(registry);
    const successor = (): number => {
      registry.markDead(first);
      for (let id = born(registry); ; id = born(registry)) {
        if (indexOf(id) === indexOf(first)) return id;
        registry.markDead(id);
      }
    };
    let second = 0;
    const field = registry.field.bind(registry);
    // At the last moment.
    registry.field = (id, at) => {
      if (id === first && at === Field.TOKEN && second === 0) second = successor();
      return field(id, at);
    };
    try {
      unpark(new Thread(first, ""));
      expect(indexOf(second)).toBe(indexOf(first));
      expect(field(second, Field.TOKEN).load()).toBe(noToken(second));
      unpark(new Thread(second, ""));
      expect(field(second, Field.TOKEN).load()).toBe(noToken(second) + 1);
    } finally {
      registry.field = field;
      registry.markDead(second);
    }
  });
});

/**
 * Modelled threads as ferrous sees them: each has an id and a record in a registry of this world.
 *
 * A death is what the supervisor makes of it: the record says DEAD, and every sleeper is woken to look again. Code that
 * never heard of ferrous is told nothing, as in real life.
 */
import { enterThread, type Current } from "../thread/current.ts";
import { Field, Registry, enterRegistry } from "../thread/registry.ts";
import type { Replacements } from "./globals.ts";
import type { Memory, SharedBuffer } from "./memory.ts";
import { INT32 } from "./real.ts";
import { MAX_THREADS } from "./scenario.ts";

/** Where a thread's record says whether it lives, and what stands there once it is dead. */
export interface Life {
  readonly buffer: SharedBuffer;
  readonly element: number;
  readonly index: number;
  readonly dead: number;
}

/** What the model does in a supervisor's place. */
export interface Supervisor {
  wakeEverybody(this: void): void;
  sleeps(this: void, naps: boolean): void;
  passes(this: void, ms: number): void;
}

/** One thread's identity; notes when its code is about to sleep, or asks who lives. */
class ModelCurrent implements Current {
  readonly id: number;
  readonly spins: boolean;
  readonly wakeEverybody: () => void;
  readonly sleeps: (naps: boolean) => void;
  readonly passes: (ms: number) => void;
  readonly #registry: Registry;
  asked = false;

  constructor(id: number, registry: Registry, supervisor: Supervisor, spins: boolean) {
    this.id = id;
    this.spins = spins;
    this.#registry = registry;
    this.wakeEverybody = supervisor.wakeEverybody;
    this.sleeps = supervisor.sleeps;
    this.passes = supervisor.passes;
  }
  get modelled(): boolean {
    this.asked = true;
    return true;
  }
  get registry(): Registry {
    this.asked = true;
    return this.#registry;
  }
}

/** A registry with as many threads as a scenario can have, the first of them for setup and after. */
interface Town {
  readonly registry: Registry;
  readonly ids: readonly number[];
  /** Per id: the word LIFE, and what it says of the dead. */
  readonly lives: readonly { readonly index: number; readonly dead: number }[];
}

let town: Town | undefined;

/** One for all checks, because making it takes longer than many a check does: each leaves it as it found it. */
function theTown(): Town {
  if (town !== undefined) return town;
  const registry = Registry.create();
  const ids = Array.from({ length: MAX_THREADS + 1 }, () => {
    const id = registry.claim();
    registry.setWatched(id);
    registry.begin(id, id);
    return id;
  });
  const lives = ids.map((id) => {
    const life = registry.field(id, Field.LIFE);
    const alive = life.load();
    registry.markDead(id);
    const dead = life.load();
    life.store(alive);
    return { index: life.byteOffset >> 2, dead };
  });
  return (town = { registry, ids, lives });
}

export class Identities {
  readonly buffer: SharedBuffer;
  readonly #memory: Memory;
  readonly #registry: Registry;
  readonly #threads: readonly ModelCurrent[];
  /** Setup and after: a thread that never dies. */
  readonly #outsider: ModelCurrent;
  readonly #lives: readonly Life[];
  readonly #names: readonly string[];

  constructor(names: readonly string[], memory: Memory, supervisor: Supervisor, spins: boolean) {
    const { registry, ids, lives } = theTown();
    this.#names = ["setup and after", ...names];
    const [outsider, ...others] = this.#names.map((_, at) => new ModelCurrent(ids[at] as number, registry, supervisor, spins));
    this.#registry = registry;
    this.#outsider = outsider as ModelCurrent;
    this.#threads = others;
    const buffer = (this.buffer = memory.adopt(registry.buffer));
    this.#lives = lives.slice(1).map(({ index, dead }) => ({ buffer, element: INT32, index, dead }));
    this.#memory = memory;
  }

  /** Makes this registry the one of all code, and takes back what was written into it. */
  install(replaced: Replacements): void {
    // Anew each time: another world may have been in between.
    [this.#outsider, ...this.#threads].forEach(({ id }, at) => {
      const name = this.#names[at] as string;
      if (this.#registry.nameOf(id) !== name) this.#registry.setName(id, name);
    });
    replaced.undo(enterRegistry(this.#registry));
    replaced.undo(() => {
      this.#memory.reset();
    });
  }

  nameOf(id: number): string {
    return this.#registry.nameOf(id) || String(id);
  }

  /** A word of the registry, such as `LIFE of thread 1`. */
  recordName(word: number): string {
    for (const id of this.#registry.living()) {
      for (const [name, field] of Object.entries(Field)) {
        if (this.#registry.field(id, field).byteOffset >> 2 === word) return `${name} of ${this.nameOf(id)}`;
      }
    }
    return word === this.#registry.unwatched.byteOffset >> 2 ? "UNWATCHED" : `registry[${String(word)}]`;
  }

  /** Has a thread asked who it is, or who lives; or after, who looks at what threads left? Setup finds nothing that they did. */
  get asked(): boolean {
    return this.#outsider.asked || this.#threads.some(({ asked }) => asked);
  }
  /** Setup is over. */
  forgetSetup(): void {
    this.#outsider.asked = false;
  }
  idOf(thread: number): number {
    return (this.#threads[thread] as ModelCurrent).id;
  }
  life(thread: number): Life {
    return this.#lives[thread] as Life;
  }

  as(thread: number, body: () => unknown): unknown {
    const leave = enterThread(this.#threads[thread] as ModelCurrent);
    try {
      return body();
    } finally {
      leave();
    }
  }

  asOutsider<R>(work: () => R): R {
    const leave = enterThread(this.#outsider);
    try {
      return work();
    } finally {
      leave();
    }
  }
}

import { describe, expect, it } from "@jest/globals";
import { EventEmitter } from "node:events";
import { check, expectPassed } from "../../lib/check/index.ts";
import { Barrier } from "../../lib/sync/barrier.ts";
import { Mutex } from "../../lib/sync/mutex.ts";
import { OnceLock } from "../../lib/sync/once-lock.ts";
import { RwLock } from "../../lib/sync/rw-lock.ts";
import { Semaphore } from "../../lib/sync/semaphore.ts";

const both = (lock: RwLock): void => {
  lock.write().release();
  lock.read().release();
};
const BOUND = { preemptions: 1 };

class Base {
  readonly lock = new RwLock();
}
class Holder extends Base {
  readonly parts: { readonly semaphore: Semaphore }[] = [];
  constructor() {
    super();
    this.parts.push({ semaphore: new Semaphore(1) });
    Object.defineProperty(this, "hidden", { value: new Barrier(1), enumerable: false });
  }
  use(): boolean {
    both(this.lock);
    this.parts[0]?.semaphore.acquire().release();
    return (this as unknown as { hidden: Barrier }).hidden.wait().leader;
  }
}
class Sealed {
  readonly #calls = [0];
  readonly lock = new RwLock();
  use(): void {
    both(this.lock);
    this.#calls.push(1);
  }
}
class Emitter extends Map<string, RwLock> {}
class Engines extends Date {
  readonly lock = new RwLock();
}
class Silent {
  readonly #lock = new RwLock();
  use(): void {
    both(this.#lock);
  }
}

describe("objects of ferrous in the state are opened by each thread", () => {
  it("in an instance of a class, which keeps its class", () => {
    const report = check(
      {
        setup: () => new Holder(),
        threads: [0, 1].map(() => (holder: Holder) => holder instanceof Holder && holder.use()),
        after: (_, results) => {
          expect([...results]).toEqual([true, true]);
        },
      },
      BOUND,
    );
    expectPassed(report);
  });

  it.each<[string, () => unknown, (state: never) => void]>([
    ["the values of a Map", () => new Map([["lock", new RwLock()]]), (map: Map<string, RwLock>) => both(map.get("lock") as RwLock)],
    ["the keys of a Map", () => new Map([[new RwLock(), 1]]), (map: Map<RwLock, number>) => map.forEach((_, lock) => both(lock))],
    ["a Set", () => new Set([new RwLock()]), (set: Set<RwLock>) => set.forEach(both)],
    [
      "a OnceLock in an object without a prototype",
      () => Object.assign(Object.create(null) as object, { once: new OnceLock<number>() }),
      ({ once }: { once: OnceLock<number> }) => expect(once.getOrInit(() => 5)).toBe(5),
    ],
    [
      "an instance that leads back to itself",
      () => Object.assign(new Base(), { me: undefined as unknown }),
      (state: Base & { me: unknown }) => both(state.lock),
    ],
  ])("in %s", (_, setup, body) => {
    const looped = (): unknown => {
      const state = setup();
      if (state instanceof Base) Object.assign(state, { me: state });
      return state;
    };
    expectPassed(check({ setup: looped, threads: [body, body] as never }, BOUND));
  });

  it("and called by where they lie in traces", () => {
    const { failure } = check({
      setup: () => new Map([["totals", new Mutex()]]),
      threads: [(state) => void state.get("totals")?.lock(), () => 0],
      after: () => {
        throw new Error("to see the trace");
      },
    });
    expect(failure?.trace).toContain("totals.state FREE -> thread 1");
  });

  it.each<[string, () => unknown, RegExp]>([
    ["an instance with private fields", () => ({ part: new Sealed() }), /^state\.part is of the class Sealed, which has private fields or/],
    ["an instance of the engine's", () => new Engines(), /^state is of the class Engines.*plain objects, arrays, Maps or Sets/],
    ["a class that extends Map", () => [new Emitter([["a", new RwLock()]])], /^state\.0 is of a class of your own that extends Map/],
  ])("or refused by name: in %s", (_, setup, message) => {
    expect(() => check({ setup, threads: [() => 0] })).toThrow(message);
  });

  it("while instances that lead to none stay as they are", () => {
    class Cells {
      readonly #cells = new Int32Array(new SharedArrayBuffer(4));
      add(): number {
        return Atomics.add(this.#cells, 0, 1);
      }
    }
    const setup = () => ({ cells: new Cells(), events: new EventEmitter(), date: new Date(), mutex: new Mutex() });
    expectPassed(
      check({
        setup,
        threads: [0, 1].map(
          () =>
            ({ cells }: ReturnType<typeof setup>) =>
              cells.add(),
        ),
      }),
    );
  });

  it.each<[string, () => Silent]>([
    ["in a private field", () => new Silent()],
    ["at module level", () => atModuleLevel],
  ])("or else their advice is to let the state lead to them: %s", (_, setup) => {
    const use = (silent: Silent): void => {
      silent.use();
    };
    const { failure } = check({ setup, threads: [use, use] });
    expect(failure).toMatchObject({
      kind: "nondeterminism",
      message: expect.stringMatching(/objects of ferrous to which no property of the state leads/),
    });
  });
});

const atModuleLevel = new Silent();

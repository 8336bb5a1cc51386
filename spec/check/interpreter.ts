/**
 * Small programs, run in two ways: as code over shared memory, and by an interpreter that knows nothing of the checker. That goes through
 * all states in which the program can be, one step of one thread at a time, so what it ends in is what the checker's searches must end in.
 */
import fc from "fast-check";

const WORDS = 2;
const NAMES = ["load", "store", "add", "exchange", "cas", "wait", "timed", "notify", "spin", "until", "lock", "unlock", "skip"] as const;

export interface Instruction {
  readonly do: (typeof NAMES)[number];
  readonly at: number;
  readonly n: number;
  readonly expected: number;
}
export type Program = readonly (readonly Instruction[])[];

const instruction = (names: readonly Instruction["do"][], words: number): fc.Arbitrary<Instruction> =>
  fc.record({ do: fc.constantFrom(...names), at: fc.nat(words - 1), n: fc.nat(2), expected: fc.nat(2) });
const threads = (one: fc.Arbitrary<Instruction>, count: number, most: number): fc.Arbitrary<Program> =>
  fc.array(fc.array(one, { minLength: 1, maxLength: most }), { minLength: count, maxLength: count });

const any = instruction(NAMES, WORDS);
/** 2 or 3 threads. */
export const program: fc.Arbitrary<Program> = fc.oneof(threads(any, 2, 5), threads(any, 3, 3));

/** One thread that only looks, some of it in loops, and one that writes what is looked at. */
export const lookingProgram: fc.Arbitrary<Program> = fc.tuple(
  fc.array(instruction(["load", "load", "spin", "skip"], 1), { minLength: 2, maxLength: 5 }),
  fc.array(instruction(["store"], 1), { minLength: 1, maxLength: 3 }),
);

/** So many does a notify wake. */
const woken = (n: number): number => (n === 0 ? Infinity : n);

// --- as code ---

export const words = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * WORDS));

/** What a thread of these instructions does; returns all that it saw. */
export const run =
  (instructions: readonly Instruction[]) =>
  (cells: Int32Array): readonly unknown[] => {
    const seen: unknown[] = [];
    for (let next = 0; next < instructions.length; next++) {
      const step = instructions[next] as Instruction;
      if (step.do !== "skip") seen.push(PLACES[next]?.(cells, step));
      else if (seen.at(-1) === step.n) next++;
    }
    return seen;
  };

/**
 * Each instruction of a thread is performed from a place in the code of its own, as in code that was written by hand: it is by places that the
 * checker tells one loop from another.
 */
const PLACES = [
  (cells: Int32Array, step: Instruction): unknown => perform(cells, step),
  (cells: Int32Array, step: Instruction): unknown => perform(cells, step),
  (cells: Int32Array, step: Instruction): unknown => perform(cells, step),
  (cells: Int32Array, step: Instruction): unknown => perform(cells, step),
  (cells: Int32Array, step: Instruction): unknown => perform(cells, step),
];

function perform(cells: Int32Array, { do: what, at, n, expected }: Instruction): unknown {
  switch (what) {
    case "load":
      return Atomics.load(cells, at);
    case "store":
      return Atomics.store(cells, at, n);
    case "add":
      return Atomics.add(cells, at, n);
    case "exchange":
      return Atomics.exchange(cells, at, n);
    case "cas":
      return Atomics.compareExchange(cells, at, expected, n);
    case "wait":
      return Atomics.wait(cells, at, n);
    case "timed":
      return Atomics.wait(cells, at, n, 10);
    case "notify":
      return Atomics.notify(cells, at, woken(n));
    case "spin":
      while (Atomics.load(cells, at) !== n);
      return "seen";
    case "until":
      for (let value; (value = Atomics.load(cells, at)) !== n;) Atomics.wait(cells, at, value);
      return "seen";
    case "lock":
      for (let value; (value = Atomics.compareExchange(cells, at, 0, 1)) !== 0;) Atomics.wait(cells, at, value);
      return "locked";
    case "unlock":
      Atomics.store(cells, at, 0);
      Atomics.notify(cells, at, 1);
      return "unlocked";
    case "skip":
      return undefined;
  }
}

// --- by the interpreter ---

const [READY, ASLEEP, DONE, DEAD] = [0, 1, 2, 3];

interface Thread {
  status: number;
  next: number;
  /** Of an instruction of two steps: is the first one done, and what did that see? */
  isHalf: boolean;
  value: number;
  seen: unknown[];
  timeouts: number;
  wakes: number;
}
interface Scene {
  readonly words: number[];
  readonly threads: Thread[];
  /** Who sleeps, in the order in which they fell asleep. */
  queue: number[];
}

/** How often each thread's timed waits may run out, and its sleeps end without cause; and how many threads may die. */
export interface Fates {
  readonly timeouts?: number;
  readonly spurious?: number;
  readonly deaths?: number;
}

/** A program may be in more states than this: then it is given up. */
const MOST_STATES = 2000;

/**
 * Everything that the program can end in, as JSON of its words and, of each thread, its status as the checker numbers it and what it saw if it is
 * done; undefined if there are too many states.
 */
export function endsOf(programs: Program, { timeouts = 0, spurious = 0, deaths = 0 }: Fates): ReadonlySet<string> | undefined {
  const ends = new Set<string>();
  const met = new Set<string>();
  const start: Scene = {
    words: Array<number>(WORDS).fill(0),
    threads: programs.map(() => ({ status: READY, next: 0, isHalf: false, value: 0, seen: [], timeouts: 0, wakes: 0 })),
    queue: [],
  };
  const rest: Scene[] = [start];
  for (const thread of start.threads.keys()) settle(start, thread);
  for (let scene = rest.pop(); scene !== undefined; scene = rest.pop()) {
    const text = JSON.stringify(scene);
    if (met.has(text)) continue;
    if (met.add(text).size > MOST_STATES) return undefined;
    const next = successors(scene);
    rest.push(...next);
    if (next.length === 0) {
      ends.add(JSON.stringify([scene.words, scene.threads.map(({ status, seen }) => [status, ...(status === DONE ? [seen] : [])])]));
    }
    // A death alone makes no execution; but who goes round in vain could still look for the first time, and others die before that.
    const goesOn = next.length > 0 || scene.threads.some(({ status }) => status === READY);
    if (goesOn && scene.threads.filter(({ status }) => status === DEAD).length < deaths) rest.push(...mourned(scene));
  }
  return ends;

  function successors(scene: Scene): Scene[] {
    const found: Scene[] = [];
    const after = (change: (copy: Scene) => boolean): void => {
      const copy = structuredClone(scene);
      if (change(copy)) found.push(copy);
    };
    scene.threads.forEach(({ status, next, timeouts: late, wakes }, id) => {
      if (status === READY) after((copy) => step(copy, id));
      if (status !== ASLEEP) return;
      if (late < timeouts && programs[id]?.[next]?.do === "timed") {
        after((copy) => {
          (copy.threads[id] as Thread).timeouts++;
          return wake(copy, id, "timed-out");
        });
      }
      if (wakes < spurious) {
        after((copy) => {
          (copy.threads[id] as Thread).wakes++;
          return wake(copy, id, "ok");
        });
      }
    });
    return found;
  }

  function mourned(scene: Scene): Scene[] {
    return scene.threads.flatMap(({ status }, id) => {
      if (status !== READY && status !== ASLEEP) return [];
      const copy = structuredClone(scene);
      (copy.threads[id] as Thread).status = DEAD;
      copy.queue = copy.queue.filter((other) => other !== id);
      return [copy];
    });
  }

  /** The thread's instruction has given this. */
  function finish(scene: Scene, id: number, result: unknown): true {
    const thread = scene.threads[id] as Thread;
    thread.seen.push(result);
    thread.next++;
    thread.isHalf = false;
    thread.value = 0;
    settle(scene, id);
    return true;
  }
  /** Goes on to an instruction that is a step. */
  function settle(scene: Scene, id: number): void {
    const thread = scene.threads[id] as Thread;
    for (let ahead = programs[id]?.[thread.next]; ahead?.do === "skip"; ahead = programs[id]?.[thread.next]) {
      thread.next += thread.seen.at(-1) === ahead.n ? 2 : 1;
    }
    if (programs[id]?.[thread.next] === undefined) thread.status = DONE;
  }

  function sleep(scene: Scene, id: number): true {
    (scene.threads[id] as Thread).status = ASLEEP;
    scene.queue.push(id);
    return true;
  }
  function wake(scene: Scene, id: number, how: string): true {
    const thread = scene.threads[id] as Thread;
    thread.status = READY;
    scene.queue = scene.queue.filter((other) => other !== id);
    const { do: what } = programs[id]?.[thread.next] as Instruction;
    if (what === "wait" || what === "timed") return finish(scene, id, how);
    // It looks again.
    thread.isHalf = false;
    thread.value = 0;
    return true;
  }
  function notify(scene: Scene, at: number, most: number): number {
    const sleepers = scene.queue.filter((id) => programs[id]?.[(scene.threads[id] as Thread).next]?.at === at).slice(0, most);
    for (const id of sleepers) wake(scene, id, "ok");
    return sleepers.length;
  }

  /** Does the thread's next step; false if it would only look at the same again. */
  function step(scene: Scene, id: number): boolean {
    const thread = scene.threads[id] as Thread;
    const { do: what, at, n, expected } = programs[id]?.[thread.next] as Instruction;
    const value = scene.words[at] as number;
    const put = (after: number, result: unknown): true => {
      scene.words[at] = after;
      return finish(scene, id, result);
    };
    /** Looks; if it finds something else than it waits for, it sleeps on that as its next step. */
    const half = (): true => {
      thread.isHalf = true;
      thread.value = value;
      return true;
    };
    const lookAgain = (): true => {
      thread.isHalf = false;
      thread.value = 0;
      return true;
    };
    switch (what) {
      case "load":
        return finish(scene, id, value);
      case "store":
        return put(n, n);
      case "add":
        return put(value + n, value);
      case "exchange":
        return put(n, value);
      case "cas":
        return put(value === expected ? n : value, value);
      case "wait":
      case "timed":
        return value === n ? sleep(scene, id) : finish(scene, id, "not-equal");
      case "notify":
        return finish(scene, id, notify(scene, at, woken(n)));
      case "spin":
        return value === n && finish(scene, id, "seen");
      case "until":
        if (!thread.isHalf) return value === n ? finish(scene, id, "seen") : half();
        return value === thread.value ? sleep(scene, id) : lookAgain();
      case "lock":
        if (!thread.isHalf) return value === 0 ? put(1, "locked") : half();
        return value === thread.value ? sleep(scene, id) : lookAgain();
      case "unlock":
        if (!thread.isHalf) {
          scene.words[at] = 0;
          return half();
        }
        notify(scene, at, 1);
        return finish(scene, id, "unlocked");
      case "skip":
        return false;
    }
  }
}

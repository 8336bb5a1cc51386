/**
 * Data races, by the definition of the JavaScript memory model: two accesses to the same bytes by different threads, at least
 * one of them a write and at least one of them plain, that happens-before does not order; or both of them atomic, but not of the
 * very same bytes, as a store of 32 bits and a load of 8 of them are.
 *
 * Happens-before is program order, an atomic read that reads from an atomic write, and the critical sections of waiting and
 * notifying; nothing else, so an order that is only an accident of this execution does not hide a race. A program without a race
 * in any execution has sequentially consistent executions only, which is what the search goes through.
 *
 * Sources: ECMA-262, 29.8-29.10 (happens-before, data races); C. Flanagan, S. Freund, "FastTrack" (2009); the proof that one
 * execution per equivalence class suffices: M. Musuvathi, S. Qadeer (2007), section 3.
 */
import type { Finding } from "./machine.ts";
import { Names, type Nameable } from "./names.ts";
import { Kind, type Op, type Step } from "./operation.ts";
import type { Access, State } from "./state.ts";
import { titleOf } from "./text.ts";

interface Race {
  readonly first: Access;
  readonly second: Access;
}

/** Kinds of access to a byte, each remembered by thread: its time, and itself. Then two for each size of atomics. */
const PLAIN_READ = 0;
const PLAIN_WRITE = 1;
const atomicRead = (size: number): number => 2 + 2 * Math.log2(size);
const atomicWrite = (size: number): number => atomicRead(size) + 1;

/**
 * With which earlier kinds each kind is in conflict, if atomics are of these sizes. Atomics of one size that share a byte are of the
 * same bytes, because they are aligned.
 */
function conflictsOf(sizes: readonly number[]): number[][] {
  const conflicts: number[][] = [];
  const writes = sizes.map(atomicWrite);
  const all = [PLAIN_READ, PLAIN_WRITE, ...sizes.map(atomicRead), ...writes];
  conflicts[PLAIN_READ] = [PLAIN_WRITE, ...writes];
  conflicts[PLAIN_WRITE] = all;
  for (const size of sizes) {
    const [read, write] = [atomicRead(size), atomicWrite(size)];
    conflicts[read] = [PLAIN_WRITE, ...writes.filter((other) => other !== write)];
    conflicts[write] = all.filter((other) => other !== read && other !== write);
  }
  return conflicts;
}

interface Past {
  readonly time: number;
  readonly access: Access;
}
type Clock = number[];

/** The first race of an execution, or undefined. */
function findRace(state: State): Race | undefined {
  if (!mayRace(state)) return undefined;
  const detector = new Detector(state.threads.length, [...new Set(state.steps.map(({ start, end }) => end - start))]);
  let next = 0;
  for (let at = 0; at <= state.steps.length; at++) {
    for (; next < state.accesses.length && (state.accesses[next] as Access).at <= at; next++) {
      const access = state.accesses[next] as Access;
      const race = detector.touch(access, access.op.kind === Kind.READ ? PLAIN_READ : PLAIN_WRITE);
      if (race !== undefined) return race;
    }
    const step = state.steps[at];
    const race = step === undefined ? undefined : detector.step(step, at);
    if (race !== undefined) return race;
  }
  return undefined;
}

/** The same in words, as the finding of a check. */
export function raceFinding(world: Nameable & { readonly names: readonly string[] }, state: State): Finding | undefined {
  const race = findRace(state);
  if (race === undefined) return undefined;
  const names = new Names(world);
  const tell = ({ thread, op }: Access): string => `${titleOf(world.names[thread] ?? "")} ${verbOf(op)} ${names.of(op)}`;
  const areAtomic = race.first.op.kind < Kind.READ && race.second.op.kind < Kind.READ;
  const advice = areAtomic
    ? "Atomics order only those of the very same bytes: use one size of elements for them."
    : "Use Atomics for one that publishes the other, or hold a lock.";
  const message = `${tell(race.first)} and ${tell(race.second)}, and nothing orders the two. ${advice}`;
  return { kind: "data race", message };
}

function verbOf({ kind }: Op): string {
  if (kind === Kind.READ) return "reads plainly";
  if (kind === Kind.WRITE) return "writes plainly";
  return kind === Kind.LOAD || kind === Kind.WAIT ? "reads atomically" : "writes atomically";
}

/** Could there be a race at all? */
export const mayRace = ({ accesses, steps }: State): boolean => accesses.length > 0 || mixesSizes(steps);

/** Are there atomic accesses of different sizes in the same 8 bytes? Mostly all are of one size, which is seen at once. */
function mixesSizes(steps: readonly Step[]): boolean {
  const [first] = steps;
  if (first === undefined) return false;
  const size = first.end - first.start;
  if (steps.every(({ start, end }) => end - start === size)) return false;
  const sizes = new Map<number, number>();
  return steps.some(({ start, end }) => {
    const at = start - (start % 8);
    const known = sizes.get(at);
    if (known === undefined) sizes.set(at, end - start);
    return known !== undefined && known !== end - start;
  });
}

class Detector {
  readonly #threads: number;
  /** Per thread: up to which time of each other thread all has happened before its now. */
  readonly #now: Clock[];
  /** What a reader of these bytes, or the next in the queue of a word's sleepers, learns. */
  readonly #released = new Map<number, Clock>();
  readonly #queues = new Map<number, Clock>();
  readonly #conflicts: readonly (readonly number[])[];
  /** Per byte: kinds x threads. */
  readonly #past = new Map<number, (Past | undefined)[]>();

  constructor(threads: number, sizes: readonly number[]) {
    this.#threads = threads;
    this.#conflicts = conflictsOf(sizes);
    this.#now = Array.from({ length: threads }, (_, me) => Array.from({ length: threads }, (_, other) => (other === me ? 1 : 0)));
  }

  step(step: Step, at: number): Race | undefined {
    const { thread, op, choice } = step;
    const now = this.#now[thread] as Clock;
    const access: Access = { at, thread, op, result: step.result };
    const goes = (choice & 3) === 0;
    // The bytes and their size: atomics of different sizes do not synchronise.
    const size = step.end - step.start;
    const key = step.start * 16 + size;
    const { reads, writes } = goes ? directionsOf(op, step.result) : { reads: false, writes: step.memory === 2 };
    const race = (reads ? this.touch(access, atomicRead(size)) : undefined) ?? (writes ? this.touch(access, atomicWrite(size)) : undefined);
    if (race !== undefined) return race;
    if (reads) join(now, this.#released.get(key));
    if (writes) this.#released.set(key, [...now]);
    if (step.queue !== 0 && !step.everyQueue) {
      join(now, this.#queues.get(op.start));
      this.#queues.set(op.start, [...now]);
    }
    for (const woken of step.woke) join(this.#now[woken] as Clock, now);
    now[thread] = (now[thread] as number) + 1;
    return undefined;
  }

  touch(access: Access, kind: number): Race | undefined {
    const { thread, op } = access;
    const now = this.#now[thread] as Clock;
    const conflicts = this.#conflicts[kind] as readonly number[];
    for (let byte = op.start; byte < op.end; byte++) {
      let past = this.#past.get(byte);
      if (past === undefined) this.#past.set(byte, (past = []));
      for (const other of conflicts) {
        for (let by = 0; by < this.#threads; by++) {
          const before = past[other * this.#threads + by];
          if (by !== thread && before !== undefined && before.time > (now[by] as number)) return { first: before.access, second: access };
        }
      }
      past[kind * this.#threads + thread] = { time: now[thread] as number, access };
    }
    return undefined;
  }
}

/** What an operation does by the memory model, whatever value it leaves: an exchange writes even what was there before. */
function directionsOf({ kind, a }: Op, result: unknown): { reads: boolean; writes: boolean } {
  if (kind === Kind.NOTIFY || kind === Kind.WAKE_ALL) return { reads: false, writes: false };
  const reads = kind !== Kind.STORE;
  const writes = kind !== Kind.LOAD && kind !== Kind.WAIT && (kind !== Kind.CAS || Object.is(result, a));
  return { reads, writes };
}

function join(clock: Clock, other: Clock | undefined): void {
  other?.forEach((time, thread) => {
    if (time > (clock[thread] as number)) clock[thread] = time;
  });
}

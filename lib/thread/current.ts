/**
 * Who am I? Each thread's own record in the registry, and the one function through which everything asks for it, so that the
 * checker can put its modelled threads in place.
 */
import { host } from "#host";
import type { Word } from "../memory/word.ts";
import { Field, registry, type Registry } from "./registry.ts";

/** The thread that runs this code. */
export interface Current {
  /** 26 bits: a 10-bit index and a generation; never 0, never used again. */
  readonly id: number;
  readonly registry: Registry;
  /** Does looking at a busy word again, before sleeping, make sense? Not on one core, nor in the checker unless it is asked for. */
  readonly spins: boolean;
  /** Is this a real thread, with a supervisor to talk to, or a modelled one? */
  readonly modelled: boolean;
  /** What the checker's world does in place of a supervisor that is asked to make every sleeper look again. */
  readonly wakeEverybody?: () => void;
  /** Tells the checker's world that the sleep which comes next is noted, so that a supervisor would make the thread look; perhaps it ends by itself. */
  readonly sleeps?: (naps: boolean) => void;
  /** Lets so many ms go by in the checker's world. */
  readonly passes?: (ms: number) => void;
}

let current: Current | undefined;
/** The id of `current`, 0 without one: apart, because reading it from the object makes an uncontended lock 0.2 times the bare pair dearer. */
let currentNumber = 0;

function become(thread: Current | undefined): void {
  current = thread;
  currentNumber = thread?.id ?? 0;
}

/** The thread that runs this code; joins the registry on first use. */
export function currentThread(): Current {
  return current ?? join();
}

/** The id of the thread that runs this code. */
export function currentId(): number {
  return currentNumber === 0 ? join().id : currentNumber;
}

/** Becomes another thread until the returned function is called: for the checker's worlds. @internal */
export function enterThread(other: Current): () => void {
  const before = current;
  become(other);
  return () => {
    become(before);
  };
}

/** Has this thread a name already? */
export const hasJoined = (): boolean => currentNumber !== 0;

/** Takes the id that the spawner claimed for this thread. */
export function assumeThread(id: number): Current {
  const thread: Current = { id, registry: registry(), spins: host.parallelism() > 1, modelled: false };
  become(thread);
  return thread;
}

function join(): Current {
  const all = registry();
  // Another copy of this library may have joined for this thread already: a thread has one name.
  for (const id of all.living()) {
    if (all.field(id, Field.PLATFORM).load() === host.platformId + 1) return assumeThread(id);
  }
  // Whatever takes time is done before or after: a worker that is ended between its claim and its beginning leaves a record that nobody frees.
  const osThread = host.isMain ? undefined : host.osThread();
  const id = all.claim();
  if (osThread === undefined) {
    // The main thread's death is the process': nobody is left to ask.
    all.setWatched(id);
    all.begin(id, host.platformId);
  } else {
    all.nameOsThread(id, osThread);
    all.beginUnwatched(id, host.platformId);
  }
  all.setName(id, host.isMain ? "main" : `worker ${String(host.platformId)}`);
  for (const then of joinHearers) then();
  return assumeThread(id);
}

const joinHearers: (() => void)[] = [];
/** Calls `then` once this thread has joined by itself: it asks for a supervisor's watch then, and the main thread hears its workers' pleas. */
export function whenJoined(then: () => void): void {
  joinHearers.push(then);
}

/** A word of this thread's own record. */
export function ownField(field: (typeof Field)[keyof typeof Field]): Word {
  const { registry: all, id } = currentThread();
  return all.field(id, field);
}

/** The number in a word, which gives its object an identity that all threads agree on; a new one if it has none yet. */
export function tagIn(word: Word): number {
  const seen = word.load();
  if (seen !== 0) return seen;
  const fresh = currentThread().registry.numbers.add(1) + 1;
  const before = word.compareExchange(0, fresh);
  return before === 0 ? fresh : before;
}

/**
 * What is to be checked, and how far.
 */
import { CheckError } from "../errors.ts";
import { Refusal } from "./failure.ts";
import type { History } from "./history.ts";
import type { Limits } from "./limits.ts";
import { isGenerator, isPromise, silence, textOf } from "./text.ts";

/** A thread's code: ordinary and synchronous. It shares `state` with the others, and returns what `after` wants to know. */
export type Body<S> = (state: S) => unknown;

/** Threads over shared state. */
export interface Scenario<S> {
  /** Builds the shared state, afresh for each execution. What is not shared memory is the same object for all threads: only read it. */
  readonly setup: () => S;
  /** 1 to 8 of them, by name or by number. */
  readonly threads: readonly Body<S>[] | Readonly<Record<string, Body<S>>>;
  /**
   * Which ends of channels go to which thread, by position: what spawn() does with those among its arguments. They close with their thread.
   * Others stay with setup, which never ends; all threads can use them.
   */
  readonly moves?: (state: S) => readonly (readonly object[])[];
  /** Assertions on what is left when all threads have ended; `results` are what they returned, undefined for the dead. */
  readonly after?: (state: S, results: Results) => void;
}
/** By position, and by name if the threads have names. */
export type Results = readonly unknown[] & Readonly<Record<string, unknown>>;

/** How to search, and what may happen. */
export interface CheckOptions {
  /**
   * `"exhaustive"` (the default): every execution, but of those that differ only in the order of independent steps only one.
   * `"random"`: at each step one of all that could happen. `"pct"`: random priorities with few changes, for bugs that need few switches.
   */
  readonly strategy?: "exhaustive" | "random" | "pct";
  /** Explore only executions in which threads that could go on are left at most so often. A waiting or ended thread is left freely. */
  readonly preemptions?: number;
  /** Stop after so many. Default: 1,000 for random and pct; exhaustive goes on to its end. */
  readonly executions?: number;
  /** Stop after so many ms. Default: 10,000 for exhaustive. */
  readonly time?: number;
  /** An execution of more steps is a failure. Default 2,000. */
  readonly steps?: number;
  /** Of random and pct: the same seed draws the same executions. Default 1. */
  readonly seed?: number;
  /** Run only the execution that these numbers choose, one for each step: see `schedules`. */
  readonly schedule?: readonly number[];
  /** Run only the execution that an earlier failure named; in checkOperations of the failure's `program`. */
  readonly replay?: string;
  /** So many threads may die, at any step. Default 0. */
  readonly deaths?: number;
  /** Which threads these may be, by number from 0; all without it. For scenarios that cannot do without one of their threads. */
  readonly mortal?: readonly number[];
  /** Sleepers may wake without cause: each thread once, or so often. Default false. */
  readonly spurious?: boolean | number;
  /** Timed waits may run out: each thread's once, or so often. Without it a timed wait lasts until it is notified. */
  readonly timeouts?: boolean | number;
  /**
   * Do ferrous' locks and channels look at a busy word again before they sleep, as they do on several cores? Once each time; without it they
   * sleep at once, in fewer executions. Default false.
   */
  readonly spins?: boolean;
}

/** A scenario in the form that the machine runs. */
export interface Program {
  readonly names: readonly string[];
  readonly bodies: readonly Body<unknown>[];
  readonly setup: () => unknown;
  readonly after: (state: unknown, results: readonly unknown[]) => void;
  /** By thread, what is its own. */
  readonly moves: (state: unknown) => readonly (readonly object[])[];
  /** Who wants to know when calls begin and return. */
  readonly history?: History;
}

export const MAX_THREADS = 8;

/** Checks what types cannot. @throws {CheckError} */
export function programOf<S>(scenario: Scenario<S>): Program {
  requireParts(scenario);
  const { setup, threads, moves, after } = scenario;
  const named = Object.entries(threads);
  if (named.length === 0)
    throw new CheckError("the scenario has no threads, so there is nothing to check. Give it 1 to 8: threads: [(state) => ...].");
  if (named.length > MAX_THREADS) {
    throw new CheckError(
      `the scenario has ${String(named.length)} threads; check() takes at most ${String(MAX_THREADS)}. Nearly every bug shows with 2 or 3.`,
    );
  }
  for (const [name, body] of named) {
    if (typeof body !== "function") throw new CheckError(`thread "${name}" is no function.`);
    if (!Array.isArray(threads) && (name === "length" || (after !== undefined && name in Array.prototype)))
      throw new CheckError(`no thread can be called "${name}": after is given the results as a list, which has a ${name} of its own.`);
    if (body.constructor.name === "AsyncFunction" || body.constructor.name.endsWith("GeneratorFunction")) {
      throw new CheckError(
        `thread "${name}" is an ${body.constructor.name}, and check() runs synchronous code only. Call the blocking forms (lock, not lockAsync).`,
      );
    }
  }
  const names = Array.isArray(threads) ? named.map((_, at) => `thread ${String(at + 1)}`) : named.map(([name]) => name);
  return {
    names,
    bodies: named.map(([, body]) => body as Body<unknown>),
    setup: () => {
      const state = setup();
      requireDone("setup", state, ": check() runs synchronous code only. Prepare what needs awaiting before check().");
      return state;
    },
    moves: (state) => {
      const owned = moves?.(state as S) ?? [];
      if (isListOfLists(owned) && owned.length <= named.length) return owned;
      requireDone("moves", owned, ": check() runs synchronous code only.");
      throw new CheckError(
        `moves returns, for each of the ${String(named.length)} threads, a list of what becomes its own, such as [[tx], [rx]]; it returned ${textOf(owned)}.`,
      );
    },
    after: (state, results) => {
      const both = Array.isArray(threads)
        ? results
        : Object.assign([...results], Object.fromEntries(names.map((name, at) => [name, results[at]])));
      requireDone(
        "after",
        after?.(state as S, both as Results),
        ", and nobody would hear of an assertion that fails in it: check() runs synchronous code only. Let threads return what is to be looked at.",
      );
    },
  };
}

const isListOfLists = (given: unknown): boolean =>
  Array.isArray(given) && given.every((list) => Array.isArray(list) && list.every((one) => typeof one === "object" && one !== null));

/** Refuses what asynchronous functions and generators return: not all of them has run. */
function requireDone(part: string, returned: unknown, why: string): void {
  if (isGenerator(returned)) throw new Refusal(`${part} returned a generator, of which nothing has run. Write it as an ordinary function.`);
  if (!isPromise(returned)) return;
  silence(returned);
  throw new Refusal(`${part} returned a promise${why}`);
}

/** Looks at what callers without types may have given. */
function requireParts(given: unknown): void {
  if (typeof given !== "object" || given === null)
    throw new CheckError("the scenario is an object with setup and threads: check({ setup: () => state, threads: [(state) => ...] }).");
  const { setup, threads, moves, after } = given as Record<string, unknown>;
  if (typeof setup !== "function") throw new CheckError("the scenario has no function setup, which builds the shared state.");
  if (typeof threads !== "object" || threads === null)
    throw new CheckError("the scenario has no threads. Give a list of functions, or an object that names them: threads: [(state) => ...].");
  for (const [name, part] of Object.entries({ moves, after }))
    if (part !== undefined && typeof part !== "function") throw new CheckError(`the scenario's ${name} is no function.`);
  // An after that is misspelt would assert nothing.
  for (const key of Object.keys(given))
    if (!PARTS.includes(key)) throw new CheckError(`a scenario has no part "${key}"; it has ${PARTS.join(", ")}.`);
}

const PARTS = ["setup", "threads", "moves", "after"];

const OPTIONS = "strategy preemptions executions time steps seed schedule replay deaths mortal spurious timeouts spins".split(" ");

/** An option that nobody reads would be taken for one that is heeded. */
function requireKnown(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    const near = known.find((other) => [other, other.slice(0, -1)].includes(key.toLowerCase()) || key.toLowerCase().startsWith(other));
    throw new CheckError(`there is no option "${key}"; ${near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}`}.`);
  }
}

/** Is it a whole number from `least`, or all that there are? */
const isCount = (value: unknown, least = 0): boolean =>
  typeof value === "number" && value >= least && (Number.isInteger(value) || value === Infinity);

/**
 * The limits of one execution that these options ask for.
 *
 * @param threads  how many threads there are, if that is known
 * @param more     options that are somebody else's
 * @throws {CheckError} a value makes no sense
 */
export function limitsOf(options: CheckOptions, threads = MAX_THREADS, more: readonly string[] = []): Limits {
  if (typeof options !== "object" || (options as unknown) === null)
    throw new CheckError(`the options are an object, such as { preemptions: 2 }; they were ${String(options)}.`);
  requireKnown(options, [...OPTIONS, ...more]);
  for (const key of ["preemptions", "executions", "steps", "deaths"] as const) {
    const least = key === "executions" ? 1 : 0;
    if (options[key] !== undefined && !isCount(options[key], least))
      throw new CheckError(`the option ${key} is a number from ${String(least)}, a whole one; it was given ${String(options[key])}.`);
  }
  if (options.time !== undefined && !(typeof options.time === "number" && options.time >= 0))
    throw new CheckError(`the option time is a number from 0; it was given ${String(options.time)}.`);
  if (options.strategy !== undefined && !["exhaustive", "random", "pct"].includes(options.strategy)) {
    throw new CheckError(`there is no strategy "${String(options.strategy)}"; there are "exhaustive", "random" and "pct".`);
  }
  const { schedule, strategy = "exhaustive", preemptions = Infinity } = options;
  if (strategy !== "exhaustive" && preemptions !== Infinity)
    throw new CheckError(`the option preemptions is a bound of "exhaustive"; "${strategy}" heeds none.`);
  if (schedule !== undefined && !(Array.isArray(schedule) && schedule.every((n) => Number.isInteger(n) && n >= 0))) {
    throw new CheckError("the option schedule is a list of whole numbers from 0, one for each step, such as [0, 0, 1].");
  }
  if (schedule !== undefined && options.replay !== undefined)
    throw new CheckError("the options schedule and replay both name one execution: give one of them.");
  const { steps = 2000, deaths = 0, spurious = false, timeouts = false, spins = false } = options;
  for (const [name, value] of Object.entries({ spurious, timeouts })) {
    if (typeof value !== "boolean" && !isCount(value))
      throw new CheckError(`the option ${name} is true, false, or how often for each thread; it was given ${String(value)}.`);
  }
  if (typeof spins !== "boolean") throw new CheckError(`the option spins is true or false; it was given ${String(spins)}.`);
  if (options.seed !== undefined && !Number.isFinite(options.seed))
    throw new CheckError(`the option seed is a number; it was given ${String(options.seed)}.`);
  const { mortal } = options;
  const isThread = (which: unknown): boolean => Number.isInteger(which) && (which as number) >= 0 && (which as number) < threads;
  if (mortal !== undefined && !(Array.isArray(mortal) && mortal.every(isThread))) {
    throw new CheckError(
      `the option mortal is a list of threads by their numbers from 0, such as [0]; it was given ${textOf(mortal)}, and the threads are ${String(threads)}.`,
    );
  }
  return { steps, deaths, mortal, spurious: Number(spurious), timeouts: Number(timeouts), spins };
}

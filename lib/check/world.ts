/**
 * The world that the checked code lives in: its globals, its memory, its ferrous threads; afterwards everything is as it was.
 */
import { CheckError } from "../errors.ts";
import { freshViews } from "../memory/views.ts";
import { handleOf, isShareable, type Handle } from "../send/handle.ts";
import { isMovable, Moves } from "../send/moving.ts";
import { enterRun, type Run } from "../thread/run.ts";
import { modelAtomics } from "./atomics.ts";
import type { Executor, World } from "./executor.ts";
import { Replacements, randomFrom } from "./globals.ts";
import { Refusal, UnseenWrite } from "./failure.ts";
import { opener, ownersOf, type Opener } from "./handles.ts";
import { Identities, type Life, type Supervisor } from "./identity.ts";
import { Machine, type Chooser } from "./machine.ts";
import { Memory, addressOf, type SharedBuffer } from "./memory.ts";
import { Names, type Nameable } from "./names.ts";
import { ARRAYS, RealDate, RealUint8Array } from "./real.ts";
import { refuseEscapes } from "./refuse.ts";
import type { Program } from "./scenario.ts";
import { siteOf } from "./site.ts";
import { strideOf } from "./spin.ts";
import type { Limits } from "./limits.ts";
import { Views } from "./views.ts";
import { Witness } from "./witness.ts";

/** In so many executions it is looked whether threads share ordinary objects: who does, does so early. */
const WITNESSED = 100;

/** So often may setup or after sleep for a time: who sleeps more often does so in a loop that nothing ends. */
const MOST_SLEEPS = 1000;

/** When it is in every world, in ms since 1970. */
const EPOCH = Date.UTC(2020, 0, 1);

/** The world that is open; there is one at a time. */
let open: ModelWorld | undefined;

/** Calls `work` with a machine that runs `program` in a world of its own. */
export function inWorld<R>(
  program: Program,
  limits: Limits,
  chooser: Chooser,
  recording: boolean,
  work: (machine: Machine, world: ModelWorld) => R,
): R {
  const world = new ModelWorld(program, recording, limits);
  // A history tells even a call that only looked, and was over when its thread died.
  const machine = new Machine(world, program.history === undefined ? limits : { ...limits, everyDeath: true }, chooser);
  program.history?.attach(machine);
  return within(world, machine, () => work(machine, world));
}

/** Calls `work` while the globals are the world's. A world can be entered again: then go back to some state first. */
export function within<R>(world: ModelWorld, machine: Machine, work: () => R): R {
  if (open !== undefined) {
    open.refuse(
      "check() was called inside a check(): a modelled thread, setup or after cannot run a world of its own. Check them one after the other.",
    );
  }
  const replaced = new Replacements();
  try {
    open = world;
    world.install(machine, replaced);
    return work();
  } finally {
    open = undefined;
    replaced.restore();
  }
}

function during<R>(run: Run, work: () => R): R {
  const leave = enterRun(run);
  try {
    return work();
  } finally {
    leave();
  }
}

export class ModelWorld implements World, Nameable {
  readonly memory: Memory;
  readonly names: readonly string[];
  readonly views: Views;
  /** What setup returned for this execution. */
  shared: unknown;
  readonly #program: Program;
  readonly #recording: boolean;
  readonly #unseen: boolean;
  readonly #known: boolean;
  readonly #identities: Identities;
  #machine: Machine | undefined;
  #opener: Opener | undefined;
  #witness: Witness | undefined;
  #setups = 0;
  /** Needs this execution's memory not be compared with what was seen of it any more? */
  #compared = true;
  #random = randomFrom(0);
  /** Calls for the time outside of threads. */
  #asked = 0;
  /** Sleeps outside of threads. */
  #slept = 0;
  /** Have all threads ended? */
  #isOver = false;
  /** What setup and after do in this execution. */
  #outside: Run = { isMain: true };

  constructor(program: Program, recording: boolean, { unseen = false, known = false, spins }: Limits) {
    this.#known = known;
    this.memory = new Memory(unseen);
    this.#unseen = unseen;
    this.#program = program;
    this.#recording = recording;
    this.names = program.names;
    this.views = new Views(this.memory, () => this.#machine?.executor);
    const supervisor: Supervisor = {
      wakeEverybody: () => this.#machine?.executor.wakeEverybody(this.#identities.buffer),
      sleeps: (naps) => this.#machine?.executor.sleeps(naps),
      passes: (ms) => this.#machine?.executor.passes(ms),
    };
    this.#identities = new Identities(this.names, this.memory, supervisor, spins);
  }

  install(machine: Machine, replaced: Replacements): void {
    this.#machine = machine;
    const { memory, views } = this;
    const make = (byteLength: number | undefined, options?: { maxByteLength?: number }): SharedArrayBuffer =>
      memory.create((machine.executor.current?.id ?? -1) + 1, Math.trunc(Number(byteLength ?? 0)) || 0, options);
    const get = (): Executor | undefined => this.#machine?.executor;
    replaced.undo(() => {
      this.#machine = undefined;
    });
    replaced.undo(freshViews());
    this.#identities.install(replaced);
    replaced.put(
      globalThis,
      "Atomics",
      modelAtomics(
        memory,
        views,
        get,
        (why) => this.refuse(why),
        (place, value, ms) => this.#sleepOutside(place, value, ms),
      ),
    );
    ARRAYS.forEach((array, element) => {
      replaced.put(globalThis, array.name, views.arrayConstructor(element));
    });
    replaced.put(globalThis, "DataView", views.dataViewConstructor());
    const isView = ArrayBuffer.isView.bind(ArrayBuffer);
    replaced.put(
      ArrayBuffer,
      "isView",
      (value: unknown) => isView(value) || (typeof value === "object" && value !== null && views.shown(value) !== undefined),
    );
    replaced.put(
      globalThis,
      "SharedArrayBuffer",
      new Proxy(SharedArrayBuffer, {
        construct: (real, [byteLength, options], made) => {
          const bytes = make(byteLength as number | undefined, options as { maxByteLength?: number } | undefined);
          // Of a class that extends it.
          if (made.prototype !== real.prototype) Object.setPrototypeOf(bytes, made.prototype as object);
          return bytes;
        },
      }),
    );
    replaced.put(SharedArrayBuffer.prototype, "slice", function (this: SharedArrayBuffer, start?: number, end?: number) {
      const source = new Uint8Array(this);
      const part = source.subarray(start, end);
      const copy = make(part.length);
      new Uint8Array(copy).set(part);
      return copy;
    });
    replaced.put(SharedArrayBuffer.prototype, "grow", () =>
      this.refuse("a growing SharedArrayBuffer cannot be taken back to its old size, so check() cannot model it. Give it its full size."),
    );
    this.#installClock(replaced);
    this.#installText(replaced);
    refuseEscapes(replaced, get);
  }

  setup(): void {
    this.#asked = this.#slept = 0;
    this.#isOver = false;
    this.#random = randomFrom(0);
    const { memory } = this;
    const known = memory.foreign.length;
    this.#outside = { isMain: true };
    this.shared = this.#identities.asOutsider(() => during(this.#outside, this.#program.setup));
    if (this.#setups > 0 && !this.#unseen && memory.foreign.length > known)
      throw new CheckError(
        "setup made shared memory that check() does not know, and cannot reset: through a SharedArrayBuffer that was captured before the check, or a WebAssembly.Memory. Make it with new SharedArrayBuffer(...) in setup.",
      );
    const isMemory = (value: object): boolean => this.views.shown(value) !== undefined || isShareable(value);
    this.#witness = this.#setups++ < WITNESSED ? new Witness(this.shared, isMemory) : undefined;
    this.#opener = this.#identities.asOutsider(() => {
      const owned = this.#program.moves(this.shared);
      const plan = opener(this.shared, ownersOf(owned));
      // After the handles were made: here they can be used no more.
      owned.forEach((ends, thread) => {
        new Moves(ends.filter(isMovable)).begin({ thread: this.#identities.idOf(thread) }).end(`to ${this.names[thread] ?? "a thread"}`);
      });
      return plan;
    });
    this.#identities.forgetSetup();
    // Only now: moving ends writes, too.
    this.#compared = this.#unseen || this.#setups > WITNESSED;
    if (!this.#compared && !memory.remember())
      this.#machine?.fail(
        "nondeterminism",
        "setup left something else in shared memory when it was run again: it may use no counter, cache or identity that lives across its runs.",
      );
  }

  /** Ends the check, even if the running thread catches what is thrown. */
  refuse(why: string): never {
    const error = new Refusal(why);
    if (this.#machine?.executor.current !== undefined) this.#machine.executor.refuse(error);
    throw error;
  }

  /** Setup or after would sleep, and no thread runs that could wake it: times run out at once, and what is left is endless. */
  #sleepOutside(
    { buffer, element, index }: { buffer: SharedBuffer; element: number; index: number },
    value: unknown,
    ms: number,
  ): "timed-out" {
    if (ms !== Infinity && this.#slept++ < MOST_SLEEPS) {
      this.#asked += ms;
      return "timed-out";
    }
    if (!this.#isOver) return this.refuse("Atomics.wait in setup would sleep for ever: no thread runs then. Wait inside a thread.");
    const names = new Names(this);
    const place = { buffer: buffer.id, element, index, start: addressOf(buffer, element, index) };
    const message = `after sleeps while ${names.of(place)} is ${names.show(place, value)}, and nobody is left to notify`;
    this.#machine?.fail("deadlock", message);
    // It is one even if after catches this.
    throw new CheckError(message);
  }

  /** Looks whether the threads of this execution shared anything but memory. */
  verify(): void {
    this.#compare();
    this.#witness?.verify();
  }
  /** Looks whether anything was written that was not seen. What after writes is no matter. */
  #compare(): void {
    if (this.#compared) return;
    this.#compared = true;
    if (!this.memory.wasSeen()) throw new UnseenWrite();
  }

  /** What a shared object of the state is, even if it has moved since. */
  handleOf(object: object): Handle {
    return this.#opener?.handles.get(object) ?? handleOf(object);
  }

  open(thread: number): unknown {
    return this.#identities.as(thread, () => (this.#opener === undefined ? this.shared : this.#opener.open(thread)));
  }

  run(thread: number, state: unknown): unknown {
    const body = this.#program.bodies[thread] as (state: unknown) => unknown;
    return this.#identities.as(thread, () => during({ isMain: false }, () => body(state)));
  }

  after(results: readonly unknown[]): void {
    this.#compare();
    this.#isOver = true;
    this.#identities.asOutsider(() => {
      during(this.#outside, () => {
        this.#program.after(this.shared, results);
      });
    });
  }

  life(thread: number): Life {
    return this.#identities.life(thread);
  }
  /** Threads that have an object of ferrous are; whether others are is found out by a first try. */
  get known(): boolean {
    return this.#known || this.#opener !== undefined;
  }
  /** Do threads turn out to be ones of ferrous that were not taken for such? */
  get isMisjudged(): boolean {
    return !this.known && this.#identities.asked;
  }

  /** The modelled thread of a ferrous id. */
  nameOf(id: number): string {
    return this.#identities.nameOf(id);
  }
  isRegistry(buffer: number): boolean {
    return this.#identities.buffer.id === buffer;
  }
  /** What a word of the registry is called. */
  recordName(word: number): string {
    return this.#identities.recordName(word);
  }

  site(): string | undefined {
    return this.#recording ? siteOf(new Error("site").stack) : undefined;
  }

  /** Time passes by 1 ms each time that a thread looks at a clock, faster if it spins, and by the whole timeout when a wait of its runs out. */
  #now(): number {
    const thread = this.#machine?.executor.current;
    if (thread === undefined) return ++this.#asked;
    return (thread.asked += strideOf(thread)) + thread.waited;
  }

  #installClock(replaced: Replacements): void {
    const now = (): number => EPOCH + this.#now();
    const date = new Proxy(RealDate, {
      construct: (real, args: unknown[], made) => Reflect.construct(real, args.length === 0 ? [now()] : args, made) as object,
      apply: () => new RealDate(now()).toString(),
      get: (real, key) => (key === "now" ? now : (Reflect.get(real, key, real) as unknown)),
    });
    replaced.put(globalThis, "Date", date);
    replaced.put(performance, "now", () => this.#now());
    replaced.put(Math, "random", () => {
      const thread = this.#machine?.executor.current;
      return thread === undefined ? this.#random() : randomFrom(thread.id * 65_537 + ++thread.drawn)();
    });
  }

  /** The engine's readers and writers of text take no view of ours: they get a copy, and what they wrote is written. */
  #installText(replaced: Replacements): void {
    const { views } = this;
    const { decode } = TextDecoder.prototype;
    const { encodeInto } = TextEncoder.prototype;
    replaced.put(TextDecoder.prototype, "decode", function (this: TextDecoder, ...[input, options]: Parameters<typeof decode>) {
      return decode.call(this, views.contentOf(input) ?? input, options);
    });
    replaced.put(TextEncoder.prototype, "encodeInto", function (this: TextEncoder, text: string, into: Uint8Array) {
      const behind = views.behind(into);
      if (behind === undefined || !views.isOurs(into)) return encodeInto.call(this, text, into);
      const bytes = new RealUint8Array(behind.raw.length);
      const result = encodeInto.call(this, text, bytes);
      for (let at = 0; at < result.written; at++) into[at] = bytes[at] as number;
      return result;
    });
  }
}

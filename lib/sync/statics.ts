/**
 * Values that every thread of the process finds by name, whenever it was started: Rust's `static`.
 *
 * A table in the registry, whose entries are never freed:
 *
 *     word  0  STATE      0 empty | id << 2 | CLAIMED | READY
 *           1  KIND       of a static atomic, its type; of a lazy static, LAZY
 *           2  INIT       of a lazy static: 0 | id << 2 | RUNNING | DONE
 *           3  SHELF      of a lazy static: the number of its value on the supervisor's shelf
 *           4  INITIAL    8 bytes: the first value of an atomic, so that two declarations can be compared
 *           6  CELL       8 bytes: the atomic itself
 *           8  LENGTH     of the name, in bytes
 *           9  NAME       92 bytes of UTF-8
 *
 * Entries are found by linear probing from the name's hash. An entry goes empty -> claimed by a named thread -> ready; if the claimer
 * dies in between, whoever meets the entry claims it anew.
 */
import { DeadlockError, LayoutError } from "../errors.ts";
import { readText, writeText } from "../memory/bytes.ts";
import { kindOf } from "../memory/place.ts";
import { int32Of } from "../memory/views.ts";
import { Word } from "../memory/word.ts";
import { wait, type Awaited, type Sleep } from "../park/wait.ts";
import { Line } from "../park/line.ts";
import { arriving } from "../send/moving.ts";
import { decode, type Encoded } from "../send/transit.ts";
import { currentThread } from "../thread/current.ts";
import { maySupervise } from "../thread/starter.ts";
import { MAX_STATICS, registry, type Registry } from "../thread/registry.ts";
import { ATOMIC_KINDS, type AtomicClass, type AtomicOf, type AtomicValue } from "./atomic.ts";
import { encodeForAll, fetchKept, fetchKeptAsync, keepForAll } from "./kept.ts";

const STATE = 0;
const KIND = 1;
const INIT = 2;
const SHELF = 3;
const INITIAL = 4;
const CELL = 6;
const LENGTH = 8;
const NAME = 9;
const NAME_BYTES = 92;

const CLAIMED = 1;
const READY = 2;
const LAZY = 100;

const RUNNING = 1;
const DONE = 2;

/**
 * An atomic that every thread of the process finds by name: the same cell, whenever the thread was started.
 *
 * @param name     process-wide, at most 92 bytes of UTF-8: begin it with your package's name
 * @param type     AtomicI32, AtomicU32, AtomicI64, AtomicU64 or AtomicBool
 * @param initial  its value when the first thread comes
 * @throws {LayoutError} the name stands for another type or another first value already, or 1,024 statics are taken
 * @throws {TypeError} the name is none, or `type` no atomic class
 * @throws {RangeError} the name is too long, or has a lone surrogate
 * @example export const PACKETS_SERVED = staticAtomic("app/PACKETS_SERVED", AtomicU32, 0);
 */
export function staticAtomic<C extends AtomicClass>(name: string, type: C, initial: AtomicValue<C>): AtomicOf<C> {
  const kind = ATOMIC_KINDS.indexOf(type) + 1;
  if (kind === 0) throw new TypeError(`staticAtomic("${name}") needs one of the atomic classes, such as AtomicU32.`);
  const first = new type(initial as never);
  const entry = Entry.find(name, kind, (made) => {
    type.at(made.buffer, made.byteOf(INITIAL)).store(first.load() as never);
    type.at(made.buffer, made.byteOf(CELL)).store(first.load() as never);
  });
  const known = type.at(entry.buffer, entry.byteOf(INITIAL)).load();
  if (known !== first.load()) {
    throw new LayoutError(
      `static "${name}" begins at ${String(known)} in this process, and is declared here with ${String(initial)}. Declare it in one module and import that.`,
    );
  }
  return type.at(entry.buffer, entry.byteOf(CELL)) as AtomicOf<C>;
}

/**
 * A value that every thread of the process finds by name; the first that asks for it makes it, and the others wait meanwhile.
 *
 * @param name  process-wide, at most 92 bytes of UTF-8: begin it with your package's name
 * @param init  makes the value, which must be Send. What is shared (a Mutex, a struct) is the same for all; a plain value is copied
 *              once to each thread. If it throws, the caller gets the error, and the next caller tries again.
 * @throws {TypeError} the name is none, or `init` is no function
 * @throws {RangeError} the name is too long, or has a lone surrogate
 * @example export const CONFIG = lazyStatic("app/CONFIG", () => new Mutex(Config.create()));
 */
export function lazyStatic<T>(name: string, init: () => T): LazyStatic<T> {
  return new LazyStatic(name, init);
}

/** See {@link lazyStatic}. */
export class LazyStatic<T> {
  readonly #name: string;
  readonly #init: () => T;
  #here: { readonly value: T } | undefined;
  #line: Line | undefined;

  /** @internal */
  constructor(name: string, init: () => T) {
    checkName(name);
    if (typeof init !== "function")
      throw new TypeError(`static "${name}" needs a function that makes its value; it was given ${kindOf(init)}.`);
    this.#name = name;
    this.#init = init;
  }

  /**
   * The value; blocks while another thread makes it.
   * @throws {DeadlockError} called from inside its own initialiser
   * @throws {NotSendableError} what the initialiser made cannot be sent
   * @throws {HandleError} it was kept by a supervisor that a worker had started, and that worker has ended
   */
  get(): T {
    if (this.#here !== undefined) return this.#here.value;
    const entry = this.#entry();
    wait((waiter) => attempt(entry, waiter.blocks), this, "get", undefined);
    const made =
      entry.word(INIT).load() === DONE ? (cloneOf(fetchKept(entry.word(SHELF).load(), this.describe(), "get")) as T) : this.#make(entry);
    return (this.#here = { value: made }).value;
  }

  /** As {@link get}, awaiting instead. */
  async getAsync(): Promise<T> {
    if (this.#here !== undefined) return this.#here.value;
    const entry = this.#entry();
    this.#line ??= new Line();
    // Made in the moment of the grant: nothing of this thread can come between.
    const mine = await this.#line.wait(
      (waiter) => attempt(entry, waiter.blocks),
      () => (entry.word(INIT).load() === DONE ? undefined : { value: this.#make(entry) }),
      this,
      "get",
      undefined,
    );
    const value = mine === undefined ? (cloneOf(await fetchKeptAsync(entry.word(SHELF).load(), this.describe())) as T) : mine.value;
    this.#here ??= { value };
    return this.#here.value;
  }

  #make(entry: Entry): T {
    maySupervise();
    const init = entry.word(INIT);
    try {
      const value = this.#init();
      const where = `the value of ${this.describe()}`;
      entry.word(SHELF).store(keepForAll(value, where, encodeForAll(value, where)));
      init.store(DONE);
      return value;
    } catch (error) {
      init.store(0);
      throw error;
    } finally {
      init.notify();
    }
  }

  #entry(): Entry {
    return Entry.find(this.#name, LAZY, () => undefined);
  }

  /** @internal */
  describe(): string {
    return `static "${this.#name}"`;
  }
  /** @internal */
  get holders(): Awaited["holders"] {
    return { offset: this.#entry().byteOf(INIT), stride: 4, count: 1, shift: 2 };
  }
}

/** Done, or ours to do; else sleeps until who does it is done, or dead. */
function attempt(entry: Entry, blocks: boolean): Sleep | undefined {
  const init = entry.word(INIT);
  const { id, registry: all } = currentThread();
  for (;;) {
    const seen = init.load();
    if (seen === DONE) return undefined;
    const owner = seen >>> 2;
    if (owner === id && blocks) {
      throw new DeadlockError(
        `the initialiser of static "${entry.name}" asks for the very value that it makes`,
        "Make it without asking for it.",
      );
    }
    if (owner !== 0 && all.isAlive(owner)) return { word: init, value: seen };
    if (init.compareExchange(seen, (id << 2) | RUNNING) === seen) return undefined;
  }
}

/** One line of the table. */
class Entry {
  readonly name: string;
  readonly #registry: Registry;
  readonly #at: number;

  private constructor(name: string, all: Registry, at: number) {
    this.name = name;
    this.#registry = all;
    this.#at = all.staticAt(at);
  }

  /** The entry of that name, made with `fill` if there is none. */
  static find(name: string, kind: number, fill: (made: Entry) => void): Entry {
    const all = registry();
    checkName(name);
    all.firstStatic ??= name;
    for (let tries = 0, at = hash(name); tries < MAX_STATICS; tries++, at = (at + 1) % MAX_STATICS) {
      const entry = new Entry(name, all, at);
      if (!entry.#ready(kind, fill)) continue;
      const found = entry.word(KIND).load();
      if (found === kind) return entry;
      throw new LayoutError(
        `static "${name}" is ${kindName(found)} in this process, and is declared here as ${kindName(kind)}. Give one of them another name.`,
      );
    }
    throw new LayoutError(
      `there are ${String(MAX_STATICS)} statics already: "${name}" has no place. Put several counters into one struct.`,
    );
  }

  get buffer(): SharedArrayBuffer {
    return this.#registry.buffer;
  }
  word(field: number): Word {
    return new Word(int32Of(this.buffer), this.#at + field);
  }
  byteOf(field: number): number {
    return (this.#at + field) * 4;
  }

  /** Makes an empty entry ours; false if it stands for another name. */
  #ready(kind: number, fill: (made: Entry) => void): boolean {
    const state = this.word(STATE);
    const { id, registry: all } = currentThread();
    for (;;) {
      const seen = state.load();
      if (seen === READY) return this.#nameThere() === this.name;
      const claimer = seen >>> 2;
      // Filling takes a few microseconds and waits for nobody, so a living claimer is soon done.
      if (claimer !== 0 && claimer !== id && all.isAlive(claimer)) continue;
      const claim = (id << 2) | CLAIMED;
      if (state.compareExchange(seen, claim) !== seen) continue;
      this.word(KIND).store(kind);
      this.word(LENGTH).store(writeText(this.buffer, this.byteOf(NAME), NAME_BYTES, this.name));
      fill(this);
      state.store(READY);
      return true;
    }
  }

  #nameThere(): string {
    return readText(this.buffer, this.byteOf(NAME), this.word(LENGTH).load());
  }
}

function checkName(name: unknown): void {
  if (typeof name !== "string" || name === "")
    throw new TypeError("a static needs a name, process-wide: begin it with your package's name.");
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > NAME_BYTES)
    throw new RangeError(`the name of a static has at most ${String(NAME_BYTES)} bytes; "${name}" has ${String(bytes)}.`);
  if (!name.isWellFormed()) {
    throw new RangeError(
      `the name of a static is found by its bytes of UTF-8, and ${JSON.stringify(name)} has a lone surrogate, for which there are none. Give it another name.`,
    );
  }
}

const kindName = (kind: number): string => (kind === LAZY ? "a lazy static" : `an ${ATOMIC_KINDS[kind - 1]?.name ?? "unknown thing"}`);

/** FNV-1a of the name's UTF-16 code units: where the search for its entry begins. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < name.length; at++) value = Math.imul(value ^ name.charCodeAt(at), 0x01000193);
  return (value >>> 0) % MAX_STATICS;
}

/** Each thread has a copy; of the end of a channel, a clone. */
const cloneOf = (kept: Encoded): unknown => arriving("cloned", () => decode(kept));

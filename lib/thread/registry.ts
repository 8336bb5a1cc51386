/**
 * The registry: one shared record a thread, so that "is this name still alive?" is a question to memory, not to an event loop.
 *
 *     word  0  MAGIC VERSION TOKEN TOKEN     who made these bytes; a process' token is random
 *           4  CURSOR                        where the search for a free record goes on: oldest first
 *           5  NUMBERS                       the last number given to a buffer or a shelved value
 *           6  SUPERVISOR                    0 | its starter's id << 2, STARTING | its platform id << 2, READY
 *           7  UNWATCHED                     living threads whose death no supervisor would see
 *           8  TID BORN                      the kernel's number and birth of a supervisor that may die before the process does
 *          32  RECORD x 1024                 32 words each, see {@link Field}
 *             STATICS x 1024                 32 words each, see sync/statics.ts
 *
 *     LIFE:  generation << 2 | FREE, CLAIMED (an id, no thread yet), ALIVE, DEAD
 *     id  :  generation << 10 | index        26 bits, never 0; a generation is used once, so a stale id is never a living one's
 *     WATCHED: generation << 2 | who would see the death, see {@link Watch}
 *
 * A record goes FREE -> CLAIMED -> ALIVE -> DEAD -> CLAIMED of the next generation; each arrow is one compare-and-exchange.
 * Indexes are reused oldest first and retired when their generation is spent, after 65,535 threads.
 * DEAD is written only when no instruction of the thread can take effect any more, never by a timer: else two holders would be inside.
 *
 * UNWATCHED counts the records whose WATCHED says COUNTED: added to before WATCHED says so, and taken from by whoever changes that, so a
 * death on the way counts one too many, never one too few. Between DEAD and that change the index may have its next thread already, whose
 * generation stands there then: who claims an index settles what is left of its last thread, and news of that one comes too late.
 */
import { host } from "#host";
import { HandleError, LayoutError, TooManyThreadsError } from "../errors.ts";
import { readText, writeText } from "../memory/bytes.ts";
import { isSharedBuffer } from "../memory/place.ts";
import { int32Of } from "../memory/views.ts";
import { Word } from "../memory/word.ts";

/** At most so many threads at once, the main thread included. */
export const MAX_THREADS = 1024;
/** What a static's entry takes, in words. */
export const STATIC_WORDS = 32;
export const MAX_STATICS = 1024;

const MAGIC = 0x46_65_30_31;
const VERSION = 1;
const HEADER_WORDS = 32;
const RECORD_WORDS = 32;
const STATICS_AT = HEADER_WORDS + MAX_THREADS * RECORD_WORDS;
const BYTES = (STATICS_AT + MAX_STATICS * STATIC_WORDS) * 4;

const INDEX_BITS = 10;
const MAX_GENERATION = (1 << 16) - 1;

const CLAIMED = 1;
const ALIVE = 2;
const DEAD = 3;

/** The words of a thread's record. */
export const Field = {
  LIFE: 0,
  /** The platform's number of the thread, plus 1. */
  PLATFORM: 1,
  /** The kernel's number of the thread and its birth, for threads that no supervisor watches. */
  TID: 2,
  BORN: 3,
  /** Who would see this thread's death: {@link Watch}, and above it the generation of which that is said. */
  WATCHED: 4,
  /** Odd while the thread is in a blocking call; moves when one starts or ends. */
  SEQ: 5,
  /** Moves each time a sleeper has woken and is going to look again. */
  LOOKS: 6,
  /** What the sleeper sleeps on: a buffer's number, and the word's byte offset in it. */
  BUFFER: 7,
  OFFSET: 8,
  /** How many of the thread's lines of tasks wait asynchronously. */
  AWAITING: 9,
  /** The SEQ of the blocking call that was chosen to end a deadlock. */
  VERDICT: 10,
  /** The token of park() and unpark(): see {@link noToken}. */
  TOKEN: 11,
  /** Rung by the supervisor when it answered a question of a blocked thread. */
  BELL: 12,
  /** The id that claimed this one, so that a claim whose claimer died before its request arrived is freed: see {@link spawnerWord}. */
  SPAWNER: 13,
  /** Always 0: what sleep() sleeps on. */
  NEVER: 14,
  NAME_BYTES: 15,
  /** 64 bytes of UTF-8. */
  NAME: 16,
} as const;
export type FieldIndex = (typeof Field)[keyof typeof Field];
const NAME_CAPACITY = 64;

/**
 * Who would see a thread's death, in the low bits of WATCHED: nobody, as long as it has not begun; nobody, and it is counted in UNWATCHED; a
 * supervisor, or all know of it already; the supervisor with which it dies.
 */
const Watch = { NOBODY: 0, COUNTED: 1, WATCHED: 2, ITS_CHILD: 3 } as const;
type Watch = (typeof Watch)[keyof typeof Watch];

/**
 * The low bits of the SUPERVISOR word. Until it is ready to be greeted the word names its starter: if that is a worker, the
 * supervisor dies with it.
 */
export const Supervision = { NONE: 0, STARTING: 1, READY: 3 } as const;

const KEY = "ferrous/registry@1";
const watchedWord = (id: number, watch: Watch): number => (generationOf(id) << 2) | watch;
const indexOf = (id: number): number => id & (MAX_THREADS - 1);
const generationOf = (id: number): number => id >>> INDEX_BITS;
const idOf = (life: number, index: number): number => ((life >>> 2) << INDEX_BITS) | index;
const MAX_ID = (1 << 26) - 1;
/** Above the spawner's id stand 6 bits of the claimed one's generation, so that what stands there from an earlier claim is not taken for it. */
const spawnerWord = (id: number, spawner: number): number => (generationOf(id) << 26) | spawner;

/** What TOKEN says without a token; one more with it. By its generation, so that a token for an index' last thread is none for its next one. */
export const noToken = (id: number): number => generationOf(id) << 1;

/** One process' registry: a thin face over its buffer, which is all the state there is. */
export class Registry {
  readonly buffer: SharedArrayBuffer;
  readonly cursor: Word;
  readonly numbers: Word;
  readonly supervisor: Word;
  readonly unwatched: Word;
  readonly supervisorTid: Word;
  readonly supervisorBorn: Word;
  readonly #cells: Int32Array<SharedArrayBuffer>;
  /** The first static that this thread has looked for in it. */
  firstStatic: string | undefined;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#cells = int32Of(buffer);
    this.cursor = new Word(this.#cells, 4);
    this.numbers = new Word(this.#cells, 5);
    this.supervisor = new Word(this.#cells, 6);
    this.unwatched = new Word(this.#cells, 7);
    this.supervisorTid = new Word(this.#cells, 8);
    this.supervisorBorn = new Word(this.#cells, 9);
  }

  static create(): Registry {
    const buffer = new SharedArrayBuffer(BYTES);
    const cells = int32Of(buffer);
    // PLAIN: nobody else has the buffer yet.
    cells[0] = MAGIC;
    cells[1] = VERSION;
    cells[2] = Math.floor(Math.random() * 0x7fff_ffff);
    cells[3] = Math.floor(Math.random() * 0x7fff_ffff);
    return new Registry(buffer);
  }

  /** The name of a thread's life, which no thread of another process or page has. */
  lifeOf(id: number): string {
    // PLAIN: these words never change once another thread can see them.
    return ["ferrous", this.#cells[2], this.#cells[3], id].join("/");
  }

  /** A word of the record that an id, or a bare index, names. */
  field(id: number, field: FieldIndex): Word {
    return new Word(this.#cells, HEADER_WORDS + indexOf(id) * RECORD_WORDS + field);
  }

  /** Where the entry of a static begins, in words; `at` from 0 to MAX_STATICS - 1. */
  staticAt(at: number): number {
    return STATICS_AT + at * STATIC_WORDS;
  }

  /**
   * Takes an id for a thread that is about to start. A claimer that dies before it has written itself into SPAWNER leaks one
   * record of this process' 1,024.
   * @throws {TooManyThreadsError} no record is free
   */
  claim(spawner = 0): number {
    // Oldest first; who finds none that way has perhaps shared the cursor with others, and then looks at each index itself.
    for (let tries = 0; tries < 2 * MAX_THREADS; tries++) {
      // BOUND: the cursor wraps around at 2^32, a multiple of MAX_THREADS.
      const index = indexOf(tries < MAX_THREADS ? this.cursor.add(1) : tries);
      const life = this.field(index, Field.LIFE);
      let seen = life.load();
      // Nobody may ever have asked whether this one lives, if no supervisor has watched it.
      if ((seen & 3) === ALIVE && !this.isAlive(idOf(seen, index))) seen = life.load();
      const generation = (seen >>> 2) + 1;
      const free = (seen & 3) === DEAD || (seen & 3) === 0;
      if (!free || generation > MAX_GENERATION || life.compareExchange(seen, (generation << 2) | CLAIMED) !== seen) continue;
      const id = (generation << INDEX_BITS) | index;
      const before = this.field(id, Field.WATCHED).exchange(watchedWord(id, Watch.NOBODY));
      if ((before & 3) === Watch.COUNTED) this.unwatched.sub(1);
      for (const field of [Field.PLATFORM, Field.TID, Field.BORN, Field.AWAITING, Field.VERDICT, Field.NAME_BYTES])
        this.field(id, field).store(0);
      this.field(id, Field.TOKEN).store(noToken(id));
      const seq = this.field(id, Field.SEQ);
      seq.store((seq.load() + 2) & ~1);
      this.field(id, Field.SPAWNER).store(spawnerWord(id, spawner));
      return id;
    }
    throw new TooManyThreadsError(MAX_THREADS);
  }

  /** Who claimed this id; 0 if nobody did for another, or has not written it yet. */
  spawnerOf(id: number): number {
    const seen = this.field(id, Field.SPAWNER).load();
    const spawner = seen & MAX_ID;
    return seen === spawnerWord(id, spawner) ? spawner : 0;
  }

  /** As {@link begin}, of a thread that no supervisor watches, or not yet. */
  beginUnwatched(id: number, platformId: number): boolean {
    this.#count(id, Watch.NOBODY);
    this.unwatched.notify();
    return this.begin(id, platformId);
  }

  /** The claimed id has a thread from now on; false if the claim was dropped meanwhile: then that thread must not run. */
  begin(id: number, platformId: number): boolean {
    this.field(id, Field.PLATFORM).store(platformId + 1);
    return this.#leaveClaimed(id, ALIVE);
  }

  /** The claimed id will have no thread; does nothing if it has one. */
  drop(id: number): void {
    if (this.#leaveClaimed(id, DEAD)) this.#watch(id, Watch.WATCHED);
  }

  #leaveClaimed(id: number, state: number): boolean {
    const generation = generationOf(id) << 2;
    return this.field(id, Field.LIFE).compareExchange(generation | CLAIMED, generation | state) === (generation | CLAIMED);
  }

  /** Writes a death that was proved; false if somebody else did. */
  markDead(id: number): boolean {
    const life = this.field(id, Field.LIFE);
    for (;;) {
      const seen = life.load();
      if (!this.#lives(id, seen)) return false;
      if (life.compareExchange(seen, (seen & ~3) | DEAD) !== seen) continue;
      this.#watch(id, Watch.WATCHED);
      return true;
    }
  }

  /** From now on a supervisor sees this thread's death, unless it is dead already. */
  setWatched(id: number): void {
    this.#watch(id, Watch.WATCHED);
  }
  /** As {@link setWatched}, of a thread that dies with the supervisor. */
  setItsChild(id: number): void {
    this.#watch(id, Watch.ITS_CHILD);
  }
  /** Does it die with its supervisor, which would see it? */
  isItsChild(id: number): boolean {
    return this.field(id, Field.WATCHED).load() === watchedWord(id, Watch.ITS_CHILD);
  }
  /** Would a supervisor see this thread's death? */
  isWatched(id: number): boolean {
    const seen = this.field(id, Field.WATCHED).load();
    return seen === watchedWord(id, Watch.WATCHED) || this.isItsChild(id);
  }

  /** The supervisor has died, and its children before it; whom else it watched, nobody does now. */
  loseSupervisor(): void {
    for (const id of [...this.#inState(CLAIMED), ...this.#inState(ALIVE)]) {
      if (this.isItsChild(id)) this.markDead(id);
      // But for the main thread, which ends with the process.
      else if (this.field(id, Field.TID).load() !== 0) this.#count(id, Watch.WATCHED);
    }
  }

  /** Counts it among the unwatched, unless something else than `from` is said of it by now. */
  #count(id: number, from: Watch): void {
    this.unwatched.add(1);
    const before = watchedWord(id, from);
    if (this.field(id, Field.WATCHED).compareExchange(before, watchedWord(id, Watch.COUNTED)) !== before) this.unwatched.sub(1);
  }

  /** Nobody else need look after this thread from now on. Never back from COUNTED to NOBODY, so in this order none is missed. */
  #watch(id: number, by: Watch): void {
    const word = this.field(id, Field.WATCHED);
    for (const from of [Watch.NOBODY, Watch.COUNTED]) {
      const before = watchedWord(id, from);
      if (word.compareExchange(before, watchedWord(id, by)) !== before) continue;
      if (from === Watch.COUNTED) this.unwatched.sub(1);
      return;
    }
  }

  /** Does the thread of this id live, as far as anybody knows? */
  isAlive(id: number): boolean {
    if (!this.#lives(id, this.field(id, Field.LIFE).load())) return false;
    if (this.unwatched.load() === 0 || this.isWatched(id)) return true;
    return this.#probe(id);
  }

  /** For who asks often whether this thread lives. */
  pulseOf(id: number): Pulse {
    return new Pulse(this.#cells, HEADER_WORDS + indexOf(id) * RECORD_WORDS + Field.LIFE, generationOf(id));
  }

  #lives(id: number, life: number): boolean {
    return life >>> 2 === generationOf(id) && ((life & 3) === ALIVE || (life & 3) === CLAIMED);
  }

  /** Asks the kernel after a thread that no supervisor watches. */
  #probe(id: number): boolean {
    const tid = this.field(id, Field.TID).load();
    const alive = host.osThreadAlive(tid, this.field(id, Field.BORN).load());
    // PAIRS: with nameOsThread, which may be writing them at this moment.
    if (this.field(id, Field.TID).load() !== tid) return true;
    if (alive === false) this.markDead(id);
    return alive !== false;
  }

  /** The thread that the kernel is asked for: this id's own, or one with which it surely dies. */
  nameOsThread(id: number, { tid, born }: { readonly tid: number; readonly born: number }): void {
    // Never a pair of which one half is another thread's: while TID is 0, nobody knows.
    this.field(id, Field.TID).store(0);
    this.field(id, Field.BORN).store(born);
    this.field(id, Field.TID).store(tid);
  }

  /** All ids that were claimed, and have no thread yet. */
  claimed(): Iterable<number> {
    return this.#inState(CLAIMED);
  }

  /** All ids that have a thread now. */
  living(): Iterable<number> {
    return this.#inState(ALIVE);
  }

  *#inState(state: number): Iterable<number> {
    for (let index = 0; index < MAX_THREADS; index++) {
      const life = this.field(index, Field.LIFE).load();
      if ((life & 3) === state) yield idOf(life, index);
    }
  }

  setName(id: number, name: string): void {
    const bytes = writeText(this.buffer, this.field(id, Field.NAME).byteOffset, NAME_CAPACITY, name);
    this.field(id, Field.NAME_BYTES).store(bytes);
  }

  /** The bare name, `""` if it has none; of a thread that is gone, until its record is used again. */
  nameOf(id: number): string {
    const known = this.field(id, Field.LIFE).load() >>> 2 === generationOf(id);
    return known ? readText(this.buffer, this.field(id, Field.NAME).byteOffset, this.field(id, Field.NAME_BYTES).load()) : "";
  }

  /** The thread as messages call it. */
  describe(id: number): string {
    const name = this.nameOf(id);
    return name === "" ? `thread ${String(id)}` : `thread "${name}"`;
  }
}

/** A thread's life, next to nothing to look at. It may beat for some time after the death, and for ever if no supervisor watches the thread. */
export class Pulse {
  readonly #cells: Int32Array<SharedArrayBuffer>;
  readonly #at: number;
  readonly #alive: number;

  constructor(cells: Int32Array<SharedArrayBuffer>, at: number, generation: number) {
    this.#cells = cells;
    this.#at = at;
    this.#alive = (generation << 2) | ALIVE;
  }
  get beats(): boolean {
    // PLAIN: what is missed now is seen the next time; and who knows of the death by other means sees it here too.
    return this.#cells[this.#at] === this.#alive;
  }
}

let ours: Registry | undefined;

/** This process' registry: inherited from the thread that started this one, or made on first use. */
export function registry(): Registry {
  if (ours !== undefined) return ours;
  const inherited = host.inherited(KEY);
  if (inherited === undefined) {
    ours = Registry.create();
    host.bequeath(KEY, ours.buffer);
  } else {
    ours = openRegistry(inherited);
  }
  return ours;
}

/**
 * Takes the process' registry instead of one that this thread made before it was given that, as a page's worker can.
 * @returns the one that it leaves, if there is one
 */
export function leaveOwnRegistry(): Registry | undefined {
  const given = host.inherited(KEY);
  if (ours === undefined || !isSharedBuffer(given) || isSame(ours.buffer, given)) return undefined;
  const left = ours;
  ours = openRegistry(given);
  return left;
}

/** Are these the same process' registry, whichever objects stand for its memory? */
function isSame(a: SharedArrayBuffer, b: SharedArrayBuffer): boolean {
  const [ours, theirs] = [int32Of(a), int32Of(b)];
  // PLAIN: the first four words never change once another thread can see them.
  return [0, 1, 2, 3].every((at) => ours[at] === theirs[at]);
}

/** This process' registry, as it travels in handles. */
export const registryBuffer = (): SharedArrayBuffer => registry().buffer;

/** Meets the registry that came with a handle: takes it if this thread has none, else false if it is another process' one. */
export function meetRegistry(buffer: SharedArrayBuffer): boolean {
  if (ours === undefined && host.inherited(KEY) === undefined) {
    ours = openRegistry(buffer);
    host.bequeath(KEY, buffer);
    return true;
  }
  return isSame(registry().buffer, buffer);
}

/** Runs with another registry until the returned function is called: for the checker's worlds. @internal */
export function enterRegistry(other: Registry): () => void {
  const before = ours;
  ours = other;
  return () => {
    ours = before;
  };
}

function openRegistry(found: unknown): Registry {
  if (!isSharedBuffer(found) || found.byteLength < BYTES) throw new HandleError("it names a registry that is no ferrous registry");
  const cells = int32Of(found);
  // PLAIN: the first four words never change once another thread can see them.
  if (cells[0] !== MAGIC || cells[1] !== VERSION) {
    throw new LayoutError(
      `two versions of ferrous meet in this process (registries ${String(cells[1])} and ${String(VERSION)}), and their locks cannot see each other's threads. ` +
        `Install one version: npm ls ferrous shows who brings which.`,
    );
  }
  return new Registry(found);
}

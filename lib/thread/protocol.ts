/** What threads and their supervisor tell each other over a lifeline. */
import type { ResourceLimits } from "../host/host.ts";

/**
 * Who could end a wait: one thread, or whoever the words at these offsets of the sleeper's buffer name now. Owners are read
 * live and never noted, because a noted owner may have released long ago.
 */
export type Holders = { readonly thread: number } | HolderWords | readonly HolderWords[];

/** Words that name a holder each, or nobody. */
export interface HolderWords {
  /** In bytes: of the first word, and from one to the next. */
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  /** The id stands above so many bits of flags. */
  readonly shift: number;
  /** Whose word has one of these flags only waits. */
  readonly unless?: number;
  /** Others let the sleeper in, by writing its name into one of these words: then it waits no more, even before it has woken. */
  readonly admits?: boolean;
  /** Of counted things: how much an owner holds is in the word `at` bytes behind its own, and one more if its own word has the flag `one`. */
  readonly held?: { readonly at: number; readonly shift: number; readonly one: number };
  /** Of others: how much each holds; 1 without it. */
  readonly each?: number;
  /** The wait goes on for as long as the owners of all groups, without the sleeper itself, hold more than this together; 0 without it. */
  readonly spare?: number;
}

/** Starts a thread under the supervisor. */
export interface SpawnRequest {
  readonly type: "spawn";
  readonly id: number;
  readonly name: string;
  /** The word where the end is told: see {@link Ending}. */
  readonly cell: SharedArrayBuffer;
  /** A letterbox, where a thread that blocks receives no messages: there the reason is told if it could not be started. */
  readonly box?: SharedArrayBuffer | undefined;
  readonly boot: string;
  readonly start: unknown;
  readonly transfer: readonly object[];
  readonly resourceLimits?: ResourceLimits;
}

/** What the supervisor is told of a thread that it did not start; `cell` and `box` as in a {@link SpawnRequest}. */
export type Adoption = Pick<SpawnRequest, "id" | "name" | "cell" | "box">;

export type ToSupervisor =
  | { readonly type: "buffer"; readonly number: number; readonly buffer: SharedArrayBuffer }
  | { readonly type: "forget"; readonly number: number }
  | {
      readonly type: "blocked";
      readonly seq: number;
      readonly what: string;
      readonly number: number;
      readonly holders: Holders;
      readonly box?: SharedArrayBuffer | undefined;
    }
  | SpawnRequest
  /** A worker that the asking thread starts itself, since only its bundler knows how. */
  | (Adoption & { readonly type: "adopt"; readonly lifeline: object })
  /** A task of the thread awaits that the word at this place has another value, or is notified; a bigint's has 64 bits. */
  | { readonly type: "await"; readonly ticket: number; readonly number: number; readonly offset: number; readonly value: number | bigint }
  /** Wakes whoever sleeps at this place: what was asked for before is one of them by then. */
  | { readonly type: "notify"; readonly number: number; readonly offset: number }
  /** From now on the end of this thread's life can be awaited. */
  | { readonly type: "held" }
  /** `failed`: it could not be started, and why. */
  | { readonly type: "terminate"; readonly id: number; readonly failed?: string | undefined }
  | { readonly type: "keep"; readonly id: number; readonly alive: boolean }
  | { readonly type: "shelve"; readonly number: number; readonly value: unknown }
  | { readonly type: "fetch"; readonly number: number }
  | { readonly type: "unshelve"; readonly number: number }
  /** Every sleeper shall look again: something changed that its word does not tell. */
  | { readonly type: "wake" }
  /** Means nothing: can it be sent? */
  | { readonly type: "probe" }
  /** All that was sent before it has arrived once this word is set. */
  | { readonly type: "receipt"; readonly cell: SharedArrayBuffer };

/** What a thread is started with, wherever that is done. */
export type ThreadStart = Omit<SpawnRequest, "type" | "cell" | "box" | "start"> & { readonly data: object };

export type FromSupervisor =
  /** Asks the page to start a worker, or to end it. */
  | { readonly type: "start"; readonly thread: ThreadStart }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "look" }
  | { readonly type: "changed"; readonly ticket: number }
  | { readonly type: "deadlock"; readonly seq: number; readonly cycle: readonly CycleStep[] }
  | { readonly type: "fetched"; readonly number: number; readonly found: boolean; readonly value: unknown }
  /** So many threads keep the process alive, now that the receiver's first `heard` requests were heard. */
  | { readonly type: "live"; readonly count: number; readonly heard: number };

/** One thread of a deadlock, and what it waits for. */
export interface CycleStep {
  readonly thread: string;
  readonly what: string;
}

/**
 * How a thread ended, as its spawn cell says it. 0 while it runs. ORPHANED: with its supervisor, which told nothing of it. UNSTARTED: it
 * never began, and why is the text that lies in its letterbox.
 */
export const Ending = { RUNNING: 0, EXIT: 1, TERMINATED: 2, OUT_OF_MEMORY: 3, FAILED: 4, ORPHANED: 5, UNSTARTED: 6 } as const;

/**
 * Where, in bytes, a thread that is not the supervisor's child says that it ends by itself, behind the word of its end: 1. Of its end
 * the supervisor hears nothing else.
 */
export const LEAVING = 4;

/** What the page posts to a worker that it has started, where nobody else can. */
export interface Invitation {
  readonly ferrous: "invited";
  readonly id: number;
  readonly lifeline: object;
}

/** What a worker that needs a supervisor sends to the main thread: one that main starts outlives the worker. */
export interface Plea {
  readonly ferrous: "supervise";
}

/** What a worker that someone else started sends to the supervisor to be watched. */
export interface Greeting {
  readonly ferrous: "lifeline";
  readonly id: number;
  readonly isMain: boolean;
  readonly lifeline: object;
}

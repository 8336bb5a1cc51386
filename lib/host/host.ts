/** What the platform gives: the only words between ferrous and Node, a browser, Bun or Deno. */

/** One end of a message channel. */
export interface Port {
  postMessage(message: unknown, transfer?: readonly object[]): void;
  /** Calls `receive` for each message, when this thread is at its event loop. */
  listen(receive: (message: unknown) => void): void;
  /** The next message if one is there already, in the midst of blocking code; where that cannot be had, see {@link Host.polls}, none. */
  poll(): { readonly message: unknown } | undefined;
  /** Calls `closed` once the other end is closed or its thread has ended; where no port tells, see {@link Life}, never. */
  onClose(closed: () => void): void;
  /** Does this end keep the process alive? Not until it is asked to. */
  ref(alive: boolean): void;
  /**
   * Posts a message that means nothing: is it known, in the midst of blocking code, that the other end is closed? All that had come must
   * have been received before.
   */
  isClosed(probe: unknown): boolean;
  close(): void;
  /** The platform's own object, to transfer or to put into a message. */
  readonly native: object;
}

/** A platform thread that this thread started, and so hears of its end. */
export interface HostWorker {
  /** The platform's number of the thread. */
  readonly platformId: number;
  postMessage(message: unknown, transfer?: readonly object[]): void;
  /** Called once, when no instruction of the thread can take effect any more; in browsers only if it could not be started. */
  onExit(ended: (exit: HostExit) => void): void;
  /** Called once, after the exit, when all that the thread printed has been passed on. */
  onPrinted(passed: () => void): void;
  terminate(): void;
  ref(alive: boolean): void;
}

/** How a platform thread ended. `error` is what nobody caught, as far as the platform tells; in browsers, undefined if its script could not be loaded. */
export interface HostExit {
  readonly code: number;
  readonly outOfMemory: boolean;
  readonly error?: unknown;
}

/** Limits of one thread's memory, in MB. */
export interface ResourceLimits {
  readonly maxOldGenerationSizeMb?: number;
  readonly maxYoungGenerationSizeMb?: number;
  readonly codeRangeSizeMb?: number;
  readonly stackSizeMb?: number;
}

export interface WorkerStart {
  readonly data: unknown;
  readonly transfer: readonly object[];
  readonly name: string;
  readonly resourceLimits?: ResourceLimits;
}

/** How threads prove that they live, where neither a port nor the platform tells of their end: see life-web.ts. */
export interface Life {
  /** Holds a name of this process for as long as this thread lives; resolves once it is held, rejects where that is denied. */
  hold(name: string): Promise<void>;
  /**
   * Calls `ended` once whoever held the name has ended; if nobody ever did, at once, and nobody will.
   * @param neverHeld  nobody holds it yet, and nobody shall
   */
  onEnd(name: string, ended: () => void, neverHeld: boolean): void;
}

export interface Host {
  readonly isMain: boolean;
  /** The platform's number of this thread, never used twice in a process. The main thread's is 0. */
  readonly platformId: number;
  /** May this thread block? A page's main thread may not, nor may a service worker. */
  readonly mayBlock: boolean;
  /** Can messages be received in the midst of blocking code? */
  readonly polls: boolean;
  /** Does the process crash if somebody notifies what this thread awaits, in the moment in which the thread is taken down? Not there: never. */
  readonly crashesAwaiting?: boolean;
  parallelism(): number;
  /** Shared memory under a name, seen by every thread that is started later, by whomever. */
  inherited(key: string): unknown;
  bequeath(key: string, buffer: SharedArrayBuffer): void;
  /** What the starter of this thread gave it. */
  readonly startData: unknown;
  channel(): readonly [Port, Port];
  openPort(native: unknown): Port;
  /** The first message that this thread's starter posts to it. */
  firstMessage(): Promise<unknown>;
  /** Starts the supervisor. Not there: a bundler must be shown what starts it, which is apart from the host (starts-supervisor-web.ts). */
  readonly startSupervisor?: (start: WorkerStart) => HostWorker;
  /** What a new thread runs first, as threads tell each other. */
  readonly bootFile: string;
  /** Hears of the end of a worker that the user's code started. */
  watch(worker: unknown): HostWorker;
  /** Sends to any thread of this process by the platform's number; resolves to whether it arrived. Not there: nothing but a thread's starter can. */
  readonly sendTo?: (platformId: number, message: unknown, transfer: readonly object[]) => Promise<boolean>;
  /** Sends to the main thread, if that listens. Not there: nothing can. */
  readonly askMain?: (message: unknown) => void;
  /** Receives what other threads send with {@link Host.sendTo} or {@link Host.askMain}. */
  readonly onSent?: (receive: (message: unknown) => void) => { stop(): void };
  /** The operating system's name of this thread, for {@link Host.osThreadAlive}; zeros where there is none. */
  osThread(): { readonly tid: number; readonly born: number };
  /** Does that thread run? `undefined` where the platform cannot tell without being in its event loop. */
  osThreadAlive(tid: number, born: number): boolean | undefined;
  /** Keeps the process alive, and calls `tick` every `ms`, until stopped. */
  every(ms: number, tick: () => void): { stop(): void };
  /** Calls `then` after `ms`, if this thread is still there; does not keep it alive. */
  later(ms: number, then: () => void): void;
  /** Calls `last` when an error that nobody caught is about to end this thread. */
  onUncaught(last: (error: unknown, isRejection: boolean) => void): void;
  /** Calls `last` when this process or thread is about to end by itself; returns what takes that back. */
  onExit(last: () => void): () => void;
  /** Ends this thread: at once, or with the turn that asks for it. */
  exit(code: number): void;
  warn(line: string): void;
}

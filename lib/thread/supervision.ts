/**
 * That there is a supervisor: it is started by whoever needs it first, noticed when it is lost, and asked for threads. Whoever starts it is
 * its parent, hears of its end, and keeps the process alive for as long as it has threads that shall.
 */
import { host } from "#host";
import { TaskError } from "../errors.ts";
import type { HostExit, HostWorker, Port, WorkerStart } from "../host/host.ts";
import { Word } from "../memory/word.ts";
import { currentThread } from "./current.ts";
import { hasGreeted, hear, isDead, isSupervised, layLine, leaveLine, leaveOld, line, lookAgain, poll, send, whenLeft } from "./lifeline.ts";
import { Ending, type Greeting, type SpawnRequest, type ThreadStart, type ToSupervisor } from "./protocol.ts";
import { registry, Supervision } from "./registry.ts";

// --- having one ---

/** Makes sure that there is a supervisor, starting it if need be: for whoever needs a parent for threads, or its shelf. */
export function supervise(): void {
  leaveDead();
  while (!isSupervised()) {
    const { supervisor } = registry();
    const seen = supervisor.load();
    if (seen === 0) {
      if (supervisor.compareExchange(0, (currentThread().id << 2) | Supervision.STARTING) === 0) startOrLeave();
    } else if (host.sendTo === undefined) {
      throw new TaskError(
        "this worker does not know the threads of its page: call invite(worker) there, and await attach() here, before it uses ferrous.",
      );
    } else {
      supervisor.wait(seen, LOOK_EVERY);
      leaveDead();
    }
  }
}

/** In ms: how often whoever waits for a supervisor looks whether those live that it waits for. */
const LOOK_EVERY = 10;

/**
 * A supervisor that a worker started dies with that worker, and one that is being started dies with its starter. The next one is
 * started by whoever needs it.
 */
function leaveDead(): void {
  const { supervisor } = registry();
  const seen = supervisor.load();
  if (seen !== 0 && isDead(seen) && supervisor.compareExchange(seen, 0) === seen) supervisor.notify();
  leaveOld();
}

/** Tells, whenever it is called, whether the supervisor that this thread asks now is gone: nothing that it was asked for will happen any more. */
export function watchSupervisor(): () => boolean {
  const asked = line();
  return () => {
    lookAtStart();
    leaveDead();
    return line() !== asked;
  };
}

/** Resolves once the supervisor listens, and has this thread's line; on a thread that is not the main one, also if there is none. */
export async function untilSupervised(): Promise<void> {
  const { supervisor } = registry();
  // Keeps the process alive, and sees the death of whoever is waited for.
  const looking = host.every(LOOK_EVERY, leaveDead);
  const before = failure;
  try {
    for (let seen = supervisor.load(); seen !== 0 || host.isMain; seen = supervisor.load()) {
      if (seen === 0) {
        if (failure !== undefined && failure !== before) throw failure;
        supervise();
      } else if ((seen & 3) === Supervision.READY) {
        if (isSupervised()) await hasGreeted();
        leaveDead();
        if (supervisor.load() === seen) return;
      } else {
        const pending = supervisor.waitAsync(seen);
        if (pending.async) await pending.value;
      }
    }
  } finally {
    looking.stop();
  }
}

// --- starting it ---

type Starter = (start: WorkerStart) => HostWorker;
let startSupervisor: Starter =
  host.startSupervisor ??
  (() => {
    throw new TaskError("there is no supervisor yet: call spawn() or attach() first, on the page.");
  });
let startThread: ((boot: string, start: WorkerStart) => HostWorker) | undefined;
/** Tells how workers are started: see starter.ts. */
export function startBy(supervisor: Starter, thread: typeof startThread): void {
  startSupervisor = supervisor;
  startThread = thread;
}

/** Who could not start it leaves the place to whoever comes next. */
function startOrLeave(): void {
  try {
    start();
  } catch (error) {
    registry().supervisor.store(0);
    registry().supervisor.notify();
    throw error;
  }
}

function start(): void {
  const { id } = currentThread();
  const [mine, theirs] = host.channel();
  const greeting: Greeting = { ferrous: "lifeline", id, isMain: host.isMain, lifeline: theirs.native };
  const worker = startSupervisor({ name: "ferrous supervisor", data: greeting, transfer: [theirs.native] });
  worker.ref(false);
  worker.onExit((exit) => {
    failed(exit, worker);
  });
  starting = worker;
  isKeeper = true;
  layLine(mine, worker.platformId);
}

// --- losing it ---

/** The words where the end of a thread is told that was asked for; until the supervisor is known to run. */
const unheard = new Map<number, SharedArrayBuffer>();
/** The supervisor, while it is not known whether it runs. */
let starting: HostWorker | undefined;
/** Has this thread started a supervisor that is not ready yet? */
export const isStarting = (): boolean => starting !== undefined && (registry().supervisor.load() & 3) === Supervision.STARTING;

/** Who blocks is told by no event that the supervisor could not start. */
function lookAtStart(): void {
  if (!isStarting()) return;
  poll();
  if (line()?.isClosed({ type: "probe" } satisfies ToSupervisor) === true) failed({ code: 1, outOfMemory: false }, starting);
}
/** Why the last one that this thread started runs no more. */
let failure: TaskError | undefined;
/** The one of which that is known. */
let lost: HostWorker | undefined;
export const supervisorFailure = (): TaskError | undefined => failure;

/** It could not be loaded, or has died: nothing that it was asked for will ever happen. */
function failed(exit: HostExit, worker: HostWorker | undefined): void {
  const { supervisor } = registry();
  const wasReady = (supervisor.load() & 3) === Supervision.READY;
  const why = String(exit.error ?? `exit code ${String(exit.code)}`);
  if (worker === lost) {
    // Seen before, while this thread blocked; the reason comes now.
    host.warn(`ferrous: the supervisor could not be started: ${why}`);
    return;
  }
  lost = worker;
  failure = new TaskError(
    host.life === undefined
      ? wasReady
        ? `the supervisor has died (${why}), and all threads that it had started with it. The next spawn() starts another one.`
        : `the supervisor could not be started, and so no thread (${why}). Its thread runs what is preloaded, by --import or --require, first.`
      : `the supervisor of its threads could not be loaded (${why}). A bundler that does not follow new Worker(new URL(...)) ` +
          `must be given "ferrous/supervisor" and "ferrous/worker" as entries, named ferrous-supervisor.js and ferrous-thread.js, beside what it makes of the rest.`,
    { cause: exit.error },
  );
  host.warn(`ferrous: ${failure.message}`);
  if (host.life === undefined) registry().loseSupervisor();
  for (const [id, cell] of unheard) {
    registry().markDead(id);
    const end = Word.at(cell, 0);
    end.store(Ending.FAILED);
    end.notify();
  }
  unheard.clear();
  // Whoever asks next tries again.
  leaveLine();
  supervisor.store(0);
  supervisor.notify();
  starting = undefined;
  lookAgain();
}

// --- threads ---

/** Did this thread start the supervisor? Then it is the supervisor's parent, and stays while threads run. */
let isKeeper = host.isMain;
/** How many requests were sent that change how many threads keep the process alive. */
let asked = 0;
whenLeft(() => {
  asked = 0;
});
hear("live", (told) => {
  unheard.clear();
  starting?.ref(false);
  starting = undefined;
  if (isKeeper) line()?.ref(told.count > 0 || told.heard < asked);
});

/** Asks the supervisor for a thread. */
export function requestSpawn(request: Omit<SpawnRequest, "type">): void {
  send({ type: "spawn", ...request }, request.transfer);
  if (host.life !== undefined && (registry().supervisor.load() & 3) !== Supervision.READY) unheard.set(request.id, request.cell);
  // Counted once it is sent: the supervisor never hears of a request that cannot be cloned.
  asked++;
  if (isKeeper) line()?.ref(true);
  // Else the process might end before it is told that the supervisor cannot start.
  starting?.ref(true);
}

/** Gives the supervisor the line to a worker that this thread started itself. */
export function requestAdoption(id: number, name: string, cell: SharedArrayBuffer, lifeline: Port): void {
  send({ type: "adopt", id, name, cell, lifeline: lifeline.native }, [lifeline.native]);
  asked++;
  if (isKeeper) line()?.ref(true);
}

/** @param failed  it could not be loaded */
export function requestTermination(id: number, failed = false): void {
  send({ type: "terminate", id, failed });
}

/** Shall that thread keep the process alive? */
export function requestKeep(id: number, alive: boolean): void {
  send({ type: "keep", id, alive });
  asked++;
  if (isKeeper) line()?.ref(true);
}

// --- workers that a page starts ---

/** The workers that this page started for the supervisor. */
const workers = new Map<number, HostWorker>();

/** Starts a worker at the supervisor's word. */
function startHere({ id, boot, ...given }: ThreadStart): void {
  const failed = (why: unknown): void => {
    host.warn(`ferrous: ${registry().describe(id)} could not be started: ${String(why)}`);
    requestTermination(id, true);
  };
  let worker: HostWorker;
  try {
    if (startThread === undefined) throw new TaskError("this worker cannot start threads: only the page and its supervisor can.");
    worker = startThread(boot, given);
  } catch (why) {
    failed(why);
    return;
  }
  workers.set(id, worker);
  // Before the thread can run: it must find itself alive.
  registry().begin(id, worker.platformId);
  worker.onExit((exit) => {
    failed(exit.error);
  });
}
hear("start", (told) => {
  startHere(told.thread);
});
hear("end", ({ id }) => {
  workers.get(id)?.terminate();
  workers.delete(id);
});

/**
 * That there is a supervisor: it is started by whoever needs it first, noticed when it is lost, and asked for threads. Whoever starts it is
 * its parent, hears of its end, and keeps the process alive for as long as it has threads that shall.
 */
import { host } from "#host";
import { TaskError } from "../errors.ts";
import type { HostExit, HostWorker, Port, WorkerStart } from "../host/host.ts";
import { life } from "../host/life-node.ts";
import { currentThread, whenJoined } from "./current.ts";
import {
  hear,
  isDead,
  isSupervised,
  keepBy,
  layLine,
  leaveClosed,
  leaveLine,
  leaveOld,
  line,
  lookAgain,
  poll,
  send,
  STRANGER,
  whenLeft,
} from "./lifeline.ts";
import { hasGreeted } from "./greet-node.ts";
import type { Adoption, Greeting, Plea, SpawnRequest, ThreadStart, ToSupervisor } from "./protocol.ts";
import { Field, registry, Supervision } from "./registry.ts";

// --- having one ---

/** Makes sure that there is a supervisor, starting it if need be: for whoever needs a parent for threads, or its shelf. */
export function supervise(): void {
  leaveDead();
  for (let hasAsked = false; !isSupervised();) {
    const { supervisor } = registry();
    const seen = supervisor.load();
    if (seen === 0 && !hasAsked) {
      hasAsked = true;
      askMain();
    } else if (seen === 0 && (host.sendTo !== undefined || host.isMain)) {
      if (supervisor.compareExchange(0, (currentThread().id << 2) | Supervision.STARTING) === 0) startOrLeave();
    } else if (host.sendTo === undefined) {
      throw new TaskError(STRANGER);
    } else {
      supervisor.wait(seen, LOOK_EVERY);
      leaveDead();
    }
  }
}

/** In ms. A main thread that is blocked for longer, perhaps by waiting for this thread, is not waited for. */
const MAIN_WITHIN = 100;

/** Has the thread with that number of the platform's joined? */
function hasThread(platformId: number): boolean {
  const all = registry();
  return [...all.living()].some((id) => all.field(id, Field.PLATFORM).load() === platformId + 1);
}

/** Lets the main thread start the supervisor, if it can: what a worker starts ends with that worker, and all threads with it. */
function askMain(): void {
  if (host.isMain || host.askMain === undefined || !hasThread(0)) return;
  host.askMain({ ferrous: "supervise" } satisfies Plea);
  registry().supervisor.wait(0, MAIN_WITHIN);
}

/** The main thread hears what its workers ask of it, for as long as it has started no supervisor: a listener is seen by the whole process. */
let hearing: { stop(): void } | undefined;
function hearPleas(): void {
  if (!host.isMain) return;
  hearing ??= host.onSent?.((message) => {
    // Who could not wait has started one.
    if ((message as Partial<Plea> | null)?.ferrous !== "supervise" || registry().supervisor.load() !== 0) return;
    try {
      supervise();
    } catch {
      // Who asked tries it, and is told.
    }
  });
}
whenJoined(hearPleas);

/** In ms: how often whoever waits for a supervisor looks whether those live that it waits for. */
export const LOOK_EVERY = 10;

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
    if (isStarting()) look();
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
        // Where awaiting is dangerous, nobody is there yet who could do it for this thread: so it looks.
        const pending = host.crashesAwaiting === true ? undefined : supervisor.waitAsync(seen);
        if (pending?.async === true) await pending.value;
        else
          await new Promise<void>((resolve) => {
            host.later(LOOK_EVERY, resolve);
          });
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
/** Starts a worker at the supervisor's word; not there in a thread that starts none. */
let startHere: ((thread: ThreadStart) => void) | undefined;
/** Tells how workers are started: see starter.ts. */
export function startBy(supervisor: Starter, startThread: (boot: string, start: WorkerStart) => HostWorker): void {
  startSupervisor = supervisor;
  startHere = (thread) => {
    startWorker(thread, startThread);
  };
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
  lose();
  const { id } = currentThread();
  const [mine, theirs] = host.channel();
  const greeting: Greeting = { ferrous: "lifeline", id, isMain: host.isMain, lifeline: theirs.native };
  const worker = startSupervisor({ name: "ferrous supervisor", data: greeting, transfer: [theirs.native] });
  worker.ref(false);
  worker.onExit((exit) => {
    failed(exit, worker);
  });
  starting = worker;
  hearing?.stop();
  hearing = undefined;
  started = { worker, line: mine };
  if (!isKeeper) host.onExit(tellOfEnd);
  isKeeper = true;
  layLine(mine, worker.platformId);
}

// --- losing it ---

/** The supervisor that this thread started, and its line to it; undefined once it is known to run no more. */
let started: { readonly worker: HostWorker; readonly line: Port } | undefined;
/** It, while it is not known whether it runs. */
let starting: HostWorker | undefined;
/** Has this thread started a supervisor that is not ready yet? */
const isStarting = (): boolean => starting !== undefined && (registry().supervisor.load() & 3) === Supervision.STARTING;
/** Those that are known to run no more. */
const lost = new WeakSet<HostWorker>();
/** Why the last of them ended. */
let failure: TaskError | undefined;
export const supervisorFailure = (): TaskError | undefined => failure;

/** In ms: how often. */
const LOOK_WHEN_READY = 1000;
function lookEvery(): number {
  if (isStarting()) return LOOK_EVERY;
  const { id, registry } = currentThread();
  return host.polls && line() !== undefined && !registry.isItsChild(id) ? LOOK_WHEN_READY : Infinity;
}

/** Sees, in the midst of blocking code, that the supervisor is no more. */
function look(): void {
  poll();
  const closed = line();
  if (closed?.isClosed({ type: "probe" } satisfies ToSupervisor) !== true) return;
  if (closed === started?.line) failed(undefined, started.worker);
  else leaveClosed();
}
keepBy({ lookEvery, look });

/** The supervisor ends with this worker, which started it: at once if somebody else ends the worker, which nobody can tell of then. */
function tellOfEnd(): void {
  if (started === undefined) return;
  const all = registry();
  // That others have spawned, and that live or are going to.
  const threads = [
    ...[...all.claimed()].filter((id) => all.isAlive(all.spawnerOf(id))),
    ...[...all.living()].filter((id) => all.spawnerOf(id) !== 0 && all.isAlive(id)),
  ].map((id) => all.describe(id));
  leavePlace(started.worker);
  if (threads.length === 0) return;
  host.warn(
    `ferrous: ${all.describe(currentThread().id)} ends, and with it the supervisor that it had started, and its threads, whoever spawned them: ` +
      `${threads.join(", ")}. Let the main thread await attach() before its workers use ferrous; then threads outlive who spawned them.`,
  );
}

/** Where the kernel cannot be asked whether the supervisor lives, nobody else would ever start another one. */
function leavePlace(worker: HostWorker): void {
  const { supervisor } = registry();
  const seen = supervisor.load();
  const isIts = (seen & 3) === Supervision.READY ? worker.platformId : currentThread().id;
  if (host.osThread().tid === 0 && seen >>> 2 === isIts && supervisor.compareExchange(seen, 0) === seen) supervisor.notify();
}

/**
 * Why a worker could not be started, or has died. No browser tells why a module cannot be loaded, or that it cannot be parsed.
 * @param perhaps  what else may be the reason then
 */
export function causeOf({ error, code }: HostExit, perhaps?: string): string {
  if (error !== undefined) return String(error);
  if (life === undefined) return `exit code ${String(code)}`;
  return (
    "its script could not be loaded: it, and each module that it imports, must be there, without an error of syntax, " +
    "on the page's own origin, with the page's Cross-Origin-Embedder-Policy header, " +
    `and a Content-Security-Policy must let it in by worker-src${perhaps === undefined ? "" : `; and ${perhaps}`}`
  );
}

/**
 * It could not be loaded, or has died: nothing that it was asked for will ever happen.
 * @param exit  not known yet to who blocks
 */
function failed(exit: HostExit | undefined, worker: HostWorker): void {
  const why = exit === undefined ? "its reason is told when this thread blocks no more" : causeOf(exit);
  if (lost.has(worker)) {
    host.warn(`ferrous: that supervisor has ended because of: ${why}`);
    return;
  }
  lost.add(worker);
  if (starting === worker) starting = undefined;
  hearPleas();
  const { supervisor } = registry();
  const seen = supervisor.load();
  const wasReady = (seen & 3) === Supervision.READY;
  failure = new TaskError(
    life === undefined
      ? wasReady
        ? `the supervisor has died (${why}), and all threads that it had started with it. The next spawn() starts another one.`
        : `the supervisor could not be started, and so no thread (${why}). Its thread runs what is preloaded, by --import or --require, first.`
      : `the supervisor of its threads could not be loaded (${why}). And a bundler that does not follow new Worker(new URL(...)) ` +
          `must be given "ferrous/supervisor" and "ferrous/worker" as entries, named ferrous-supervisor.js and ferrous-thread.js, beside what it makes of the rest.`,
    { cause: exit?.error },
  );
  host.warn(`ferrous: ${failure.message}`);
  if (started?.worker === worker) {
    lose();
    // Others may have seen it dead before, and have another one by now.
    if (seen >>> 2 === (wasReady ? worker.platformId : currentThread().id)) {
      leaveLine();
      // Whoever asks next tries again.
      if (supervisor.compareExchange(seen, 0) === seen) supervisor.notify();
    }
  }
  // Not in the midst of blocking code, where nobody's task goes on.
  queueMicrotask(lookAgain);
}

/**
 * The one that this thread had started is no more: known before it starts another one, whose children live. Only the main thread's says of any that it
 * watches them.
 */
function lose(): void {
  if (started !== undefined && host.isMain && life === undefined) registry().loseSupervisor();
  started = undefined;
}

// --- threads ---

/** Did this thread start the supervisor? Then it is the supervisor's parent, and stays while threads run. */
let isKeeper = host.isMain;
/** How many requests were sent that change how many threads keep the process alive. */
let asked = 0;
/** The threads that were asked for and not heard of yet, in their order: by which of the requests. */
let unheard: { readonly id: number; readonly request: number; readonly terminate?: (() => void) | undefined }[] = [];
whenLeft(() => {
  for (const { id, terminate } of unheard) {
    if (terminate === undefined) {
      registry().drop(id);
      continue;
    }
    // One that may have begun is dead only once its life has ended.
    terminate();
    const ended = (): void => {
      registry().markDead(id);
      lookAgain();
    };
    life?.onEnd(registry().lifeOf(id), ended, true);
  }
  unheard = [];
  asked = 0;
});
hear("live", (told) => {
  unheard = unheard.filter(({ request }) => request > told.heard);
  starting?.ref(false);
  starting = undefined;
  line()?.ref((isKeeper && told.count > 0) || told.heard < asked);
});

/** Asks the supervisor for a thread. */
export function requestSpawn(request: Omit<SpawnRequest, "type">): void {
  // Whatever was done since then may have left a line that leads nowhere.
  supervise();
  send({ type: "spawn", ...request }, request.transfer);
  // Counted once it is sent: the supervisor never hears of a request that cannot be cloned.
  asked++;
  unheard.push({ id: request.id, request: asked });
  // What a worker asks for is heard with its greeting, and not at all if it ends before that has arrived.
  line()?.ref(true);
  // Else the process might end before it is told that the supervisor cannot start.
  starting?.ref(true);
}

/**
 * Gives the supervisor the line to a worker that this thread started itself.
 * @param terminate  how to end that worker, if it may be ended
 */
export function requestAdoption(adoption: Adoption, lifeline: Port, terminate?: () => void): void {
  supervise();
  const { id, name, cell, box } = adoption;
  send({ type: "adopt", id, name, cell, box, lifeline: lifeline.native }, [lifeline.native]);
  asked++;
  // Elsewhere it ends with this thread, and its line tells of it.
  if (life !== undefined && terminate !== undefined) unheard.push({ id, request: asked, terminate });
  if (isKeeper) line()?.ref(true);
}

/** @param failed  it could not be started, and why */
export function requestTermination(id: number, failed?: string): void {
  send({ type: "terminate", id, failed });
}

/** Its worker could not be started: who made it is told by the console, and who joins the thread by its end. */
export function tellUnstarted(id: number, why: string): void {
  host.warn(`ferrous: ${registry().describe(id)} could not be started: ${why}`);
  requestTermination(id, why);
}

/** Shall that thread keep the process alive? */
export function requestKeep(id: number, alive: boolean): void {
  // It ended with its supervisor. A request that nobody hears must not be counted: this thread would wait for ever for the answer.
  if (line() === undefined) return;
  send({ type: "keep", id, alive });
  asked++;
  if (isKeeper) line()?.ref(true);
}

// --- workers that a page starts ---

/** The workers that this page started for the supervisor. */
const workers = new Map<number, HostWorker>();

function startWorker({ id, boot, ...given }: ThreadStart, startThread: (boot: string, start: WorkerStart) => HostWorker): void {
  let worker: HostWorker;
  try {
    worker = startThread(boot, given);
  } catch (why) {
    tellUnstarted(id, String(why));
    return;
  }
  workers.set(id, worker);
  // Before the thread can run: it must find itself alive.
  registry().begin(id, worker.platformId);
  worker.onExit((exit) => {
    tellUnstarted(id, causeOf(exit, UNBUNDLED));
  });
}
const UNBUNDLED =
  'a bundler that does not follow new Worker(new URL(...)) must be given "ferrous/worker" as an entry, named ferrous-thread.js, beside what it makes of the rest';

hear("start", (told) => {
  startHere?.(told.thread);
});
hear("end", ({ id }) => {
  workers.get(id)?.terminate();
  workers.delete(id);
});

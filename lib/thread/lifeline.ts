/**
 * This thread's line to the supervisor. Its far end closes when this thread dies, whoever started it; and over it go the buffers
 * that the thread sleeps on, its questions, and the supervisor's answers.
 */
import { host } from "#host";
import { TaskError } from "../errors.ts";
import type { HostExit, HostWorker, Port, WorkerStart } from "../host/host.ts";
import { Word } from "../memory/word.ts";
import { assumeThread, currentThread, hasJoined, ownField, whenJoined } from "./current.ts";
import { Letterbox } from "./letterbox.ts";
import {
  Ending,
  type CycleStep,
  type FromSupervisor,
  type Greeting,
  type Holders,
  type Invitation,
  type SpawnRequest,
  type ThreadStart,
  type ToSupervisor,
} from "./protocol.ts";
import { Field, registry, Supervision } from "./registry.ts";

let port: Port | undefined;
/** The platform's number of the supervisor at its far end; 0 for the one that is being started. */
let connectedTo = 0;
/** Did this thread start the supervisor? Then it is the supervisor's parent, and stays while threads run. */
let isKeeper = host.isMain;
/** How many requests were sent that change how many threads keep the process alive. */
let asked = 0;

// --- connecting ---

/** Takes the line that the supervisor laid for a thread of its own. */
export function takeLifeline(native: unknown): void {
  port = host.openPort(native);
  const seen = registry().supervisor.load();
  connectedTo = (seen & 3) === Supervision.READY ? seen >>> 2 : 0;
  port.listen(receive);
}

/** Where no port tells of this thread's end: makes sure that it is seen, before this thread does anything that others may wait for. */
export async function holdLife(): Promise<void> {
  if (host.life === undefined) return;
  await host.life.hold(registry().lifeOf(currentThread().id));
  send({ type: "held" });
}

/**
 * Makes this worker the thread for which it was invited.
 * @throws {TaskError} it has used ferrous before
 */
export async function acceptInvitation(): Promise<void> {
  if (port !== undefined) return;
  const { id, lifeline } = (await host.firstMessage()) as Invitation;
  if (hasJoined()) throw new TaskError("this worker has used ferrous before it was invited: let it await attach() first of all.");
  assumeThread(id);
  takeLifeline(lifeline);
  await holdLife();
}

/** The line itself: another one once the supervisor is another. */
export const line = (): Port | undefined => port;
const isLaid = (): boolean => port !== undefined;

/** Is there a supervisor that sees this thread's sleep and death? */
export function isSupervised(): boolean {
  leaveOld();
  return port !== undefined || greet();
}

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

/** A line whose supervisor is not the present one leads nowhere. */
function leaveOld(): void {
  if (port !== undefined && !leadsTo(registry().supervisor.load())) leaveLine();
}

/** Is it proved that the supervisor that this value of the word names will never answer again, or never be ready? */
function isDead(seen: number): boolean {
  const { supervisorTid, supervisorBorn } = registry();
  if ((seen & 3) === Supervision.READY) return host.osThreadAlive(supervisorTid.load(), supervisorBorn.load()) === false;
  return !registry().isAlive(seen >>> 2);
}

/** Does this thread's line lead to the supervisor that the word names? */
function leadsTo(seen: number): boolean {
  if ((seen & 3) === Supervision.STARTING) return connectedTo === 0 || seen >>> 2 === currentThread().id;
  if (seen !== 0 && connectedTo === 0) connectedTo = seen >>> 2;
  return seen !== 0 && connectedTo === seen >>> 2;
}

/** What it knew, the next supervisor does not. */
function leaveLine(): void {
  port = undefined;
  asked = 0;
  numbers = new WeakMap();
  stopGreeting();
}

/** Tells, whenever it is called, whether the supervisor that this thread asks now is gone: nothing that it was asked for will happen any more. */
export function watchSupervisor(): () => boolean {
  const asked = port;
  return () => {
    lookAtStart();
    leaveDead();
    return port !== asked;
  };
}

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
  if (port?.isClosed({ type: "probe" } satisfies ToSupervisor) === true) failed({ code: 1, outOfMemory: false }, starting);
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
  for (const look of lookers) look();
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
  connectedTo = worker.platformId;
  port = mine;
  port.listen(receive);
}

/** Sends the supervisor a line to this thread; false if there is none that listens. */
function greet(): boolean {
  const seen = registry().supervisor.load();
  // To one that died with its starter, Node 20 never tells that nothing arrived.
  if ((seen & 3) !== Supervision.READY || host.sendTo === undefined || isDead(seen)) return false;
  const { id } = currentThread();
  // To join is to greet, and that may have been now.
  if (isLaid()) return true;
  const [mine, theirs] = host.channel();
  const greeting: Greeting = { ferrous: "lifeline", id, isMain: host.isMain, lifeline: theirs.native };
  port = mine;
  connectedTo = seen >>> 2;
  port.listen(receive);
  const arriving = host.sendTo(seen >>> 2, greeting, [theirs.native]);
  greeted = new Promise((stop) => {
    stopGreeting = stop;
    void arriving.then((arrived) => {
      // The supervisor is gone. What is asked for next looks for another.
      if (!arrived && port === mine) leaveLine();
      stop();
    });
  });
  return true;
}

/** Resolves when the greeting has arrived, or has proved to be in vain. */
let greeted: Promise<void> | undefined;
let stopGreeting: () => void = () => undefined;

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
        if (isSupervised()) await greeted;
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

whenJoined(() => void isSupervised());

/** Tells the supervisor, if there is one. */
export function send(message: ToSupervisor, transfer: readonly object[] = []): void {
  port?.postMessage(message, transfer);
}

/** In ms. A page that is busy starts the supervisor late; one that is being closed never answers. */
const RECEIPT_WITHIN = 10_000;

/**
 * Blocks until the supervisor has heard all that this thread told it, where a message can be lost that is posted just before its thread ends:
 * Firefox drops what a worker's ports have not passed on when it closes.
 */
export function awaitReceipt(): void {
  if (host.life === undefined || port === undefined) return;
  const cell = new SharedArrayBuffer(4);
  send({ type: "receipt", cell });
  Word.at(cell, 0).wait(0, RECEIPT_WITHIN);
}

// --- hearing ---

const lookers = new Set<() => void>();
/** What the supervisor gives from its shelf. */
export type Fetched = Extract<FromSupervisor, { readonly type: "fetched" }>;
let onFetched: (answer: Fetched) => void = () => undefined;
/** Calls `hear` with what this thread asked the shelf for: see shelf.ts. */
export function hearOfShelf(hear: typeof onFetched): void {
  onFetched = hear;
}
let verdict: { readonly seq: number; readonly cycle: readonly CycleStep[] } | undefined;

/** Calls `look` whenever something changed that no word tells, such as a death, and this thread is at its event loop. */
export function onLook(look: () => void): void {
  lookers.add(look);
}

function receive(message: unknown): void {
  const told = message as FromSupervisor;
  switch (told.type) {
    case "look":
      for (const look of lookers) look();
      break;
    case "start":
      startHere(told.thread);
      break;
    case "end":
      workers.get(told.id)?.terminate();
      workers.delete(told.id);
      break;
    case "deadlock":
      verdict = told;
      break;
    case "fetched":
      onFetched(told);
      break;
    case "live":
      unheard.clear();
      starting?.ref(false);
      starting = undefined;
      if (isKeeper) port?.ref(told.count > 0 || told.heard < asked);
      break;
  }
}

/**
 * Receives what is there already, in the midst of blocking code, which may be an attempt, inside a gate: so whoever is to look again does it
 * once this thread is at its event loop.
 */
export function poll(): void {
  for (let got = port?.poll(); got !== undefined; got = port?.poll()) {
    const { message } = got;
    if ((message as FromSupervisor).type === "look") queueMicrotask(() => receive(message));
    else receive(message);
  }
}

// --- sleeping ---

let numbers = new WeakMap<SharedArrayBuffer, number>();
const forgotten = new FinalizationRegistry<number>((number) => {
  send({ type: "forget", number });
});

/** The number under which the supervisor knows this buffer; sends it the first time. About 50 us then, 30 ns later. */
export function numberOf(buffer: SharedArrayBuffer): number {
  const known = numbers.get(buffer);
  if (known !== undefined) return known;
  const number = newNumber();
  if (isSupervised()) {
    numbers.set(buffer, number);
    forgotten.register(buffer, number);
    send({ type: "buffer", number, buffer });
  }
  return number;
}

/** A number that names nothing yet. BOUND: it wraps at 2^32; a number lives as long as its buffer, or its value on the shelf. */
export function newNumber(): number {
  return (registry().numbers.add(1) + 1) | 0;
}

/** Where the verdict comes, if this thread receives no messages while it blocks. */
let letters: Letterbox | undefined;

/** Tells the supervisor of an untimed wait that only certain threads can end. */
export function reportBlocked(seq: number, what: string, number: number, holders: Holders): void {
  if (!host.polls) letters ??= new Letterbox();
  send({ type: "blocked", seq, what, number, holders, box: letters?.buffer });
}

/** The cycle that the blocking call `seq` of this thread closed, once the supervisor found it. */
export function verdictOn(seq: number): readonly CycleStep[] | undefined {
  if (ownField(Field.VERDICT).load() !== seq) return undefined;
  if (letters !== undefined) return JSON.parse(new TextDecoder().decode(letters.look())) as readonly CycleStep[];
  poll();
  return verdict?.seq === seq ? verdict.cycle : undefined;
}

/** Makes every sleeper of the process look again. Without a supervisor each does so by itself, within 200 ms. */
export function wakeEverybody(): void {
  const thread = currentThread();
  if (thread.wakeEverybody !== undefined) thread.wakeEverybody();
  else if (isSupervised()) send({ type: "wake" });
}

// --- threads ---

/** Asks the supervisor for a thread. */
export function requestSpawn(request: Omit<SpawnRequest, "type">): void {
  send({ type: "spawn", ...request }, request.transfer);
  if (host.life !== undefined && (registry().supervisor.load() & 3) !== Supervision.READY) unheard.set(request.id, request.cell);
  // Counted once it is sent: the supervisor never hears of a request that cannot be cloned.
  asked++;
  if (isKeeper) port?.ref(true);
  // Else the process might end before it is told that the supervisor cannot start.
  starting?.ref(true);
}

/** Gives the supervisor the line to a worker that this thread started itself. */
export function requestAdoption(id: number, name: string, cell: SharedArrayBuffer, lifeline: Port): void {
  send({ type: "adopt", id, name, cell, lifeline: lifeline.native }, [lifeline.native]);
  asked++;
  if (isKeeper) port?.ref(true);
}

/** @param failed  it could not be loaded */
export function requestTermination(id: number, failed = false): void {
  send({ type: "terminate", id, failed });
}

/** Shall that thread keep the process alive? */
export function requestKeep(id: number, alive: boolean): void {
  send({ type: "keep", id, alive });
  asked++;
  if (isKeeper) port?.ref(true);
}

/**
 * This thread's line to the supervisor. Its far end closes when this thread dies, whoever started it; and over it go the buffers
 * that the thread sleeps on, its questions, and the supervisor's answers.
 */
import { host } from "#host";
import { TaskError } from "../errors.ts";
import type { Port } from "../host/host.ts";
import { life } from "../host/life-node.ts";
import { Word } from "../memory/word.ts";
import { assumeThread, currentThread, hasJoined, ownField } from "./current.ts";
import { Letterbox } from "./letterbox.ts";
import type { CycleStep, FromSupervisor, Holders, Invitation, ToSupervisor } from "./protocol.ts";
import { Field, registry, Supervision } from "./registry.ts";

let port: Port | undefined;
/** The platform's number of the supervisor at its far end; 0 for the one that is being started. */
let connectedTo = 0;
/** The platform's number of the last one whose end of a line was seen closing. */
let gone = 0;

// --- connecting ---

/** From now on that is the line. */
export function layLine(mine: Port, supervisor: number): void {
  port = mine;
  connectedTo = supervisor;
  // What comes over one that was left is of no use any more.
  mine.listen((message) => {
    if (port === mine) receive(message);
  });
}

/** The supervisor at the line's far end is no more. Whom that had not started goes on without it. */
export function leaveClosed(): void {
  gone = connectedTo;
  leaveLine();
  // Not in the midst of blocking code, where it may have been seen.
  queueMicrotask(lookAgain);
}
export function leaveOnceClosed(mine: Port): void {
  mine.onClose(() => {
    if (port === mine) leaveClosed();
  });
}

/** Takes the line that the supervisor laid for a thread of its own. */
export function takeLifeline(native: unknown): void {
  const seen = registry().supervisor.load();
  const mine = host.openPort(native);
  layLine(mine, (seen & 3) === Supervision.READY ? seen >>> 2 : 0);
  leaveOnceClosed(mine);
}

/** Where no port tells of this thread's end: makes sure that it is seen, before this thread does anything that others may wait for. */
export async function holdLife(): Promise<void> {
  if (life === undefined) return;
  try {
    await life.hold(registry().lifeOf(currentThread().id));
  } catch (error) {
    throw new TaskError(
      `threads prove by Web Locks that they live, and those are denied here, as in a page whose storage is blocked: ${String(error)}`,
      { cause: error },
    );
  }
  send({ type: "held" });
}

export const STRANGER =
  "this worker does not know the threads of its page: call invite(worker) there, and await attach() here, before it uses ferrous. " +
  "A shared or a service worker belongs to no page, and starts none.";

let accepted: Promise<void> | undefined;
/**
 * Makes this worker the thread for which it was invited; once, however many of its modules wait for that.
 * @throws {TaskError} it has used ferrous before, or can never be invited
 */
export const acceptInvitation = (): Promise<void> => (accepted ??= accept());

/** In ms. */
const INVITED_WITHIN = 5000;

async function accept(): Promise<void> {
  if (port !== undefined) return;
  // A service worker, which may not block, is no page's.
  if (!host.mayBlock) throw new TaskError(STRANGER);
  host.later(INVITED_WITHIN, () => {
    if (port !== undefined) return;
    host.warn(
      "ferrous: this worker awaits attach(), and its page has not invited it: call invite(worker) there, right after new Worker(...). " +
        "If it does, the invitation came before this worker had loaded ferrous: import it at the top of the worker's own module, statically.",
    );
  });
  const { id, lifeline } = (await host.firstMessage()) as Invitation;
  if (hasJoined()) throw new TaskError("this worker has used ferrous before it was invited: let it await attach() first of all.");
  assumeThread(id);
  takeLifeline(lifeline);
  await holdLife();
}

/** The line itself: another one once the supervisor is another. */
export const line = (): Port | undefined => port;

/** Is there a supervisor that sees this thread's sleep and death? */
export function isSupervised(): boolean {
  leaveOld();
  return port !== undefined || greeter?.greet() === true;
}

/** How a thread that the supervisor has not started gets a line to it. */
interface Greeter {
  /** False if there is none that listens. */
  greet(): boolean;
  /** The line is left. */
  stop(): void;
}
let greeter: Greeter | undefined;
export function greetBy(by: Greeter): void {
  greeter = by;
}

/** A line whose supervisor is not the present one leads nowhere. */
export function leaveOld(): void {
  if (port !== undefined && !leadsTo(registry().supervisor.load())) leaveLine();
}

/** Is it proved that the supervisor that this value of the word names will never answer again, or never be ready? */
export function isDead(seen: number): boolean {
  const { supervisorTid, supervisorBorn } = registry();
  if ((seen & 3) === Supervision.READY)
    return seen >>> 2 === gone || host.osThreadAlive(supervisorTid.load(), supervisorBorn.load()) === false;
  return !registry().isAlive(seen >>> 2);
}

/** Does this thread's line lead to the supervisor that the word names? */
function leadsTo(seen: number): boolean {
  if ((seen & 3) === Supervision.STARTING) return connectedTo === 0 || seen >>> 2 === currentThread().id;
  if (seen !== 0 && connectedTo === 0) connectedTo = seen >>> 2;
  return seen !== 0 && connectedTo === seen >>> 2;
}

/** What it knew, the next supervisor does not. */
export function leaveLine(): void {
  // Not closed: that would tell of a death, if anybody listened.
  port?.ref(false);
  port = undefined;
  numbers = new WeakMap();
  greeter?.stop();
  for (const then of leavers) then();
}
const leavers: (() => void)[] = [];
/** Calls `then` whenever a line is left: nothing that went over it, and was not answered, will happen any more. */
export function whenLeft(then: () => void): void {
  leavers.push(then);
}

/** The part of a thread that may outlive its supervisor: who blocks is told by no event that it is no more. */
interface Keeper {
  /** In ms. */
  lookEvery(): number;
  look(): void;
}
let keeper: Keeper | undefined;
export function keepBy(by: Keeper): void {
  keeper = by;
}
/** In ms: how often this thread is to {@link lookAfterSupervisor} while it blocks. */
export const lookEvery = (): number => keeper?.lookEvery() ?? Infinity;
export const lookAfterSupervisor = (): void => keeper?.look();

/** Tells the supervisor, if there is one. */
export function send(message: ToSupervisor, transfer: readonly object[] = []): void {
  port?.postMessage(message, transfer);
}

/** In ms. A page that is busy starts the supervisor late; one that is being closed never answers. */
const RECEIPT_WITHIN = 10_000;

/**
 * As {@link awaitReceipt}, where a message can be lost that is posted just before its thread ends: Firefox drops what a worker's ports have not
 * passed on when it closes.
 */
export function passOn(): void {
  if (life !== undefined) awaitReceipt();
}

/** Blocks until the supervisor has heard all that this thread told it. */
function awaitReceipt(): void {
  if (port === undefined) return;
  const cell = new SharedArrayBuffer(4);
  send({ type: "receipt", cell });
  Word.at(cell, 0).wait(0, RECEIPT_WITHIN);
}

// --- hearing ---

type Told<T> = Extract<FromSupervisor, { readonly type: T }>;
const hearers = new Map<string, (told: never) => void>();
/** Calls `then` with what the supervisor tells of that type. */
export function hear<T extends FromSupervisor["type"]>(type: T, then: (told: Told<T>) => void): void {
  hearers.set(type, then);
}
function receive(message: unknown): void {
  const told = message as FromSupervisor;
  hearers.get(told.type)?.(told as never);
}

const lookers = new Set<() => void>();
/** Calls `look` whenever something changed that no word tells, such as a death, and this thread is at its event loop. */
export function onLook(look: () => void): void {
  lookers.add(look);
}
export function lookAgain(): void {
  for (const look of lookers) look();
}
hear("look", lookAgain);

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

let verdict: { readonly seq: number; readonly cycle: readonly CycleStep[] } | undefined;
hear("deadlock", (told) => {
  verdict = told;
});
/** Where it comes, if this thread receives no messages while it blocks. */
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

/**
 * The supervisor: a thread that never blocks. It is the parent of every thread that ferrous starts, so that a thread outlives
 * the one that asked for it, starts while that one is blocked, and is seen dying within milliseconds. It holds a lifeline to
 * every other thread, knows the buffers they sleep on, and after each death makes every sleeper look again.
 */
import { host } from "#host";
import { life } from "../host/life-node.ts";
import { startThread } from "../host/starts-thread-node.ts";
import type { HostExit, HostWorker, Port } from "../host/host.ts";
import { Word } from "../memory/word.ts";
import { Awaited } from "./awaited.ts";
import { findCycle, type Blocked } from "./deadlock.ts";
import {
  Ending,
  LEAVING,
  type Adoption,
  type FromSupervisor,
  type Greeting,
  type SpawnRequest,
  type ThreadStart,
  type ToSupervisor,
} from "./protocol.ts";
import { Letterbox } from "./letterbox.ts";
import { Field, registry, Supervision, type Registry } from "./registry.ts";

/** One lifeline. A thread in which several copies of the library run has several. */
interface Peer {
  readonly id: number;
  readonly isMain: boolean;
  readonly port: Port;
  /** What the thread sleeps on, by the numbers that it gave. */
  readonly buffers: Map<number, SharedArrayBuffer>;
  readonly awaited: Awaited;
  /** How many requests came from it that change who keeps the process alive. */
  heard: number;
  /** Has its thread said that it holds its life? */
  held: boolean;
  /** Its thread has ended. */
  readonly ended: () => void;
}

interface Child {
  /** Ends it; undefined if somebody else does. */
  readonly terminate: (() => void) | undefined;
  readonly cell: Word;
  /** Where it says that it ends by itself, if nothing else tells. */
  readonly leaving: Word | undefined;
  /** Does it keep the process alive? */
  kept: boolean;
  terminated: boolean;
  /** Why it could not be started, if it could not. */
  failed: string | undefined;
  /** Where that is told to who joins it. */
  readonly box: Letterbox | undefined;
}

let all: Registry;
/** Started by the main thread? Else it dies with its starter, and its threads with it: their deaths are to be asked of the kernel. */
let lasts: boolean;
/** The kernel's name of this thread, if it may end before the process does; else zeros. */
let osThread: ReturnType<typeof host.osThread>;
/** Who starts the workers, if that is not the supervisor itself. */
let page: Peer | undefined;
const peers = new Map<number, Set<Peer>>();
const children = new Map<number, Child>();
/** What each blocked thread said of its wait; true only while its SEQ is still the same. */
const blocked = new Map<number, Blocked>();
/** Values that lie in shared bytes as numbers: handles in a static or a channel. */
const shelf = new Map<number, unknown>();
/** One entry a question: a thread may ask twice, blocking and awaiting. */
const wanted = new Map<number, Peer[]>();

/** In ms. */
const EXPLAINED_WITHIN = 1000;

const tell = (peer: Peer, message: FromSupervisor): void => {
  peer.port.postMessage(message);
};

// --- who is there ---

/** `then`: what is to be told once its death is known, by nothing but the closing of this line. */
function connect(id: number, port: Port, isMain: boolean, then?: () => void): void {
  const ended = (): void => {
    const others = peers.get(id);
    others?.delete(peer);
    // Over another of its lines it may have asked for them.
    if ((others?.size ?? 0) === 0) dropClaims([...all.claimed()].filter((claim) => all.spawnerOf(claim) === id));
    // A main thread's port closes when a copy of the library is dropped; the thread itself ends with the process.
    if (!isMain) bury(id);
    // What was asked for over it after its thread was known to be dead, too.
    peer.awaited.end();
    then?.();
  };
  const peer: Peer = { id, isMain, port, buffers: new Map(), awaited: new Awaited(), heard: 0, held: false, ended };
  peers.set(id, (peers.get(id) ?? new Set()).add(peer));
  port.onClose(ended);
  port.listen((message) => {
    receive(peer, message as ToSupervisor);
  });
  port.ref(true);
  if (!isMain && lasts) all.setWatched(id);
}

/** The thread is proved dead, which may be news: whoever waits for what it holds shall look again. */
function bury(id: number, isNews = all.markDead(id)): void {
  blocked.delete(id);
  const family = peers.get(id) ?? [];
  peers.delete(id);
  if (isNews) wakeAll();
  for (const { awaited } of family) awaited.end();
}

/** Their claimers are dead. What they asked for before, they have outlived; the rest was never asked for. */
function dropClaims(claimed: Iterable<number>, told?: (id: number) => void): void {
  for (const id of claimed) {
    if (children.has(id)) continue;
    told?.(id);
    bury(id);
  }
}

/** Was it claimed by a thread that is dead? */
function isOrphan(claim: number): boolean {
  const spawner = all.spawnerOf(claim);
  return spawner !== 0 && !all.isAlive(spawner);
}

/** In ms. */
const SWEEP_EVERY = 1000;

/**
 * A greeting comes by way of the main thread, and is lost if its thread ends before that has passed it on. Such an end, and what the
 * thread had asked for, is found by looking, for as long as there are threads that nobody watches.
 */
async function sweepWhileUnwatched(): Promise<never> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, SWEEP_EVERY));
    for (const id of all.living()) if (!all.isAlive(id)) bury(id, true);
    dropClaims([...all.claimed()].filter(isOrphan), (id) => {
      const spawner = all.describe(all.spawnerOf(id));
      host.warn(
        `ferrous: ${all.describe(id)} was never started: ${spawner}, which had spawned it, ended before the supervisor knew of either. ` +
          `Let a worker that others start await attach() before it spawns, or join what it spawned.`,
      );
    });
    const pending = all.unwatched.load() === 0 ? all.unwatched.waitAsync(0) : undefined;
    if (pending?.async === true) await pending.value;
  }
}

function tellLive(): void {
  const count = [...children.values()].filter((child) => child.kept).length;
  for (const family of peers.values()) {
    for (const peer of family) if (peer.isMain || peer.heard > 0) tell(peer, { type: "live", count, heard: peer.heard });
  }
}

// --- children ---

function spawn(peer: Peer, request: SpawnRequest): void {
  const { id, name, cell, box, boot, start, transfer, resourceLimits } = request;
  peer.heard++;
  if (!all.isAlive(id)) {
    // Its spawner had ended before this came, see sweepWhileUnwatched, or has given it up.
    settle(Word.at(cell, 0), Ending.FAILED);
    tellLive();
    return;
  }
  const [mine, theirs] = host.channel();
  // Until it has named itself.
  if (!lasts) all.nameOsThread(id, osThread);
  else if (page === undefined) all.setItsChild(id);
  else all.setWatched(id);
  try {
    const data = { ferrous: "start", id, lifeline: theirs.native, start };
    const thread = {
      id,
      name,
      boot,
      data,
      transfer: [theirs.native, ...transfer],
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    };
    const child = page === undefined ? raise(id, cell, startHere(thread)) : raiseIn(page, { id, name, cell, box }, thread);
    connect(
      id,
      mine,
      false,
      life === undefined
        ? undefined
        : () => {
            gone(id, child);
          },
    );
  } catch (error) {
    host.warn(`ferrous: the thread "${name}" could not be started: ${String(error)}`);
    bury(id);
    settle(Word.at(cell, 0), Ending.FAILED);
  }
  tellLive();
}

function startHere({ id, boot, ...given }: ThreadStart): HostWorker {
  const worker = startThread(boot, given);
  // Before the thread can run: it must find itself alive.
  const isWanted = lasts ? all.begin(id, worker.platformId) : all.beginUnwatched(id, worker.platformId);
  if (!isWanted) worker.terminate();
  return worker;
}

/** A page starts its workers itself, at the supervisor's word: in Firefox a worker that starts others hangs now and then. */
function raiseIn(page: Peer, adoption: Adoption, thread: ThreadStart): Child {
  const { id, transfer } = thread;
  page.port.postMessage({ type: "start", thread } satisfies FromSupervisor, transfer);
  return adopt(adoption, undefined, () => {
    tell(page, { type: "end", id });
  });
}

function adopt({ id, cell, box }: Omit<Adoption, "name">, leaving: Word | undefined, terminate: (() => void) | undefined): Child {
  const child: Child = {
    terminate,
    cell: Word.at(cell, 0),
    leaving,
    kept: true,
    terminated: false,
    failed: undefined,
    box: box === undefined ? undefined : new Letterbox(box),
  };
  children.set(id, child);
  return child;
}

function raise(id: number, cell: SharedArrayBuffer, worker: HostWorker): Child {
  const child = adopt({ id, cell }, undefined, () => {
    worker.terminate();
  });
  worker.onExit((exit) => {
    end(id, child, exit);
    // What it printed passes through here, and the process must not end before.
    worker.onPrinted(() => {
      forget(id);
    });
  });
  return child;
}

function end(id: number, child: Child, exit: HostExit): void {
  bury(id);
  settle(child.cell, endingOf(child, exit));
}

/** In ms. */
const HELD_WITHIN = 10_000;

/** A worker that somebody else made, and that may never say that it lives. */
function warnIfUnheld(id: number): void {
  if (!children.has(id) || [...(peers.get(id) ?? [])].some((peer) => peer.held)) return;
  host.warn(
    `ferrous: ${all.describe(id)} has not started yet: the file of a thread's worker must import "ferrous/worker", ` +
      `and that of a worker which was invited must await attach().`,
  );
}

/** Where only a thread's life tells of its end: one that does not hold its life yet never will. */
function awaitDeath(id: number): void {
  for (const line of peers.get(id) ?? []) if (!line.held) life?.onEnd(all.lifeOf(id), line.ended, true);
}

/** Of its end is known only that it came. */
function gone(id: number, child: Child): void {
  // So that the page, too, forgets it.
  if (page !== undefined) child.terminate?.();
  end(id, child, { code: 0, outOfMemory: false, error: undefined });
  forget(id);
}

/** The thread keeps the process alive no more. */
function forget(id: number): void {
  children.delete(id);
  tellLive();
}

function endingOf(child: Child, exit: HostExit): number {
  if (exit.outOfMemory) return Ending.OUT_OF_MEMORY;
  if (child.terminated) return Ending.TERMINATED;
  if (child.leaving?.load() === 0) return Ending.FAILED;
  if (child.failed !== undefined) return explainUnstarted(child, child.failed);
  return exit.error === undefined ? Ending.EXIT : Ending.FAILED;
}

/** Its thread has ended, or never was, and writes no letter any more; if it had left one, that is its last word. */
function explainUnstarted({ box }: Child, why: string): number {
  if (box === undefined || box.count > 0) return Ending.FAILED;
  box.leave(new TextEncoder().encode(why));
  return Ending.UNSTARTED;
}

/** Tells of a death only after it, so that whoever joined finds all locks of the dead released or poisoned. */
function settle(cell: Word, value: number): void {
  cell.store(value);
  cell.notify();
}

// --- sleepers ---

/** Makes every sleeper look again, and repeats until each has: one notification can fall between "noted" and "asleep". */
function wakeAll(): void {
  for (const family of peers.values()) {
    for (const peer of family) if (all.field(peer.id, Field.AWAITING).load() > 0) tell(peer, { type: "look" });
  }
  for (const id of all.living()) wakeSleeper(id);
}

function wakeSleeper(id: number): void {
  const seq = all.field(id, Field.SEQ).load();
  if ((seq & 1) === 0) return;
  const looks = all.field(id, Field.LOOKS).load();
  const again = (delay: number): void => {
    const moved = all.field(id, Field.SEQ).load() !== seq || all.field(id, Field.LOOKS).load() !== looks;
    if (moved || !all.isAlive(id)) return;
    placeOfSleeper(id)?.notify();
    setTimeout(again, delay, Math.min(2 * delay, 1000));
  };
  again(1);
}

/** The word that a blocked thread sleeps on, if its buffer has arrived. */
function placeOfSleeper(id: number): Word | undefined {
  const number = all.field(id, Field.BUFFER).load();
  const offset = all.field(id, Field.OFFSET).load();
  for (const peer of peers.get(id) ?? []) {
    const place = placeIn(peer, number, offset);
    if (place !== undefined) return place;
  }
  return undefined;
}

function placeIn({ buffers }: Peer, number: number, offset: number): Word | undefined {
  const buffer = buffers.get(number);
  return buffer !== undefined && offset + 4 <= buffer.byteLength ? Word.at(buffer, offset) : undefined;
}

// --- messages ---

function receive(peer: Peer, message: ToSupervisor): void {
  switch (message.type) {
    case "buffer":
      peer.buffers.set(message.number, message.buffer);
      break;
    case "forget":
      peer.buffers.delete(message.number);
      break;
    case "await": {
      const { ticket, number, offset, value } = message;
      const changed = (): void => {
        tell(peer, { type: "changed", ticket });
      };
      const buffer = peer.buffers.get(number);
      if (buffer === undefined) changed();
      else peer.awaited.begin(ticket, buffer, offset, value, changed);
      break;
    }
    case "notify":
      placeIn(peer, message.number, message.offset)?.notify();
      break;
    case "blocked":
      blocked.set(peer.id, { seq: message.seq, what: message.what, holders: message.holders, buffer: peer.buffers.get(message.number) });
      sentence(peer, message.box);
      break;
    case "spawn":
      spawn(peer, message);
      break;
    case "adopt": {
      peer.heard++;
      const leaving = life === undefined ? Word.at(message.cell, LEAVING) : undefined;
      const child = adopt(message, leaving, undefined);
      // Its exit is told to its own parent, who may be blocked: here only its line tells.
      connect(message.id, host.openPort(message.lifeline), false, () => {
        gone(message.id, child);
      });
      if (life !== undefined) setTimeout(warnIfUnheld, HELD_WITHIN, message.id);
      tellLive();
      break;
    }
    case "terminate": {
      const child = children.get(message.id);
      if (child !== undefined) {
        child.terminated = message.failed === undefined;
        child.failed = message.failed;
        child.terminate?.();
        awaitDeath(message.id);
      }
      break;
    }
    case "held":
      peer.held = true;
      life?.onEnd(all.lifeOf(peer.id), peer.ended, false);
      break;
    case "keep": {
      peer.heard++;
      const child = children.get(message.id);
      if (child !== undefined) child.kept = message.alive;
      tellLive();
      break;
    }
    case "shelve":
      shelf.set(message.number, message.value);
      for (const asker of wanted.get(message.number) ?? []) answer(asker, message.number);
      wanted.delete(message.number);
      break;
    case "fetch":
      // A number can be read before the message that explains it has arrived, since that came over another lifeline.
      if (shelf.has(message.number)) answer(peer, message.number);
      else want(peer, message.number);
      break;
    case "unshelve":
      shelf.delete(message.number);
      break;
    case "wake":
      wakeAll();
      break;
    case "receipt":
      settle(Word.at(message.cell, 0), 1);
      break;
  }
}

function want(peer: Peer, number: number): void {
  const askers = wanted.get(number) ?? [];
  wanted.set(number, [...askers, peer]);
  if (askers.length > 0) return;
  // What explains it was sent before the number could be read: if it is not here by then, it never comes.
  setTimeout(() => {
    for (const asker of wanted.get(number) ?? []) answer(asker, number);
    wanted.delete(number);
  }, EXPLAINED_WITHIN);
}

function answer(peer: Peer, number: number): void {
  tell(peer, { type: "fetched", number, found: shelf.has(number), value: shelf.get(number) });
  ring(peer.id);
}

function ring(id: number): void {
  const bell = all.field(id, Field.BELL);
  bell.add(1);
  bell.notify();
}

/** Tells the thread that has just blocked, if its wait closed a cycle: it is the victim, and the others go on. */
function sentence(peer: Peer, box: SharedArrayBuffer | undefined): void {
  const cycle = findCycle(peer.id, all, blocked);
  const seq = blocked.get(peer.id)?.seq;
  if (cycle === undefined || seq === undefined) return;
  const story = cycle.map((id) => ({ thread: all.describe(id), what: blocked.get(id)?.what ?? "a lock" }));
  tell(peer, { type: "deadlock", seq, cycle: story });
  if (box !== undefined) new Letterbox(box).leave(new TextEncoder().encode(JSON.stringify(story)));
  all.field(peer.id, Field.VERDICT).store(seq);
  wakeSleeper(peer.id);
}

// --- start ---

/** No await at the top level: some bundlers make workers in which there can be none. */
function begin(starter: Greeting): void {
  all = registry();
  lasts = starter.isMain;
  connect(starter.id, host.openPort(starter.lifeline), starter.isMain);
  if (life !== undefined && lasts) [page] = peers.get(starter.id) ?? [];
  host.onSent?.((message) => {
    const greeting = message as Partial<Greeting> | null;
    if (greeting?.ferrous !== "lifeline" || greeting.id === undefined || greeting.lifeline === undefined) return;
    connect(greeting.id, host.openPort(greeting.lifeline), greeting.isMain === true);
  });
  osThread = lasts ? { tid: 0, born: 0 } : host.osThread();
  all.supervisorTid.store(osThread.tid);
  all.supervisorBorn.store(osThread.born);
  all.supervisor.store((host.platformId << 2) | Supervision.READY);
  all.supervisor.notify();
  // Where nobody can join without the page's help, nobody is lost on the way.
  if (host.sendTo !== undefined) void sweepWhileUnwatched();
}

if (host.startData === undefined)
  void host.firstMessage().then((starter) => {
    begin(starter as Greeting);
  });
else begin(host.startData as Greeting);

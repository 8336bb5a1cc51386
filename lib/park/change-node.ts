/**
 * Awaiting that a word changes.
 *
 * Before version 24 Node can crash as a whole when somebody notifies a word that a thread awaits in the moment in which that thread is taken
 * down: see docs/runtimes.md. So there no thread that may end before the process does has an Atomics.waitAsync pending. The supervisor, which
 * stays, has it on the thread's behalf:
 *
 *     thread      await: ticket, place, value   --->                                        ---> then()
 *     supervisor                                     waitAsync ... notified   changed: ticket
 *
 * Why no wake-up is lost:
 *   a change    on the way there: the supervisor sees another value, does not wait, and answers at once;
 *   a death     of the thread, with a wake-up on its way: its line closes, every sleeper looks again, and then what it awaited is notified
 *               once more, so that nothing wakes the dead any longer (thread/awaited.ts);
 *               So does what it asked for just before, and the supervisor hears just after: at the latest when its line closes;
 *   the line's  end, when the supervisor dies: all that was awaited over it is begun anew; or ends, where no notification may be missed.
 *
 * A thread that no supervisor hears awaits by itself, and ends that in its exit event. Of terminate() it does not hear.
 */
import { host } from "#host";
import { Word } from "../memory/word.ts";
import { currentThread } from "../thread/current.ts";
import { isHeardNow } from "../thread/greet-node.ts";
import { hear, line, numberOf, poll, send, whenLeft } from "../thread/lifeline.ts";
import type { SleepWord } from "./wait.ts";

interface Awaited {
  readonly word: SleepWord;
  readonly value: number | bigint;
  readonly then: () => void;
  readonly isExact: boolean;
}

/**
 * Calls `then` once the word was notified; false if it has another value already.
 * @param isExact  from the return of this call on no notification may be missed, not even one without a change
 */
export function whenChanged(word: SleepWord, value: number | bigint, then: () => void, isExact = false): boolean {
  const awaited = { word, value, then, isExact };
  return host.crashesAwaiting === true && !currentThread().modelled && isHeardNow() ? ask(awaited) : awaitHere(awaited);
}

/** Ends what is awaited at that word, by whomever: they look again. */
export function endWaits(word: SleepWord): void {
  word.notify();
  // And what is still on its way to the supervisor.
  if (asked.size > 0) send({ type: "notify", number: numberOf(word.buffer), offset: word.byteOffset });
}

// --- the supervisor waits ---

const asked = new Map<number, Awaited>();
/** BOUND: wraps at 2^32; a ticket lives as long as its wait. */
let tickets = 0;

function ask(awaited: Awaited): boolean {
  const { word, value, isExact } = awaited;
  if (word.load() !== value) return false;
  tickets = (tickets + 1) | 0;
  asked.set(tickets, awaited);
  send({ type: "await", ticket: tickets, number: numberOf(word.buffer), offset: word.byteOffset, value });
  if (isExact) untilReceived();
  return true;
}

/** In ms: how often who blocks here looks whether the supervisor is still there. If not, the line's end begins all anew. */
const LOOK_EVERY = 10;
/** Of a line that never took a message nothing tells that it is closed. */
const MOST_LOOKS = 1000;

function untilReceived(): void {
  const received = Word.fresh(4);
  send({ type: "receipt", cell: received.buffer });
  for (let looks = 0; looks < MOST_LOOKS && received.wait(0, LOOK_EVERY) === "timed-out"; looks++) {
    poll();
    if (line()?.isClosed({ type: "probe" }) !== false) return;
  }
}

hear("changed", ({ ticket }) => {
  // Not in the midst of blocking code, where it may have been received: see poll().
  queueMicrotask(() => {
    const awaited = asked.get(ticket);
    asked.delete(ticket);
    awaited?.then();
  });
});

whenLeft(() => {
  const all = [...asked.values()];
  asked.clear();
  // Not in the midst of whatever noticed it.
  queueMicrotask(() => {
    // Since the line's end a notification may have come in vain.
    for (const { word, value, then, isExact } of all) if (isExact || !whenChanged(word, value, then)) then();
  });
});

// --- the thread waits ---

const pending = new Set<Awaited>();
let stopListening: () => void = () => undefined;

function awaitHere(awaited: Awaited): boolean {
  const woken = awaited.word.waitAsync(awaited.value as never);
  if (!woken.async) return false;
  // Elsewhere nobody minds what is pending, and the main thread ends with the process.
  if (host.crashesAwaiting === true) {
    if (pending.size === 0) stopListening = host.onExit(wakeAll);
    pending.add(awaited);
  }
  void woken.value.then(() => {
    if (pending.delete(awaited) && pending.size === 0) stopListening();
    awaited.then();
  });
  return true;
}

function wakeAll(): void {
  for (const { word } of pending) word.notify();
}

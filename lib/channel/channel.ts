/** Making channels. */
import { requireCode, type FieldType, type InitOf } from "../memory/field.ts";
import { kindOf } from "../memory/place.ts";
import { requireOptions } from "../park/limits.ts";
import { nameOf, type NameOptions } from "../sync/name.ts";
import { cellsFor } from "./store.ts";
import type { EndState } from "./end.ts";
import { FIRST_BYTES, makePipe } from "./open.ts";
import type { Pipe } from "./pipe.ts";
import { MAX_MESSAGES } from "./position.ts";
import { Receiver } from "./receiver.ts";
import { Side } from "./roll.ts";
import { Sender } from "./sender.ts";
import { maySupervise } from "../thread/starter.ts";

/** Bytes that wait in a channel, at most, unless it is told otherwise. */
const MAX_BYTES = 256 * 2 ** 20;
/** BOUND: cells are counted in 32 bits. */
const MOST_BYTES = 2 ** 31;
const LEAST_BYTES = 64;

/** What a channel can be told when it is made. */
export interface ChannelOptions extends NameOptions {
  /** How many messages it holds, 0 to 33,554,431: senders wait while it is full. 0: each is handed over. Without it: as many as there are bytes for. */
  readonly capacity?: number;
  /** How many bytes of messages it holds, 64 to 2 GiB; 256 MiB without it. They are taken as they are needed. */
  readonly maxBytes?: number;
}
/** Messages of one type, which lie in the channel as they are: a number type, a struct, or anything of fixed length without locks. */
export interface TypedChannelOptions<T> extends ChannelOptions {
  readonly of: FieldType<T>;
}

/** What a channel of structs takes: an instance, or the same as a plain object. */
export type Message<T> = T extends string | number | bigint | boolean ? T : T | InitOf<T>;

/**
 * Makes a channel: what is put into one end comes out of the other, in another thread or in this one.
 *
 * @param options.capacity  how many messages may wait in it, so that a fast sender waits for a slow receiver. Without it senders never
 *   wait; with 0 each waits until its message was received
 * @param options.of        the type of all messages, if they have one of fixed length: `i32`, `f64`, a struct. They are neither encoded
 *   nor allocated on their way, and many times as fast
 * @param options.maxBytes  for how many bytes there may be room, at most
 * @param options.name      what messages call it
 * @returns a sender and a receiver, to be used here, cloned, or passed to a thread
 * @throws {RangeError} `capacity` or `maxBytes` is out of range
 * @throws {TypeError} an option is of another type, or `of` has locks or atomics in it
 * @example
 * const [tx, rx] = channel<string>({ capacity: 100, name: "lines" });
 * spawn(readLines, tx, "a.txt");
 * for (const line of rx) console.log(line);
 */
export function channel<T>(options: TypedChannelOptions<T>): [tx: Sender<Message<T>>, rx: Receiver<T>];
export function channel<T>(options?: ChannelOptions): [tx: Sender<T>, rx: Receiver<T>];
export function channel(options: ChannelOptions & { readonly of?: FieldType } = {}): [Sender<unknown>, Receiver<unknown>] {
  return make(options, false);
}

/**
 * Makes a channel for one message: sending never waits, and closes the sender.
 * @example
 * const [reply, answer] = oneshot<number>();
 * requests.send({ question: "how many?", reply });
 * answer.recv();
 */
export function oneshot<T>(options: NameOptions = {}): [tx: Sender<T>, rx: Receiver<T>] {
  requireOptions(options, '{ name: "answer" }');
  return make({ ...options, capacity: 1 }, true) as unknown as [Sender<T>, Receiver<T>];
}

function make(options: ChannelOptions & { readonly of?: FieldType }, once: boolean): [Sender<unknown>, Receiver<unknown>] {
  // What is shared in a message goes by way of the supervisor.
  maySupervise();
  const name = nameOf(options, "a channel");
  const { capacity = Infinity, maxBytes = MAX_BYTES, of } = options;
  if (capacity !== Infinity) checkWhole("capacity", capacity, 0, MAX_MESSAGES);
  checkWhole("maxBytes", maxBytes, LEAST_BYTES, MOST_BYTES);
  if (of !== undefined) checkType(of, capacity, maxBytes);
  const pipe = makePipe({ capacity, maxBytes, firstBytes: FIRST_BYTES, name }, of);
  pipe.open(Side.SENDERS, false);
  pipe.open(Side.RECEIVERS, false);
  const state: EndState<Pipe> = { pipe, once, lent: false };
  return [new Sender(state), new Receiver(state)];
}

function checkType(of: FieldType, capacity: number, maxBytes: number): void {
  const code = requireCode(of, "of");
  if (!code.plain)
    throw new TypeError(
      `a channel cannot be of ${code.label}: it has locks or atomics, of which there are no copies. Send it without \`of\`, as what it is.`,
    );
  const bytes = cellsFor(code) * 4;
  const count = capacity === Infinity ? 1 : Math.max(1, capacity);
  const most = capacity === Infinity ? maxBytes : MOST_BYTES;
  if (bytes * count <= most) return;
  throw new RangeError(
    `${count === 1 ? "a message" : `${String(count)} messages`} of ${code.label}: ${String(bytes * count)} bytes; this channel holds ${String(most)} at most.`,
  );
}

function checkWhole(what: string, given: unknown, least: number, most: number): void {
  if (typeof given !== "number") throw new TypeError(`${what} of a channel is a number; it was given ${kindOf(given)}.`);
  if (Number.isInteger(given) && given >= least && given <= most) return;
  throw new RangeError(`${what} of a channel is a whole number from ${String(least)} to ${String(most)}; it was given ${String(given)}.`);
}

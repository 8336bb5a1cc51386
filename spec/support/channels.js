// @ts-check
/**
 * Threads that send and receive, for the specs of channels; and the kinds of messages that they send.
 *
 * Nobody sleeps to let another get there: who is blocked at a channel shows in the channel's own words.
 */
import { channel, f64, fromHandle, i32, select, struct, task, toHandle, u32, utf8 } from "ferrous";
import { meet, told } from "./lockers.js";

/** @typedef {import("ferrous").Sender<unknown>} Sender */
/** @typedef {import("ferrous").Receiver<unknown>} Receiver */
/** @typedef {import("ferrous").CancelFlag} CancelFlag */
/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {"encoded" | "i32" | "f64" | "struct"} Kind */
/** @typedef {"send" | "trySend" | "sendAsync" | "sendMany" | "sendManyAsync"} SendWay */
/** @typedef {"recv" | "tryRecv" | "recvAsync" | "recvMany" | "recvManyAsync" | "for..of" | "for await"} RecvWay */

const url = import.meta.url;

export const Note = struct("Note", { half: f64, id: u32, text: utf8(12) });

/** The types of the kinds that have one. */
export const TYPES = { encoded: undefined, i32, f64, struct: Note };

/** The nth message of a kind. @type {Record<Kind, (n: number) => unknown>} */
const MAKE = {
  encoded: (n) => ({ id: n, text: `n${n}`, list: [n, [n + 1]], none: n % 2 === 0 ? null : undefined }),
  i32: (n) => n,
  f64: (n) => n + 0.5,
  struct: (n) => ({ half: n / 2, id: n, text: `n${n}` }),
};
/** @param {Kind} kind @param {number} n @returns {unknown} */
export const messageOf = (kind, n) => MAKE[kind](n);

/** Which message it is; an error if it is not whole. @param {Kind} kind @param {unknown} value @returns {number} */
export function numberOf(kind, value) {
  if (kind === "i32" || kind === "f64") return Math.floor(Number(value));
  const note = /** @type {{ id: number, text: string, half: number, list: [number, [number]] }} */ (value);
  const isWhole = kind === "encoded" ? note.list[0] === note.id && note.list[1][0] === note.id + 1 : note.half === note.id / 2;
  if (!isWhole || note.text !== `n${note.id}`) throw new Error(`message ${note.id} is not whole: ${JSON.stringify(note)}`);
  return note.id;
}

/** Sends messages `from` to `to`, by that way. @param {Sender} tx @param {Kind} kind @param {SendWay} way @param {number} from @param {number} to */
export async function sendRange(tx, kind, way, from, to) {
  const all = Array.from({ length: to - from }, (_, n) => messageOf(kind, from + n));
  if (way === "sendMany") tx.sendMany(all);
  else if (way === "sendManyAsync") await tx.sendManyAsync(all);
  else
    for (const message of all) {
      if (way === "send") tx.send(message);
      else if (way === "sendAsync") await tx.sendAsync(message);
      else while (!tx.trySend(message)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.1);
    }
}
/** Sends, and ends: its end of the channel is closed by that. */
export const sender = task(
  url,
  "sender",
  /** @param {Sender} tx @param {Kind} kind @param {SendWay} way @param {number} from @param {number} to @returns {Promise<void>} */
  (tx, kind, way, from, to) => sendRange(tx, kind, way, from, to),
);

/** Receives by that way until the channel is drained; returns the numbers of what came. @param {Receiver} rx @param {Kind} kind @param {RecvWay} way */
export async function receiveAll(rx, kind, way) {
  /** @type {number[]} */
  const got = [];
  /** @param {Iterable<unknown>} values */
  const note = (values) => {
    for (const value of values) got.push(numberOf(kind, value));
  };
  if (way === "for..of") note(rx);
  else if (way === "for await") for await (const value of rx) note([value]);
  else
    try {
      for (;;) {
        if (way === "recv") note([rx.recv()]);
        else if (way === "recvAsync") note([await rx.recvAsync()]);
        else if (way === "recvMany") note(/** @type {Iterable<unknown>} */ (rx.recvMany(7)));
        else if (way === "recvManyAsync") note(/** @type {Iterable<unknown>} */ (await rx.recvManyAsync(7)));
        else {
          const found = rx.tryRecv();
          if (found === undefined) await undefined;
          else note([found.value]);
        }
      }
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== "DISCONNECTED") throw error;
    }
  return got;
}
export const receiver = task(
  url,
  "receiver",
  /** @param {Receiver} rx @param {Kind} kind @param {RecvWay} way @returns {Promise<number[]>} */
  (rx, kind, way) => receiveAll(rx, kind, way),
);

/** Sends until that fails; returns the error, and the number of the message in it. */
export const sendsOn = task(
  url,
  "sendsOn",
  /** @param {Sender} tx @param {Kind} kind @param {CancelFlag} [signal] @returns {[error: string, sent: number, unsent: number | undefined]} */
  (tx, kind, signal) => {
    for (let n = 0; ; n++) {
      try {
        tx.send(messageOf(kind, n), signal === undefined ? undefined : { signal });
      } catch (error) {
        const { value } = /** @type {{ value?: unknown }} */ (error ?? {});
        return [told(error), n, value === undefined ? undefined : numberOf(kind, value)];
      }
    }
  },
);
/** Receives until that fails; returns the error. */
export const receivesOn = task(
  url,
  "receivesOn",
  /** @param {Receiver} rx @param {CancelFlag} [signal] @returns {[error: string, received: number]} */
  (rx, signal) => {
    for (let n = 0; ; n++) {
      try {
        rx.recv(signal === undefined ? undefined : { signal });
      } catch (error) {
        return [told(error), n];
      }
    }
  },
);

/** Makes a channel, fills it with ten messages and returns both of its ends. */
export const makesOne = task(
  url,
  "makesOne",
  /** @param {Kind} kind @returns {[Sender, Receiver]} */
  (kind) => {
    const [tx, rx] = /** @type {[Sender, Receiver]} */ (channel({ of: /** @type {never} */ (TYPES[kind]), name: "made elsewhere" }));
    for (let n = 0; n < 10; n++) tx.send(messageOf(kind, n));
    return [tx, rx];
  },
);

/** Receives an end of another channel, and sends through it. */
export const answers = task(
  url,
  "answers",
  /** @param {import("ferrous").Receiver<{ n: number, reply: import("ferrous").Sender<number> }>} requests @returns {number} */
  (requests) => {
    let count = 0;
    for (const { n, reply } of requests) {
      reply.send(2 * n);
      reply.close();
      count++;
    }
    return count;
  },
);

/** The words of a channel: see lib/channel/queue.ts. @param {import("ferrous").Receiver<unknown>} rx @returns {Words} */
export function wordsOf(rx) {
  const handle = toHandle(rx.clone());
  /** @type {Receiver} */ (fromHandle(handle)).close();
  return new Int32Array(handle.buffer);
}
const TAIL = 1;
const HEAD = 17;
const WANTED = 1;
/** Does a receiver sleep, or is it about to? @param {Words} channelWords */
export const isAwaited = (channelWords) => (Atomics.load(channelWords, TAIL) & WANTED) !== 0;
/** Does a sender? @param {Words} channelWords */
export const isFull = (channelWords) => (Atomics.load(channelWords, HEAD) & WANTED) !== 0;

/**
 * Selects from all of them until all are drained; returns what was received from each.
 * @param {import("ferrous").Receiver<number>[]} receivers @param {Words} arrivals @param {number} parties @returns {number[][]}
 */
export function selectAll(receivers, arrivals, parties) {
  meet(arrivals, parties);
  const got = receivers.map(() => /** @type {number[]} */ ([]));
  const open = receivers.map((rx, nth) => ({ rx, nth }));
  while (open.length > 0) {
    try {
      const { index, value } = select(open.map(({ rx }) => rx));
      got[open[index]?.nth ?? -1]?.push(/** @type {number} */ (value));
    } catch (error) {
      const { code, index = -1 } = /** @type {{ code?: string, index?: number }} */ (error);
      if (code !== "DISCONNECTED") throw error;
      open.splice(index, 1);
    }
  }
  return got;
}
export const selector = task(url, "selector", selectAll);

/**
 * Sends `count` numbers from `from` on, each through whichever channel takes it first; returns how many each took.
 * @param {import("ferrous").Sender<number>[]} senders @param {number} from @param {number} count @param {Words} arrivals @param {number} parties
 * @returns {number[][]}
 */
export function selectSends(senders, from, count, arrivals, parties) {
  meet(arrivals, parties);
  const sent = senders.map(() => /** @type {number[]} */ ([]));
  for (let n = from; n < from + count; n++) sent[select(senders.map((tx) => tx.sending(n))).index]?.push(n);
  return sent;
}
export const selectSender = task(url, "selectSender", selectSends);

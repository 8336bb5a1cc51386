// @ts-check
/**
 * Streams of messages through one channel on real threads: senders and receivers that use every way to send and to receive, in turn
 * and at random, that come and go, give up, move on to other threads, and are terminated.
 *
 * Each message is a number of its own, or is made of it; who receives it checks its content, its order among those of its sender, and
 * crosses it off a list that all share. Nobody waits for ever: who is late is named, with what it was doing.
 */
import {
  after,
  array,
  CancelFlag,
  channel,
  f64,
  fromHandle,
  i32,
  never,
  select,
  selectAsync,
  sleepAsync,
  spawn,
  struct,
  task,
  toHandle,
  u8,
  utf8,
} from "ferrous";
import { dice, told, words } from "../support/lockers.js";

/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {import("ferrous").Sender<any>} Tx */
/** @typedef {import("ferrous").Receiver<any>} Rx */
/** @typedef {(below: number) => number} Roll */

// --- what is sent ---

const Parcel = struct("Parcel", { code: i32, half: f64, name: utf8(12), tail: array(u8, 5) });
/** @typedef {{ of?: any, wrap: (code: number) => any, read: (value: any) => number }} Cargo */

/** @param {string} what @returns {never} */
const torn = (what) => {
  throw new Error(`a message was torn: ${what}`);
};
/** @param {boolean} isRight @param {number} code @returns {number} */
const checked = (isRight, code) => (isRight ? code : torn(String(code)));

/** @type {Record<string, Cargo>} */
const CARGOES = {
  i32: { of: i32, wrap: (code) => code, read: (value) => value },
  f64: { of: f64, wrap: (code) => code + 0.5, read: (value) => checked(value % 1 === 0.5, value - 0.5) },
  struct: {
    of: Parcel,
    wrap: (code) => ({ code, half: code / 2, name: `no ${String(code)}`, tail: Array.from({ length: 5 }, (_, at) => (code + at) & 255) }),
    read: ({ code, half, name, tail }) =>
      checked(
        half === code / 2 &&
          name === `no ${String(code)}` &&
          tail.every((/** @type {number} */ n, /** @type {number} */ at) => n === ((code + at) & 255)),
        code,
      ),
  },
  string: {
    wrap: (code) => `${String(code)}:${"é".repeat(code % 97)}`,
    read: (value) => checked(value.length === String(parseInt(value, 10)).length + 1 + (parseInt(value, 10) % 97), parseInt(value, 10)),
  },
  object: {
    wrap: (code) => ({ code, list: [code, code / 2, null], inner: { isOdd: code % 2 === 1, name: `no ${String(code)}` } }),
    read: ({ code, list, inner }) =>
      checked(list[0] === code && list[1] === code / 2 && inner.isOdd === (code % 2 === 1) && inner.name === `no ${String(code)}`, code),
  },
  // Long enough for the ring to grow, and to wrap in the middle of one.
  "typed array": {
    wrap: (code) => Int32Array.from({ length: 1 + (code % 301) }, (_, at) => code + at),
    read: (value) =>
      checked(
        value.length === 1 + (value[0] % 301) && value.every((/** @type {number} */ n, /** @type {number} */ at) => n === value[0] + at),
        value[0],
      ),
  },
  "nested map": {
    wrap: (code) =>
      new Map([
        ["code", code],
        ["inner", /** @type {any} */ (new Map([[code, new Set([code, -code - 1])]]))],
      ]),
    read: (value) =>
      checked(
        value
          .get("inner")
          .get(value.get("code"))
          .has(-value.get("code") - 1),
        value.get("code"),
      ),
  },
};
export const CARGO_NAMES = Object.keys(CARGOES);
/** @param {string} name @returns {Cargo} */
const cargoOf = (name) => /** @type {Cargo} */ (CARGOES[name]);

// --- who takes part ---

/**
 * @typedef {object} Job
 * @property {string} cargo
 * @property {number} who          its place on the board
 * @property {number} from         sender: its first message, as a number
 * @property {number} count        sender: how many
 * @property {number} seed
 * @property {number} moves        how often it gives its end to another thread, which goes on
 * @property {Words} board         two words each: what it does, and at which message
 * @property {Uint8Array<SharedArrayBuffer>} seen  how often each message was received
 * @property {CancelFlag[]} flags  cancelled at random moments
 */

/** The most that one call receives, and so the most that is lost with a receiver that dies. */
const BATCH = 10;
const STYLES = /** @type {const} */ ([
  "send",
  "send timeout",
  "sendAsync",
  "sendAsync abort",
  "trySend",
  "sendMany",
  "select send",
  "selectAsync send",
  "sendManyAsync",
  "burst of sendAsync",
  "clone a sender",
  "send cancel",
  "recv",
  "recv timeout",
  "tryRecv",
  "recvAsync",
  "recvAsync abort",
  "recvMany",
  "recvManyAsync",
  "select recv",
  "selectAsync recv",
  "burst of recvAsync",
  "clone a receiver",
  "recv cancel",
  "for",
  "for await",
  "join the next",
  "ended",
]);
/** @typedef {typeof STYLES[number]} Style */
const SENDS = 12;
const RECEIVES = 14;
/** Those that await alone, for a main thread that shall go on. */
const AWAITS = /** @type {readonly Style[]} */ ([
  "recvAsync",
  "recvAsync abort",
  "recvManyAsync",
  "selectAsync recv",
  "burst of recvAsync",
  "clone a receiver",
  "for await",
  "tryRecv",
]);

/** @param {Job} job @param {Style} style @param {number} at */
const say = ({ board, who }, style, at) => {
  Atomics.store(board, 2 * who, STYLES.indexOf(style));
  Atomics.store(board, 2 * who + 1, at);
};
/** @param {unknown} error @returns {string} */
const codeOf = (error) => {
  const { code, name } = /** @type {{ code?: string | number, name?: string }} */ (error);
  return typeof code === "string" ? code : String(name);
};
/** Runs something that may give up; says whether it did not. @param {() => unknown} act @returns {Promise<boolean>} */
async function unlessGivenUp(act) {
  try {
    await act();
    return true;
  } catch (error) {
    if (["TIMEOUT", "AbortError"].includes(codeOf(error)) || error === CALLED_OFF) return false;
    if (error instanceof Error && error.message === CALLED_OFF) return false;
    throw error;
  }
}
const CALLED_OFF = "called off";
/** An AbortSignal that is aborted soon: within this turn, or some turns later. @param {Roll} roll */
function soonAborted(roll) {
  const controller = new AbortController();
  const abort = () => controller.abort();
  [() => queueMicrotask(abort), () => setImmediate(abort), () => setTimeout(abort, roll(3)), abort][roll(4)]?.();
  return controller.signal;
}
/** @param {CancelFlag[]} flags */
const signalOf = (flags) => {
  const signal = flags.find((flag) => !flag.cancelled);
  return signal === undefined ? {} : { signal };
};

/**
 * Sends its messages in order; returns how many were sent before there was nobody to receive them.
 * @param {Tx} end @param {Job} job @returns {Promise<number>}
 */
async function send(end, job) {
  const roll = dice(job.seed);
  const { wrap } = cargoOf(job.cargo);
  const own = job.moves === 0 ? job.count : Math.floor(job.count / (job.moves + 1));
  let tx = end;
  let sent = 0;
  const next = () => wrap(job.from + sent);
  const some = () => Array.from({ length: Math.min(1 + roll(BATCH), own - sent) }, (_, at) => wrap(job.from + sent + at));
  try {
    while (sent < own) {
      const style = /** @type {Style} */ (STYLES[roll(SENDS)]);
      say(job, style, sent);
      if (style === "send") tx.send(next());
      else if (style === "send timeout") {
        if (!(await unlessGivenUp(() => tx.send(next(), { timeout: roll(3) })))) continue;
      } else if (style === "send cancel") {
        if (!(await unlessGivenUp(() => tx.send(next(), signalOf(job.flags))))) continue;
      } else if (style === "sendAsync") await tx.sendAsync(next());
      else if (style === "sendAsync abort") {
        if (!(await unlessGivenUp(() => tx.sendAsync(next(), { signal: soonAborted(roll) })))) continue;
      } else if (style === "trySend") {
        if (!tx.trySend(next())) continue;
      } else if (style === "select send") {
        if (select([tx.sending(next()), after(roll(3))]).index === 1) continue;
      } else if (style === "selectAsync send") {
        if ((await selectAsync([after(roll(3)), never(), tx.sending(next())])).index === 0) continue;
      } else if (style === "clone a sender") {
        const clone = tx.clone();
        tx.close();
        tx = clone;
        continue;
      } else {
        const values = some();
        const before = sent;
        try {
          if (style === "sendMany") tx.sendMany(values);
          else if (style === "sendManyAsync") await tx.sendManyAsync(values);
          else await Promise.all(values.map((value) => tx.sendAsync(value)));
        } catch (error) {
          if (codeOf(error) === "DISCONNECTED" && style !== "burst of sendAsync") {
            const { value } = /** @type {{ value: unknown[] }} */ (error);
            if (!Array.isArray(value) || value.length === 0 || value.length > values.length) torn(`${style} gave back ${String(value)}`);
          }
          throw error;
        }
        sent = before + values.length;
        continue;
      }
      sent++;
    }
    if (own < job.count) {
      say(job, "join the next", sent);
      const rest = { ...job, from: job.from + own, count: job.count - own, moves: job.moves - 1, seed: roll(2 ** 31) };
      if (roll(2) === 0) return own + (await spawn(sender, tx, rest).joinAsync());
      const [mail, letters] = channel();
      const handle = spawn(senderByMail, letters, rest);
      mail.send(tx);
      mail.close();
      return own + (await handle.joinAsync());
    }
    tx.close();
  } catch (error) {
    if (codeOf(error) !== "DISCONNECTED") throw error;
    tx.close();
  }
  say(job, "ended", sent);
  return sent;
}
export const sender = task(import.meta.url, "sender", send);
export const senderByMail = task(
  import.meta.url,
  "senderByMail",
  /** @param {Rx} letters @param {Job} job @returns {Promise<number>} */
  (letters, job) => send(letters.recv(), job),
);

/**
 * Receives until there is no sender any more; returns how many messages it got.
 * @param {Rx} end @param {Job} job @param {readonly Style[]} styles @returns {Promise<number>}
 */
async function receive(end, job, styles = STYLES.slice(SENDS, SENDS + RECEIVES - 1)) {
  const roll = dice(job.seed);
  const { read } = cargoOf(job.cargo);
  /** By sender: its last message that came here. @type {Map<number, number>} */
  const last = new Map();
  let rx = end;
  let got = 0;
  const take = (/** @type {any} */ value) => {
    const code = read(value);
    const before = last.get(code >>> PER_SENDER) ?? -1;
    if (code <= before) torn(`${String(code)} came after ${String(before)}`);
    last.set(code >>> PER_SENDER, code);
    if (Atomics.add(job.seen, slotOf(code), 1) !== 0) torn(`${String(code)} came twice`);
    got++;
  };
  try {
    for (;;) {
      const style = /** @type {Style} */ (styles[roll(styles.length)]);
      say(job, style, got);
      if (job.moves > 0 && got > 0 && roll(40) === 0) {
        say(job, "join the next", got);
        return got + (await spawn(receiver, rx, { ...job, moves: job.moves - 1, seed: roll(2 ** 31) }).joinAsync());
      }
      if (style === "recv") take(rx.recv());
      else if (style === "recv timeout") await unlessGivenUp(() => take(rx.recv({ timeout: roll(3) })));
      else if (style === "recv cancel") await unlessGivenUp(() => take(rx.recv(signalOf(job.flags))));
      else if (style === "tryRecv") {
        const found = rx.tryRecv();
        if (found !== undefined) take(found.value);
        else if (styles === AWAITS) await sleepAsync(1);
      } else if (style === "recvAsync") take(await rx.recvAsync());
      else if (style === "recvAsync abort") await unlessGivenUp(async () => take(await rx.recvAsync({ signal: soonAborted(roll) })));
      else if (style === "recvMany") for (const value of rx.recvMany(1 + roll(BATCH))) take(value);
      else if (style === "recvManyAsync") for (const value of await rx.recvManyAsync(1 + roll(BATCH))) take(value);
      else if (style === "select recv") {
        const { index, value } = select([rx, after(roll(3))]);
        if (index === 0) take(value);
      } else if (style === "selectAsync recv") {
        const { index, value } = await selectAsync([never(), rx, after(roll(3))]);
        if (index === 1) take(value);
      } else if (style === "burst of recvAsync") {
        const all = await Promise.allSettled(Array.from({ length: 1 + roll(4) }, () => rx.recvAsync()));
        for (const one of all) if (one.status === "fulfilled") take(one.value);
        for (const one of all) if (one.status === "rejected") throw one.reason;
      } else if (style === "clone a receiver") {
        const clone = rx.clone();
        rx.close();
        rx = clone;
      } else {
        let left = 1 + roll(BATCH);
        if (style === "for") {
          for (const value of rx) {
            take(value);
            if (--left === 0) break;
          }
        } else {
          for await (const value of rx) {
            take(value);
            if (--left === 0) break;
          }
        }
      }
    }
  } catch (error) {
    if (codeOf(error) !== "DISCONNECTED") throw error;
  }
  rx.close();
  say(job, "ended", got);
  return got;
}
export const receiver = task(
  import.meta.url,
  "receiver",
  /** @param {Rx} rx @param {Job} job */
  (rx, job) => receive(rx, job),
);

// --- a run ---

const PER_SENDER = 18;
/** As many as a run has at most. */
const MOST = 4096;
/** @param {number} code */
const slotOf = (code) => (code >>> PER_SENDER) * MOST + (code & ((1 << PER_SENDER) - 1));

/**
 * @typedef {object} Run
 * @property {string} cargo        one of CARGO_NAMES
 * @property {number | undefined} [capacity]   none: unbounded
 * @property {number} senders
 * @property {number} receivers
 * @property {number} messages     of each sender
 * @property {number} seed
 * @property {number} [moves]      how often each end moves on to another thread
 * @property {number} [deaths]     how many threads are terminated in the middle
 * @property {boolean} [main]      the main thread receives too, awaiting
 * @property {number} [patience]   in ms
 */

/** @param {Run} run */
const nameOf = ({ cargo, capacity = Infinity, senders, receivers, moves = 0, deaths = 0, seed }) =>
  `${cargo}, capacity ${String(capacity)}, ${String(senders)}p${String(receivers)}c, ${String(moves)} moves, ${String(deaths)} deaths, seed ${String(seed)}`;

/**
 * One run; returns what was wrong with it, each problem in a line, and how many messages were received.
 * @param {Run} run @returns {Promise<{ problems: string[], received: number }>}
 */
export async function stream(run) {
  const { cargo, capacity, senders, receivers, messages, seed, moves = 0, deaths = 0, main = false, patience = 20_000 } = run;
  const { of } = cargoOf(cargo);
  const roll = dice(seed);
  const [tx, rx] = channel({ ...(of === undefined ? {} : { of }), ...(capacity === undefined ? {} : { capacity }), name: "the stream" });
  const board = words(2 * (senders + receivers + 1));
  const seen = new Uint8Array(new SharedArrayBuffer(senders * MOST));
  const flags = Array.from({ length: 20 }, () => new CancelFlag());
  /** @type {(who: number, from: number) => Job} */
  const job = (who, from) => ({ cargo, who, from, count: messages, seed: roll(2 ** 31), moves, board, seen, flags });
  // To look into it, should somebody hang.
  const handle = toHandle(tx.clone());
  /** @type {Tx} */ (fromHandle(handle)).close();
  const { buffer } = handle;
  const threads = [
    ...Array.from({ length: senders }, (_, nth) => spawn(sender, tx.clone(), job(nth, nth << PER_SENDER))),
    ...Array.from({ length: receivers }, (_, nth) => spawn(receiver, rx.clone(), job(senders + nth, 0))),
  ];
  tx.close();
  const own = main ? receive(rx.clone(), { ...job(senders + receivers, 0), moves: 0 }, AWAITS) : undefined;
  rx.close();

  let isOver = false;
  const cancels = (async () => {
    for (const flag of flags) {
      await sleepAsync(roll(10));
      if (isOver) return;
      flag.cancel(CALLED_OFF);
    }
  })();
  const dead = new Set();
  const deadly = (async () => {
    for (let n = 0; n < deaths; n++) {
      await sleepAsync(roll(40));
      const victim = roll(threads.length);
      dead.add(victim);
      await threads[victim]?.terminate();
    }
  })();

  /** @type {string[]} */
  const problems = [];
  const say = (/** @type {number} */ who, /** @type {string} */ what) => {
    const [style = 0, at = 0] = board.subarray(2 * who);
    const words = [...new Int32Array(buffer, 0, 32)].map((word) => word.toString(16)).join(" ");
    problems.push(
      `${nameOf(run)}: ${who < senders ? "sender" : "receiver"} ${String(who)} ${what}, in ${String(STYLES[style])} at ${String(at)}; ${words}`,
    );
  };
  /** @type {(number | undefined)[]} */
  const ends = [];
  const end = performance.now() + patience;
  for (const [who, thread] of threads.entries()) {
    try {
      ends[who] = await thread.joinAsync({ timeout: Math.max(1, end - performance.now()) });
    } catch (error) {
      const code = codeOf(error);
      if (code === "THREAD_DIED" && dead.has(who)) continue;
      say(who, code === "TIMEOUT" ? "hangs" : `failed: ${told(error)}`);
    }
  }
  let received = 0;
  if (own !== undefined && problems.length === 0) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((/** @type {(late: undefined) => void} */ resolve) => {
      timer = setTimeout(resolve, Math.max(1000, end - performance.now()), undefined);
    });
    const failed = (/** @type {unknown} */ error) => say(senders + receivers, `failed: ${told(error)}`);
    const count = await Promise.race([own, late]).catch(failed);
    clearTimeout(timer);
    if (count === undefined) say(senders + receivers, "hangs");
    else received += count;
  }
  isOver = true;
  await Promise.all([cancels, deadly]);
  if (problems.length > 0) await Promise.all(threads.map((thread) => thread.terminate()));

  const deadReceivers = [...dead].filter((who) => who >= senders && ends[who] === undefined).length;
  const living = receivers + Number(main) - deadReceivers;
  received += ends.slice(senders).reduce((/** @type {number} */ sum, count) => sum + (count ?? 0), 0);
  let lost = 0;
  for (let nth = 0; nth < senders; nth++) {
    for (let at = 0; at < messages; at++) {
      const times = seen[nth * MOST + at] ?? 0;
      if (times > 1) problems.push(`${nameOf(run)}: message ${String(at)} of sender ${String(nth)} came ${String(times)} times`);
      if (times === 0 && at < (ends[nth] ?? 0)) lost++;
    }
    if (living > 0 && ends[nth] !== undefined && ends[nth] !== messages)
      problems.push(`${nameOf(run)}: sender ${String(nth)} was told that nobody receives`);
  }
  if (living > 0 && lost > deadReceivers * BATCH) problems.push(`${nameOf(run)}: ${String(lost)} messages were lost`);
  return { problems, received };
}

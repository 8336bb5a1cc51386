// @ts-check
/**
 * Scenes of deaths at channels: see death-scenes.js. Ends of channels belong to one thread each, so every thread has its own part of
 * what is shared.
 */
import { channel, i32, never, select, selectAsync, Thread, fromHandle, toHandle } from "ferrous";
import { words } from "./lockers.js";

/** @typedef {import("ferrous").Sender<number>} Tx */
/** @typedef {import("ferrous").Receiver<number>} Rx */
/** @typedef {Int32Array<SharedArrayBuffer>} Words */
/** @typedef {{ tx: Tx, rx: Rx, seen: Words }} Shared */
/** What a thread has: the ends that it needs. @typedef {{ tx?: Tx, rx?: Rx, seen: Words }} Part */
/** @typedef {() => [Tx, Rx]} Make */
/** @typedef {"victim" | "keeper" | "waiter"} Role */

export const flavours = {
  unbounded: /** @type {Make} */ (() => channel({ of: i32 })),
  bounded: /** @type {Make} */ (() => channel({ of: i32, capacity: CAPACITY })),
  rendezvous: /** @type {Make} */ (() => channel({ of: i32, capacity: 0 })),
  encoded: /** @type {Make} */ (() => channel()),
  "encoded bounded": /** @type {Make} */ (() => channel({ capacity: CAPACITY })),
  "encoded rendezvous": /** @type {Make} */ (() => channel({ capacity: 0 })),
};
const CAPACITY = 8;
/** So many messages of a stream fit into any channel that has room; so many more are sent right before the death. */
const FIRST = 6;
const STREAM = 20;
const FILLING = -2;
const ABANDONED = -1;

/** Else the ends of a victim might be collected before it dies. @type {unknown[]} */
const kept = [];
const code = (/** @type {unknown} */ error) => /** @type {{ code?: string }} */ (error).code;
const txOf = (/** @type {Part} */ { tx }) => /** @type {Tx} */ (tx);
const rxOf = (/** @type {Part} */ { rx }) => /** @type {Rx} */ (rx);

/** A thread's first encoded message takes 5 ms, because it loads what encodes it: these have nothing to do with a death. */
const encodesOnce = () => {
  const [tx, rx] = channel();
  tx.send(0);
  rx.recv();
  tx.close();
  rx.close();
};

/** @param {Make} make */
const setting = (make) => ({
  enter: encodesOnce,
  make: () => {
    const [tx, rx] = make();
    return { tx, rx, seen: words(STREAM) };
  },
  close: (/** @type {Shared} */ { tx, rx }) => {
    tx.close();
    rx.close();
  },
});
/** The victim sends or receives; the others do the other thing, or what it did. @param {{ [R in Role]?: "tx" | "rx" }} ends */
const parts =
  (ends) =>
  (/** @type {Shared} */ { tx, rx, seen }, /** @type {Role} */ role) =>
    /** @type {Part} */ ({ seen, ...(ends[role] === "tx" ? { tx: tx.clone() } : { rx: rx.clone() }) });
const keep = (/** @type {unknown} */ part) => void kept.push(part);

/** @param {Make} make */
const full = (make) => () => {
  const shared = setting(make).make();
  while (shared.tx.trySend(FILLING));
  return shared;
};

/** The victim has the only sender, and the others receive. @param {Make} make */
export const onlySender = (make) => ({
  ...setting(make),
  part: parts({ victim: "tx", waiter: "rx" }),
  take: keep,
  wait: (/** @type {Part} */ part) => void rxOf(part).recv(),
  waitAsync: async (/** @type {Part} */ part) => void (await rxOf(part).recvAsync()),
});

/** The same, and they select. @param {Make} make */
export const onlySenderOfSelect = (make) => ({
  ...onlySender(make),
  wait: (/** @type {Part} */ part) => void select([never(), rxOf(part)]),
  waitAsync: async (/** @type {Part} */ part) => void (await selectAsync([never(), rxOf(part)])),
});

/** Marks a message as received; or throws, if it came twice or too late. @param {Words} seen @param {number} value @param {number} before */
function cross(seen, value, before) {
  if (value <= before) throw new Error(`${value} came after ${before}`);
  if (Atomics.add(seen, value, 1) !== 0) throw new Error(`${value} came twice`);
  return value;
}
/** The victim sends, and has sent all when it dies. @param {Make} make */
export const streamSender = (make) => ({
  ...onlySender(make),
  take: (/** @type {Part} */ part) => {
    keep(part);
    for (let n = 0; n < FIRST && txOf(part).trySend(n); n++);
  },
  last: (/** @type {Part} */ part) => {
    for (let n = make === flavours.rendezvous || make === flavours["encoded rendezvous"] ? 0 : FIRST; n < STREAM; n++) txOf(part).send(n);
  },
  wait: (/** @type {Part} */ part) => {
    for (let before = -1; ;) before = cross(part.seen, rxOf(part).recv(), before);
  },
  waitAsync: async (/** @type {Part} */ part) => {
    for (let before = -1; ;) before = cross(part.seen, await rxOf(part).recvAsync(), before);
  },
  look: (/** @type {Shared} */ { seen }) => (seen.every((times) => times === 1) ? "each came once" : `came so often: ${seen.join(" ")}`),
});

/** The victim has the only receiver, and has received something when it dies; the others send. @param {Make} make */
export const streamReceiver = (make) => ({
  ...setting(make),
  make: full(make),
  part: parts({ victim: "rx", waiter: "tx" }),
  take: keep,
  last: (/** @type {Part} */ part) => {
    for (let n = 0; n < STREAM; n++) rxOf(part).recv();
  },
  wait: (/** @type {Part} */ part) => {
    for (let n = 0; ; n++) {
      try {
        txOf(part).send(n);
      } catch (error) {
        if (code(error) === "DISCONNECTED" && /** @type {{ value: unknown }} */ (error).value === n) return "has its value again";
        throw error;
      }
    }
  },
  waitAsync: async (/** @type {Part} */ part) => {
    for (let n = 0; ; n++) {
      try {
        await txOf(part).sendAsync(n);
      } catch (error) {
        if (code(error) === "DISCONNECTED" && /** @type {{ value: unknown }} */ (error).value === n) return "has its value again";
        throw error;
      }
    }
  },
});

/** The same, and they select. @param {Make} make */
export const onlyReceiverOfSelect = (make) => ({
  ...streamReceiver(make),
  last: () => {},
  wait: (/** @type {Part} */ part) => void select([never(), txOf(part).sending(1)]),
  waitAsync: async (/** @type {Part} */ part) => void (await selectAsync([never(), txOf(part).sending(1)])),
});

/** The victim receives as the others do. @param {Make} make */
export const sleepingReceiver = (make) => ({
  ...setting(make),
  part: parts({ victim: "rx", keeper: "tx", waiter: "rx" }),
  sleep: (/** @type {Part} */ part) => void rxOf(part).recv(),
  sleepAsync: (/** @type {Part} */ part) => rxOf(part).recvAsync(),
  keep: (/** @type {Part} */ part) => {
    encodesOnce();
    return (/** @type {number} */ waiters) => {
      for (let n = 0; n < waiters; n++) txOf(part).send(n);
    };
  },
  wait: (/** @type {Part} */ part) => void rxOf(part).recv(),
  waitAsync: async (/** @type {Part} */ part) => void (await rxOf(part).recvAsync()),
});
/** The same, and it selects. @param {Make} make */
export const selectingReceiver = (make) => ({
  ...sleepingReceiver(make),
  sleep: (/** @type {Part} */ part) => void select([never(), rxOf(part)]),
  sleepAsync: (/** @type {Part} */ part) => selectAsync([never(), rxOf(part)]),
});

/** The victim sends as the others do, and there is no room. @param {Make} make */
export const sleepingSender = (make) => ({
  ...setting(make),
  make: full(make),
  part: parts({ victim: "tx", keeper: "rx", waiter: "tx" }),
  sleep: (/** @type {Part} */ part) => txOf(part).send(ABANDONED),
  sleepAsync: (/** @type {Part} */ part) => txOf(part).sendAsync(ABANDONED),
  keep: (/** @type {Part} */ part) => (/** @type {number} */ waiters) => {
    for (let got = 0; got < waiters;) if (rxOf(part).recv() >= 0) got++;
  },
  wait: (/** @type {Part} */ part, /** @type {number} */ number) => txOf(part).send(number),
  waitAsync: (/** @type {Part} */ part, /** @type {number} */ number) => txOf(part).sendAsync(number),
});

/** Where the gates lie: see lib/channel/queue.ts. */
const GATES = { tx: 0, rx: 16 };
/** The victim is inside a gate: it has done what entering does. @param {Make} make @param {"tx" | "rx"} side */
export const insideGate = (make, side) => ({
  ...setting(make),
  make: (/** @type {number} */ waiters) => {
    const shared = setting(make).make();
    const handle = toHandle(shared.tx.clone());
    /** @type {Tx} */ (fromHandle(handle)).close();
    for (let n = 0; n < waiters; n++) shared.tx.send(n);
    return { ...shared, buffer: handle.buffer };
  },
  part: (/** @type {Shared & { buffer: SharedArrayBuffer }} */ { tx, rx, seen, buffer }) => ({
    tx: tx.clone(),
    rx: rx.clone(),
    seen,
    buffer,
  }),
  take: (/** @type {{ buffer: SharedArrayBuffer }} */ { buffer }) => {
    const inside = new Int32Array(buffer);
    while (Atomics.compareExchange(inside, GATES[side], 0, Thread.current().id << 2) !== 0);
  },
  wait: (/** @type {Part} */ part) => void (side === "tx" ? txOf(part).send(1) : rxOf(part).recv()),
  waitAsync: async (/** @type {Part} */ part) => void (await (side === "tx" ? txOf(part).sendAsync(1) : rxOf(part).recvAsync())),
});

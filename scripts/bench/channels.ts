/** How fast are channels, worker to worker? Content and order are verified in every run. */
import { MessageChannel } from "node:worker_threads";
import { channel, i32, spawn, type JoinHandle, type Receiver, type Sender } from "ferrous";
import { inTurns, median, print, ratio, type Row, type Subject } from "./measure.ts";
import { peerEnds, peerReceive, peerSend } from "./threads/peer.js";
import {
  bareGiveBack,
  bareServe,
  cached,
  giveBack,
  lamport,
  postValues,
  receiveChunks,
  receiveNumbers,
  receiveValues,
  RING_WORDS,
  sendChunks,
  sendNumbers,
  sendValues,
  serve,
  takePosts,
} from "./threads/streams.js";

interface Seen {
  readonly ms: number;
  readonly count: number;
  readonly sum: number;
  readonly wrong: number;
}

const ROUNDS = Number(process.env["ROUNDS"] ?? 9);
const NUMBERS = 8_000_000;
const PEERS_NUMBERS = 40_000;
const CHUNKED = 64_000_000;
const VALUES = 1_000_000;
/**
 * So many come, all of them, before those of which the time is taken: what threads run first is compiled beside them, on the same cores, which takes a
 * channel's threads 150 ms and is nearly nothing for a MessagePort, whose work is done by the engine. How it is without is shown too.
 */
const WARM_UP = 300_000;
/** Round trips: 200,000 of those that take a us, 3,000 of those that wake a thread. */
const AWAKE = 200_000;
const ASLEEP = 3000;
/** In steps of 0.8 ns: 60 us, in which the other falls asleep. */
const PAUSE = 75_000;

const words = (count = 128): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(4 * count));
const perSecond = (rate: number): string => (rate >= 1e6 ? `${(rate / 1e6).toFixed(1)} M/s` : `${(rate / 1e3).toFixed(0)} k/s`);
const micro = (us: number): string => `${us.toFixed(2)} us`;

/** Messages a second, once all has come, in order, and nothing else. */
async function rateOf(n: number, sum: number | undefined, handles: readonly JoinHandle<Seen>[]): Promise<number> {
  const seen = await Promise.all(handles.map((handle) => handle.joinAsync()));
  const received = seen.slice(-receivers(handles.length));
  const total = received.reduce((all, { sum: some }) => all + some, 0);
  const count = received.reduce((all, one) => all + one.count, 0);
  if (seen.some(({ wrong }) => wrong > 0)) throw new Error("messages came out of order, or changed");
  if (count !== n || (sum !== undefined && total !== sum)) throw new Error(`${String(n)} messages were sent, ${String(count)} came`);
  return n / (Math.max(...seen.map(({ ms }) => ms)) / 1000);
}
const receivers = (threads: number): number => threads / 2;
const sumTo = (n: number): number => (n * (n - 1)) / 2;

const ring = (kind: typeof lamport) => async (): Promise<number> => {
  const cells = words(RING_WORDS);
  return rateOf(NUMBERS, sumTo(NUMBERS), [spawn(kind, cells, "send", NUMBERS), spawn(kind, cells, "receive", NUMBERS)]);
};

/** Numbers through a channel, from so many threads to so many. */
function numbers(pairs: number, options: { readonly capacity?: number }): () => Promise<number> {
  return () => {
    const [tx, rx] = channel({ ...options, of: i32 });
    const cells = words();
    const each = NUMBERS / pairs;
    const ends = <E extends { clone(): E }>(end: E): E[] => [...Array.from({ length: pairs - 1 }, () => end.clone()), end];
    const sends = ends(tx as Sender<number>).map((one, at) => spawn(sendNumbers, cells, 2 * pairs, one, at * each, each));
    const receipts = ends(rx).map((one) => spawn(receiveNumbers, cells, 2 * pairs, one, each));
    return rateOf(NUMBERS, sumTo(NUMBERS), [...sends, ...receipts]);
  };
}

/** The chapter's SharedReceiver, which `multithreading` has too: each of several threads has a receiver, and each message goes to one of them. */
const SHARED = "SharedReceiver, 4 to 4, capacity 32";
const PEERS_SHARED = "multithreading: SharedReceiver, 4 to 4, capacity 32";
/** Its checksum is not looked at: in a few of ten runs it is wrong. */
async function peersNumbers(): Promise<number> {
  const each = PEERS_NUMBERS / 4;
  const { senders, receivers: takers } = await peerEnds(32, 4);
  const cells = words();
  const sends = senders.map((end, at) => spawn(peerSend, cells, 8, end as never, at * each, each));
  return rateOf(PEERS_NUMBERS, undefined, [...sends, ...takers.map((end) => spawn(peerReceive, cells, 8, end as never, each))]);
}

async function chunks(): Promise<number> {
  const [tx, rx] = channel({ capacity: 1024, of: i32 });
  const cells = words();
  return rateOf(CHUNKED, sumTo(CHUNKED), [spawn(sendChunks, cells, tx as Sender<number>, CHUNKED), spawn(receiveChunks, cells, rx)]);
}

const values = (what: "objects" | "texts", warmUp: number) => (): Promise<number> => {
  const [tx, rx] = channel<unknown>({ capacity: 1024 });
  const cells = words();
  return rateOf(VALUES, undefined, [
    spawn(sendValues, cells, tx, what, VALUES, warmUp),
    spawn(receiveValues, cells, rx as Receiver<never>, what, warmUp),
  ]);
};
const posts = (what: "objects" | "texts" | "numbers", warmUp: number) => (): Promise<number> => {
  const { port1, port2 } = new MessageChannel();
  const cells = words();
  // Their type has methods, so that it looks like one that would lose them; they move.
  const [from, to] = [port1, port2] as never[] as [never, never];
  return rateOf(VALUES, undefined, [
    spawn(postValues, cells, from, what, VALUES, warmUp),
    spawn(takePosts, cells, to, what, VALUES, warmUp),
  ]);
};

const roundTrip = (rounds: number, pause: number) => async (): Promise<number> => {
  const [[there, theirs], [back, ours]] = [channel({ capacity: 16, of: i32 }), channel({ capacity: 16, of: i32 })];
  const cells = words();
  const other = spawn(giveBack, cells, back as Sender<number>, theirs);
  const us = await spawn(serve, cells, there as Sender<number>, ours, rounds, pause).joinAsync();
  await other.joinAsync();
  return us;
};
const bareRoundTrip = (rounds: number, pause: number) => async (): Promise<number> => {
  const cells = words();
  const other = spawn(bareGiveBack, cells);
  const us = await spawn(bareServe, cells, rounds, pause).joinAsync();
  await other.joinAsync();
  return us;
};

const FIRST = "small objects bounded(1024), the first million";
const FIRST_POSTS = "MessagePort, small objects, the first million";

/** `npm run bench -- channels [streams | latency]`: all of it, or a part. */
export async function run(): Promise<void> {
  const only = process.argv[3];
  if (only !== "latency") await streaming();
  if (only !== "streams") await latency();
}

async function streaming(): Promise<void> {
  const streams: Subject[] = [
    { name: "bare ring, 1 to 1, i32 (Lamport)", measure: ring(lamport) },
    { name: "bare ring that caches the other's index", measure: ring(cached) },
    { name: "i32 bounded(1024), 1 to 1", measure: numbers(1, { capacity: 1024 }) },
    { name: "i32 bounded(1024), 2 to 2", measure: numbers(2, { capacity: 1024 }) },
    { name: "i32 bounded(1024), 4 to 4", measure: numbers(4, { capacity: 1024 }) },
    { name: SHARED, measure: numbers(4, { capacity: 32 }) },
    { name: PEERS_SHARED, measure: peersNumbers },
    { name: "i32 unbounded, 1 to 1", measure: numbers(1, {}) },
    { name: "i32 sendMany + recvMany, 256 at a time", measure: chunks },
    { name: "MessagePort, numbers", measure: posts("numbers", WARM_UP) },
    { name: "MessagePort, small objects", measure: posts("objects", WARM_UP) },
    { name: "small objects bounded(1024), 1 to 1", measure: values("objects", WARM_UP) },
    { name: FIRST_POSTS, measure: posts("objects", 0) },
    { name: FIRST, measure: values("objects", 0) },
    { name: "MessagePort, texts", measure: posts("texts", WARM_UP) },
    { name: "texts bounded(1024), 1 to 1", measure: values("texts", WARM_UP) },
  ];
  const rates = await inTurns(streams, ROUNDS);
  const [bare, port] = ["bare ring, 1 to 1, i32 (Lamport)", "MessagePort, small objects"];
  const row = (what: string, against?: string, bar?: string): Row => ({
    what,
    figure: perSecond(median(rates.get(what) ?? [])),
    ...(against === undefined ? {} : { against, ratio: ratio(rates, what, against) }),
    ...(bar === undefined ? {} : { bar }),
  });
  print("Channels, worker to worker: messages a second", [
    row(bare),
    row("bare ring that caches the other's index", bare),
    row("i32 bounded(1024), 1 to 1", bare, ">= 0.7"),
    row("i32 bounded(1024), 2 to 2", bare),
    row("i32 bounded(1024), 4 to 4", bare, ">= 0.5"),
    row("i32 unbounded, 1 to 1", bare),
    row(PEERS_SHARED),
    row(SHARED, PEERS_SHARED, ">= 10"),
    {
      ...row("i32 sendMany + recvMany, 256 at a time"),
      value: median(rates.get("i32 sendMany + recvMany, 256 at a time") ?? []) / 1e6,
      bar: ">= 40",
    },
    row("MessagePort, numbers"),
    row(port),
    row("small objects bounded(1024), 1 to 1", port, ">= 3"),
    row(FIRST_POSTS),
    row(FIRST, FIRST_POSTS),
    row("MessagePort, texts"),
    row("texts bounded(1024), 1 to 1", "MessagePort, texts"),
  ]);
}

async function latency(): Promise<void> {
  const trips: Subject[] = [
    { name: "i32 round trip, both awake", measure: roundTrip(AWAKE, 0) },
    { name: "bare wait and notify round trip, the other asleep", measure: bareRoundTrip(ASLEEP, PAUSE) },
    { name: "i32 round trip, the other asleep", measure: roundTrip(ASLEEP, PAUSE) },
  ];
  const times = await inTurns(trips, ROUNDS);
  const trip = (what: string): Row => ({ what, figure: micro(median(times.get(what) ?? [])) });
  const [, asleep] = trips;
  print("Channels, worker to worker: latency", [
    { ...trip("i32 round trip, both awake"), value: median(times.get("i32 round trip, both awake") ?? []), bar: "<= 3" },
    trip(asleep?.name ?? ""),
    {
      ...trip("i32 round trip, the other asleep"),
      against: asleep?.name ?? "",
      ratio: ratio(times, "i32 round trip, the other asleep", asleep?.name ?? ""),
      bar: "<= 1.15",
    },
  ]);
}

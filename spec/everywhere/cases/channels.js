import {
  after,
  channel,
  f64,
  i32,
  Mutex,
  never,
  oneshot,
  select,
  selectAsync,
  spawn,
  struct,
  task,
  tick,
  trySelect,
  u8,
} from "../ferrous.js";
import { codeOf, codeOfAsync, describe, equal, ok } from "../suite.js";

const Pair = struct("EverywhereMessage", { id: i32, share: f64 });

/** @type {[string, any, (n: number) => any][]} what is sent, and how the channel is made for it */
const KINDS = [
  ["numbers", { of: i32 }, (n) => n],
  ["fractions", { of: f64 }, (n) => n / 4],
  ["structs", { of: Pair }, (n) => ({ id: n, share: n / 4 })],
  ["texts", {}, (n) => `käse ${n}`],
  ["objects", {}, (n) => ({ id: n, tags: ["a", n], map: new Map([[n, new Date(n)]]) })],
];
const plain = (/** @type {any} */ value) => (typeof value === "object" && "share" in value ? { id: value.id, share: value.share } : value);

for (const [name, options, make] of KINDS) {
  const group = describe(`a channel of ${name}`);
  for (const capacity of [Infinity, 3, 0]) {
    const all = { ...options, ...(capacity === Infinity ? {} : { capacity }) };
    const which = capacity === Infinity ? "unbounded" : `capacity ${capacity}`;
    group.here(`(${which}) is awaited at both ends, in order`, async () => {
      const [tx, rx] = channel(all);
      const sending = (async () => {
        for (let n = 0; n < 20; n++) await tx.sendAsync(make(n));
        tx.close();
      })();
      const got = [];
      for await (const value of rx) got.push(plain(value));
      await sending;
      equal(
        got,
        Array.from({ length: 20 }, (_, n) => make(n)),
      );
    });
    group.inThread(`(${which}) goes from thread to thread and back, blocking`, () => {
      const [[tx, there], [back, rx]] = [channel(all), channel(all)];
      const thread = spawn(echoes, there, back);
      for (let n = 0; n < 20; n++) {
        tx.send(make(n));
        equal(plain(rx.recv()), make(n));
      }
      tx.close();
      thread.join();
      equal([codeOf(() => rx.recv()), rx.disconnected], ["DISCONNECTED", true]);
    });
  }
  group.both("many at once", () => {
    const [tx, rx] = channel({ ...options, capacity: 100 });
    tx.sendMany(Array.from({ length: 50 }, (_, n) => make(n)));
    const got = [...rx.recvMany(30), ...rx.recvMany(30)].map(plain);
    equal(
      got,
      Array.from({ length: 50 }, (_, n) => make(n)),
    );
  });
}
export const echoes = task(import.meta.url, "echoes", (/** @type {any} */ rx, /** @type {any} */ tx) => {
  for (const value of rx) tx.send(value);
  tx.close();
});

const ends = describe("channels and their ends");
ends.both("trySend and tryRecv do not wait", () => {
  const [tx, rx] = channel({ of: i32, capacity: 1 });
  equal([rx.tryRecv(), tx.trySend(1), tx.trySend(2), tx.length, tx.capacity], [undefined, true, false, 1, 1]);
  equal(rx.tryRecv(), { value: 1 });
});
ends.both("what was queued is received after the last sender was closed", () => {
  const [tx, rx] = channel();
  tx.send("last");
  tx.close();
  equal([rx.recv(), codeOf(() => rx.recv()), codeOf(() => tx.send("more"))], ["last", "DISCONNECTED", "RELEASED"]);
});
ends.both("a send without receivers gives the value back", () => {
  const [tx, rx] = channel();
  rx.close();
  try {
    tx.send({ a: 1 });
    throw new Error("it was sent");
  } catch (error) {
    equal([/** @type {any} */ (error).code, /** @type {any} */ (error).value], ["DISCONNECTED", { a: 1 }]);
  }
});
ends.here("a receive is awaited for so long only", async () => {
  const [tx, rx] = channel();
  equal(await codeOfAsync(rx.recvAsync({ timeout: 5 })), "TIMEOUT");
  // An end that nobody has any more may be collected meanwhile, and closes then.
  tx.close();
});
ends.here("a receive is called off", async () => {
  const [tx, rx] = channel();
  const stop = new AbortController();
  const waiting = codeOfAsync(rx.recvAsync({ signal: stop.signal }));
  stop.abort("enough");
  equal(await waiting, "enough");
  tx.close();
});
ends.inThread("a blocking receive lasts for so long only", () => {
  const [, rx] = channel();
  equal(
    codeOf(() => rx.recv({ timeout: 5 })),
    "TIMEOUT",
  );
});
ends.here("locks and ends go through a channel", async () => {
  const [tx, rx] = channel();
  const lock = Mutex.of(i32, 5);
  const [inner, heard] = oneshot();
  tx.send({ lock, inner });
  const got = /** @type {any} */ (await rx.recvAsync());
  got.lock.with((/** @type {number} */ value) => equal(value, 5));
  got.inner.send("through both");
  equal(await heard.recvAsync(), "through both");
});
ends.here("a thread sends a lock that it made", async () => {
  const [tx, rx] = channel();
  const thread = spawn(sendsLock, tx);
  const lock = /** @type {any} */ (await rx.recvAsync());
  await thread.joinAsync();
  equal([lock instanceof Mutex, lock.with((/** @type {number} */ value) => value)], [true, 9]);
});
export const sendsLock = task(import.meta.url, "sendsLock", (/** @type {any} */ tx) => {
  tx.send(Mutex.of(i32, 9));
});
ends.here("an end that was passed on has moved", async () => {
  const [tx, rx] = channel();
  const thread = spawn(sendsLock, tx);
  equal(
    codeOf(() => tx.send(1)),
    "RELEASED",
  );
  await rx.recvAsync();
  await thread.joinAsync();
  equal(await codeOfAsync(rx.recvAsync()), "DISCONNECTED");
});
ends.both("a value that cannot be sent is refused", () => {
  const [tx] = channel();
  equal(
    [codeOf(() => tx.send(/** @type {any} */ (() => 1))), codeOf(() => tx.send(/** @type {any} */ ({ a: Symbol("s") })))],
    ["NOT_SENDABLE", "NOT_SENDABLE"],
  );
});
ends.both("numbers of another type are refused", () => {
  const [tx] = channel({ of: u8 });
  equal([codeOf(() => tx.send(256)), codeOf(() => tx.send(0.5))], ["RangeError", "RangeError"]);
});
ends.both("a channel that is full of bytes says so", () => {
  const [tx] = channel({ maxBytes: 1000 });
  equal(
    codeOf(() => tx.send("x".repeat(5000))),
    "FULL",
  );
});
ends.both("a large text arrives whole", () => {
  const [tx, rx] = channel({ capacity: 4 });
  const text = "käse".repeat(500_000);
  tx.send(text);
  ok(rx.recv() === text, "it is the same");
});
for (const [name, make] of /** @type {[string, () => unknown][]} */ ([
  ["Map, Set and Date", () => new Map([["a", new Set([1, new Date(5).getTime()])]])],
  ["typed arrays", () => [new Uint8Array([1, 2]), new Float64Array([0.5])]],
  ["bigints, undefined, null, -0 and NaN", () => [2n ** 70n, undefined, null, -0, NaN, Infinity]],
  ["texts that are no well-formed Unicode", () => ["\ud800", "🦀"]],
  ["what is nested deeply", () => Array.from({ length: 40 }).reduce((inner) => ({ inner }), /** @type {any} */ (1))],
  ["lists with holes", () => Object.assign([], { 0: 1, 5: 2 })],
]))
  ends.both(`${name} arrive as they were`, () => {
    const [tx, rx] = channel();
    tx.send(make());
    equal(rx.recv(), make());
  });
ends.both("cycles arrive as they were", () => {
  const [tx, rx] = channel();
  /** @type {any} */
  const it = { name: "it" };
  it.self = it;
  tx.send(it);
  const got = /** @type {any} */ (rx.recv());
  ok(got.self === got && got !== it && got.name === "it", "it is its own self");
});
ends.both("errors arrive with class, code and cause", () => {
  const [tx, rx] = channel();
  tx.send(Object.assign(new RangeError("far", { cause: new TypeError("near") }), { code: "E" }));
  const got = /** @type {any} */ (rx.recv());
  equal([got instanceof RangeError, got.message, got.code, got.cause instanceof TypeError], [true, "far", "E", true]);
});

const selects = describe("select");
selects.both("takes what is ready", () => {
  const [[a, ra], [, rb]] = [channel({ of: i32 }), channel({ of: i32 })];
  equal(trySelect([rb, ra]), undefined);
  a.send(5);
  equal(trySelect([rb, ra]), { index: 1, value: 5 });
});
selects.both("sends what it can", () => {
  const [[a, ra], [, rb]] = [channel({ of: i32, capacity: 1 }), channel({ of: i32 })];
  equal([trySelect([rb, a.sending(4)]), ra.recv()], [{ index: 1, value: undefined }, 4]);
});
selects.here("is awaited", async () => {
  const [[a, ra], [b, rb]] = [channel(), channel()];
  const waiting = selectAsync([rb, ra, never()]);
  a.send("now");
  equal(await waiting, { index: 1, value: "now" });
  b.close();
});
selects.here("hears the time", async () => {
  const [tx, rx] = channel();
  equal((await selectAsync([rx, after(5)])).index, 1);
  tx.close();
  const ticks = tick(2);
  await ticks.recvAsync();
  await ticks.recvAsync();
});
selects.inThread("blocks", () => {
  const [[, ra], [b, rb]] = [channel({ of: i32 }), channel({ of: i32 })];
  const thread = spawn(sendsOne, b);
  equal(select([ra, rb]), { index: 1, value: 1 });
  thread.join();
  equal(
    codeOf(() => select([ra, rb])),
    "DISCONNECTED",
  );
});
export const sendsOne = task(import.meta.url, "sendsOne", (/** @type {any} */ tx) => tx.send(1));
selects.here("counts a disconnected one as ready", async () => {
  const [[a, ra], [b, rb]] = [channel(), channel()];
  a.close();
  try {
    await selectAsync([rb, ra]);
    throw new Error("it was selected");
  } catch (error) {
    equal([/** @type {any} */ (error).code, /** @type {any} */ (error).index], ["DISCONNECTED", 1]);
  }
  b.close();
});

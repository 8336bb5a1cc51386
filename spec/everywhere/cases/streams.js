import { AtomicI32, CancelFlag, channel, f64, i32, oneshot, spawn, struct, u8, utf8 } from "../ferrous.js";
import { describe, equal, fateOf, ok, rejects, throws } from "../suite.js";
import { answer, countTo, countToAsync, dieWithEnd, recvFate, returnEnd, sendFate, sum, sumAsync, untilAsync } from "../tasks.js";

/** @typedef {[import("ferrous").Sender<number>, import("ferrous").Receiver<number>]} Ends */

const range = (/** @type {number} */ end) => Array.from({ length: end }, (_, n) => n);

for (const [flavour, options] of /** @type {const} */ ([
  ["without bounds", {}],
  ["of three", { capacity: 3 }],
  ["of three i32", { capacity: 3, of: i32 }],
  ["without capacity", { capacity: 0 }],
])) {
  const { here, blocking } = describe(`a channel ${flavour}`);
  const make = () => /** @type {Ends} */ (/** @type {unknown} */ (channel(/** @type {object} */ (options))));

  here("carries messages from a thread in order, and ends when its sender has gone", async () => {
    const [tx, rx] = make();
    const handle = spawn(countTo, tx, 100);
    const got = [];
    for await (const n of rx) got.push(n);
    equal(got, range(100));
    await handle.joinAsync();
    await rejects(rx.recvAsync(), "DISCONNECTED");
    equal(rx.disconnected, true);
  });

  here("carries messages to a thread that blocks for them", async () => {
    const [tx, rx] = make();
    const handle = spawn(sum, rx);
    for (let n = 0; n < 100; n++) await tx.sendAsync(n);
    tx.close();
    equal(await handle.joinAsync(), 4950);
  });

  here("carries messages between two threads that await", async () => {
    const [tx, rx] = make();
    const [to, from] = [spawn(sumAsync, rx), spawn(countToAsync, tx, 100)];
    await from.joinAsync();
    equal(await to.joinAsync(), 4950);
  });

  blocking("carries messages from a thread to who blocks for them", async () => {
    const [tx, rx] = make();
    const handle = spawn(countTo, tx, 50);
    equal([...rx], range(50));
    await handle.joinAsync();
    throws(() => rx.recv(), "DISCONNECTED");
  });

  here("has nothing to take at the moment, and tells when the time is over", async () => {
    const [tx, rx] = make();
    equal([rx.tryRecv(), tx.length], [undefined, 0]);
    await rejects(rx.recvAsync({ timeout: 5 }), "TIMEOUT");
    tx.close();
  });

  here("gives the value back when nobody can receive it any more", async () => {
    const [tx, rx] = make();
    rx.close();
    equal((await rejects(tx.sendAsync(7), "DISCONNECTED")).value, 7);
    equal(tx.disconnected, true);
  });

  here("is closed by the death of the thread that sends", async () => {
    const [[tx, rx], stage] = [make(), new AtomicI32(0)];
    const victim = spawn(dieWithEnd, tx, stage);
    await untilAsync(stage, 1);
    const waiting = fateOf(rx.recvAsync());
    await victim.terminate();
    equal(await waiting, "DISCONNECTED");
  });
}

const { here } = describe("a channel");

here("tells a thread that blocks to send that the receiver has died", async () => {
  const [[tx, rx], stages] = [channel({ of: i32, capacity: 1 }), [new AtomicI32(0), new AtomicI32(0)]];
  const [first, second] = /** @type {[AtomicI32, AtomicI32]} */ (stages);
  const victim = spawn(dieWithEnd, rx, first);
  await untilAsync(first, 1);
  const sender = spawn(sendFate, tx, second);
  await untilAsync(second, 1);
  await victim.terminate();
  equal(await sender.joinAsync(), "DISCONNECTED");
});

here("tells a thread that blocks to receive that the sender has died", async () => {
  const [[tx, rx], first, second] = [channel({ of: i32, capacity: 1 }), new AtomicI32(0), new AtomicI32(0)];
  const victim = spawn(dieWithEnd, tx, first);
  await untilAsync(first, 1);
  const receiver = spawn(recvFate, rx, second);
  await untilAsync(second, 1);
  await victim.terminate();
  equal(await receiver.joinAsync(), "DISCONNECTED");
});

here("has several senders and receivers, and loses and doubles nothing", async () => {
  const [tx, rx] = channel({ of: i32, capacity: 4 });
  const senders = [1, 2, 3].map(() => spawn(countTo, tx.clone(), 200));
  const receivers = [1, 2].map(() => spawn(sum, rx.clone()));
  tx.close();
  rx.close();
  await Promise.all(senders.map((sender) => sender.joinAsync()));
  const sums = await Promise.all(receivers.map((receiver) => receiver.joinAsync()));
  equal(
    sums.reduce((a, b) => a + b, 0),
    3 * 19_900,
  );
});

here("of structs gives fresh ones that nobody shares, or fills yours", async () => {
  const Job = struct("EverywhereJob", { id: u8, name: utf8(8), weight: f64 });
  const [tx, rx] = channel({ of: Job, capacity: 2 });
  await tx.sendAsync({ id: 1, name: "one", weight: 0.5 });
  await tx.sendAsync(Job.create({ id: 2 }));
  const first = await rx.recvAsync();
  equal([first.id, first.name, first.weight], [1, "one", 0.5]);
  const mine = Job.create();
  rx.recvInto(mine);
  equal(mine.id, 2);
});

here("sends and receives many at once", async () => {
  const [tx, rx] = channel({ of: f64 });
  await tx.sendManyAsync([0.5, 1.5, 2.5]);
  equal([...(await rx.recvManyAsync(2))], [0.5, 1.5]);
  equal(await rx.recvAsync(), 2.5);
});

here("moves its ends: to a thread, and back with its result", async () => {
  const [tx, rx] = channel({ of: i32 });
  const handle = spawn(returnEnd, rx);
  await rejects(rx.recvAsync(), "RELEASED");
  const back = await handle.joinAsync();
  await tx.sendAsync(5);
  equal(await back.recvAsync(), 5);
});

here("is called off while it waits, and has done nothing", async () => {
  const [tx, rx] = channel({ of: i32, capacity: 1 });
  const [flag, abort] = [new CancelFlag(), new AbortController()];
  tx.send(1);
  const both = [fateOf(tx.sendAsync(2, { signal: flag })), fateOf(tx.sendAsync(3, { signal: abort.signal }))];
  flag.cancel(new Error("stop"));
  abort.abort(new Error("enough"));
  equal(await Promise.all(both), ["Error: stop", "Error: enough"]);
  equal([rx.length, await rx.recvAsync()], [1, 1]);
});

here("answers requests that carry the sender of the reply", async () => {
  const [requests, served] =
    /** @type {[import("ferrous").Sender<{ n: number, reply: import("ferrous").Sender<number> }>, import("ferrous").Receiver<{ n: number, reply: import("ferrous").Sender<number> }>]} */ (
      channel({ capacity: 4 })
    );
  const server = spawn(answer, served);
  const answers = [];
  for (let n = 0; n < 5; n++) {
    const [reply, coming] = /** @type {Ends} */ (oneshot());
    await requests.sendAsync({ n, reply });
    answers.push(await coming.recvAsync());
  }
  requests.close();
  await server.joinAsync();
  equal(answers, [0, 1, 4, 9, 16]);
});

here("for one message takes one, and is closed by that", async () => {
  const [tx, rx] = /** @type {Ends} */ (oneshot());
  tx.send(3);
  throws(() => tx.send(4), "RELEASED");
  equal(await rx.recvAsync(), 3);
  await rejects(rx.recvAsync(), "DISCONNECTED");
});

here("grows while nobody receives", async () => {
  const [tx, rx] = channel();
  for (let n = 0; n < 300; n++) tx.send("x".repeat(n * 10));
  let length = 0;
  for (let n = 0; n < 300; n++) length += /** @type {string} */ (rx.recv()).length;
  equal(length, 448_500);
  ok(rx.tryRecv() === undefined);
});

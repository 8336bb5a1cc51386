import { AtomicI32, Barrier, barrier, CancelFlag, Latch, Semaphore, semaphore, spawn, struct } from "../ferrous.js";
import { describe, equal, fateOf, ok, rejects, throws } from "../suite.js";
import { countDown, dieAfterBarrier, dieWithPermits, meet, untilAsync, useSemaphore } from "../tasks.js";

const permits = describe("a Semaphore");

permits.here("keeps who asks waiting until there are enough", async () => {
  const two = new Semaphore(2);
  const [a, b] = [await two.acquireAsync(), await two.acquireAsync()];
  const waiting = two.acquireAsync(2);
  a.release();
  b.release();
  (await waiting).release();
  equal(two.available, 2);
});

permits.here("gives up after its time, and is called off", async () => {
  const one = new Semaphore(1, { name: "one" });
  const permit = await one.acquireAsync();
  await rejects(one.acquireAsync({ timeout: 5 }), "TIMEOUT");
  const flag = new CancelFlag();
  const waiting = fateOf(one.acquireAsync(1, { signal: flag }));
  flag.cancel(new Error("enough"));
  equal(await waiting, "Error: enough");
  permit.release();
  equal(one.available, 1);
});

permits.here("lets no more threads in than it has permits", async () => {
  const [two, inside, most] = [new Semaphore(2), new AtomicI32(0), new AtomicI32(0)];
  await Promise.all([1, 2, 3, 4].map(() => spawn(useSemaphore, two, inside, most, 100).joinAsync()));
  equal([inside.load(), two.available], [0, 2]);
  ok(most.load() <= 2, `${most.load()} were inside`);
});

permits.here("gets back what a dead thread held", async () => {
  const [three, stage] = [new Semaphore(3), new AtomicI32(0)];
  const victim = spawn(dieWithPermits, three, 2, stage);
  await untilAsync(stage, 1);
  const waiting = three.acquireAsync(3);
  await victim.terminate();
  (await waiting).release();
  equal(three.available, 3);
});

permits.blocking("blocks who asks while others hold all", async () => {
  const [one, inside, most] = [new Semaphore(1), new AtomicI32(0), new AtomicI32(0)];
  const other = spawn(useSemaphore, one, inside, most, 200);
  for (let n = 0; n < 200; n++) one.acquire().release();
  await other.joinAsync();
  equal(most.load(), 1);
});

permits.here("lies in a struct", () => {
  const Gate = struct("EverywhereGate", { slots: semaphore(2) });
  const gate = Gate.create();
  const permit = gate.slots.tryAcquire();
  equal(gate.slots.available, 1);
  permit?.release();
});

const meeting = describe("a Barrier");

meeting.here("lets all go on when the last has come, one of them as leader", async () => {
  const three = new Barrier(3);
  const ends = await Promise.all([three.waitAsync(), three.waitAsync(), three.waitAsync()]);
  equal(ends.filter(({ leader }) => leader).length, 1);
});

meeting.here("is used again and again, with one leader each time", async () => {
  const three = new Barrier(3);
  const led = await Promise.all([1, 2, 3].map(() => spawn(meet, three, 100).joinAsync()));
  equal(
    led.reduce((a, b) => a + b, 0),
    100,
  );
});

meeting.blocking("blocks until the other thread has come", async () => {
  const two = new Barrier(2);
  const other = spawn(meet, two, 20);
  let led = 0;
  for (let n = 0; n < 20; n++) if (two.wait().leader) led++;
  equal(led + (await other.joinAsync()), 20);
});

meeting.here("counts who gave up as not come", async () => {
  const two = new Barrier(2);
  await rejects(two.waitAsync({ timeout: 5 }), "TIMEOUT");
  const first = two.waitAsync();
  equal(await two.waitAsync(), { leader: true });
  equal(await first, { leader: false });
});

meeting.here("is broken when a thread that takes part has died", async () => {
  const [two, stage] = [new Barrier(2), new AtomicI32(0)];
  const victim = spawn(dieAfterBarrier, two, stage);
  await two.waitAsync();
  await untilAsync(stage, 1);
  const waiting = fateOf(two.waitAsync());
  await victim.terminate();
  equal(await waiting, "BROKEN_BARRIER");
  equal(two.broken, true);
});

meeting.here("lies in a struct", async () => {
  const Round = struct("EverywhereRound", { start: barrier(1) });
  equal(await Round.create().start.waitAsync(), { leader: true });
});

const latch = describe("a Latch");

latch.here("refuses to count what is not there", () => {
  throws(() => new Latch(1).countDown(2), "RangeError");
});

latch.blocking("blocks until three threads have counted", async () => {
  const three = new Latch(3);
  const threads = [1, 2, 3].map(() => spawn(countDown, three));
  three.wait();
  equal(three.count, 0);
  await Promise.all(threads.map((thread) => thread.joinAsync()));
});

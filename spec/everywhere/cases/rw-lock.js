import { AtomicI32, RwLock, ReentrantMutex, spawn, struct, u32 } from "../ferrous.js";
import { describe, equal, fateOf, rejects, throws } from "../suite.js";
import { Account, hold, holdRead, nest, reach, readOrWrite, until, untilAsync } from "../tasks.js";

const { here, blocking } = describe("an RwLock");

here("lets readers of other threads in beside its own", async () => {
  const [lock, stage] = [new RwLock(), new AtomicI32(0)];
  const other = spawn(holdRead, lock, stage);
  await untilAsync(stage, 1);
  const mine = await lock.readAsync();
  equal(lock.tryWrite(), undefined);
  mine.release();
  const writing = lock.writeAsync();
  reach(stage, 2);
  (await writing).release();
  await other.joinAsync();
});

blocking("blocks readers while another thread writes", async () => {
  const [lock, stage] = [new RwLock(), new AtomicI32(0)];
  const writer = spawn(hold, lock, stage);
  until(stage, 1);
  throws(() => lock.read({ timeout: 5 }), "TIMEOUT");
  throws(() => lock.write({ timeout: 5 }), "TIMEOUT");
  reach(stage, 2);
  lock.read().release();
  await writer.joinAsync();
});

blocking("blocks a writer while another thread reads", async () => {
  const [lock, stage] = [new RwLock(), new AtomicI32(0)];
  const reader = spawn(holdRead, lock, stage);
  until(stage, 1);
  throws(() => lock.write({ timeout: 5 }), "TIMEOUT");
  reach(stage, 2);
  lock.write().release();
  await reader.joinAsync();
});

here("shows no reader half of a write, with 2 readers and 2 writers", async () => {
  const lock = new RwLock(Account.create());
  const threads = [true, false, true, false].map((writes) => spawn(readOrWrite, lock, 300, writes));
  equal(await Promise.all(threads.map((thread) => thread.joinAsync())), [0, 0, 0, 0]);
  equal(
    lock.withRead(({ done }) => done),
    600,
  );
});

here("gives up after its time, reading and writing", async () => {
  const lock = new RwLock();
  const writer = await lock.writeAsync();
  await rejects(lock.readAsync({ timeout: 5 }), "TIMEOUT");
  await rejects(lock.writeAsync({ timeout: 5 }), "TIMEOUT");
  writer.release();
  (await lock.readAsync()).release();
});

here("lets no new reader pass a writer that waits", async () => {
  const lock = new RwLock();
  /** @type {string[]} */
  const order = [];
  const reader = await lock.readAsync();
  const writing = lock.withWriteAsync(() => void order.push("written"));
  const reading = lock.withReadAsync(() => void order.push("read"));
  reader.release();
  await Promise.all([writing, reading]);
  equal(order, ["written", "read"]);
});

here("calls off who waits, and others go on", async () => {
  const lock = new RwLock();
  const reader = await lock.readAsync();
  const abort = new AbortController();
  const writing = fateOf(lock.writeAsync({ signal: abort.signal }));
  abort.abort(new Error("enough"));
  equal(await writing, "Error: enough");
  (await lock.readAsync()).release();
  reader.release();
});

blocking("that this thread writes is a deadlock to lock again", () => {
  const lock = new RwLock();
  const writer = lock.write();
  throws(() => lock.read(), "DEADLOCK");
  throws(() => lock.write(), "DEADLOCK");
  writer.release();
});

here("lies in a struct", async () => {
  const Page = struct("EverywherePage", { lock: RwLock, views: u32 });
  const page = Page.create();
  const reader = await page.lock.readAsync();
  equal(page.lock.tryWrite(), undefined);
  reader.release();
});

const reentrant = describe("a ReentrantMutex");

reentrant.here("is locked as often as its thread likes", () => {
  const lock = new ReentrantMutex();
  const [outer, inner] = [lock.lock(), lock.lock()];
  outer.release();
  equal(inner.poisoned, false);
  inner.release();
  throws(() => inner.value, "RELEASED");
});

reentrant.here("keeps other threads out until it was released as often", async () => {
  const [lock, count] = [new ReentrantMutex(), new AtomicI32(0)];
  await Promise.all([1, 2, 3].map(() => spawn(nest, lock, count, 200).joinAsync()));
  equal(count.load(), 600);
});

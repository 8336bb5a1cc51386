import { AtomicI32, CancelFlag, fromHandle, Mutex, spawn, struct, toHandle, u32 } from "../ferrous.js";
import { describe, equal, fateOf, matches, ok, rejects, throws } from "../suite.js";
import { Account, deposit, depositAsync, hold, lockIt, lockUntilCalledOff, reach, until, untilAsync } from "../tasks.js";

const { here, blocking } = describe("a Mutex");

here("protects a struct, whose fields are read and written", async () => {
  const lock = new Mutex(Account.create({ begun: 3 }));
  await lock.withAsync(async (account) => {
    account.begun += 1;
    await undefined;
    account.done = account.begun;
  });
  equal(
    lock.with(({ begun, done }) => [begun, done]),
    [4, 4],
  );
});

here("refuses a value that no other thread would share", () => {
  throws(() => new Mutex(/** @type {never} */ ({ plain: 1 })), "TypeError");
});

here("passes on the turn of a task that gave up", async () => {
  const lock = new Mutex();
  const guard = await lock.lockAsync();
  const abort = new AbortController();
  const gone = fateOf(lock.lockAsync({ signal: abort.signal }));
  const next = lock.lockAsync();
  abort.abort(new Error("gone"));
  guard.release();
  equal(await gone, "Error: gone");
  (await next).release();
});

here("is awaited while another thread holds it", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const holder = spawn(hold, lock, stage);
  await untilAsync(stage, 1);
  equal(lock.tryLock(), undefined);
  const waiting = lock.lockAsync();
  reach(stage, 2);
  (await waiting).release();
  await holder.joinAsync();
});

blocking("blocks while another thread holds it", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const holder = spawn(hold, lock, stage);
  until(stage, 1);
  throws(() => lock.lock({ timeout: 5 }), "TIMEOUT");
  reach(stage, 2);
  lock.lock().release();
  await holder.joinAsync();
});

blocking("wakes threads that block for it, all of them", async () => {
  const [lock, stage] = [new Mutex(), new AtomicI32(0)];
  const guard = lock.lock();
  const waiters = [1, 2, 3].map(() => spawn(lockIt, lock, stage));
  until(stage, 3);
  guard.release();
  equal(await Promise.all(waiters.map((waiter) => waiter.joinAsync())), ["got in", "got in", "got in"]);
});

here("loses no update of four threads that block and await", async () => {
  const lock = new Mutex(Account.create());
  const threads = [spawn(deposit, lock, 500), spawn(depositAsync, lock, 100), spawn(deposit, lock, 500), spawn(depositAsync, lock, 100)];
  await Promise.all(threads.map((thread) => thread.joinAsync()));
  equal(
    lock.with(({ begun, done }) => [begun, done]),
    [1200, 1200],
  );
});

here("calls off a thread that blocks, by a CancelFlag", async () => {
  const [lock, flag] = [new Mutex(), new CancelFlag()];
  const guard = await lock.lockAsync();
  const waiter = spawn(lockUntilCalledOff, lock, flag);
  flag.cancel(new RangeError("closing"));
  matches(await waiter.joinAsync(), /RangeError: closing/);
  guard.release();
  ok(lock.tryLock() !== undefined);
});

blocking("that this thread holds is a deadlock to lock again, with a timeout too", () => {
  const lock = new Mutex(undefined, { name: "twice" });
  const guard = lock.lock();
  matches(throws(() => lock.lock(), "DEADLOCK").message, /mutex "twice"/);
  throws(() => lock.lock({ timeout: 50 }), "DEADLOCK");
  guard.release();
  lock.lock().release();
});

here("lies in a struct, beside what it protects", async () => {
  const Shelf = struct("EverywhereShelf", { lock: Mutex, books: u32 });
  const shelf = Shelf.create({ books: 2 });
  const guard = await shelf.lock.lockAsync();
  shelf.books += 1;
  equal(shelf.lock.tryLock(), undefined);
  guard.release();
  equal(shelf.books, 3);
});

here("is the same lock through its handle, with its name", async () => {
  const lock = Mutex.of(u32, 4, { name: "far" });
  const same = /** @type {typeof lock} */ (fromHandle(structuredClone(toHandle(lock))));
  const guard = await same.lockAsync();
  equal([guard.value, lock.tryLock()], [4, undefined]);
  matches((await rejects(same.lockAsync({ timeout: 1 }), "TIMEOUT")).message, /mutex "far"/);
  guard.release();
});

here("lends a part of its value, and is unlocked with that part", async () => {
  const lock = new Mutex(Account.create({ done: 5 }));
  const part = (await lock.lockAsync()).map((account) => account.done);
  equal([part.value, lock.tryLock()], [5, undefined]);
  part.release();
  ok(lock.tryLock() !== undefined);
});

here("lies at a place of a buffer, and zeroed bytes are a free one", async () => {
  const buffer = new SharedArrayBuffer(64);
  const guard = await Mutex.at(buffer, 16).lockAsync();
  equal(Mutex.at(buffer, 16).tryLock(), undefined);
  guard.release();
  throws(() => Mutex.at(buffer, 63), "RangeError");
});

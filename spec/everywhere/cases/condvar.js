import { AtomicI32, CancelFlag, Condvar, Mutex, spawn } from "../ferrous.js";
import { describe, equal, fateOf, throws } from "../suite.js";
import { putIntoBox, takeFromBox, untilAsync } from "../tasks.js";

const { here, blocking } = describe("a Condvar");

const fresh = () => ({
  box: new Mutex(new Int32Array(new SharedArrayBuffer(8)), { name: "box" }),
  changed: new Condvar({ name: "changed" }),
});

here("wakes a thread that blocks for what is put into the box", async () => {
  const { box, changed } = fresh();
  const taker = spawn(takeFromBox, box, changed, undefined);
  await box.withAsync((cells) => {
    cells[0] = 7;
    changed.notifyAll();
  });
  equal(await taker.joinAsync(), 7);
});

here("wakes each of several threads, one at a time", async () => {
  const { box, changed } = fresh();
  const stage = new AtomicI32(0);
  const takers = [1, 2, 3].map(() => spawn(takeFromBox, box, changed, stage));
  // All of them have had the lock, and so wait once it is free.
  await untilAsync(stage, 3);
  let left = 3;
  for (let given = 0; given < 3;) {
    await box.withAsync((cells) => {
      if (cells[0] !== 0) return;
      cells[0] = ++given;
      changed.notifyOne();
      left--;
    });
    if (left === 0) break;
  }
  equal((await Promise.all(takers.map((taker) => taker.joinAsync()))).sort(), [1, 2, 3]);
});

blocking("carries numbers from thread to thread, one at a time", async () => {
  const { box, changed } = fresh();
  const putter = spawn(putIntoBox, box, changed, 50);
  const got = [];
  while (got.length < 50) {
    const guard = box.lock();
    changed.waitWhile(guard, (cells) => cells[0] === 0);
    got.push(guard.value[0]);
    guard.value[0] = 0;
    changed.notifyAll();
    guard.release();
  }
  await putter.joinAsync();
  equal(
    got,
    Array.from({ length: 50 }, (_, n) => n + 1),
  );
});

here("is called off, with the lock", async () => {
  const { box, changed } = fresh();
  const [guard, flag] = [await box.lockAsync(), new CancelFlag()];
  const waiting = fateOf(changed.waitAsync(guard, { signal: flag }));
  flag.cancel(new Error("closing time"));
  equal(await waiting, "Error: closing time");
  equal(box.tryLock(), undefined);
  guard.release();
});

here("wakes nobody if nobody waits", () => {
  const changed = new Condvar();
  equal([changed.notifyOne(), changed.notifyAll()], [0, 0]);
});

here("gives a PoisonedError, and no lock, if the data came into doubt meanwhile", async () => {
  const { box, changed } = fresh();
  const guard = await box.lockAsync();
  const waiting = fateOf(changed.waitAsync(guard));
  const other = box.lock();
  other.poison();
  other.release();
  changed.notifyAll();
  equal(await waiting, "POISONED");
  throws(() => guard.value, "RELEASED");
});

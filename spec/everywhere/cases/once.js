import { AtomicI32, Once, OnceLock, spawn } from "../ferrous.js";
import { describe, equal, fateOf, rejects, throws } from "../suite.js";
import { dieInOnce, dieInOnceLock, getOrInit, runOnce, untilAsync } from "../tasks.js";

const once = describe("a Once");

once.here("is run by one of four threads, and the others see that it was", async () => {
  const [first, runs] = [new Once(), new AtomicI32(0)];
  equal(await Promise.all([1, 2, 3, 4].map(() => spawn(runOnce, first, runs).joinAsync())), [1, 1, 1, 1]);
});

once.here("keeps other tasks waiting while it runs", async () => {
  const first = new Once();
  /** @type {(value?: unknown) => void} */
  let open = () => undefined;
  const gate = new Promise((resolve) => (open = resolve));
  const running = first.runAsync(async () => void (await gate));
  await rejects(
    first.runAsync(() => undefined, { timeout: 5 }),
    "TIMEOUT",
  );
  const waiting = first.runAsync(() => undefined);
  open();
  await Promise.all([running, waiting]);
  equal(first.done, true);
});

once.here("is poisoned when the thread dies that runs it", async () => {
  const [first, stage] = [new Once(), new AtomicI32(0)];
  const victim = spawn(dieInOnce, first, stage);
  await untilAsync(stage, 1);
  const waiting = fateOf(first.runAsync(() => undefined));
  await victim.terminate();
  equal(await waiting, "POISONED");
});

once.blocking("is a deadlock when its function runs it again", () => {
  const first = new Once();
  throws(() => first.run(() => first.run(() => undefined)), "DEADLOCK");
});

const cell = describe("a OnceLock");

cell.here("gives each thread the value that one of them made", async () => {
  const [first, runs] = [/** @type {OnceLock<number>} */ (new OnceLock()), new AtomicI32(0)];
  const got = await Promise.all([1, 2, 3].map((n) => spawn(getOrInit, first, runs, n).joinAsync()));
  equal([new Set(got).size, runs.load()], [1, 1]);
  equal(await first.getOrInitAsync(() => 9), got[0]);
});

cell.here("gives a frozen value", async () => {
  const first = /** @type {OnceLock<{ list: number[] }>} */ (new OnceLock());
  const value = await first.getOrInitAsync(async () => ({ list: [1] }));
  throws(() => value.list.push(2), "TypeError");
});

cell.here("lets the next one try when an initialiser throws", async () => {
  const first = /** @type {OnceLock<number>} */ (new OnceLock());
  await rejects(
    first.getOrInitAsync(async () => Promise.reject(new RangeError("boom"))),
    "RangeError",
  );
  equal(await first.getOrInitAsync(() => 5), 5);
});

cell.here("lets the next one try when the thread dies that makes it", async () => {
  const [first, stage] = [/** @type {OnceLock<number>} */ (new OnceLock()), new AtomicI32(0)];
  const victim = spawn(dieInOnceLock, first, stage);
  await untilAsync(stage, 1);
  const waiting = first.getOrInitAsync(() => 6);
  await victim.terminate();
  equal(await waiting, 6);
});

cell.blocking("gives the value that another thread made, to who blocks", async () => {
  const [first, runs] = [/** @type {OnceLock<number>} */ (new OnceLock()), new AtomicI32(0)];
  const other = spawn(getOrInit, first, runs, 4);
  const mine = first.getOrInit(() => {
    runs.fetchAdd(1);
    return 5;
  });
  equal(await other.joinAsync(), mine);
  equal(runs.load(), 1);
});

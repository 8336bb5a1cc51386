import { AtomicI32, AtomicI64, AtomicU64, CancelFlag, fromHandle, spawn, toHandle } from "../ferrous.js";
import { describe, equal, fateOf, throws } from "../suite.js";
import { add, addBig, reach, sleepOn } from "../tasks.js";

const { here, blocking } = describe("an atomic");

here("loses no addition of four threads", async () => {
  const word = new AtomicI32(0);
  await Promise.all([1, 2, 3, 4].map(() => spawn(add, word, 5000).joinAsync()));
  equal(word.load(), 20_000);
});

here("loses none of 64 bits", async () => {
  const word = new AtomicI64(-1n);
  await Promise.all([1, 2].map(() => spawn(addBig, word, 5000).joinAsync()));
  equal(word.load(), 9999n);
});

/** What it gives when it is not `outcome`: the death of a thread of an earlier case may end any wait. @template T @param {T} outcome @param {() => T | Promise<T>} act */
async function passing(outcome, act) {
  for (;;) {
    const result = await act();
    if (result !== outcome) return result;
  }
}

here("is awaited, for a change, for a time, or not at all", async () => {
  const word = new AtomicI32(0);
  equal(await word.waitAsync(1), "not-equal");
  equal(await passing("ok", () => word.waitAsync(0, { timeout: 5 })), "timed-out");
  const waiting = word.waitAsync(0);
  reach(word, 1);
  equal(await waiting, "ok");
});

here("is awaited until called off", async () => {
  const [word, flag] = [new AtomicI32(0), new CancelFlag()];
  const waiting = fateOf(word.waitAsync(0, { signal: flag }));
  flag.cancel(new Error("enough"));
  equal(await waiting, "Error: enough");
});

blocking("blocks for a time, or not at all", async () => {
  const word = new AtomicI32(0);
  equal(word.wait(1), "not-equal");
  equal(await passing("ok", () => word.wait(0, { timeout: 5 })), "timed-out");
});

here("wakes a thread that sleeps on it", async () => {
  const word = new AtomicI32(0);
  const sleeper = spawn(sleepOn, word);
  let woken = 0;
  // It may not have come as far yet; then it finds the new value, unless it is woken before.
  for (; woken === 0 && !sleeper.isFinished; woken = word.notify()) await word.waitAsync(0, { timeout: 1 });
  if (woken === 0) word.store(1);
  equal(await sleeper.joinAsync(), "ok");
});

here("lies at a place that others open, and behind a handle", () => {
  const buffer = new SharedArrayBuffer(24);
  const word = AtomicU64.at(buffer, 16);
  word.store(7n);
  equal(AtomicU64.at(buffer, 16).load(), 7n);
  equal(/** @type {AtomicU64} */ (fromHandle(toHandle(word))).fetchAdd(1n), 7n);
  throws(() => AtomicU64.at(buffer, 4), "RangeError");
});

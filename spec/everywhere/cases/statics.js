import { AtomicI32, AtomicU32, lazyStatic, spawn, staticAtomic } from "../ferrous.js";
import { describe, equal, rejects, throws } from "../suite.js";
import { CONFIG, configure, declareOther, PLAIN, readPlain, RUNS } from "../tasks.js";

const { here } = describe("a static");

here("is the same cell wherever it is declared, by its name", () => {
  const cell = staticAtomic("everywhere/same", AtomicU32, 3);
  cell.store(8);
  equal(staticAtomic("everywhere/same", AtomicU32, 3).load(), 8);
});

here("of another kind or another first value is refused", () => {
  staticAtomic("everywhere/kind", AtomicU32, 3);
  throws(() => staticAtomic("everywhere/kind", AtomicI32, 3), "LAYOUT");
  throws(() => staticAtomic("everywhere/kind", AtomicU32, 4), "LAYOUT");
});

here("of another first value is refused in another thread", async () => {
  staticAtomic("everywhere/far", AtomicI32, 3);
  equal(await Promise.all([spawn(declareOther, "everywhere/far", 3).joinAsync(), spawn(declareOther, "everywhere/far", 4).joinAsync()]), [
    3,
    "LAYOUT",
  ]);
});

here("that is lazy is made once for all threads, and a lock in it is one lock", async () => {
  const before = (await CONFIG.getAsync()).with(({ begun }) => begun);
  await Promise.all([1, 2, 3].map(() => spawn(configure).joinAsync()));
  equal([(await CONFIG.getAsync()).with(({ begun }) => begun) - before, RUNS.load()], [3, 1]);
});

here("that is lazy gives each thread a plain value once", async () => {
  equal(await spawn(readPlain).joinAsync(), [3, 1]);
  equal(await PLAIN.getAsync(), { list: [1, 2, 3], map: new Map([["a", 1]]) });
});

here("that is lazy can be made after its initialiser threw", async () => {
  let tries = 0;
  const moody = lazyStatic("everywhere/moody", () => {
    if (++tries === 1) throw new RangeError("not yet");
    return tries;
  });
  await rejects(moody.getAsync(), "RangeError");
  equal(await moody.getAsync(), 2);
});

here("that is lazy refuses a value that cannot cross", async () => {
  const bad = lazyStatic("everywhere/bad", () => /** @type {never} */ (() => 1));
  await rejects(bad.getAsync(), "NOT_SENDABLE");
});

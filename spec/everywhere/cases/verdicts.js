import { check, checkOperations, expectPassed, explore } from "../check.js";
import { AtomicI32, CancelFlag, Mutex, RwLock } from "../ferrous.js";
import { describe, equal, matches, ok, throws } from "../suite.js";

const { here } = describe("the checker");

const counter = () => ({ count: new Int32Array(new SharedArrayBuffer(4)) });

here("finds the increment that is lost, and replays it", () => {
  const scenario = {
    setup: counter,
    threads: Array.from({ length: 2 }, () => (/** @type {ReturnType<typeof counter>} */ { count }) => {
      Atomics.store(count, 0, Atomics.load(count, 0) + 1);
    }),
    after: (/** @type {ReturnType<typeof counter>} */ { count }) => equal(Atomics.load(count, 0), 2),
  };
  const { failure } = check(scenario);
  const again = check(scenario, { replay: /** @type {string} */ (failure?.replay) });
  equal(
    [failure?.kind, again.failure?.kind],
    ["exception", "exception"].map(() => failure?.kind),
  );
  ok(failure !== undefined);
});

here("passes when the increments are atomic, having seen every interleaving", () => {
  const report = check({
    setup: counter,
    threads: Array.from(
      { length: 2 },
      () =>
        (/** @type {ReturnType<typeof counter>} */ { count }) =>
          void Atomics.add(count, 0, 1),
    ),
    after: ({ count }) => equal(Atomics.load(count, 0), 2),
  });
  expectPassed(report);
  equal([report.verdict, report.complete], ["passed", true]);
});

here("finds a wake-up that is lost", () => {
  const { failure } = check({
    setup: () => ({ lock: new Int32Array(new SharedArrayBuffer(4)) }),
    threads: Array.from({ length: 2 }, () => (/** @type {{ lock: Int32Array }} */ { lock }) => {
      while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) Atomics.wait(lock, 0, 1);
      Atomics.store(lock, 0, 0);
    }),
  });
  equal(failure?.kind, "lost wake-up");
});

here("finds a data race", () => {
  const { failure } = check({
    setup: counter,
    threads: [({ count }) => void (count[0] = 1), ({ count }) => void count[0]],
  });
  equal(failure?.kind, "data race");
});

here("finds a deadlock of two locks, with their names", () => {
  const { failure } = check({
    setup: () => ({ a: new Mutex(undefined, { name: "a" }), b: new Mutex(undefined, { name: "b" }) }),
    threads: [
      ({ a, b }) => {
        const guard = a.lock();
        b.lock().release();
        guard.release();
      },
      ({ a, b }) => {
        const guard = b.lock();
        a.lock().release();
        guard.release();
      },
    ],
  });
  ok(failure !== undefined);
});

here("passes the Mutex that ships, with a death at every step", () => {
  const report = check(
    {
      setup: () => ({ lock: new Mutex(), count: new AtomicI32(0) }),
      threads: Array.from({ length: 2 }, () => (/** @type {{ lock: Mutex, count: AtomicI32 }} */ { lock, count }) => {
        const guard = lock.lock({ allowPoisoned: true });
        count.fetchAdd(1);
        guard.release();
      }),
      after: ({ lock }) => ok(lock.tryLock({ allowPoisoned: true }) !== undefined),
    },
    { deaths: 1, preemptions: 1 },
  );
  equal(report.verdict, "passed");
});

here("passes the RwLock that ships", () => {
  const report = check(
    {
      setup: () => ({ lock: new RwLock(), count: new AtomicI32(0) }),
      threads: [
        ({ lock }) => lock.read().release(),
        ({ lock, count }) => {
          const guard = lock.write();
          count.fetchAdd(1);
          guard.release();
        },
      ],
      after: ({ count }) => equal(count.load(), 1),
    },
    { preemptions: 1 },
  );
  equal(report.verdict, "passed");
});

here("models a wait that is called off", () => {
  const report = check(
    {
      setup: () => ({ lock: new Mutex(), flag: new CancelFlag() }),
      threads: {
        holder: ({ lock }) => lock.lock().release(),
        waiter: ({ lock, flag }) => {
          try {
            lock.lock({ signal: flag }).release();
          } catch {
            // Called off.
          }
        },
        canceller: ({ flag }) => flag.cancel(),
      },
      after: ({ lock }) => ok(lock.tryLock() !== undefined),
    },
    { preemptions: 1 },
  );
  equal(report.verdict, "passed");
});

here("explains results that no order of the calls explains", () => {
  const report = checkOperations({
    setup: () => new Int32Array(new SharedArrayBuffer(4)),
    model: () => {
      let n = 0;
      return { next: () => ++n };
    },
    operations: {
      next: {
        run: (cells) => {
          const n = Atomics.load(cells, 0) + 1;
          Atomics.store(cells, 0, n);
          return n;
        },
      },
    },
  });
  equal(report.failure?.kind, "not linearizable");
});

here("tells of a livelock", () => {
  const { failure } = check({
    setup: counter,
    threads: [
      ({ count }) => {
        while (Atomics.load(count, 0) !== 2);
      },
      ({ count }) => void Atomics.store(count, 0, 1),
    ],
  });
  equal(failure?.kind, "livelock");
});

here("shows what happened, a column for each thread", () => {
  const { failure } = check({
    setup: counter,
    threads: { writer: ({ count }) => void (count[0] = 1), reader: ({ count }) => void count[0] },
  });
  matches(failure?.message, /writer.*reader/s);
});

here("says who misuses it", () => {
  throws(() => check({ setup: counter, threads: [] }), "CHECK");
  ok(typeof explore === "function");
});

/**
 * `npm run models`: the locks under as many interleavings as a patient machine can go through, by the built package.
 *
 * The specs go through the same threads with tighter bounds, since under jest each execution costs several times as much. Here each model takes
 * minutes. Those without a bound see every execution that there is; of the others all are seen that have no more preemptions than the table says:
 * without a bound they did not end within 8 minutes, after the number of executions that stands beside them.
 */
import { parseArgs } from "node:util";
import { Barrier, BrokenBarrierError, Condvar, Mutex, Once, OnceLock, PoisonedError, ReentrantMutex, RwLock, Semaphore } from "ferrous";
import { check, type CheckOptions, type Report } from "ferrous/check";

interface Model {
  readonly lock: string;
  readonly threads: string;
  readonly options: CheckOptions;
  readonly run: (options: CheckOptions) => Report;
  /** What is known of all executions, where the options are tighter. */
  readonly all?: string;
}

const words = (count: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * count));
/** Sees poison as an end like any other: somebody may have died. */
function unlessPoisoned(act: () => void): string {
  try {
    act();
    return "done";
  } catch (error) {
    if (error instanceof PoisonedError) return "poisoned";
    if (error instanceof BrokenBarrierError) return "broken";
    throw error;
  }
}
const assert = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what);
};
/** Of that many the body, each with its number. */
const threads = <S>(count: number, body: (state: S, me: number) => unknown): ((state: S) => unknown)[] =>
  Array.from({ length: count }, (_, me) => (state: S) => body(state, me));

/** One at a time: whoever is inside alone may change both words. */
function change(cells: Int32Array): void {
  assert(cells[0] === cells[1], "it saw half of a change");
  cells[0] = (cells[0] ?? 0) + 1;
  cells[1] = (cells[1] ?? 0) + 1;
}
function look(cells: ArrayLike<number>): void {
  assert(cells[0] === cells[1], "it saw half of a change");
}

const mutual =
  (make: (cells: Int32Array) => Mutex<Int32Array> | ReentrantMutex<Int32Array>, count: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ lock: make(words(2)) }),
        threads: threads<{ lock: Mutex<Int32Array> | ReentrantMutex<Int32Array> }>(count, ({ lock }) =>
          unlessPoisoned(() => {
            const guard = lock.lock();
            change(guard.value);
            guard.release();
          }),
        ),
        after: ({ lock }) => {
          lock.lock({ allowPoisoned: true }).release();
        },
      },
      options,
    );

const shared =
  (kinds: string) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ lock: new RwLock(words(2), { readers: 3 }) }),
        threads: threads<{ lock: RwLock<Int32Array> }>(kinds.length, ({ lock }, me) =>
          unlessPoisoned(() => {
            const guard = kinds[me] === "w" ? lock.write() : lock.read();
            if (kinds[me] === "w") change(guard.value as Int32Array);
            else look(guard.value);
            guard.release();
          }),
        ),
        after: ({ lock }) => {
          lock.write({ allowPoisoned: true }).release();
        },
      },
      options,
    );

const permits =
  (count: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ slots: new Semaphore(1, { holders: 1 }) }),
        threads: threads<{ slots: Semaphore }>(count, ({ slots }) => {
          slots.acquire().release();
        }),
        after: ({ slots }) => {
          assert(slots.available === 1, "a permit is lost");
        },
      },
      options,
    );

const meeting =
  (count: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ meet: new Barrier(count) }),
        threads: threads<{ meet: Barrier }>(count, ({ meet }) => meet.wait().leader),
        after: (_, results) => {
          assert(results.filter((led) => led === true).length === 1, "there is not one leader");
        },
      },
      options,
    );

const notified =
  (takers: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ lock: new Mutex(words(1)), changed: new Condvar() }),
        threads: threads<{ lock: Mutex<Int32Array>; changed: Condvar }>(takers + 1, ({ lock, changed }, me) =>
          unlessPoisoned(() => {
            const guard = lock.lock();
            const cells = guard.value;
            if (me === takers) {
              cells[0] = takers;
              changed.notifyAll();
            } else {
              changed.waitWhile(guard, () => cells[0] === 0);
              cells[0] = (cells[0] ?? 0) - 1;
            }
            guard.release();
          }),
        ),
      },
      options,
    );

const onceOnly =
  (count: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ once: new Once(), runs: words(1) }),
        threads: threads<{ once: Once; runs: Int32Array }>(count, ({ once, runs }) =>
          unlessPoisoned(() => {
            once.run(() => {
              Atomics.add(runs, 0, 1);
            });
          }),
        ),
        after: ({ runs }) => {
          assert(Atomics.load(runs, 0) <= 1, "it ran twice");
        },
      },
      options,
    );

const valueOnly =
  (count: number) =>
  (options: CheckOptions): Report =>
    check(
      {
        setup: () => ({ cell: new OnceLock<number>() }),
        threads: threads<{ cell: OnceLock<number> }>(count, ({ cell }, me) => cell.getOrInit(() => me)),
        after: (_, results) => {
          assert(new Set(results.filter((value) => value !== undefined)).size <= 1, "two values were seen");
        },
      },
      options,
    );

const A_DEATH = { deaths: 1 } as const;
const models: readonly Model[] = [
  { lock: "Mutex", threads: "3", options: A_DEATH, run: mutual((cells) => new Mutex(cells), 3) },
  { lock: "ReentrantMutex", threads: "3", options: A_DEATH, run: mutual((cells) => new ReentrantMutex(cells), 3) },
  { lock: "Once", threads: "3", options: A_DEATH, run: onceOnly(3) },
  { lock: "OnceLock", threads: "3", options: A_DEATH, run: valueOnly(3) },
  { lock: "RwLock", threads: "reader, writer", options: A_DEATH, run: shared("rw") },
  { lock: "RwLock", threads: "3 readers", options: {}, run: shared("rrr") },
  { lock: "RwLock", threads: "3 writers", options: {}, run: shared("www") },
  { lock: "RwLock", threads: "2 readers, writer", options: { preemptions: 3 }, run: shared("rrw"), all: "7,612,732" },
  { lock: "RwLock", threads: "reader, 2 writers", options: { preemptions: 3 }, run: shared("rww"), all: "7,538,089" },
  { lock: "RwLock", threads: "2 readers, writer", options: { ...A_DEATH, preemptions: 2 }, run: shared("rrw") },
  { lock: "RwLock", threads: "reader, 2 writers", options: { ...A_DEATH, preemptions: 2 }, run: shared("rww") },
  { lock: "RwLock", threads: "3 writers", options: { ...A_DEATH, preemptions: 2 }, run: shared("www"), all: "13,695,013" },
  { lock: "Semaphore", threads: "2", options: A_DEATH, run: permits(2) },
  { lock: "Semaphore", threads: "3", options: { preemptions: 4 }, run: permits(3), all: "5,010,500" },
  { lock: "Semaphore", threads: "3", options: { ...A_DEATH, preemptions: 2 }, run: permits(3), all: "4,284,916" },
  { lock: "Barrier", threads: "2", options: {}, run: meeting(2) },
  { lock: "Barrier", threads: "3", options: { preemptions: 3 }, run: meeting(3), all: "8,614,963" },
  { lock: "Condvar", threads: "1 waits, 1 notifies", options: {}, run: notified(1) },
  { lock: "Condvar", threads: "2 wait, 1 notifies", options: { preemptions: 3 }, run: notified(2) },
  // If who would notify dies, nobody can know; if a waiter does, the other one must have its notification.
  { lock: "Condvar", threads: "2 wait, 1 notifies", options: { ...A_DEATH, mortal: [0], preemptions: 1 }, run: notified(2) },
];

const boundOf = ({ preemptions }: CheckOptions): string => (preemptions === undefined ? "none: all" : `${String(preemptions)} preemptions`);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "900" } },
});
const wanted = models.filter(({ lock }) => positionals.length === 0 || positionals.includes(lock));
if (wanted.length === 0)
  throw new Error(`there is no model of ${positionals.join(", ")}; there are ${[...new Set(models.map(({ lock }) => lock))].join(", ")}.`);

const WIDTHS = [16, 22, 8, 16, 12, 12, 6];
const row = (texts: readonly string[], from = 0): string => texts.map((text, nth) => text.padEnd(WIDTHS[from + nth] ?? 0)).join("");
console.log(row(["", "threads", "deaths", "bound", "executions", "cut short", "s"]));
for (const { lock, threads: what, options, run, all } of wanted) {
  process.stdout.write(row([lock, what, String(options.deaths ?? 0), boundOf(options)]));
  const begun = performance.now();
  const report = run({ ...options, time: 1000 * Number(values.seconds) });
  const seconds = (performance.now() - begun) / 1000;
  const told = row([report.executions.toLocaleString("en"), report.pruned.toLocaleString("en"), seconds.toFixed(0)], 4);
  const isRight = report.verdict === "passed" && report.complete === (options.preemptions === undefined);
  console.log(`${told}${isRight ? "" : report.verdict.toUpperCase()}${all === undefined ? "" : `(all: more than ${all})`}`);
  if (report.failure !== undefined) console.log(report.failure.trace);
  if (!isRight) process.exitCode = 1;
}

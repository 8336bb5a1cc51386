/** Send and Sync as the compiler sees them. Checked by `tsc` only: what must compile does, and each refusal is expected. */
import {
  AtomicI32,
  CancelFlag,
  f64,
  Mutex,
  scope,
  spawn,
  struct,
  task,
  Thread,
  ThreadBuilder,
  u32,
  type Infer,
  type JoinHandle,
  type Send,
} from "ferrous";

const Account = struct("Account", { id: u32, total: f64, lock: Mutex, hits: AtomicI32 });
type Account = Infer<typeof Account>;

const is = <T>(_value: T): void => undefined;

// --- what may be sent ---

interface Tree {
  readonly name: string;
  readonly kids: readonly Tree[];
  readonly byName?: Map<string, Tree>;
}
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
declare const tree: Tree;
declare const json: Json;
declare const anything: any; // eslint-disable-line @typescript-eslint/no-explicit-any -- it is what is tried here
declare const unknown: unknown;

is<JoinHandle<number>>(spawn((n: number) => n * 2, 21));
is<JoinHandle<string>>(spawn(async (n: number) => Promise.resolve(String(n)), 21));
is<JoinHandle<void>>(spawn(() => undefined));
is<JoinHandle<Tree>>(spawn((given: Tree) => given, tree));
is<JoinHandle<Json>>(spawn((given: Json) => given, json));
is<JoinHandle<number>>(spawn((...values: readonly number[]) => values.length, 1, 2, 3));
is<JoinHandle<string>>(spawn((a: string, b = 1, c?: Date) => a + String(b) + String(c), "a"));
is<JoinHandle<string>>(spawn((a: string, b = 1, c?: Date) => a + String(b) + String(c), "a", 2, new Date()));
is<JoinHandle<number>>(spawn((value: number | readonly [string, ...bigint[]]) => Number(value), ["a", 1n]));
is<JoinHandle<number>>(spawn((value) => Number(value), anything));
is<JoinHandle<unknown>>(spawn((value: unknown) => value, unknown));
spawn(
  (map: ReadonlyMap<string, Set<RegExp>>, error: Error) => map.size + error.message.length,
  new Map([["a", new Set([/a/])]]),
  new TypeError("e"),
);
spawn((bytes: Uint8Array, buffer: SharedArrayBuffer) => bytes.length + buffer.byteLength, new Uint8Array(1), new SharedArrayBuffer(1));
spawn(
  (mutex: Mutex<Account>, plain: Mutex, number: Mutex<number>) => [mutex, plain, number].length,
  new Mutex(Account.create()),
  new Mutex(),
  Mutex.of(f64, 0),
);
spawn(
  (account: Account, atomic: AtomicI32, flag: CancelFlag, thread: Thread) => [account, atomic, flag, thread].length,
  Account.create(),
  new AtomicI32(0),
  new CancelFlag(),
  Thread.current(),
);
spawn((accounts: ReturnType<typeof Account.array>) => accounts.length, Account.array(3));
is<JoinHandle<AtomicI32>>(spawn((atomic: AtomicI32) => atomic, new AtomicI32(0)));
is<JoinHandle<{ readonly handles: readonly Mutex[] }>>(spawn((mutex: Mutex) => ({ handles: [mutex] as const }), new Mutex()));
new ThreadBuilder({ name: "n" }).spawn((n: number) => n, 1);
scope((s) => s.spawn((n: number) => n, 1));

// A task is called in place as what it is, and spawned with the same types.
const tally = task(
  import.meta.url,
  "tally",
  (files: readonly string[], out: Mutex<Account>): number => files.length + Number(out.poisoned),
);
is<number>(tally(["a"], new Mutex(Account.create())));
is<JoinHandle<number>>(spawn(tally, ["a"], new Mutex(Account.create())));

// In generic code, Send says what the caller must give.
const sendBoth = <T>(value: Send<T>): Send<T> => value;
is<number>(sendBoth<number>(1));

// --- what may not ---

class Counter {
  count = 0;
  next(): number {
    return ++this.count;
  }
}
const guard = new Mutex(Account.create()).lock();
const handle = spawn(() => 1);
// @ts-expect-error a guard proves that this thread holds the lock
spawn((held: typeof guard) => held.poisoned, guard);
// @ts-expect-error a function stays in its thread
spawn((call: () => void) => { call(); }, () => undefined); // prettier-ignore
// @ts-expect-error an instance of a class would lose its methods
spawn((counter: Counter) => counter.count, new Counter());
// @ts-expect-error a symbol is another one in every thread
spawn((symbol: symbol) => String(symbol), Symbol("s"));
// @ts-expect-error a promise is settled by its thread
spawn((promise: Promise<number>) => promise, Promise.resolve(1));
// @ts-expect-error it holds on to objects of its thread
spawn((map: WeakMap<object, number>) => map.has({}), new WeakMap());
// @ts-expect-error a handle belongs to the thread that spawned
spawn((given: JoinHandle<number>) => given.isFinished, handle);
// @ts-expect-error deep inside too
spawn((given: { list: readonly [{ call: () => void }] }) => given.list.length, { list: [{ call: () => undefined }] });
// @ts-expect-error in a Map as well
spawn((given: Map<string, () => void>) => given.size, new Map<string, () => void>());
// @ts-expect-error the result must be Send
spawn(() => () => 1);
// @ts-expect-error the awaited result too
spawn(async () => Promise.resolve(new Counter()));
// @ts-expect-error the arguments are those of the function
spawn((n: number) => n, "1");
// @ts-expect-error all of them
spawn((n: number, m: number) => n + m, 1);
// @ts-expect-error and no more
spawn((n: number) => n, 1, 2);

// --- what threads may share ---

is<Mutex<Account>>(new Mutex(Account.create()));
is<Mutex>(new Mutex());
is<Mutex>(new Mutex(undefined, { name: "till" }));
is<Mutex<Float64Array<SharedArrayBuffer>>>(new Mutex(new Float64Array(new SharedArrayBuffer(8))));
is<Mutex<Mutex<Account>>>(new Mutex(new Mutex(Account.create())));
new Mutex(Account.array(3));
// Where a view's memory is unknown to the compiler, it is looked at when it is given.
declare const view: Int32Array;
new Mutex(view);
is<Mutex<Int32Array>>(new Mutex(new Int32Array(new SharedArrayBuffer(8)) as Int32Array));
// @ts-expect-error a Date is copied
new Mutex(new Date());
// @ts-expect-error an instance of a class lies in the memory of one thread
new Mutex(new Counter());
// @ts-expect-error a guard proves that this thread holds the lock
new Mutex(guard);
// @ts-expect-error a Map is copied
new Mutex(new Map<string, number>());
// @ts-expect-error an array is copied
new Mutex([1, 2]);
// @ts-expect-error a number is copied
new Mutex(5);
// @ts-expect-error memory that is not shared is copied
new Mutex(new Float64Array(8));
// @ts-expect-error a Mutex of something needs it
new Mutex<Account>();

/** What must not compile of a Mutex; checked by `npm run types`. */
import { channel, f64, Mutex, RwLock, struct, u32, type Infer, type MutexGuard } from "ferrous";

const Totals = struct("TypedTotals", { files: u32, bytes: f64 });
type Totals = Infer<typeof Totals>;

new Mutex();
new Mutex(undefined, { name: "section" });
const mutex: Mutex<Totals> = new Mutex(Totals.create(), { name: "totals" });
const balance: Mutex<number> = Mutex.of(f64, 100);
// @ts-expect-error a value is needed
new Mutex<Totals>();
// @ts-expect-error every thread would have its own number
new Mutex(3);
// @ts-expect-error every thread would have its own array
new Mutex([1, 2, 3]);
// @ts-expect-error every thread would have its own map
new Mutex(new Map());
// @ts-expect-error the end of a channel belongs to one thread at a time
new Mutex(channel<number>()[0]);
// @ts-expect-error the end of a channel belongs to one thread at a time
new RwLock(channel<number>()[1]);
// @ts-expect-error the type of the value is f64's
Mutex.of(f64, "100");

const guard: MutexGuard<Totals> = mutex.lock();
const files: number = guard.value.files;
// @ts-expect-error there is no such field
void guard.value.lines;
const maybe: MutexGuard<Totals> | undefined = mutex.tryLock();
// @ts-expect-error it may not have been locked
mutex.tryLock().release();
// @ts-expect-error a blocked thread cannot hear an AbortSignal
mutex.lock({ signal: new AbortController().signal });
void mutex.lockAsync({ signal: new AbortController().signal });

const sum: number = mutex.with((totals) => totals.files + totals.bytes);
// @ts-expect-error it would be unlocked at the first await
mutex.with(async (totals) => Promise.resolve(totals.files));
const later: Promise<number> = mutex.withAsync(async (totals) => Promise.resolve(totals.files));
const part: MutexGuard<number> = guard.map((totals) => totals.bytes);

export { balance, files, later, maybe, part, sum };

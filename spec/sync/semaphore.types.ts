/** What must not compile of a Semaphore and a ReentrantMutex; checked by `npm run types`. */
import { ReentrantMutex, Semaphore, semaphore, spawn, struct, type Infer, type Permit, type ReentrantMutexGuard } from "ferrous";

const slots: Semaphore = new Semaphore(4, { name: "slots", holders: 2 });
// @ts-expect-error it must be told how many
new Semaphore();
// @ts-expect-error their number is no text
new Semaphore("4");

const permit: Permit = slots.acquire();
void slots.acquire(2, { timeout: 5 });
void slots.acquire({ timeout: 5 });
// @ts-expect-error options come last
void slots.acquire({ timeout: 5 }, 2);
// @ts-expect-error a blocked thread cannot hear an AbortSignal
void slots.acquire({ signal: new AbortController().signal });
void slots.acquireAsync({ signal: new AbortController().signal });
const maybe: Permit | undefined = slots.tryAcquire();
// @ts-expect-error there may be none
slots.tryAcquire().release();
// @ts-expect-error it is asked, not set
slots.available = 3;
// @ts-expect-error permits belong to the thread that took them
spawn((taken: Permit) => taken.count, permit);
spawn((shared: Semaphore) => shared.available, slots);

const Pool = struct("TypedPool", { slots: semaphore(4) });
const pooled: Semaphore = Pool.create().slots;
// @ts-expect-error a semaphore is opened, never assigned
Pool.create().slots = slots;
type Pool = Infer<typeof Pool>;

new ReentrantMutex();
const mutex: ReentrantMutex<Pool> = new ReentrantMutex(Pool.create(), { name: "pool" });
// @ts-expect-error a value is needed
new ReentrantMutex<Pool>();
// @ts-expect-error every thread would have its own array
new ReentrantMutex([1, 2, 3]);
const guard: ReentrantMutexGuard<Pool> = mutex.lock();
const free: number = mutex.with((pool) => pool.slots.available);
// @ts-expect-error it would be unlocked at the first await
mutex.with(async (pool) => Promise.resolve(pool.slots.available));
// @ts-expect-error a guard is this thread's proof
spawn((held: ReentrantMutexGuard<Pool>) => held.poisoned, guard);

export { free, guard, maybe, pooled };

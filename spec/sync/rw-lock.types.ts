/** What must not compile with an RwLock and a Condvar. Never run; `npm run types` reads it. */
import { Condvar, f64, Mutex, RwLock, spawn, struct, task, u32, type Infer } from "ferrous";

const Config = struct("Config", { limit: u32, lock: Mutex });
type Config = Infer<typeof Config>;
declare const lock: RwLock<Config>;
declare const cells: RwLock<Int32Array<SharedArrayBuffer>>;

export function readers(): void {
  const guard = lock.read();
  const limit: number = guard.value.limit;
  // @ts-expect-error a reader does not write a field
  guard.value.limit = limit + 1;
  // A lock inside stays a lock.
  guard.value.lock.lock().release();
  // @ts-expect-error a ReadGuard's value cannot be replaced
  guard.value = Config.create({});
  const first: number | undefined = cells.read().value[0];
  // @ts-expect-error a reader does not write an element
  cells.read().value[0] = first;
  // @ts-expect-error a reader does not fill
  cells.read().value.fill(0);
  // @ts-expect-error a reader does not get at the bytes
  void cells.read().value.buffer;
  // @ts-expect-error unlocks at the first await
  lock.withRead(async (value) => Promise.resolve(value.limit));
  // @ts-expect-error a ReadGuard cannot be written through
  guard.downgrade();
}

export function writers(): void {
  const guard = lock.write();
  guard.value.limit = 1;
  const reader = guard.downgrade();
  // @ts-expect-error a reader does not write a field
  reader.value.limit = 2;
  RwLock.of(f64, 1).write().value = 2;
  // @ts-expect-error 1 is no text
  RwLock.of(f64, 1).write().value = "2";
  // @ts-expect-error every thread would have its own array
  void new RwLock([1]);
  // @ts-expect-error an RwLock<Config> needs its value
  void new RwLock<Config>();
}

export function sending(): void {
  const read = task(import.meta.url, "read", (_lock: RwLock<Config>) => 1);
  spawn(read, lock);
  const wrong = task(import.meta.url, "wrong", (_guard: ReturnType<typeof lock.read>) => 1);
  // @ts-expect-error a guard stays in its thread
  spawn(wrong, lock.read());
}

export function conditions(): void {
  const changed = new Condvar();
  const mutex = new Mutex(Config.create({}));
  changed.waitWhile(mutex.lock(), (value) => value.limit === 0);
  changed.waitWhile(lock.write(), (value) => value.limit === 0);
  // @ts-expect-error a reader cannot wait: it would release what others read
  changed.wait(lock.read());
  // @ts-expect-error the guard, not the lock
  changed.wait(mutex);
}

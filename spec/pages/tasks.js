import { i32, Mutex, spawn, task } from "../../dist/web/index.js";

export const double = task(import.meta.url, "double", (/** @type {number} */ n) => n * 2);

/** What is different in this realm after the library was used. */
export const globalsAfterUse = task(import.meta.url, "globalsAfterUse", async () => {
  const { changesBy } = await import("./globals-of.js");
  return changesBy(() => use());
});

export async function use() {
  const lock = Mutex.of(i32, 0);
  const guard = await lock.lockAsync();
  guard.value = 1;
  guard.release();
}

/** Fails after its task has been called, while it holds the lock. */
export const failsLater = task(import.meta.url, "failsLater", async (/** @type {Mutex<number>} */ lock) => {
  lock.lock();
  setTimeout(() => {
    throw new RangeError("later");
  });
  await new Promise(() => undefined);
});

export const makesLock = task(import.meta.url, "makesLock", () => Mutex.of(i32, 3));

/** Joins by blocking: what is copied arrives, and what is shared cannot. */
export const joinsWhatIsShared = task(import.meta.url, "joinsWhatIsShared", async () => {
  const copied = spawn(double, 4).join();
  const handle = spawn(makesLock);
  let refused;
  try {
    handle.join();
  } catch (error) {
    refused = String(error);
  }
  const lock = await handle.joinAsync();
  return { copied, refused, shared: lock instanceof Mutex };
});

export const lockBoth = task(
  import.meta.url,
  "lockBoth",
  /** @param {Mutex<number>} first @param {Mutex<number>} second @param {import("ferrous").Barrier} both */
  (first, second, both) => {
    const guard = first.lock();
    both.wait();
    try {
      second.lock().release();
      return "got both";
    } catch (error) {
      return String(error);
    } finally {
      guard.release();
    }
  },
);

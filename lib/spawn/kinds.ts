/** The kinds that an argument may be: an inline function imports none of them, and a task only their types. */
import { Receiver } from "../channel/receiver.ts";
import { Sender } from "../channel/sender.ts";
import { HANDLE } from "../send/handle.ts";
import { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64 } from "../sync/atomic.ts";
import { Barrier } from "../sync/barrier.ts";
import { CancelFlag } from "../sync/cancel-flag.ts";
import { Condvar } from "../sync/condvar.ts";
import { Latch } from "../sync/latch.ts";
import { Mutex } from "../sync/mutex.ts";
import { OnceLock } from "../sync/once-lock.ts";
import { Once } from "../sync/once.ts";
import { ReentrantMutex } from "../sync/reentrant-mutex.ts";
import { RwLock } from "../sync/rw-lock.ts";
import { Semaphore } from "../sync/semaphore.ts";
import { Thread } from "./thread.ts";

/** Each class makes its kind known when it is evaluated. Named and looked at, since bundlers leave out what is only imported. */
export function knowAllKinds(): void {
  const channels = [Receiver, Sender];
  const atomics = [AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64];
  const locks = [Barrier, CancelFlag, Condvar, Latch, Mutex, Once, OnceLock, ReentrantMutex, RwLock, Semaphore];
  for (const kind of [...channels, ...atomics, ...locks, Thread]) {
    if (!(HANDLE in kind.prototype)) throw new TypeError(`a ${kind.name} cannot be an argument`);
  }
}

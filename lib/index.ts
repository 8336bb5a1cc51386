/** ferrous: Rust's fearless concurrency for JavaScript threads. Re-exports only; importing it has no effect. */
export * from "./errors.ts";
export { array, bool, f32, f64, i16, i32, i64, i8, struct, u16, u32, u64, u8, utf8, type FixedArray, type Infer } from "./memory/layout.ts";
export { AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64 } from "./sync/atomic.ts";
export type { AsyncWaitOptions, WaitOptions } from "./park/limits.ts";
export { fromHandle, toHandle, type Handle } from "./send/handle.ts";
export type { Send, Sync } from "./send/send.ts";
export { CancelFlag } from "./sync/cancel-flag.ts";
export { MutexGuard } from "./sync/guard.ts";
export { Mutex, type MutexOptions, type PoisonOptions } from "./sync/mutex.ts";
export { lazyStatic, staticAtomic, type LazyStatic } from "./sync/statics.ts";
export { attach, invite } from "./spawn/attach.ts";
export { type JoinHandle } from "./spawn/handle.ts";
export { threadLocal, type ThreadLocal } from "./spawn/local.ts";
export { park, parkAsync, sleep, sleepAsync, unpark } from "./spawn/park.ts";
export { scope, scopeAsync, type Scope } from "./spawn/scope.ts";
export { spawn, ThreadBuilder, type Spawnable, type ThreadOptions } from "./spawn/spawn.ts";
export { task } from "./spawn/task.ts";
export { availableParallelism, Thread } from "./spawn/thread.ts";

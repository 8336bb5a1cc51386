/** What starts a thread: for the supervisor only. */
import { start } from "./web.ts";
import type { HostWorker, WorkerStart } from "./host.ts";

// Written so that bundlers follow it, as in starts-supervisor-web.ts.
export const startThread = (_bootFile: string, given: WorkerStart): HostWorker =>
  start(new Worker(new URL("./ferrous-thread.js", import.meta.url), { type: "module" }), given);

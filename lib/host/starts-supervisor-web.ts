/** What starts the supervisor: apart from the host, because bundlers follow what starts a worker, and refuse circles of workers. */
import { start } from "./web.ts";
import type { HostWorker, WorkerStart } from "./host.ts";

// Written so that bundlers follow it, in one piece. The file lies beside this one in dist/, and beside the bundle of those that do not.
export const startSupervisor = (given: WorkerStart): HostWorker =>
  start(new Worker(new URL("./ferrous-supervisor.js", import.meta.url), { type: "module", name: "ferrous supervisor" }), given);

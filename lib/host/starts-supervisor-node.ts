/** What starts the supervisor: apart from the host, because bundlers follow what starts a worker, and refuse circles of workers. */
import { start } from "./node.ts";
import type { HostWorker, WorkerStart } from "./host.ts";

export const startSupervisor = (given: WorkerStart): HostWorker => start(new URL("./supervisor.js", import.meta.url), given);

/** What starts a thread: for the supervisor only. */
import { start } from "./node.ts";
import type { HostWorker, WorkerStart } from "./host.ts";

export const startThread = (bootFile: string, given: WorkerStart): HostWorker => start(new URL(bootFile), given);

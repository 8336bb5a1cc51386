/**
 * Whoever may need the supervisor before any thread was started asks here: what starts it is apart from the rest of supervision.ts, which threads
 * have too (see starts-supervisor-node.ts).
 */
import { startSupervisor } from "../host/starts-supervisor-node.ts";
import { startThread } from "../host/starts-thread-node.ts";
import { startBy, supervise as superviseBy } from "./supervision.ts";

/** From now on the supervisor is started as soon as it is needed. */
export function maySupervise(): void {
  startBy(startSupervisor, startThread);
}

/** Makes sure that there is a supervisor, starting it if need be. */
export function supervise(): void {
  maySupervise();
  superviseBy();
}

/** Workers that others start. */
import { host } from "#host";
import { kindOf } from "../memory/place.ts";
import { currentThread } from "../thread/current.ts";
import { acceptInvitation } from "../thread/lifeline.ts";
import type { Invitation } from "../thread/protocol.ts";
import { supervise } from "../thread/starter.ts";
import { requestAdoption, untilSupervised } from "../thread/supervision.ts";

/**
 * Joins this thread to the process' threads now, instead of on its first use of a lock; on the main thread, starts the supervisor,
 * so that the death of workers that others start is told within milliseconds instead of 250.
 *
 * Call it on the main thread before the workers are started. A thread that opens locks by `X.at(buffer, byteOffset)` **must** have been
 * started after its main thread first used ferrous, or each side has a registry of its own and neither sees whom the other lets in. A
 * worker that is the first to need a supervisor asks the main thread for one; but if that has not used ferrous, or is blocked, the worker
 * starts one that ends with it, and so do all threads, whoever spawned them.
 *
 * Resolves when the supervisor, if there is one, listens and watches this thread. In a worker of Node it starts none: without one the
 * worker stays unwatched until the main thread has called it, or has spawned. In a worker that a page has made, it waits for the page's
 * {@link invite}, and comes before anything else of ferrous.
 * @throws {TaskError} this worker has used ferrous before it was invited; or the supervisor could not start
 */
export async function attach(): Promise<void> {
  if (host.sendTo === undefined && !host.isMain) return acceptInvitation();
  currentThread();
  if (host.isMain) supervise();
  await untilSupervised();
}

/**
 * Expects a worker that somebody else started to use ferrous. In Node it needs no preparation but a supervisor, which this starts;
 * the worker then joins on its first use, or when it awaits {@link attach}. In a page the worker is sent what it needs, once, and awaits
 * {@link attach}.
 * @throws {TypeError} in a page: it is no worker
 */
export function invite(worker: unknown): void {
  const { id: me, registry } = currentThread();
  supervise();
  if (host.sendTo !== undefined) return;
  if (Object.prototype.toString.call(worker) !== "[object Worker]")
    throw new TypeError(`invite() takes a Worker; it was given ${kindOf(worker)}.`);
  if (guests.has(worker as object)) return;
  guests.add(worker as object);
  const invited = host.watch(worker);
  const id = registry.claim(me);
  const [mine, theirs] = host.channel();
  registry.setName(id, `worker ${String(id)}`);
  registry.beginUnwatched(id, invited.platformId);
  invited.postMessage({ ferrous: "invited", id, lifeline: theirs.native } satisfies Invitation, [theirs.native]);
  requestAdoption({ id, name: "", cell: new SharedArrayBuffer(4) }, mine);
}

/** The workers that were invited: a second invitation would be a message to the worker's own code. */
const guests = new WeakSet();

/** How a thread that the supervisor has not started gets a line to it. In a page such a worker is invited: see greet-web.ts. */
import { host } from "#host";
import type { Port } from "../host/host.ts";
import { currentThread, whenJoined } from "./current.ts";
import { greetBy, isDead, isSupervised, layLine, leaveLine, leaveOnceClosed, line, send } from "./lifeline.ts";
import type { Greeting } from "./protocol.ts";
import { registry, Supervision } from "./registry.ts";

/** The line whose other end the supervisor does not have yet: the main thread passes it on when it is at its event loop. */
let unheard: Port | undefined;
/** Resolves when the greeting has arrived, or has proved to be in vain. */
let greeted: Promise<void> | undefined;
let stop: () => void = () => undefined;

/** Sends the supervisor a line to this thread. */
function greet(): boolean {
  const seen = registry().supervisor.load();
  // To one that died with its starter, Node 20 never tells that nothing arrived.
  if ((seen & 3) !== Supervision.READY || host.sendTo === undefined || isDead(seen)) return false;
  const { id } = currentThread();
  // To join is to greet, and that may have been now.
  if (line() !== undefined) return true;
  const [mine, theirs] = host.channel();
  const greeting: Greeting = { ferrous: "lifeline", id, isMain: host.isMain, lifeline: theirs.native };
  layLine(mine, seen >>> 2);
  unheard = mine;
  // Of a line that has taken a message it can be seen when it is closed.
  send({ type: "probe" });
  leaveOnceClosed(mine);
  const arriving = host.sendTo(seen >>> 2, greeting, [theirs.native]);
  greeted = new Promise((resolve) => {
    stop = resolve;
    void arriving.then((arrived) => {
      // The supervisor is gone. What is asked for next looks for another.
      if (!arrived && line() === mine) leaveLine();
      if (unheard === mine) unheard = undefined;
      resolve();
    });
  });
  return true;
}
export const hasGreeted = async (): Promise<void> => greeted;
/** Does the supervisor hear at once what this thread sends? */
export const isHeardNow = (): boolean => isSupervised() && line() !== unheard;

greetBy({
  greet,
  stop: () => {
    stop();
  },
});
whenJoined(() => void isSupervised());

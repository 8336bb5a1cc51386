// @ts-check
/** What the threads of the page do: each adds to one account under one lock, and tells how far it is through one channel. */
import { struct, task, u32 } from "../../dist/web/index.js";

/** Two numbers that are equal whenever nobody is inside. */
export const Account = struct("PageAccount", { begun: u32, done: u32 });

/**
 * What the page hears of a thread.
 * @typedef {object} Told
 * @property {number} thread
 * @property {number} steps
 * @property {"holds" | "poisoned"} [event]
 * @property {string} [error]
 */

/**
 * What all threads share.
 * @typedef {object} Shared
 * @property {import("ferrous").Mutex<InstanceType<typeof Account>>} account
 * @property {import("ferrous").Barrier} middle  where all meet after half of their steps
 * @property {import("ferrous").Latch} held      counted down by the one that will die, when it holds the lock
 * @property {import("ferrous").Latch} repaired
 */

/** @param {{ thread: number, from: number, to: number }} part @param {Shared["account"]} account @param {import("ferrous").Sender<Told>} tell */
function add({ thread, from, to }, account, tell) {
  for (let steps = from + 1; steps <= to; steps++) {
    const guard = account.lock();
    try {
      guard.value.begun += 1;
      guard.value.done += 1;
    } finally {
      guard.release();
    }
    if (steps % 25 === 0) tell.send({ thread, steps });
  }
}

export const work = task(
  import.meta.url,
  "work",
  /** @param {number} thread @param {number} steps @param {Shared} shared @param {import("ferrous").Sender<Told>} tell @param {boolean} dies */
  (thread, steps, { account, middle, held, repaired }, tell, dies) => {
    const half = steps / 2;
    add({ thread, from: 0, to: half }, account, tell);
    middle.wait();
    if (dies) {
      // The worst moment: half of a step is done, and only the poison will tell.
      account.lock().value.begun += 1;
      held.countDown();
      tell.send({ thread, steps: half, event: "holds" });
      for (;;);
    }
    held.wait();
    try {
      account.lock().release();
    } catch (error) {
      tell.send({ thread, steps: half, event: "poisoned", error: String(error) });
      repaired.wait();
    }
    add({ thread, from: half, to: steps }, account, tell);
  },
);

/** What a dead thread has left undone. */
export const finish = task(
  import.meta.url,
  "finish",
  /** @param {{ thread: number, from: number, to: number }} part @param {Shared["account"]} account @param {import("ferrous").Sender<Told>} tell */
  (part, account, tell) => {
    add(part, account, tell);
  },
);

// @ts-check
/** Four threads of a page share a lock and a channel. One is terminated while it holds the lock; the others go on. */
import { Barrier, channel, Latch, Mutex, ThreadBuilder } from "../../dist/web/index.js";
import { Account, finish, work } from "./threads.js";

/** @typedef {import("./threads.js").Told} Told */

const THREADS = 4;
const STEPS = 250;
/** The third one. */
const VICTIM = 2;

const element = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));

/** @param {number} thread @param {number} steps @param {string} state */
function showThread(thread, steps, state) {
  const row = `#threads > :nth-child(${thread + 1})`;
  element(row).dataset["state"] = state;
  element(`${row} i`).style.width = `${(100 * steps) / STEPS}%`;
  element(`${row} .steps`).textContent = `${steps} of ${STEPS}`;
  element(`${row} .state`).textContent = state;
}

/** @param {string} state @param {string} words @param {{ begun: number, done: number }} [values] */
function showLock(state, words, values) {
  element("#lock").dataset["state"] = state;
  element("#lock .state").textContent = words;
  if (values !== undefined) element("#lock .values").textContent = `begun ${values.begun}, done ${values.done}`;
}

function log(/** @type {string} */ what, kind = "") {
  const line = document.createElement("li");
  line.className = kind;
  line.textContent = what;
  element("#log").append(line);
}

async function main() {
  const account = Mutex.of(Account, { begun: 0, done: 0 }, { name: "account" });
  const shared = { account, middle: new Barrier(THREADS), held: new Latch(1), repaired: new Latch(1) };
  /** @type {[import("ferrous").Sender<Told>, import("ferrous").Receiver<Told>]} */
  const [tell, heard] = channel({ name: "told" });

  log(`${THREADS} threads add ${STEPS} steps each to one account, under one lock.`);
  const handles = Array.from({ length: THREADS }, (_, thread) => {
    showThread(thread, 0, "runs");
    return new ThreadBuilder({ name: `worker ${thread + 1}` }).spawn(work, thread, STEPS, shared, tell.clone(), thread === VICTIM);
  });

  /** @type {Promise<unknown>[]} */
  const ends = [];
  let poisoned = 0;
  for await (const { thread, steps, event, error } of heard) {
    if (event === "holds") {
      showThread(thread, steps, "holds the lock");
      showLock("held", `held by worker ${thread + 1}`);
      log(`Worker ${thread + 1} takes the lock, does half of a step, and spins for ever.`);
      log(`The page terminates worker ${thread + 1}.`);
      const dead = handles[thread]?.terminate().then(() => showThread(thread, steps, "terminated"));
      ends.push(Promise.resolve(dead));
    } else if (event === "poisoned") {
      showThread(thread, steps, "was told");
      if (++poisoned < THREADS - 1) continue;
      await Promise.all(ends);
      log(`All others were waiting for that lock, and are told: ${error}`, "poison");
      await repair(account);
      shared.repaired.countDown();
      const part = { thread: VICTIM, from: STEPS / 2, to: STEPS };
      handles[VICTIM] = new ThreadBuilder({ name: "worker 5" }).spawn(finish, part, account, tell.clone());
      log("Worker 5 does what worker 3 has left undone.");
      // Only the threads have senders now: when they are done, nothing more is heard.
      tell.close();
    } else showThread(thread, steps, steps < STEPS ? "runs" : thread === VICTIM ? "done by worker 5" : "done");
  }
  await Promise.all(handles.map((handle) => handle.joinAsync()));
  const guard = await account.lockAsync();
  const { begun, done } = guard.value;
  guard.release();
  showLock("free", "free", { begun, done });
  log(`${done} of ${THREADS * STEPS} steps are done. Nobody hangs, and nothing is lost.`, "good");
}

/** @param {import("./threads.js").Shared["account"]} account */
async function repair(account) {
  const guard = await account.lockAsync({ allowPoisoned: true });
  const { begun, done } = guard.value;
  guard.release();
  showLock("poisoned", "poisoned", { begun, done });
  log(`The account says: begun ${begun}, done ${done}. Half of a step is in it.`, "poison");
  await account.recoverAsync((value) => {
    value.begun = value.done;
  });
  showLock("free", "repaired", { begun: done, done });
  log(`The page repairs it: begun ${done}, done ${done}. The lock is free again.`, "good");
}

main().then(
  () => (document.title = "done"),
  (error) => {
    log(String(error), "poison");
    document.title = "failed";
  },
);

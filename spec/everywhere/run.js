/** Runs all cases, one after the other; the same in every runtime. */
import { channel, spawn, task } from "./ferrous.js";
import { cases } from "./all.js";

/** In ms. A case that takes longer waits for what never comes. */
const PATIENCE = 40_000;

/** @typedef {{ group: string, name: string, error?: string, ms: number }} Outcome */

/** @param {(outcome: Outcome) => void} tell @param {(group: string, name: string) => boolean} [wanted] */
export async function runAll(tell, wanted = () => true) {
  const groups = [...new Set(cases.map(({ group }) => group))];
  for (const group of groups) {
    const own = cases.filter((one) => one.group === group && wanted(group, one.name));
    for (const one of own.filter(({ where }) => where === "here")) tell(await outcomeOf(one));
    await inThread(
      own.filter(({ where }) => where === "thread"),
      tell,
    );
  }
}

/** @param {import("./suite.js").Case} one @returns {Promise<Outcome>} */
async function outcomeOf({ group, name, run }) {
  const started = performance.now();
  const outcome = (/** @type {unknown} */ error) => ({
    group,
    name,
    ms: performance.now() - started,
    ...(error === undefined ? {} : { error: String(/** @type {Partial<Error>} */ (error)?.stack ?? error) }),
  });
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("it does not end")), PATIENCE);
    });
    await Promise.race([(async () => run())(), late]);
    return outcome(undefined);
  } catch (error) {
    return outcome(error ?? "it threw nothing");
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs cases in a thread; when one does not end, or ends the thread, the rest get another thread.
 * @param {import("./suite.js").Case[]} own @param {(outcome: Outcome) => void} tell
 */
async function inThread(own, tell) {
  let next = 0;
  while (next < own.length) {
    /** @type {[import("ferrous").Sender<Outcome>, import("ferrous").Receiver<Outcome>]} */
    const [tx, rx] = channel();
    const handle = spawn(
      runThere,
      own.slice(next).map(({ group, name }) => ({ group, name })),
      tx,
    );
    const first = next;
    try {
      for (; next < own.length; next++) tell(await rx.recvAsync({ timeout: PATIENCE }));
    } catch (error) {
      const { group, name } = /** @type {import("./suite.js").Case} */ (own[next]);
      next++;
      const ended = await Promise.race([handle.terminate().then(() => handle.joinAsync().catch(String)), pause(5000)]);
      tell({ group, name, ms: PATIENCE, error: `${String(error)}${next - 1 === first ? ` (${String(ended)})` : ""}` });
      continue;
    }
    await handle.joinAsync();
  }
}
const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(() => resolve("it cannot be ended"), ms));

const runThere = task(
  import.meta.url,
  "runThere",
  /** @param {{ group: string, name: string }[]} wanted @param {import("ferrous").Sender<Outcome>} tx */
  async (wanted, tx) => {
    for (const { group, name } of wanted) {
      const one = cases.find((known) => known.group === group && known.name === name && known.where === "thread");
      if (one !== undefined) tx.send(await outcomeOf(one));
    }
  },
);

/** What is asked of the page by name, in its address: `cases.html#invited`. */
import { AtomicI32, attach, i32, invite, Mutex, spawn, task, ThreadBuilder, toHandle } from "../../dist/web/index.js";
import * as tasks from "./tasks.js";

/** A lock that a worker of this page's own making holds; and that worker. */
async function heldByForeigner() {
  const lock = Mutex.of(i32, 5, { name: "theirs" });
  const worker = new Worker(new URL("./foreign.js", import.meta.url), { type: "module" });
  invite(worker);
  const held = new Promise((resolve) => {
    worker.onmessage = ({ data }) => resolve(data);
  });
  worker.postMessage(toHandle(lock));
  return { lock, worker, heard: await held };
}

/** What somebody says next. @param {Worker | MessagePort} speaker */
const answer = (speaker) =>
  new Promise((resolve) => {
    speaker.onmessage = (/** @type {MessageEvent} */ { data }) => resolve(data);
  });

/** What a worker answers to a message. @param {string} file @param {unknown} message */
function answerOf(file, message) {
  const worker = new Worker(new URL(file, import.meta.url), { type: "module" });
  const heard = answer(worker);
  worker.postMessage(message);
  return heard;
}

const triple = task("app:tasks", "triple", (/** @type {number} */ n) => 3 * n);
/** A thread in a worker as a bundler makes it. @param {string} file */
const bundled = (file) =>
  new ThreadBuilder({ name: "bundled", worker: () => new Worker(new URL(file, import.meta.url), { type: "module" }) }).spawn(triple, 14);

const cases = {
  async invited() {
    const { lock, worker, heard } = await heldByForeigner();
    const waiting = lock.lockAsync().then(() => "got in", String);
    worker.terminate();
    return { heard, waiting: await waiting };
  },
  async uninvited() {
    await attach();
    return answerOf("./uninvited.js", toHandle(Mutex.of(i32, 1)));
  },
  alone: () => answerOf("./uninvited.js", undefined),
  async invitedTwice() {
    const worker = new Worker(new URL("./guest.js", import.meta.url), { type: "module" });
    invite(worker);
    invite(worker);
    const heard = answer(worker);
    worker.postMessage("last");
    return heard;
  },
  async serviceWorker() {
    const registration = await navigator.serviceWorker.register(new URL("./service.js", import.meta.url), { type: "module" });
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    const { port1, port2 } = new MessageChannel();
    const heard = answer(port1);
    worker?.postMessage(undefined, [port2]);
    return heard;
  },
  lateTask: () => bundled("./late-bundle.js").joinAsync(),
  absentTask: () => bundled("./bundle-without-tasks.js").joinAsync(),
  earlyStatic: () => bundled("./early-bundle.js").joinAsync(),
  unheardGuest: () => answerOf("./guest.js", "last"),
  noThread: () => bundled("./no-thread.js").joinAsync(),
  earlyLock: () => bundled("./early-lock-bundle.js").joinAsync(),
  async worklet() {
    const buffer = new SharedArrayBuffer(8);
    const level = AtomicI32.at(buffer, 0);
    const changed = level.waitAsync(0);
    const context = new OfflineAudioContext(1, 128, 44_100);
    await context.audioWorklet.addModule(new URL("./worklet.js", import.meta.url));
    const { port } = new AudioWorkletNode(context, "ferrous", { processorOptions: buffer });
    const heard = await answer(port);
    return { ...heard, told: await changed, peak: new Uint32Array(buffer)[1] };
  },
  async uncaught() {
    const lock = Mutex.of(i32, 0, { name: "left" });
    const handle = spawn(tasks.failsLater, lock);
    const ended = await handle.joinAsync().catch(String);
    return {
      ended,
      lock: await lock.lockAsync().then(
        () => "got in",
        (error) => error.name,
      ),
    };
  },
  blockingJoin: () => spawn(tasks.joinsWhatIsShared).joinAsync(),
  deadlock: async () => {
    const [a, b] = [Mutex.of(i32, 0, { name: "a" }), Mutex.of(i32, 0, { name: "b" })];
    const { Barrier } = await import("../../dist/web/index.js");
    const both = new Barrier(2);
    return (await Promise.all([spawn(tasks.lockBoth, a, b, both).joinAsync(), spawn(tasks.lockBoth, b, a, both).joinAsync()])).sort();
  },
  async blockingHere() {
    const lock = Mutex.of(i32, 0, { name: "here" });
    // What can be done at once can be done here.
    lock.lock().release();
    const guard = await lock.lockAsync();
    /** @type {string[]} */
    const said = [];
    try {
      lock.lock();
    } catch (error) {
      said.push(String(error));
    }
    guard.release();
    return said;
  },
};

const name = /** @type {keyof typeof cases} */ (location.hash.slice(1));
/** @type {HTMLElement} */ (document.querySelector("#said")).textContent = JSON.stringify(await cases[name]().catch(String));
document.title = "done";

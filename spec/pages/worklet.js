/** What works in an AudioWorklet, where there is no Worker, no timer, no navigator and no way to wait; and what the rest says. */
import * as ferrous from "../../dist/web/index.js";

const { AtomicI32, i32, Mutex, struct, Thread, u32 } = ferrous;
const Meter = struct("Meter", { peak: u32 });

/** @param {SharedArrayBuffer} buffer */
function answersTo(buffer) {
  const level = AtomicI32.at(buffer, 0);
  level.fetchAdd(2);
  level.notify();
  Meter.at(buffer, 4).peak = 9;
  const lock = Mutex.of(i32, 5);
  /** @type {readonly (() => unknown)[]} */
  const threaded = [
    () => lock.tryLock(),
    () => lock.with(() => 1),
    () => new ferrous.Semaphore(1).tryAcquire(),
    () => ferrous.channel(),
    () => Thread.current(),
    () => ferrous.staticAtomic("pages/worklet", AtomicI32, 0),
    () => ferrous.spawn(() => 1),
  ];
  return { isMain: Thread.isMain, level: level.load(), refused: threaded.map(messageOf) };
}

/** @param {() => unknown} use */
function messageOf(use) {
  try {
    return `done: ${String(use())}`;
  } catch (error) {
    return String(error);
  }
}

const scope = /** @type {any} */ (globalThis);
scope.registerProcessor(
  "ferrous",
  class extends scope.AudioWorkletProcessor {
    constructor(/** @type {any} */ { processorOptions }) {
      super();
      const { port } = /** @type {any} */ (this);
      port.postMessage(answersTo(processorOptions));
    }
    process() {
      return false;
    }
  },
);

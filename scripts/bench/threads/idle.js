// @ts-check
/** A process of its own, so that nobody else's work is counted: 64 threads sleep on a lock; prints the share of a core that they use, in %. */
import { Mutex, spawn } from "ferrous";
import { sleepOn } from "./contenders.js";

const COUNT = 64;
const MS = 20_000;
const later = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

const mutex = new Mutex();
const guard = mutex.lock();
const arrived = new Int32Array(new SharedArrayBuffer(4));
const handles = Array.from({ length: COUNT }, () => spawn(sleepOn, mutex, arrived));
while (Atomics.load(arrived, 0) < COUNT) await later(20);
// Until the engines have tidied up after 64 starts, which V8's memory reducer begins 8 s after the last allocation: what is asked for
// is the cost of sleeping.
await later(20_000);
const before = process.cpuUsage();
await later(MS);
const { user, system } = process.cpuUsage(before);
console.log(((user + system) / 1000 / MS) * 100);
guard.release();
for (const handle of handles) handle.join();

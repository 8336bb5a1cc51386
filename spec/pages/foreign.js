/** A worker that a page has made itself: it waits to be invited, then takes the lock that it is sent, and keeps it. */
import { attach, fromHandle, Thread } from "../../dist/web/index.js";

const sent = new Promise((resolve) => {
  onmessage = ({ data }) => resolve(data);
});
await attach();
const lock = /** @type {import("ferrous").Mutex<number>} */ (fromHandle(/** @type {never} */ (await sent)));
const guard = lock.lock();
postMessage({ value: guard.value, isMain: Thread.isMain });

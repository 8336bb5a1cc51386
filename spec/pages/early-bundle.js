/** A worker as a bundler makes it, with a static at the top level, where it does not know its page yet. */
import "../../dist/web/spawn/worker.js";
import { AtomicU32, staticAtomic, task } from "../../dist/web/index.js";

const total = staticAtomic("pages/total", AtomicU32, 0);
task("app:tasks", "triple", (/** @type {number} */ n) => total.fetchAdd(3 * n));

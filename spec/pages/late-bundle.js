/** A worker as a bundler makes it, in which the tasks' module comes to its task only when the thread has begun, and has looked for it. */
import "../../dist/web/spawn/worker.js";
import { task } from "../../dist/web/index.js";

const isBegun = async () => (await navigator.locks.query()).held?.some(({ name }) => name?.startsWith("ferrous/"));
while (!(await isBegun()));
// It looks in the same way, and finds as little.
await import(/** @type {string} */ ("app:tasks")).catch(() => undefined);
task("app:tasks", "triple", (/** @type {number} */ n) => 3 * n);

/** A worker as a bundler makes it, that takes a lock of its own, and asks who it is, before it knows its page. */
import "../../dist/web/spawn/worker.js";
import { i32, Mutex, task, Thread } from "../../dist/web/index.js";

const own = Mutex.of(i32, 0);
own.with(() => Thread.current());
task("app:tasks", "triple", (/** @type {number} */ n) => own.with(() => `${Thread.current().name}: ${3 * n}`));

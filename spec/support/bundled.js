// @ts-check
/** A worker as a bundler makes it: the tasks' module lies in the same file, and has no address of its own. */
import "ferrous/worker";
import { task } from "ferrous";

task("app:tasks", "triple", (/** @type {number} */ n) => 3 * n);

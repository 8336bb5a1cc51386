/** A worker as a bundler makes it, whose maker has forgotten "ferrous/worker". */
import { task } from "../../dist/web/index.js";

task("app:tasks", "triple", (/** @type {number} */ n) => 3 * n);

/** A worker as a bundler makes it, whose maker has forgotten the tasks. */
import "../../dist/web/spawn/worker.js";

/** All cases. */
import "./cases/memory.js";
import "./cases/locks.js";
import "./cases/channels.js";
import "./cases/threads.js";
import "./cases/checks.js";
export { cases } from "./suite.js";

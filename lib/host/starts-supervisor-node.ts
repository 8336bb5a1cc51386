/** What starts the supervisor: apart from the host in browsers, see starts-supervisor-web.ts. */
export { startSupervisor } from "./node.ts";

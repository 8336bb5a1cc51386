/** A service worker: it may not block, starts no threads, and no page can invite it. */
import { attach, Mutex, spawn } from "../../dist/web/index.js";
import { double } from "./tasks.js";

onmessage = async ({ ports: [port] }) => {
  const lock = new Mutex(undefined, { name: "served" });
  const guard = await lock.lockAsync();
  port?.postMessage({
    blocking: await said(() => lock.lock({ timeout: 10 })),
    spawning: await said(() => spawn(double, 1)),
    attaching: await said(attach),
  });
  guard.release();
};

/** @param {() => unknown} what */
const said = async (what) => {
  try {
    await what();
    return "done";
  } catch (error) {
    return String(error);
  }
};

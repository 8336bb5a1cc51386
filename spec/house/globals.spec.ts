/** No global is patched, and none is left behind: in pages spec/pages says so. */
import { expect, it } from "@jest/globals";
import { run } from "../support/program.ts";

const PROGRAM = `
import process from "node:process";
import { Worker } from "node:worker_threads";
// Node itself puts these in place when they are first asked for, and replaces process.chdir with its first Worker.
await new Promise((resolve) => new Worker("", { eval: true }).once("exit", resolve));
void [AbortController, AbortSignal, TextEncoder, TextDecoder, structuredClone, performance, globalThis.navigator];
const objects = { globalThis, Atomics, SharedArrayBuffer, Promise, process, console, Object, Array, Function, Error, Date, Math };
function snapshot() {
  const found = new Map();
  for (const [name, object] of Object.entries(objects)) {
    for (const part of [object, object.prototype ?? {}]) {
      for (const key of Reflect.ownKeys(part)) {
        const { value, get } = Object.getOwnPropertyDescriptor(part, key);
        found.set([name, part === object ? "" : ".prototype", ".", String(key)].join(""), get ?? value);
      }
    }
  }
  for (const event of process.eventNames()) found.set("listeners of " + String(event), process.listenerCount(event));
  return found;
}
const before = snapshot();
const { channel, i32, Mutex, spawn } = await import("ferrous");
const lock = Mutex.of(i32, 0);
await lock.withAsync(() => 1);
const [tx, rx] = channel();
tx.send({ n: 1 });
rx.recv();
await spawn((n) => 2 * n, 21).joinAsync();
const after = snapshot();
console.log(JSON.stringify({
  added: [...after.keys()].filter((key) => !before.has(key)),
  changed: [...before].filter(([key, value]) => !Object.is(after.get(key), value)).map(([key]) => key),
}));
`;

it("no global is patched, and none is left behind, nor a listener", async () => {
  const { stdout, stderr } = await run(PROGRAM);
  expect({ stderr, changes: JSON.parse(stdout) as unknown }).toEqual({ stderr: "", changes: { added: [], changed: [] } });
});

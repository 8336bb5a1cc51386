/** Every property of the global object and of what is shared memory's, with its value. */
function snapshot() {
  const objects = {
    globalThis,
    Atomics,
    SharedArrayBuffer,
    "SharedArrayBuffer.prototype": SharedArrayBuffer.prototype,
    Promise,
    "Promise.prototype": Promise.prototype,
    Worker,
    "Worker.prototype": Worker.prototype,
    navigator: Object.getPrototypeOf(navigator),
  };
  /** @type {Map<string, unknown>} */
  const found = new Map();
  for (const [name, object] of Object.entries(objects)) {
    for (const key of Reflect.ownKeys(object)) {
      const { value, get } = Object.getOwnPropertyDescriptor(object, key) ?? {};
      found.set(`${name}.${String(key)}`, get ?? value);
    }
  }
  return found;
}

/** @param {() => Promise<unknown>} work */
export async function changesBy(work) {
  const before = snapshot();
  await work();
  const after = snapshot();
  return {
    added: [...after.keys()].filter((key) => !before.has(key)),
    changed: [...before].filter(([key, value]) => !Object.is(after.get(key), value)).map(([key]) => key),
  };
}

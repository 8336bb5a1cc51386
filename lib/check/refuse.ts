/**
 * What would leave the world: refused by name, as soon as a modelled thread tries it.
 */
import { CheckError } from "../errors.ts";
import type { Replacements } from "./globals.ts";
import type { Executor } from "./executor.ts";

const LATER = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "requestAnimationFrame"] as const;
const WORKERS = ["Worker", "SharedWorker"] as const;

/** Parts of Node that cannot be imported, because a browser has none of them. */
interface NodeProcess {
  getBuiltinModule?(name: string): { EventEmitter: { init(this: object, options?: unknown): void } };
}

export function refuseEscapes(replaced: Replacements, machine: () => Executor | undefined): void {
  const refuse = (what: string, instead: string): void => {
    const running = machine();
    if (running?.current === undefined) return;
    running.refuse(
      new CheckError(`thread "${running.current.name}" ${what}, which check() cannot follow: it runs synchronous code. ${instead}`),
    );
  };
  const globals = globalThis as unknown as Record<string, unknown>;
  for (const name of LATER) {
    const real = globals[name];
    if (typeof real !== "function") continue;
    replaced.put(globalThis, name, (...args: unknown[]): unknown => {
      refuse(`called ${name}()`, "Model what the callback does as a thread of its own.");
      return Reflect.apply(real, globalThis, args);
    });
  }
  for (const name of WORKERS) {
    const real = globals[name];
    if (typeof real !== "function") continue;
    const construct = (target: object, args: unknown[], made: object): object => {
      refuse(`started a ${name}`, "Name its code as one of the threads.");
      return Reflect.construct(target as new () => object, args, made as new () => object) as object;
    };
    replaced.put(globalThis, name, new Proxy(real, { construct }));
  }
  // Named imports of node:worker_threads cannot be replaced; but every Worker there becomes an EventEmitter before it starts.
  const emitter = (globals["process"] as NodeProcess | undefined)?.getBuiltinModule?.("node:events").EventEmitter;
  if (emitter !== undefined) {
    const real = emitter.init;
    replaced.put(emitter, "init", function (this: object, options?: unknown) {
      if (this.constructor.name === "Worker") refuse("started a Worker", "Name its code as one of the threads.");
      real.call(this, options);
    });
  }
  const WasmMemory = WebAssembly.Memory;
  const construct = (real: typeof WasmMemory, args: unknown[]): object => {
    const [descriptor] = args as [WebAssembly.MemoryDescriptor];
    if (descriptor.shared === true)
      refuse("made a shared WebAssembly.Memory", "Let it lie in a SharedArrayBuffer; what wasm itself does is not seen.");
    return new real(descriptor);
  };
  replaced.put(WebAssembly, "Memory", new Proxy(WasmMemory, { construct }));
}

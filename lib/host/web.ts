/**
 * The host over module Web Workers. Facts and figures behind the choices: docs/architecture.md.
 *
 * No browser tells of a worker's end, nor of a port's. So each thread holds a Web Lock of its own for as long as it lives, and the
 * supervisor stands in line for it. Nor can a message be received in the midst of blocking code: what must reach a blocked thread
 * goes through shared memory.
 */
import { IsolationError, TaskError } from "../errors.ts";
import type { Host, HostWorker, Life, Port, WorkerStart } from "./host.ts";

/** What goes with the first message to a worker: all that Node would have given it at birth. */
interface Birth {
  readonly ferrousHost: "birth";
  readonly platformId: number;
  readonly inherited: readonly (readonly [string, SharedArrayBuffer])[];
  readonly message: unknown;
}

interface WorkerScope {
  readonly name: string;
  close(): void;
}

const isMain = !("WorkerGlobalScope" in globalThis);
/** Neither a shared nor a service worker, which belong to no page. */
const isDedicated = "DedicatedWorkerGlobalScope" in globalThis;
const scope = globalThis as unknown as WorkerScope;

if ("WorkletGlobalScope" in globalThis) {
  throw new TaskError("ferrous runs in pages and their workers, not in a worklet: share plain bytes with it, in a SharedArrayBuffer.");
}
if (typeof SharedArrayBuffer === "undefined")
  throw new IsolationError(`${isMain ? "this page" : "this worker"} has no shared memory, ${whyNot()}`);

/** Why there is none here, and what to do. */
function whyNot(): string {
  const headers = "these two headers: Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.";
  if (globalThis.isSecureContext === false)
    return `because its origin is not trusted: serve it over HTTPS, or from localhost while you develop; and it, and its workers, with ${headers}`;
  if (!isMain && !isDedicated)
    return "which browsers give to pages and to the workers that pages start for themselves: start it with new Worker(...).";
  const frames =
    isMain && window.parent !== window
      ? ' It is in a frame: the pages around it need them too, and a frame of another origin needs allow="cross-origin-isolated".'
      : "";
  return `because it is not isolated from other origins. Serve it, and its workers, with ${headers}${frames}`;
}

const inherited = new Map<string, SharedArrayBuffer>();
let platformId = isMain ? 0 : randomId();
/** 28 bits: it stands beside flags in a word of the registry. */
function randomId(): number {
  return 1 + Math.floor(Math.random() * ((1 << 28) - 2));
}

/** Listened for from the first moment on: a message that comes before is lost. */
const firstMessage = new Promise<unknown>((resolve) => {
  if (isMain) return;
  addEventListener("message", function hear(event: MessageEvent): void {
    const birth = event.data as Partial<Birth> | null;
    if (birth?.ferrousHost !== "birth" || birth.inherited === undefined || birth.platformId === undefined) return;
    // The user's own listeners have nothing to do with it.
    event.stopImmediatePropagation();
    removeEventListener("message", hear);
    for (const [key, buffer] of birth.inherited) inherited.set(key, buffer);
    platformId = birth.platformId;
    resolve(birth.message);
  });
});

function portOver(native: MessagePort): Port {
  const waiting: unknown[] = [];
  return {
    native,
    postMessage: (message, transfer = []) => {
      native.postMessage(message, transfer as Transferable[]);
    },
    listen: (receive) => {
      native.onmessage = ({ data }: MessageEvent) => {
        receive(data);
      };
      for (const message of waiting.splice(0)) receive(message);
    },
    poll: () => {
      // From now on they are kept; only those that come while this thread is at its event loop.
      native.onmessage ??= ({ data }: MessageEvent) => waiting.push(data);
      return waiting.length === 0 ? undefined : { message: waiting.shift() };
    },
    onClose: () => undefined,
    ref: () => undefined,
    isClosed: () => false,
    close: () => {
      native.close();
    },
  };
}

/** No browser tells a program why. */
const NOT_LOADED =
  "its script could not be loaded: it must be there, on the page's own origin, with the page's Cross-Origin-Embedder-Policy header, " +
  "and a Content-Security-Policy must let it in by worker-src";

function workerOver(worker: Worker): HostWorker {
  const itsId = randomId();
  return {
    platformId: itsId,
    postMessage: (message, transfer = []) => {
      const birth: Birth = { ferrousHost: "birth", platformId: itsId, inherited: [...inherited], message };
      worker.postMessage(birth, transfer as Transferable[]);
    },
    onExit: (ended) => {
      // What nobody caught in a thread that has started, it tells itself: this one could not be loaded.
      worker.addEventListener("error", (event: Partial<ErrorEvent> & Event) => {
        event.preventDefault();
        worker.terminate();
        ended({ code: 1, outOfMemory: false, error: event.message ?? NOT_LOADED });
      });
    },
    onPrinted: (passed) => {
      passed();
    },
    terminate: () => {
      worker.terminate();
    },
    ref: () => undefined,
  };
}

export function start(worker: Worker, { data, transfer }: WorkerStart): HostWorker {
  const over = workerOver(worker);
  over.postMessage(data, transfer);
  return over;
}

/** Web Locks are released when their holder has ended: at once if it was idle, and in Chromium after 2 s if it was busy or asleep. */
const life: Life = {
  hold: (name) =>
    new Promise((held, denied) => {
      const granted = (): Promise<never> => {
        held();
        return new Promise(() => undefined);
      };
      navigator.locks.request(name, granted).catch((why: unknown) => {
        const error = new TaskError(
          `threads prove by Web Locks that they live, and those are denied here, as in a page whose storage is blocked: ${String(why)}`,
        );
        // To the page, as what nobody caught: nothing else of this thread is heard of yet.
        reportError(error);
        denied(error);
      });
    }),
  onEnd: (name, ended, neverHeld) => {
    let wasGranted = false;
    const granted = (): Promise<never> | undefined => {
      wasGranted = true;
      ended();
      // Kept, so that a thread that was ended before it held its life can never hold it.
      return neverHeld ? new Promise(() => undefined) : undefined;
    };
    navigator.locks.request(name, granted).catch((why: unknown) => {
      if (wasGranted) throw why;
      // Where they are denied, nobody ever holds one.
      ended();
    });
  },
};

export const host: Host = {
  isMain,
  get platformId() {
    return platformId;
  },
  // Nor may a service worker.
  mayBlock: !isMain && !("ServiceWorkerGlobalScope" in globalThis),
  polls: false,
  life,
  parallelism: () => navigator.hardwareConcurrency,
  inherited: (key) => inherited.get(key),
  bequeath: (key, buffer) => {
    inherited.set(key, buffer);
  },
  startData: undefined,
  channel: () => {
    const { port1, port2 } = new MessageChannel();
    return [portOver(port1), portOver(port2)];
  },
  openPort: (native) => portOver(native as MessagePort),
  firstMessage: () =>
    isDedicated
      ? firstMessage
      : Promise.reject(
          new TaskError("a shared worker or a service worker belongs to no page, so it starts no threads and none can invite it."),
        ),
  bootFile: "",
  watch: (worker) => workerOver(worker as Worker),
  osThread: () => ({ tid: 0, born: 0 }),
  osThreadAlive: () => undefined,
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return {
      stop: () => {
        clearInterval(timer);
      },
    };
  },
  later: (ms, then) => {
    setTimeout(then, ms);
  },
  onUncaught: (last) => {
    const end = (error: unknown, isRejection: boolean): void => {
      last(error, isRejection);
      // A browser lets the worker live on; a thread that failed is one that ended.
      scope.close();
    };
    addEventListener("error", (event: ErrorEvent) => {
      event.preventDefault();
      end(event.error, false);
    });
    addEventListener("unhandledrejection", (event: PromiseRejectionEvent) => {
      event.preventDefault();
      end(event.reason, true);
    });
  },
  onExit: () => () => undefined,
  exit: () => {
    scope.close();
  },
  warn: (line) => {
    console.warn(line);
  },
};

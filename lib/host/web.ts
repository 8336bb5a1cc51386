/**
 * The host over module Web Workers. Facts and figures behind the choices: docs/architecture.md.
 *
 * No browser tells of a worker's end, nor of a port's. So each thread holds a Web Lock of its own for as long as it lives, and the
 * supervisor stands in line for it. Nor can a message be received in the midst of blocking code: what must reach a blocked thread
 * goes through shared memory.
 */
import { IsolationError, TaskError } from "../errors.ts";
import type { Host, HostWorker, Port, WorkerStart } from "./host.ts";

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

const isWorklet = "WorkletGlobalScope" in globalThis;
const isMain = !isWorklet && !("WorkerGlobalScope" in globalThis);
const scope = globalThis as unknown as WorkerScope;

if (typeof SharedArrayBuffer === "undefined") {
  throw new IsolationError(
    "this page has no shared memory: serve it, and its workers, over HTTPS or from localhost, " +
      "with these two headers: Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp. " +
      "In a frame, the pages around it need them too.",
  );
}

const inherited = new Map<string, SharedArrayBuffer>();
let platformId = isMain ? 0 : randomId();
/** 28 bits: it stands beside flags in a word of the registry. */
function randomId(): number {
  return 1 + Math.floor(Math.random() * ((1 << 28) - 2));
}

/** Listened for from the first moment on: a message that comes before is lost. */
const firstMessage = new Promise<unknown>((resolve) => {
  // A worklet has no messages of its own.
  if (isMain || isWorklet) return;
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
        // Then no console shows it, nor where it was.
        event.preventDefault();
        worker.terminate();
        const { message, filename = "", lineno } = event;
        const error = message === undefined || filename === "" ? message : `${message} (${filename}:${String(lineno)})`;
        ended({ code: 1, outOfMemory: false, error });
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

export const host: Host = {
  isMain,
  get platformId() {
    return platformId;
  },
  // Nor may a service worker.
  mayBlock: !isMain && !isWorklet && !("ServiceWorkerGlobalScope" in globalThis),
  polls: false,
  parallelism: () => navigator.hardwareConcurrency,
  inherited: (key) => {
    // Nothing tells of its end, and it can wait for nobody. In a registry of its own it would have the number of some thread of the page.
    if (isWorklet) throw new TaskError("a worklet is no thread: atomics and structs work there, locks and channels do not.");
    return inherited.get(key);
  },
  bequeath: (key, buffer) => {
    inherited.set(key, buffer);
  },
  startData: undefined,
  channel: () => {
    const { port1, port2 } = new MessageChannel();
    return [portOver(port1), portOver(port2)];
  },
  openPort: (native) => portOver(native as MessagePort),
  firstMessage: () => firstMessage,
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

/** The host over Node's worker_threads. Facts and figures behind the choices: docs/architecture.md. */
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { finished } from "node:stream";
import * as threads from "node:worker_threads";
import type { Host, HostExit, HostWorker, Port, WorkerStart } from "./host.ts";

/** Not in the types of Node 20.19, but there from 20.20 and 22.5 on. */
const { postMessageToThread } = threads as {
  postMessageToThread?: (id: number, message: unknown, transfer: readonly object[], timeout?: number) => Promise<void>;
};

function portOver(native: threads.MessagePort): Port {
  let wasTaken = false;
  return {
    native,
    postMessage: (message, transfer = []) => {
      // See isClosed.
      wasTaken = (native.postMessage(message, transfer as threads.TransferListItem[]) as unknown) === true || wasTaken;
    },
    listen: (receive) => {
      native.on("message", receive);
      native.unref();
    },
    poll: () => threads.receiveMessageOnPort(native),
    onClose: (closed) => native.once("close", closed),
    ref: (alive) => {
      if (alive) native.ref();
      else native.unref();
    },
    isClosed: (probe) => {
      // Not documented: Node (20 to 24) says `true` of a message that it took, `false` if the other end is closed, and nothing once this end has
      // closed for that. Who never said `true` is not asked.
      const isTaken = native.postMessage(probe) as unknown;
      wasTaken ||= isTaken === true;
      return wasTaken && isTaken !== true;
    },
    close: () => {
      native.close();
    },
  };
}

function workerOver(worker: threads.Worker): HostWorker {
  let error: unknown;
  worker.on("error", (thrown) => (error = thrown));
  return {
    platformId: worker.threadId,
    postMessage: (message, transfer = []) => {
      worker.postMessage(message, transfer as threads.TransferListItem[]);
    },
    onExit: (ended) => {
      worker.once("exit", (code) => {
        const outOfMemory = (error as { code?: unknown } | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY";
        ended({ code, outOfMemory, error } satisfies HostExit);
      });
    },
    onPrinted: (passed) => {
      // The worker's streams first, then our own: in a thread these wait until its parent has taken what was written.
      const streams = [
        [worker.stdout, process.stdout],
        [worker.stderr, process.stderr],
      ] as const;
      let left = streams.length;
      for (const [from, to] of streams) {
        finished(from, () => to.write("", () => --left === 0 && passed()));
      }
    },
    terminate: () => void worker.terminate(),
    ref: (alive) => {
      if (alive) worker.ref();
      else worker.unref();
    },
  };
}

/** How /proc says that there is no such thread, or that it ended while it was being looked at. */
const GONE: ReadonlySet<string | undefined> = new Set(["ENOENT", "ESRCH"]);

/** When the thread was started, in the kernel's ticks since boot; 0 if /proc has no such thread, undefined if nobody can look there now. */
function bornOf(tid: number): number | undefined {
  try {
    // The name, in parentheses, may contain anything; the 22nd field of all is the 20th behind it.
    const stat = readFileSync(`/proc/self/task/${String(tid)}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]) | 0;
  } catch (error) {
    // Anything else proves nothing: with too many open files, every living thread would be taken for dead.
    return GONE.has((error as { code?: string }).code) ? 0 : undefined;
  }
}

/** A thread that the kernel cannot be asked for. */
const NAMELESS = { tid: 0, born: 0 };

export function start(file: URL, { data, transfer, name, resourceLimits }: WorkerStart): HostWorker {
  // The platform would tell it by an event, which a thread that blocks until its child has ended never sees.
  if (!existsSync(file)) throw new Error(`ferrous is not whole here: ${file.href} is missing. Bundlers must leave ferrous external.`);
  return workerOver(
    new threads.Worker(file, {
      workerData: data,
      transferList: transfer as threads.TransferListItem[],
      name,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    }),
  );
}

export const startSupervisor = (given: WorkerStart): HostWorker => start(new URL("./supervisor.js", import.meta.url), given);

export const host: Host = {
  isMain: threads.isMainThread,
  platformId: threads.threadId,
  mayBlock: true,
  polls: true,
  // nodejs/node#57910. The main thread ends with the process.
  crashesAwaiting: !threads.isMainThread && Number.parseInt(process.versions.node) < 24,
  parallelism: availableParallelism,
  inherited: (key) => threads.getEnvironmentData(key),
  bequeath: (key, buffer) => {
    threads.setEnvironmentData(key, buffer);
  },
  startData: threads.workerData as unknown,
  channel: () => {
    const { port1, port2 } = new threads.MessageChannel();
    return [portOver(port1), portOver(port2)];
  },
  openPort: (native) => portOver(native as threads.MessagePort),
  firstMessage: () => new Promise((resolve) => threads.parentPort?.once("message", resolve)),
  startSupervisor,
  bootFile: new URL("./boot.js", import.meta.url).href,
  watch: (worker) => workerOver(worker as threads.Worker),
  sendTo: async (platformId, message, transfer) => {
    try {
      await postMessageToThread?.(platformId, message, transfer);
      return postMessageToThread !== undefined;
    } catch {
      return false;
    }
  },
  ...(postMessageToThread === undefined
    ? {}
    : { askMain: (message: unknown) => void postMessageToThread(0, message, []).catch(() => undefined) }),
  onSent: (receive) => {
    process.on("workerMessage" as "message", receive);
    return {
      stop: () => {
        process.off("workerMessage" as "message", receive);
      },
    };
  },
  osThread: () => {
    try {
      const tid = Number(/task\/(\d+)/.exec(readlinkSync("/proc/thread-self"))?.[1] ?? 0);
      const born = bornOf(tid);
      return born === undefined ? NAMELESS : { tid, born };
    } catch {
      return NAMELESS;
    }
  },
  osThreadAlive: (tid, born) => {
    const now = tid === 0 ? undefined : bornOf(tid);
    return now === undefined ? undefined : now === born;
  },
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    return {
      stop: () => {
        clearInterval(timer);
      },
    };
  },
  later: (ms, then) => {
    setTimeout(then, ms).unref();
  },
  onUncaught: (last) => {
    process.on("uncaughtExceptionMonitor", (error: unknown, origin) => {
      last(error, origin === "unhandledRejection");
    });
    if (process.versions["bun"] === undefined) return;
    // Bun tells its monitors of no rejection; a listener hears of it, and keeps the thread from ending.
    process.on("unhandledRejection", (error: unknown) => {
      if (process.listenerCount("unhandledRejection") > 1) return;
      last(error, true);
      process.exit(1);
    });
  },
  onExit: (last) => {
    process.on("exit", last);
    return () => process.off("exit", last);
  },
  exit: (code) => process.exit(code),
  warn: (line) => process.stderr.write(`${line}\n`),
};

/** Threads as values: who am I, and whom to unpark. */
import { host } from "#host";
import type { Place } from "../memory/place.ts";
import { HANDLE, registerKind, type HandleBody } from "../send/handle.ts";
import { HandleError } from "../errors.ts";
import { currentThread } from "../thread/current.ts";
import { Field } from "../thread/registry.ts";
import { currentRun } from "../thread/run.ts";

const KIND = "Thread@1";
/** Of 26 bits. @internal */
export const MAX_ID = 2 ** 26 - 1;

/** A thread of this process: a name for it, which crosses to other threads. */
export class Thread {
  /** Never 0, and never used again in this process. */
  readonly id: number;
  readonly name: string;

  /** @internal */
  constructor(id: number, name: string) {
    this.id = id;
    this.name = name;
  }

  /** The thread that runs this code. */
  static current(): Thread {
    const { id, registry } = currentThread();
    return new Thread(id, registry.nameOf(id));
  }

  /** Is this the main thread? A program of one file asks this before it spawns: its threads evaluate the same file. */
  static get isMain(): boolean {
    return currentRun()?.isMain ?? host.isMain;
  }

  /** Has it begun and not ended? */
  get isAlive(): boolean {
    return currentThread().registry.isAlive(this.id);
  }

  /** What crosses to another thread. */
  [HANDLE](): HandleBody {
    return { kind: KIND, place: placeOf(this.id), name: this.name, type: this.id };
  }

  static {
    registerKind(KIND, ({ place, name, type: id }) => {
      if (typeof id !== "number" || !Number.isInteger(id) || id <= 0 || id > MAX_ID) throw new HandleError("it names no thread");
      if (placeOf(id).byteOffset !== place.byteOffset) throw new HandleError("it names one thread, and lies where another's record is");
      return new Thread(id, name ?? "");
    });
  }
}

/** Where the record of a thread lies. */
function placeOf(id: number): Place {
  const { registry } = currentThread();
  return { buffer: registry.buffer, byteOffset: registry.field(id, Field.LIFE).byteOffset };
}

/** How many threads can run at once here: the number of cores that this process may use. */
export const availableParallelism = (): number => host.parallelism();

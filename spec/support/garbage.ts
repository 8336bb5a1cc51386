/** What is left on the heap when all garbage is gone. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
// Only contexts that are made from now on have it, which a spec's is not.
const gc = runInNewContext("gc") as () => void;

/** Bytes in use. Finalizers run between turns of the event loop, and make more garbage. */
export async function heapWithoutGarbage(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  gc();
  return process.memoryUsage().heapUsed;
}

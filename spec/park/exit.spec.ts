/** What a thread leaves behind that ends while its tasks wait. */
import { expect, it } from "@jest/globals";
import { Mutex, spawn } from "ferrous";

it("a thread that ends by itself has no wait pending any more when it is taken down", async () => {
  const cells = new Int32Array(new SharedArrayBuffer(4096));
  const seen = new Int32Array(new SharedArrayBuffer(8));
  const guard = Mutex.at(cells.buffer, 0).lock();
  const thread = spawn(
    async (words: Int32Array<SharedArrayBuffer>, told: Int32Array<SharedArrayBuffer>) => {
      const ferrous = await import("ferrous");
      void ferrous.Mutex.at(words.buffer, 0).lockAsync();
      ferrous.CancelFlag.at(words.buffer, 64).signal.addEventListener("abort", () => undefined);
      // Behind the library's own.
      process.on("exit", () => {
        told[0] = 1;
        told[1] = Atomics.notify(words, 0) + Atomics.notify(words, 16);
      });
      process.exit();
    },
    cells,
    seen,
  );
  await expect(thread.joinAsync()).rejects.toThrow("exit");
  guard.release();
  expect([...seen]).toEqual([1, 0]);
});

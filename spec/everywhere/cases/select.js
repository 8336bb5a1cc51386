import { after, CancelFlag, channel, i32, never, select, selectAsync, spawn, tick, trySelect } from "../ferrous.js";
import { describe, told, equal, fateOf, rejects, throws } from "../suite.js";
import { countTo, sum } from "../tasks.js";

const { here, blocking } = describe("a select");
const numbers = (/** @type {number} */ capacity) => channel({ of: i32, capacity });

here("does nothing if nothing can be done at the moment", () => {
  const [[a, ar], [, zr]] = [numbers(1), numbers(0)];
  a.send(1);
  equal(trySelect([a.sending(2), zr]), undefined);
  equal(ar.length, 1);
});

here("picks among what can be done, and starves none", () => {
  const [[a, ar], [b, br]] = [numbers(1), numbers(1)];
  const picked = [0, 0];
  for (let n = 0; n < 400; n++) {
    a.trySend(1);
    b.trySend(1);
    const index = /** @type {0 | 1} */ (trySelect([ar, br])?.index);
    picked[index] = (picked[index] ?? 0) + 1;
  }
  equal(
    picked.every((count) => count > 100),
    true,
  );
});

here("is told of an end of which the other side has gone", async () => {
  const [[a, ar], [b, br]] = [numbers(1), numbers(1)];
  b.close();
  equal((await rejects(selectAsync([ar, br]), "DISCONNECTED")).index, 1);
  a.close();
});

here("waits for a thread's messages on either of two", async () => {
  const [[a, ar], [b, br]] = [numbers(2), numbers(0)];
  const threads = [spawn(countTo, a, 20), spawn(countTo, b, 20)];
  let total = 0;
  for (let n = 0; n < 40;) {
    try {
      total += /** @type {number} */ ((await selectAsync([n < 40 ? ar : never(), br])).value);
      n++;
    } catch (error) {
      // One of the two has ended first: go on with the other.
      equal(told(error), "DISCONNECTED");
      const rest = /** @type {{ index: number }} */ (error).index === 0 ? br : ar;
      for await (const value of rest) {
        total += value;
        n++;
      }
      break;
    }
  }
  equal(total, 380);
  await Promise.all(threads.map((thread) => thread.joinAsync()));
});

blocking("blocks for a thread's messages, and sends to a thread", () => {
  const [[a, ar], [b, br]] = [numbers(1), numbers(0)];
  const threads = [spawn(countTo, a, 30), spawn(sum, br)];
  let [got, sent] = [0, 0];
  while (got + sent < 60) {
    try {
      if (select([got < 30 ? ar : never(), sent < 30 ? b.sending(1) : never()]).index === 0) got++;
      else sent++;
    } catch (error) {
      equal(told(error), "DISCONNECTED");
      got = 30;
    }
  }
  b.close();
  equal([threads[0]?.join(), threads[1]?.join()], [undefined, 30]);
});

here("gives up after its time, and is called off, and has sent nothing", async () => {
  const [a, ar] = numbers(0);
  await rejects(selectAsync([a.sending(1)], { timeout: 5 }), "TIMEOUT");
  const flag = new CancelFlag();
  const waiting = fateOf(selectAsync([a.sending(1), never()], { signal: flag }));
  flag.cancel(new Error("enough"));
  equal(await waiting, "Error: enough");
  equal(ar.tryRecv(), undefined);
});

here("is ended by after(), and again and again by tick()", async () => {
  equal((await selectAsync([never(), after(5)])).index, 1);
  const ticks = tick(2);
  equal((await selectAsync([never(), ticks])).index, 1);
  equal((await selectAsync([ticks])).index, 0);
});

here("refuses what is no operation", () => {
  throws(() => trySelect(/** @type {never} */ ([7])), "TypeError");
});

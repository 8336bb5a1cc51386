// @ts-check
/** What the threads of the specs of gates run. */
import { never, select, task } from "ferrous";

export const selectsOnce = task(
  import.meta.url,
  "selectsOnce",
  /** @param {import("ferrous").Receiver<number>} rx */
  (rx) => select([never(), rx]).value,
);

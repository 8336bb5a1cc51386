// @ts-check
/** A module that cannot be evaluated in a thread. */
import { task, Thread } from "ferrous";

export const unreachable = task(import.meta.url, "unreachable", () => 1);
if (!Thread.isMain) throw new RangeError("this module throws in a thread");

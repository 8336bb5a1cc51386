// @ts-check
/** A counter of which each thread has its own. */
import { task, threadLocal } from "ferrous";

const counter = threadLocal(() => ({ count: 0 }));

export const bump = task(import.meta.url, "bump", () => ++counter.get().count);

/**
 * The state as one thread gets it: ferrous objects are opened anew for each run of each thread, over the same memory, as a real
 * thread would open them; so what they keep on their heap belongs to that run. Everything else is the same object for all.
 */
import { fromHandle, isShareable, toHandle } from "../send/handle.ts";

/** How deep in arrays and plain objects shared objects are looked for. */
const DEPTH = 8;

/** Makes the state of each run; undefined if there is nothing to open in it. */
export function opener(state: unknown): (() => unknown) | undefined {
  const open = planOf(state, 0, new Map());
  return open && (() => open(new Map()));
}

/** Opens one object; the same one twice in a run is one object. */
type Open = (opened: Map<unknown, unknown>) => unknown;

function planOf(value: unknown, depth: number, seen: Map<unknown, Open | undefined>): Open | undefined {
  if (typeof value !== "object" || value === null || depth > DEPTH) return undefined;
  if (seen.has(value)) return seen.get(value);
  seen.set(value, undefined);
  const plan = isShareable(value) ? openingOf(value) : copyOf(value, depth, seen);
  const open: Open | undefined = plan && ((opened) => opened.get(value) ?? plan(opened));
  seen.set(value, open);
  return open;
}

function openingOf(value: object): Open {
  const handle = toHandle(value);
  return (opened) => {
    const object = fromHandle(handle);
    opened.set(value, object);
    return object;
  };
}

/** Only arrays and plain objects are copied, and only those that lead to something to open. */
function copyOf(value: object, depth: number, seen: Map<unknown, Open | undefined>): Open | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return undefined;
  const plans = Object.entries(value).map(([key, inner]) => [key, inner as unknown, planOf(inner, depth + 1, seen)] as const);
  if (plans.every(([, , plan]) => plan === undefined)) return undefined;
  return (opened) => {
    const copy: object = Array.isArray(value) ? [] : {};
    opened.set(value, copy);
    for (const [key, inner, plan] of plans) Reflect.set(copy, key, plan === undefined ? inner : plan(opened));
    return copy;
  };
}

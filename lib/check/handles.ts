/**
 * The state as one thread gets it: ferrous objects are opened anew for each run of each thread, over the same memory, as a real
 * thread would open them; so what they keep on their heap belongs to that run. Everything else is the same object for all.
 */
import { fromHandle, handleOf, isShareable, type Handle } from "../send/handle.ts";
import { arriving } from "../send/moving.ts";

/** How deep in arrays and plain objects shared objects are looked for. */
const DEPTH = 8;

/** Makes the state of each run; undefined if there is nothing to open in it. */
export function opener(state: unknown, owners: Owners): Opener | undefined {
  const handles = new Map<unknown, Handle>();
  const open = planOf(state, 0, new Map(), { owners, handles });
  return open && { open: (thread) => open(new Map(), thread), handles };
}

export interface Opener {
  /** The state as this thread gets it. */
  open(thread: number): unknown;
  /** Of each object in the state that is opened: those that have moved give none any more. */
  readonly handles: ReadonlyMap<unknown, Handle>;
}

/** What a plan is made with. */
interface Setting {
  readonly owners: Owners;
  readonly handles: Map<unknown, Handle>;
}

/** Opens one object for a thread; the same one twice in a run is one object. */
type Open = (opened: Map<unknown, unknown>, thread: number) => unknown;
/** The threads that own what moves. */
type Owners = ReadonlyMap<unknown, number>;

export const ownersOf = (owned: readonly (readonly object[])[]): Owners =>
  new Map(owned.flatMap((objects, thread) => objects.map((object) => [object, thread] as const)));

function planOf(value: unknown, depth: number, seen: Map<unknown, Open | undefined>, setting: Setting): Open | undefined {
  if (typeof value !== "object" || value === null || depth > DEPTH) return undefined;
  if (seen.has(value)) return seen.get(value);
  seen.set(value, undefined);
  const plan = isShareable(value) ? openingOf(value, setting) : copyOf(value, depth, seen, setting);
  const open: Open | undefined = plan && ((opened, thread) => opened.get(value) ?? plan(opened, thread));
  seen.set(value, open);
  return open;
}

function openingOf(value: object, { owners, handles }: Setting): Open {
  const handle = handleOf(value);
  handles.set(value, handle);
  const owner = owners.get(value);
  return (opened, thread) => {
    // It belongs to another thread; or it came with this one's start; or it stays with setup.
    if (owner !== undefined && owner !== thread) return undefined;
    const object = arriving(owner === undefined ? "lent" : "counted", () => fromHandle(handle));
    opened.set(value, object);
    return object;
  };
}

/** Only arrays and plain objects are copied, and only those that lead to something to open. */
function copyOf(value: object, depth: number, seen: Map<unknown, Open | undefined>, setting: Setting): Open | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return undefined;
  const getters = Object.entries(Object.getOwnPropertyDescriptors(value)).filter(
    ([, { get, set }]) => get !== undefined || set !== undefined,
  );
  const plans = propertiesOf(value).map(([key, inner]) => [key, inner as unknown, planOf(inner, depth + 1, seen, setting)] as const);
  if (plans.every(([, , plan]) => plan === undefined)) return undefined;
  return (opened, thread) => {
    const copy: object = Array.isArray(value) ? [] : {};
    opened.set(value, copy);
    for (const [key, inner, plan] of plans) Reflect.set(copy, key, plan === undefined ? inner : plan(opened, thread));
    // They look at the copy, as they would at what a real thread was given.
    for (const [key, getter] of getters) Object.defineProperty(copy, key, getter);
    return copy;
  };
}

/** What an object holds, its getters left alone: they are code. */
export function propertiesOf(object: object): (readonly [string, unknown])[] {
  return Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([key, property]) =>
    property.enumerable === true && "value" in property ? [[key, property.value as unknown] as const] : [],
  );
}

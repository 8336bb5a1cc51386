/**
 * The state as one thread gets it: ferrous objects are opened anew for each run of each thread, over the same memory, as a real
 * thread would open them; so what they keep on their heap belongs to that run. Everything else is the same object for all.
 *
 * What leads to them is copied: arrays, plain objects, Maps, Sets, and instances of the code's own classes, which keep their class.
 * An instance that cannot be copied is refused: the threads would have its locks and their heap in common.
 */
import { CheckError } from "../errors.ts";
import { isNative, isPlain } from "../send/clonable.ts";
import { fromHandle, handleOf, isShareable, type Handle } from "../send/handle.ts";
import { arriving } from "../send/moving.ts";

/** How deep in arrays and other objects shared objects are looked for. */
const DEPTH = 8;

/** Makes the state of each run; undefined if there is nothing to open in it. */
export function opener(state: unknown, owners: Owners): Opener | undefined {
  const handles = new Map<unknown, Handle>();
  const open = planOf(state, "state", 0, { owners, handles, seen: new Map() });
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
  readonly seen: Map<unknown, Open | undefined>;
}

/** Opens one object for a thread; the same one twice in a run is one object. */
type Open = (opened: Map<unknown, unknown>, thread: number) => unknown;
/** The threads that own what moves. */
type Owners = ReadonlyMap<unknown, number>;

export const ownersOf = (owned: readonly (readonly object[])[]): Owners =>
  new Map(owned.flatMap((objects, thread) => objects.map((object) => [object, thread] as const)));

function planOf(value: unknown, path: string, depth: number, setting: Setting): Open | undefined {
  if (typeof value !== "object" || value === null || depth > DEPTH) return undefined;
  const { seen } = setting;
  if (seen.has(value)) return seen.get(value);
  seen.set(value, undefined);
  const plan = isShareable(value) ? openingOf(value, setting) : copyOf(value, path, depth, setting);
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

/** Only what leads to something to open is copied. */
function copyOf(value: object, path: string, depth: number, setting: Setting): Open | undefined {
  const isMap = value instanceof Map;
  if (isMap || value instanceof Set) return copyOfEntries(value, isMap, path, depth, setting);
  if (!Array.isArray(value) && !isPlain(value)) return copyOfInstance(value, path, depth, setting);
  const getters = Object.entries(Object.getOwnPropertyDescriptors(value)).filter(
    ([, { get, set }]) => get !== undefined || set !== undefined,
  );
  const plans = propertiesOf(value).map(([key, inner]) => [key, inner, planOf(inner, `${path}.${key}`, depth + 1, setting)] as const);
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

/** A Map or Set, with its keys. */
function copyOfEntries(value: Map<unknown, unknown> | Set<unknown>, isMap: boolean, path: string, depth: number, setting: Setting) {
  const plans = [...(value as Map<unknown, unknown>).entries()].map((entry) =>
    entry.map((inner, at) => [inner, planOf(inner, `${path}.${at === 0 ? "keys" : "values"}()`, depth + 1, setting)] as const),
  );
  if (plans.flat().every(([, plan]) => plan === undefined)) return undefined;
  if (Object.getPrototypeOf(value) !== (isMap ? Map : Set).prototype)
    refuse(path, `a class of your own that extends ${isMap ? "Map" : "Set"}`);
  const open: Open = (opened, thread) => {
    const copy = isMap ? new Map<unknown, unknown>() : new Set<unknown>();
    opened.set(value, copy);
    for (const entry of plans) {
      const [key, inner] = entry.map(([given, plan]) => (plan === undefined ? given : plan(opened, thread)));
      if (copy instanceof Map) copy.set(key, inner);
      else copy.add(key);
    }
    return copy;
  };
  return open;
}

/** An instance of some class: its own properties, its prototype kept. What is the engine's own, such as a view, leads to nothing of ours. */
function copyOfInstance(value: object, path: string, depth: number, setting: Setting): Open | undefined {
  const { name, copied } = classOf(Object.getPrototypeOf(value) as object);
  if (copied === "never" || ArrayBuffer.isView(value)) return undefined;
  const properties = Object.getOwnPropertyDescriptors(value) as Record<PropertyKey, PropertyDescriptor>;
  const plans = Reflect.ownKeys(properties).map((key) => {
    const property = properties[key] as PropertyDescriptor;
    return [key, property, planOf(property.value, `${path}.${String(key)}`, depth + 1, setting)] as const;
  });
  if (plans.every(([, , plan]) => plan === undefined)) return undefined;
  if (copied === "not all of it") refuse(path, `the class ${name}, which has private fields or extends one of the engine's classes`);
  return (opened, thread) => {
    const copy = Object.create(Object.getPrototypeOf(value) as object) as object;
    opened.set(value, copy);
    for (const [key, property, plan] of plans)
      Object.defineProperty(copy, key, plan === undefined ? property : { ...property, value: plan(opened, thread) });
    return copy;
  };
}

/** What is known of a class, and whether copying an instance's properties copies the instance. */
interface ClassInfo {
  readonly name: string;
  readonly copied: "whole" | "not all of it" | "never";
}
const classes = new WeakMap<object, ClassInfo>();

/** A private field, or one of a compiler's stand-ins for it: TypeScript's __classPrivateFieldGet, Babel's _classPrivateFieldLooseBase. */
const PRIVATE = /#[\p{ID_Start}$_]|classPrivate/u;

/** By prototype, because to read the text of a class takes longer than all the rest. */
function classOf(prototype: object): ClassInfo {
  const known = classes.get(prototype);
  if (known !== undefined) return known;
  let copied: ClassInfo["copied"] = "whole";
  for (let proto: object | null = prototype; proto !== null; proto = Object.getPrototypeOf(proto) as object | null) {
    const made: unknown = Object.getOwnPropertyDescriptor(proto, "constructor")?.value;
    if (typeof made !== "function" || Object.getPrototypeOf(proto) === null) continue;
    if (isNative(made)) copied = proto === prototype ? "never" : "not all of it";
    else if (PRIVATE.test(Function.prototype.toString.call(made))) copied = "not all of it";
    if (copied === "never") break;
  }
  const { constructor } = prototype as { constructor?: { name?: unknown } };
  const info = { name: String(constructor?.name ?? "without a name"), copied };
  classes.set(prototype, info);
  return info;
}

function refuse(path: string, what: string): never {
  throw new CheckError(
    `${path} is of ${what}, and objects of ferrous lie in it: they are opened anew for each thread, and it cannot be copied for that. ` +
      `Let setup return them in plain objects, arrays, Maps or Sets, and make such instances of them in each thread.`,
  );
}

/** What an object holds, its getters left alone: they are code. */
export function propertiesOf(object: object): (readonly [string, unknown])[] {
  return Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([key, property]) =>
    property.enumerable === true && "value" in property ? [[key, property.value as unknown] as const] : [],
  );
}

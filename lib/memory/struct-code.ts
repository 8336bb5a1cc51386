/** How a struct is checked, written and copied as a whole, and what its instances can do besides their fields. */
import { copyBytes, type FieldCode, type Fields, type TypeDescription } from "./field.ts";
import { AT, HOME, INSPECT, TYPE, type Inspect, type Instance, type InstanceClass } from "./hidden.ts";
import { kindOf } from "./place.ts";
import { viewsOf, type ArrayClass } from "./accessors.ts";
import type { Home } from "./home.ts";
import type { Member, StructLayout } from "./offsets.ts";

/** On the prototype: the fields. */
const MEMBERS: unique symbol = Symbol("ferrous members");

type Values = Readonly<Record<string, unknown>>;

export function isInstance(value: unknown): value is Instance & { readonly [TYPE]: object } {
  return typeof value === "object" && value !== null && TYPE in value && AT in value;
}

export function structDescription(name: string, members: readonly Member[]): TypeDescription {
  return ["struct", name, members.map((member) => [member.name, member.code.description])];
}

/** The code of a struct as a type of fields. `type` is what its instances are instances of. */
export function structCode(name: string, type: object, layout: StructLayout, Instance: InstanceClass, Elements: ArrayClass): FieldCode {
  const { members, byteLength, align } = layout;
  const plain = members.every(({ code }) => code.plain);
  const writable = members.filter(({ code }) => code.writable);
  const views = viewsOf(members);
  /** Instances read their views from the home without asking whether they are there. */
  const ready = (home: Home): void => {
    for (const kind of views) home.view(kind);
  };
  const code: FieldCode<Instance> = {
    label: name,
    byteLength,
    align,
    description: structDescription(name, members),
    kept: true,
    writable: true,
    plain,
    read(home, at) {
      ready(home);
      return new Instance(home, at);
    },
    elements(home, at, n) {
      ready(home);
      return new Elements(code, home, at, n) as Iterable<Instance>;
    },

    check(value, where, whole) {
      if (typeof value !== "object" || value === null) {
        throw new TypeError(`${where} takes a ${name} or a plain object with its fields; it was given ${kindOf(value)}.`);
      }
      if (isInstance(value)) {
        if (value[TYPE] === type) return value;
        throw new TypeError(`${where} takes a ${name}; it was given ${kindOf(value)}, which is another struct.`);
      }
      const read: Record<string, unknown> = {};
      for (const key of Object.keys(value)) {
        const member = members.find((candidate) => candidate.name === key);
        if (member === undefined) {
          throw new TypeError(`${where} has no field "${key}": ${name} has ${members.map((field) => field.name).join(", ")}.`);
        }
        const given = (value as Values)[key];
        if (given !== undefined || whole) read[key] = member.code.check(given, `${where}.${key}`, whole);
      }
      const missing = whole ? writable.find((member) => !Object.hasOwn(read, member.name)) : undefined;
      if (missing !== undefined) {
        throw new TypeError(`${where} would be replaced, but ${missing.name} is missing: give every field, or assign them one by one.`);
      }
      return read;
    },
    write(home, at, value) {
      if (isInstance(value)) code.copy(home, at, value[HOME], value[AT]);
      else {
        for (const { name: key, code: field, offset } of writable) {
          const given = Object.hasOwn(value as Values, key) ? (value as Values)[key] : undefined;
          if (given !== undefined) field.write(home, at + offset, given);
        }
      }
    },
    copy(home, at, from, fromAt) {
      if (plain) copyBytes(home, at, from, fromAt, byteLength);
      else for (const { code: field, offset } of writable) field.copy(home, at + offset, from, fromAt + offset);
    },
  };
  return code as FieldCode;
}

/** Gives the instances their printing, their JSON and their struct. */
export function furnish(prototype: object, type: object, name: string, members: readonly Member[]): void {
  const hidden = (value: unknown): PropertyDescriptor => ({ value, configurable: true, writable: true });
  Object.defineProperties(prototype, {
    constructor: hidden(type),
    [TYPE]: { value: type },
    [MEMBERS]: { value: members },
    [Symbol.toStringTag]: hidden(name),
    toJSON: hidden(function (this: Instance) {
      return snapshot(this);
    }),
    [INSPECT]: hidden(function (this: Instance & Values, depth: number, options: { depth?: number | null }, inspect: Inspect) {
      if (depth < 0) return `[${name}]`;
      const deeper = { ...options, depth: options.depth == null ? options.depth : options.depth - 1 };
      return `${name} ${inspect(Object.fromEntries(members.map((member) => [member.name, this[member.name]])), deeper)}`;
    }),
  });
}

/**
 * An unshared copy of an instance: nested plain objects, arrays of plain values; without the locks and atomics.
 *
 * @example JSON.stringify(snapshot(account));
 */
export function snapshot(instance: object): Record<string, unknown> {
  if (!isInstance(instance)) throw new TypeError(`snapshot() takes an instance of a struct; it was given ${kindOf(instance)}.`);
  const { [MEMBERS]: members } = instance as unknown as { readonly [MEMBERS]: readonly Member[] };
  const values = instance as unknown as Values;
  return Object.fromEntries(members.filter(({ code }) => code.writable).map(({ name }) => [name, unshared(values[name])]));
}
function unshared(value: unknown): unknown {
  if (isInstance(value)) return snapshot(value);
  return typeof value === "object" && value !== null ? Array.from(value as Iterable<unknown>, unshared) : value;
}

const RESERVED = ["constructor", "__proto__", "toJSON"];

/** Throws a TypeError for a name or for fields that no struct can have. */
export function checkNames(name: unknown, fields: unknown): asserts fields is Fields {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`struct(name, fields) needs a name, which errors and console.log show; it was given ${kindOf(name)}.`);
  }
  if (typeof fields !== "object" || fields === null) {
    throw new TypeError(`struct ${name} needs an object of fields, such as { total: f64 }; it was given ${kindOf(fields)}.`);
  }
  const names = Reflect.ownKeys(fields);
  if (names.length === 0) throw new TypeError(`struct ${name} needs at least one field.`);
  for (const field of names) {
    if (typeof field === "symbol") throw new TypeError(`struct ${name} cannot have the field ${String(field)}: names are strings.`);
    if (field === "" || RESERVED.includes(field)) throw new TypeError(`struct ${name} cannot have a field called "${field}".`);
    // JavaScript moves such keys before all others, so the order in memory would not be the declared one.
    if (/^\d+$/.test(field))
      throw new TypeError(`struct ${name} cannot have a field called "${field}": numbers lose their order. Use array().`);
  }
}

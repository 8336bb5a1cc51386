/**
 * Structs: named, typed fields over shared bytes, read and written as plain properties.
 */
import { preferredBuilder, type Builder } from "./accessors.ts";
import { FIELD, requireCode, type FieldCode, type Fields, type Struct, type InitOf } from "./field.ts";
import { FixedArray } from "./fixed-array.ts";
import { AT, HOME, INSPECT, TYPE } from "./hidden.ts";
import { Home } from "./home.ts";
import { layOut, picture, type StructLayout } from "./offsets.ts";
import { checkPlace, kindOf, LAYOUT, type Layout, type Place } from "./place.ts";
import { checkSize } from "./size.ts";
import { checkNames, furnish, isInstance, structCode, structDescription } from "./struct-code.ts";

/**
 * Makes what is constructed a function, as the right side of `instanceof` is expected to be one. It has no other use: where an
 * instance lies is told by `create` and `at`, not by `new`.
 */
class Callable {
  constructor() {
    const type = function (): never {
      throw new TypeError(`a ${type.name} is made by ${type.name}.create(), or opened by ${type.name}.at(buffer, byteOffset).`);
    };
    return Object.setPrototypeOf(type, new.target.prototype as object) as Callable;
  }
  static {
    Object.setPrototypeOf(Callable.prototype, Function.prototype);
  }
}

/** A struct: makes and opens its instances. Also the type of a field. */
export class StructType<F extends Fields> extends Callable {
  readonly name: string;
  /** Of one instance, padding included. */
  readonly byteLength: number;
  /** In bytes: every `byteOffset` is a multiple of it. */
  readonly align: number;
  readonly [FIELD]: FieldCode<Struct<F>>;
  readonly [LAYOUT]: Layout<Struct<F>>;
  declare readonly prototype: Struct<F>;
  readonly #layout: StructLayout;

  /** @internal Use {@link struct}. */
  constructor(name: string, layout: StructLayout, builder: Builder = preferredBuilder()) {
    super();
    const { members, byteLength, align } = layout;
    const Instance = builder.instances(members);
    this.name = name;
    this.prototype = Instance.prototype as Struct<F>;
    this.byteLength = byteLength;
    this.align = align;
    this.#layout = layout;
    const Elements = members.every(({ code }) => code.plain) ? builder.arrays(Instance, byteLength) : FixedArray;
    furnish(Instance.prototype as object, this, name, members);
    this[FIELD] = structCode(name, this, layout, Instance, Elements) as FieldCode as (typeof this)[typeof FIELD];
    this[LAYOUT] = { kind: `struct ${name}`, byteLength, align, at: (buffer, byteOffset) => this.at(buffer, byteOffset) };
  }

  /**
   * Makes an instance in a small shared buffer of its own.
   *
   * @param init  the values to start with; other fields start as zero, `""` or false. Nothing is made if one of them is wrong
   * @throws {RangeError} a value is out of its field's range
   * @throws {TypeError} a value is of another type, or there is no such field, or it is a lock or an atomic
   * @example const account = Account.create({ total: 1 });
   */
  create(init?: InitOf<Struct<F>>): Struct<F> {
    const code = this[FIELD];
    const given = init === undefined ? undefined : code.check(init, this.name, false);
    const home = new Home(new SharedArrayBuffer(this.byteLength));
    if (given !== undefined) code.write(home, 0, given);
    return code.read(home, 0);
  }

  /**
   * Opens the instance that lies at a place, and initialises nothing: zeroed bytes are a valid one. If it has locks, the main thread must
   * have used ferrous before it started a worker that opens the same place, see attach(): else each side mistakes the threads of the other.
   *
   * @throws {TypeError} `buffer` is not shared memory
   * @throws {RangeError} the place is misaligned, or not all inside the buffer
   */
  at(buffer: SharedArrayBuffer, byteOffset: number): Struct<F> {
    checkPlace(this.name, buffer, byteOffset, this.byteLength, this.align);
    return this[FIELD].read(Home.of(buffer), byteOffset);
  }

  /**
   * Makes `n` instances side by side, zeroed, in one shared buffer.
   *
   * @param n  a whole number from 0
   * @throws {RangeError} `n` is no such number, or they would take more than 4 GiB
   * @example const accounts = Account.array(10_000); accounts.at(3).total += 1;
   */
  array(n: number): FixedArray<Struct<F>> {
    checkSize(`${this.name}.array(n)`, n, 0, this.byteLength);
    return this.arrayAt(new SharedArrayBuffer(n * this.byteLength), 0, n);
  }

  /** Opens `n` instances that lie side by side; errors as {@link array} and {@link at}. */
  arrayAt(buffer: SharedArrayBuffer, byteOffset: number, n: number): FixedArray<Struct<F>> {
    checkSize(`${this.name}.arrayAt(buffer, byteOffset, n)`, n, 0, this.byteLength);
    checkPlace(`${this.name}.arrayAt(buffer, byteOffset, n)`, buffer, byteOffset, n * this.byteLength, this.align);
    return this[FIELD].elements?.(Home.of(buffer), byteOffset, n) as FixedArray<Struct<F>>;
  }

  /** `account instanceof Account` */
  [Symbol.hasInstance](value: unknown): value is Struct<F> {
    return isInstance(value) && value[TYPE] === this;
  }

  /** The layout as a table: offsets, sizes, padding. */
  override toString(): string {
    return picture(this.name, this.#layout);
  }
  /** @internal */
  [INSPECT](): string {
    return `[struct ${this.toString()}]`;
  }
}

const known = new Map<string, StructType<Fields>>();

/**
 * Defines a struct: fields of fixed size, laid into shared memory in the order in which you name them.
 *
 * The same name with the same fields gives the same struct, so that a module which several threads or bundles evaluate agrees
 * with itself. Plain reads and writes of fields are not atomic: let a lock protect them, or make the field an atomic.
 *
 * Fields lie on the prototype, so `{ ...account }` copies none of them (but keys of ours, which would take 20 times as long to make
 * invisible): `JSON.parse(JSON.stringify(account))` is an unshared copy, without the locks and atomics.
 *
 * @param name    what errors and console.log call it
 * @param fields  each name's type: `i8` to `u64`, `f32`, `f64`, `bool`, `utf8(n)`, `array(type, n)`, another struct, a lock or an atomic
 * @throws {TypeError} a field has no type, or a name that a field cannot have: `constructor`, `__proto__`, `toJSON`, a number
 * @throws {RangeError} it would take more than 4 GiB
 * @example
 * const Account = struct("Account", { id: u32, total: f64, lock: Mutex });
 * type Account = Infer<typeof Account>;
 * const account: Account = Account.create({ id: 7 });
 * account.total += 1;
 */
export function struct<const F extends Fields>(name: string, fields: F): StructType<F> {
  const layout = layoutOf(name, fields);
  const key = JSON.stringify(structDescription(name, layout.members));
  let type = known.get(key);
  if (type === undefined) known.set(key, (type = new StructType(name, layout)));
  return type as StructType<Fields> as StructType<F>;
}

/** Lays out what a user gave as fields. @internal */
export function layoutOf(name: string, fields: Fields): StructLayout {
  checkNames(name, fields);
  return layOut(
    name,
    Object.entries(fields).map(([field, type]) => [field, requireCode(type, `${name}.${field}`)]),
  );
}

/** The struct of an instance. */
export function typeOf(instance: object): StructType<Fields> {
  return requireInstance(instance, "typeOf")[TYPE] as StructType<Fields>;
}

/** Where an instance lies. */
export function placeOf(instance: object): Place {
  const { [HOME]: home, [AT]: byteOffset } = requireInstance(instance, "placeOf");
  return { buffer: home.buffer, byteOffset };
}

function requireInstance(value: unknown, who: string) {
  if (isInstance(value)) return value;
  throw new TypeError(`${who}() takes an instance of a struct; it was given ${kindOf(value)}.`);
}

/** The layout of a struct as a table: offset, size and type of each field, and the padding between. */
export function layoutPicture(type: StructType<Fields>): string {
  return type.toString();
}

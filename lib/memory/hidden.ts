/**
 * Where an instance of a struct keeps what is no field of the user's.
 *
 * Under symbols, because field names are strings. Not in #private fields: generated accessors could not reach them, and
 * reading through them took 1.25-1.5x the time of the typed array, against 1.0-1.2x through symbols (Node 20).
 */
import type { Home } from "./home.ts";
import type { ViewKind } from "./views.ts";

export const HOME: unique symbol = Symbol("ferrous home");
/** Of the first byte. */
export const AT: unique symbol = Symbol("ferrous byteOffset");
/** Objects opened over parts of this instance, by the number of the field. */
export const KEPT: unique symbol = Symbol("ferrous kept");
/** On the prototype: the struct. */
export const TYPE: unique symbol = Symbol("ferrous struct");
/** The home's views of the kinds that this struct uses, one step nearer. */
export const VIEW = Object.fromEntries(
  ["Int8", "Uint8", "Int16", "Uint16", "Int32", "Uint32", "Float32", "Float64", "BigInt64", "BigUint64"].map((kind) => [
    kind,
    Symbol(kind),
  ]),
) as { readonly [K in ViewKind]: symbol };

/** An instance of some struct. */
export interface Instance {
  readonly [HOME]: Home;
  readonly [AT]: number;
  [KEPT]: unknown[] | undefined;
}
export type InstanceClass = new (home: Home, at: number) => Instance;

/** What node's console and util.inspect call to print an object. */
export const INSPECT: unique symbol = Symbol.for("nodejs.util.inspect.custom") as never;
export type Inspect = (value: unknown, options: object) => string;

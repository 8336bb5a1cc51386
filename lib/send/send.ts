/**
 * Send and Sync as types: what may go to another thread, and what threads may share. A refusal is a type that says why, so that the
 * compiler's message is a sentence.
 */
import type { FixedArray } from "../memory/layout.ts";
import { kindOf } from "../memory/place.ts";
import { isSync, type Shareable } from "./handle.ts";
import { isMovable, type Movable } from "./moving.ts";
import type { NOT_SENDABLE, NotSendable } from "./refusals.ts";

/** Stands where a value cannot be sent; its name and text are what the compiler shows. */
export interface CannotBeSent<Why extends string> {
  readonly "this cannot be sent to another thread": Why;
}

type AnyFunction = (...args: never[]) => unknown;
type Primitive = string | number | bigint | boolean | null | undefined | void;
/**
 * What a global class makes, if there is such a class: a program for Node alone knows no type of the name MessagePort, and a name that
 * stands for nothing stands for `any` where declarations are not checked, so that everything could be sent.
 */
type Made<Class extends string> = typeof globalThis extends { readonly [Name in Class]: { readonly prototype: infer Made } } ? Made : never;
/** Copied, or shared, as they are. */
type Leaf = Date | RegExp | Error | ArrayBufferLike | ArrayBufferView | Made<"Blob"> | Made<"MessagePort"> | FixedArray<unknown>;

/** Objects with methods are instances of classes, or pretend to be. */
type HasMethod<T> = true extends { [K in keyof T]-?: [T[K]] extends [AnyFunction] ? true : never }[keyof T] ? true : false;

/**
 * `T` itself if its values may be sent to another thread, else a type that says why not. `any` and `unknown` pass: what they really
 * are is looked at when they are sent.
 */
export type Send<T> = 0 extends 1 & T
  ? T
  : unknown extends T
    ? T
    : T extends Primitive
      ? T
      : T extends symbol
        ? CannotBeSent<"a symbol is another one in every thread: send a string">
        : T extends NotSendable
          ? CannotBeSent<T[typeof NOT_SENDABLE]>
          : T extends Shareable | Leaf
            ? T
            : T extends AnyFunction
              ? CannotBeSent<"a function stays in its thread: make it a task(), and send what it needs">
              : SendObject<T>;

/** Parts stand in mapped types, which the compiler looks into only as far as it must: so a type may contain itself. */
type SendObject<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? { readonly [P in "entries"]: () => Iterable<readonly [Send<K>, Send<V>]> }
    : T extends ReadonlySet<infer V>
      ? { readonly [P in "values"]: () => Iterable<Send<V>> }
      : T extends PromiseLike<unknown>
        ? CannotBeSent<"a promise is settled by its thread: await it, and send its value">
        : T extends WeakKeyed
          ? CannotBeSent<"it holds on to objects of its thread">
          : T extends readonly unknown[]
            ? { readonly [K in keyof T as K extends number | `${number}` ? K : never]: Send<T[K]> }
            : HasMethod<T> extends true
              ? CannotBeSent<"it has methods, which would be lost: send its plain data, or make it a struct">
              : { [K in keyof T]: Send<T[K]> };

type WeakKeyed = WeakMap<WeakKey, unknown> | WeakSet<WeakKey> | WeakRef<WeakKey>;

/** The arguments of a task, each checked. */
export type SendArgs<A extends readonly unknown[]> = { [K in keyof A]: Send<A[K]> };

/** `unknown` if what a task returns may be sent back, else a type that says why not: for an intersection with the task. */
export type SendResult<R> = [Awaited<R>] extends [Send<Awaited<R>>] ? unknown : Send<Awaited<R>>;

/** Stands where a value is not shared between threads. */
export interface IsNotShared<Why extends string> {
  readonly "this is not shared between threads": Why;
}

/**
 * `T` itself if threads may share its values, else a type that says why not. A plain object without methods looks like a struct to
 * the compiler, and an `Int32Array` may lie in shared memory or not: these are looked at when the lock is made.
 */
export type Sync<T> = 0 extends 1 & T
  ? T
  : T extends Movable
    ? IsNotShared<"an end of a channel belongs to one thread at a time: give each thread a clone() of it">
    : T extends undefined | Shareable | SharedArrayBuffer | ArrayBufferView<SharedArrayBuffer> | FixedArray<unknown>
      ? T
      : T extends string | number | bigint | boolean | symbol | null
        ? IsNotShared<"every thread would have a copy of its own: give it a place, as in Mutex.of(f64, 0)">
        : T extends
              | AnyFunction
              | readonly unknown[]
              | ReadonlyMap<unknown, unknown>
              | ReadonlySet<unknown>
              | ArrayBufferView<ArrayBuffer>
              | ArrayBuffer
          ? IsNotShared<"every thread would have a copy of its own: use a struct, or a typed array over a SharedArrayBuffer">
          : T extends NotSendable
            ? IsNotShared<T[typeof NOT_SENDABLE]>
            : T extends ArrayBufferView
              ? T
              : HasMethod<T> extends true
                ? IsNotShared<"it has methods, and lies in the memory of one thread: use a struct">
                : T;

/**
 * Throws unless threads share the value.
 * @throws {TypeError} each thread would get a copy of its own
 */
export function assertSync(value: unknown, what: string): void {
  if (isMovable(value)) {
    throw new TypeError(
      `${what} must be shared between threads, and ${kindOf(value)} belongs to one at a time: ` +
        `give each thread a clone() of the channel's end, and let the lock protect something else.`,
    );
  }
  if (isSync(value)) return;
  const instead = ArrayBuffer.isView(value)
    ? "a typed array over a SharedArrayBuffer"
    : typeof value === "object"
      ? "a struct, or a typed array over a SharedArrayBuffer"
      : "a lock with a place for it, such as Mutex.of(f64, 0)";
  throw new TypeError(`${what} must be shared between threads, and ${kindOf(value)} is copied to each of them: use ${instead}.`);
}

/**
 * Does some sequential order of the calls, in which every call that was over before another began comes first, explain what they
 * returned?
 *
 * Source: J. Wing, C. Gong, "Testing and verifying concurrent objects" (1993): depth-first over the calls that could come next. The
 * model is run again for each order that is tried, so that it may be any object.
 */
import { CheckError } from "../errors.ts";
import { ownCopy } from "./copy.ts";
import type { Call, Result } from "./history.ts";

/** A sequential object: what each operation should do when nobody else is there. */
export type Model = Readonly<Record<string, (...args: never[]) => unknown>>;

/** An order that explains the results, or undefined. */
export function linearize(calls: readonly Call[], model: () => Model): readonly Call[] | undefined {
  const order: Call[] = [];
  const search = (rest: readonly Call[]): boolean => {
    if (rest.every(({ result }) => result === undefined)) return true;
    // Whoever began after another was over cannot come before it.
    const firstEnd = Math.min(...rest.map(({ ended }) => ended));
    return rest.some((call) => {
      if (call.began > firstEnd) return false;
      order.push(call);
      if (explains(order, model) && search(rest.filter((other) => other !== call))) return true;
      order.pop();
      return false;
    });
  };
  return search(calls) ? order : undefined;
}

/** Does the model return what the calls of this order returned? */
function explains(order: readonly Call[], model: () => Model): boolean {
  const object = model();
  return order.every(({ name, args, result }) => {
    const expected = resultOf(() => (object[name] as (...args: readonly unknown[]) => unknown).apply(object, args.map(ownCopy)));
    return result === undefined || sameResult(result, expected);
  });
}

function resultOf(run: () => unknown): Result {
  try {
    return { returned: run() };
  } catch (error) {
    if (error instanceof CheckError) throw error;
    return { threw: error };
  }
}

/** Errors are the same if they are of one class. */
function sameResult(a: Result, b: Result): boolean {
  if ("returned" in a) return "returned" in b && same(a.returned, b.returned);
  return "threw" in b && sameThrown(a.threw, b.threw);
}

function sameThrown(a: unknown, b: unknown): boolean {
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
  if (!isObject(a) || !isObject(b)) return Object.is(a, b);
  return Reflect.get(a, "name") === Reflect.get(b, "name");
}

/** Equal all the way down; what is in a Map or a Set in its order. `met` are the pairs that are being compared further up. */
function same(a: unknown, b: unknown, met: readonly (readonly [unknown, unknown])[] = []): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (met.some(([one, other]) => one === a && other === b)) return true;
  const below = [...met, [a, b] as const];
  const tag = tagOf(a);
  if (tag !== tagOf(b)) return false;
  if (tag === "Error") return sameThrown(a, b) && same(Reflect.get(a, "message"), Reflect.get(b, "message"), below);
  if (tag === "Date") return Number(a) === Number(b);
  if ((tag === "Map" || tag === "Set") && !same([...(a as Set<unknown>)], [...(b as Set<unknown>)], below)) return false;
  const keys = Reflect.ownKeys(a);
  return keys.length === Reflect.ownKeys(b).length && keys.every((key) => same(Reflect.get(a, key), Reflect.get(b, key), below));
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

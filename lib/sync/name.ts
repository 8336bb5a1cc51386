/** What messages call a shared object: the same rule for every kind. */
import { requireOptions } from "../park/limits.ts";

/** What every shared object can be told when it is made. */
export interface NameOptions {
  /** What messages call it. */
  readonly name?: string;
}

/**
 * The name in these options, undefined without one.
 * @throws {TypeError} they are no object, or the name is no string
 */
export function nameOf(options: NameOptions | undefined, what: string): string | undefined {
  if (options === undefined) return undefined;
  requireOptions(options, '{ name: "totals" }');
  const { name } = options;
  if (name !== undefined && typeof name !== "string") throw new TypeError(`the name of ${what} is a string; it was given ${typeof name}.`);
  return name;
}

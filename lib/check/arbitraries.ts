/**
 * fast-check's arbitraries of programs and schedules, so that fast-check makes both smaller together. It is given as a parameter,
 * because who does not use it need not have it.
 */
// eslint-disable-next-line @typescript-eslint/ban-ts-comment
/** @ts-ignore: fast-check is an optional peer; without it these types are any, and nobody can call what is here. */
import type * as FastCheck from "fast-check";
import { CheckError } from "../errors.ts";
import type { OperationsProgram } from "./generate.ts";
import { MAX_THREADS } from "./scenario.ts";

/** What is used of fast-check. */
type Arbitraries = Pick<typeof FastCheck, "array" | "constant" | "nat" | "oneof" | "tuple">;
type Args = FastCheck.Arbitrary<readonly unknown[]>;

/**
 * Programs for {@link checkOperations}: for each thread some calls of the operations, their arguments drawn by `args`.
 *
 * @param fc              fast-check itself
 * @param operations      as for checkOperations
 * @param options.threads of a program, 1 to 8. Default 2
 * @param options.length  calls of a thread, at most; it may have none. Default 3
 * @returns               what the option `program` of checkOperations takes
 * @throws {CheckError} there are no operations, or the numbers make no sense
 * @example
 * fc.assert(fc.property(programs(fc, scenario.operations), schedules(fc), (program, schedule) => {
 *   expectPassed(checkOperations(scenario, { program, schedule }));
 * }));
 */
export function programs(
  fc: Arbitraries,
  operations: Readonly<Record<string, { readonly args?: unknown; readonly run: unknown }>>,
  { threads = 2, length = 3 }: { readonly threads?: number; readonly length?: number } = {},
): FastCheck.Arbitrary<OperationsProgram> {
  requireCount("threads", threads, MAX_THREADS);
  requireCount("length", length, Infinity);
  const calls = Object.entries(operations).map(([name, { args }]) =>
    ((args as Args | undefined) ?? (fc.constant([]) as Args)).map((drawn) => ({ name, args: drawn })),
  );
  if (calls.length === 0) throw new CheckError("there are no operations to make programs of. Give at least one: { add: { run: ... } }.");
  const thread = fc.array(fc.oneof(...calls), { maxLength: length });
  return fc.tuple(...Array.from({ length: threads }, () => thread));
}

/**
 * Schedules: each is one execution of whatever scenario it is given to, and the smaller ones are those with fewer switches.
 *
 * @param fc              fast-check itself
 * @param options.length  steps that are chosen, at most; after them threads go on as long as they can. Default 50
 * @returns               what the option `schedule` of check and checkOperations takes
 * @throws {CheckError} the length makes no sense
 * @example fc.assert(fc.property(schedules(fc), (schedule) => expectPassed(check(scenario, { schedule }))));
 */
export function schedules(fc: Arbitraries, { length = 50 }: { readonly length?: number } = {}): FastCheck.Arbitrary<number[]> {
  requireCount("length", length, Infinity);
  // Mostly nobody is interrupted, else no thread would ever get far. Small numbers are drawn more often, because there are rarely
  // many choices, and what is too large takes the last.
  const weights: readonly [most: number, weight: number][] = [
    [0, 8],
    [1, 4],
    [3, 2],
    [7, 2],
    [3 * MAX_THREADS, 1],
  ];
  const number = fc.oneof(...weights.map(([most, weight]) => ({ arbitrary: fc.nat(most), weight })));
  return fc.array(number, { maxLength: length, size: "max" });
}

function requireCount(what: string, given: number, most: number): void {
  if (Number.isInteger(given) && given >= 1 && given <= most) return;
  const range = most === Infinity ? "from 1" : `from 1 to ${String(most)}`;
  throw new CheckError(`the option ${what} is a whole number ${range}; it was given ${String(given)}.`);
}

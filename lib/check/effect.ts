/**
 * What one operation does to memory: the real `Atomics`, on the real bytes.
 */
import { Kind, type Op } from "./operation.ts";
import { ARRAYS, asIntN, is, isInteger, RealAtomics, trunc, type Cells } from "./real.ts";

/** Does the operation and returns what `Atomics` returns. For everything but waiting and waking. */
export function apply(cells: Cells, { kind, index, a, b }: Pick<Op, "kind" | "index" | "a" | "b">): unknown {
  const view = cells as Int32Array;
  const value = a as number;
  switch (kind) {
    case Kind.LOAD:
      return RealAtomics.load(view, index);
    case Kind.STORE:
      return RealAtomics.store(view, index, value);
    case Kind.EXCHANGE:
      return RealAtomics.exchange(view, index, value);
    case Kind.CAS:
      return RealAtomics.compareExchange(view, index, value, b as number);
    case Kind.ADD:
      return RealAtomics.add(view, index, value);
    case Kind.SUB:
      return RealAtomics.sub(view, index, value);
    case Kind.AND:
      return RealAtomics.and(view, index, value);
    case Kind.OR:
      return RealAtomics.or(view, index, value);
    case Kind.XOR:
      return RealAtomics.xor(view, index, value);
    default:
      throw new TypeError(`operation ${String(kind)} has no effect on memory`);
  }
}

/** Would the operation change the element now? Leaves it as it was. */
export function wouldChange(cells: Cells, op: Op): { result: unknown; changes: boolean } {
  const before = cells[op.index] as number | bigint;
  const result = apply(cells, op);
  const changes = cells[op.index] !== before;
  cells[op.index] = before;
  return { result, changes };
}

/** An operand as `Atomics` would understand it; throws what it would throw. */
export function operand(element: number, value: unknown): number | bigint {
  if (element >= 9) return typeof value === "bigint" ? value : asIntN(64, value as bigint);
  return typeof value === "number" && isInteger(value) && value !== 0 ? value : trunc(+(value as number)) || 0;
}

const scratch = ARRAYS.map((array) => new array(1) as unknown as Cells);

/** What an element of this kind holds once the value was written to it: -1 for 0xffffffff in an Int32Array. */
export function wrap(element: number, value: number | bigint): number | bigint {
  const cells = scratch[element] as Cells;
  cells[0] = value;
  return cells[0];
}

/** Does it write, if only what was there already? A compare-and-exchange that failed does not. */
export const isWrite = ({ kind, a }: Op, result: unknown): boolean =>
  kind !== Kind.LOAD && kind !== Kind.WAIT && (kind !== Kind.CAS || is(result, a));

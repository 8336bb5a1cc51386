/**
 * `Atomics` as the checked code sees it: in a modelled thread every operation is a choice point; in setup and after it is done
 * at once, and `sleepOutside` says what comes of a wait that would sleep; on memory that is not shared it is the real one.
 */
import { apply, operand, wrap } from "./effect.ts";
import type { Executor } from "./executor.ts";
import { honestly } from "./failure.ts";
import type { Memory, SharedBuffer } from "./memory.ts";
import { Kind } from "./operation.ts";
import { RealAtomics, trunc } from "./real.ts";
import type { Behind, Views } from "./views.ts";

type Operation = (view: unknown, index: unknown, a?: unknown, b?: unknown) => unknown;

/** A whole number, as `Atomics` makes one of an index or a count: of nothing 0, of a bigint or a symbol a TypeError. */
const toIndex = (given: unknown): number => trunc(+(given as number)) || 0;

export function modelAtomics(
  memory: Memory,
  views: Views,
  machine: () => Executor | undefined,
  refuse: (why: string) => never,
  sleepOutside: (place: { buffer: SharedBuffer; element: number; index: number }, value: unknown, ms: number) => "timed-out",
): typeof Atomics {
  /** Waits and notifies only work on these, as the real ones say themselves. */
  const canSleep = ({ element }: Behind): boolean => element === 5 || element === 9;

  const operation =
    (kind: Kind, real: Operation): Operation =>
    (view, at, a, b) => {
      const behind = views.behind(view);
      if (behind === undefined) return honestly(() => real(view, at, a, b));
      const { buffer, element, first, raw } = behind;
      const index = toIndex(at);
      // Bad indexes, and kinds of arrays that have no atomics: the real one throws what it throws.
      if (!(index >= 0 && index < raw.length) || element === 2 || element === 7 || element === 8)
        return honestly(() => real(raw, index, a, b));
      // What is expected is compared with an element, so it is what an element would hold; what a store returns is what it was given.
      const x = kind === Kind.LOAD ? undefined : kind === Kind.CAS ? wrap(element, operand(element, a)) : operand(element, a);
      const y = kind === Kind.CAS ? operand(element, b) : undefined;
      const running = machine();
      if (running?.current !== undefined) return running.operate(kind, buffer, element, first + index, x, y);
      const before = raw[index] as number | bigint;
      const result = apply(raw, { kind, index, a: x, b: y });
      memory.note(buffer, element, first + index, before, raw[index] as number | bigint, false);
      return result;
    };

  const wait: Operation = (view, at, expected, timeout) => {
    const behind = views.behind(view);
    const running = machine();
    if (behind === undefined || !canSleep(behind)) {
      const given = behind?.raw ?? view;
      return honestly(() => RealAtomics.wait(given as Int32Array, at as number, expected as number, 0));
    }
    const { buffer, element, first, raw } = behind;
    const index = toIndex(at);
    if (!(index >= 0 && index < raw.length)) return RealAtomics.wait(raw as unknown as Int32Array, index, 0, 0);
    const value = wrap(element, operand(element, expected));
    const given = timeout === undefined ? NaN : +(timeout as number);
    const ms = Number.isNaN(given) ? Infinity : Math.max(0, given);
    if (running?.current === undefined)
      return raw[index] === value ? sleepOutside({ buffer, element, index: first + index }, value, ms) : "not-equal";
    return running.operate(Kind.WAIT, buffer, element, first + index, value, ms);
  };

  const notify: Operation = (view, at, count) => {
    const behind = views.behind(view);
    if (behind === undefined || !canSleep(behind)) {
      const given = behind?.raw ?? view;
      return honestly(() => RealAtomics.notify(given as Int32Array, at as number, count as number));
    }
    const { buffer, element, first, raw } = behind;
    const index = toIndex(at);
    if (!(index >= 0 && index < raw.length)) return RealAtomics.notify(raw as unknown as Int32Array, index, 0);
    const running = machine();
    if (running?.current === undefined) return 0;
    return running.operate(
      Kind.NOTIFY,
      buffer,
      element,
      first + index,
      count === undefined ? Infinity : Math.max(0, toIndex(count)),
      undefined,
    );
  };

  const model: Record<string, unknown> = {
    load: operation(Kind.LOAD, RealAtomics.load as Operation),
    store: operation(Kind.STORE, RealAtomics.store as Operation),
    exchange: operation(Kind.EXCHANGE, RealAtomics.exchange as Operation),
    compareExchange: operation(Kind.CAS, RealAtomics.compareExchange as Operation),
    add: operation(Kind.ADD, RealAtomics.add as Operation),
    sub: operation(Kind.SUB, RealAtomics.sub as Operation),
    and: operation(Kind.AND, RealAtomics.and as Operation),
    or: operation(Kind.OR, RealAtomics.or as Operation),
    xor: operation(Kind.XOR, RealAtomics.xor as Operation),
    wait,
    notify,
    waitAsync: () => {
      refuse(
        "Atomics.waitAsync needs an event loop, and check() runs synchronous code only. Check the blocking form: both should share one algorithm.",
      );
    },
    isLockFree: (size: number) => RealAtomics.isLockFree(size),
    [Symbol.toStringTag]: "Atomics",
  };
  if ("pause" in RealAtomics) model["pause"] = () => undefined;
  return Object.freeze(model) as unknown as typeof Atomics;
}

/**
 * Replacing globals for a while, and putting every one of them back.
 */

/** Replaces one property of an object at a time; the returned function undoes all of it, last first. */
export class Replacements {
  readonly #undo: (() => void)[] = [];

  put(target: object, key: PropertyKey, value: unknown): void {
    const before = Object.getOwnPropertyDescriptor(target, key);
    // In Bun, TextDecoder's decode() may be written and not configured.
    const configurable = before?.configurable ?? true;
    assign(target, key, before, { value, configurable, writable: true, enumerable: before?.enumerable ?? false });
    this.#undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(target, key);
      else assign(target, key, Object.getOwnPropertyDescriptor(target, key), before);
    });
  }

  undo(step: () => void): void {
    this.#undo.push(step);
  }

  /** Undoes everything, even if an undoing throws. */
  restore(): void {
    const undo = this.#undo.pop();
    if (undo === undefined) return;
    try {
      undo();
    } finally {
      this.restore();
    }
  }
}

/** Makes a property that is `present` as it is `wanted`. A small check spends a tenth of its time here, and to define takes three times as long as to set. */
function assign(target: object, key: PropertyKey, present: PropertyDescriptor | undefined, wanted: PropertyDescriptor): void {
  const isSame = present?.writable === true && wanted.writable === true && present.enumerable === wanted.enumerable;
  // What the checked code has sealed can be given its value back, and no more.
  if (isSame && (present.configurable === wanted.configurable || present.configurable === false)) Reflect.set(target, key, wanted.value);
  else Object.defineProperty(target, key, wanted);
}

/** A small generator of numbers in [0, 1), the same for the same seed everywhere. Source: mulberry32, T. Ettinger (2017). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

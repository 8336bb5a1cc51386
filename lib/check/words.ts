/**
 * The words of ferrous' own objects, as their pictures name them, for traces. A kind that is not here is shown in plain numbers.
 */
export interface WordName {
  readonly name: string;
  /** A value in words; `threadOf` names the thread of an id. */
  readonly show?: (value: number, threadOf: (id: number) => string) => string;
}

/** An owner in the upper bits, flags in the lower ones: `thread 1+WAITERS`, or `FREE`. */
const owned =
  (shift: number, flags: readonly string[]) =>
  (value: number, threadOf: (id: number) => string): string => {
    const owner = value >>> shift;
    const set = flags.filter((_, bit) => (value & (1 << bit)) !== 0);
    return [...(owner === 0 ? [] : [threadOf(owner)]), ...set].join("+") || "FREE";
  };

const WORDS: Readonly<Record<string, readonly WordName[]>> = {
  "Mutex@1": [
    { name: "state", show: owned(4, ["WAITERS", "POISONED", "ASYNC", "STARVING"]) },
    { name: "culprit", show: (value, threadOf) => (value === 0 ? "nobody" : threadOf(value)) },
  ],
  "CancelFlag@1": [{ name: "state" }, { name: "writer" }, { name: "length" }],
};

export const wordsOf = (kind: string): readonly WordName[] => WORDS[kind] ?? [];

/**
 * How the 32-bit words of shared objects read, as their pictures name them: for whoever shows memory to people. A kind that tells
 * nothing here is shown in plain numbers.
 */

/** Names the thread of an id. */
export type ThreadNamer = (id: number) => string;

/** One word of an object. */
export interface WordName {
  readonly name: string;
  /** A value in words, such as `thread 1+WAITERS`; a plain number without it. */
  readonly show?: (value: number, threadOf: ThreadNamer) => string;
}

/** The words of an object from its first on, as far as they have names; `type` is what its handle says that it is made of. */
export type WordNames = (type: unknown) => readonly WordName[];

const kinds = new Map<string, WordNames>();

/**
 * Tells how the words of a kind read.
 * @param kind  the kind's name in layouts and handles
 * @example registerWords("Mutex@1", () => [{ name: "state", show: owned(4, ["WAITERS"]) }, { name: "culprit", show: someThread }]);
 */
export function registerWords(kind: string, words: WordNames): void {
  kinds.set(kind, words);
}

/** The words of an object of this kind; none if the kind is not known. */
export function wordsOf(kind: string, type?: unknown): readonly WordName[] {
  return kinds.get(kind)?.(type) ?? [];
}

/**
 * Reads an owner in the upper bits, and flags in the lower ones: `thread 1+WAITERS`, `WAITERS`, or `FREE`.
 * @param shift  the owner's lowest bit
 * @param flags  the names of the bits from bit 0 on; one without a name is not shown
 */
export function owned(shift: number, flags: readonly string[]): (value: number, threadOf: ThreadNamer) => string {
  return (value, threadOf) => {
    const owner = value >>> shift;
    const set = flags.filter((flag, bit) => flag !== "" && (value & (1 << bit)) !== 0);
    return [...(owner === 0 ? [] : [threadOf(owner)]), ...set].join("+") || "FREE";
  };
}

/** Reads a thread's id, 0 for `nobody`. */
export const someThread = (value: number, threadOf: ThreadNamer): string => (value === 0 ? "nobody" : threadOf(value));

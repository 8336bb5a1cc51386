/** Which line of the checked code is this? */

/** Frames of the checker, of ferrous' own words, and of the engine say nothing about the checked code. */
const OURS =
  /[\\/](?:lib[\\/]check|lib[\\/]memory[\\/]word\w*\.ts|dist[\\/]check|dist[\\/]chunk)|node:internal|\(<anonymous>\)|\[native code\]/;

/** `file.ts:12` of the innermost frame of a stack that is not the checker's own. */
export function siteOf(stack: string | undefined): string | undefined {
  for (const line of (stack ?? "").split("\n").slice(1)) {
    if (OURS.test(line)) continue;
    const found = /([^\\/()\s]+):(\d+):\d+\)?$/.exec(line);
    if (found !== null) return `${found[1] ?? ""}:${found[2] ?? ""}`;
  }
  return undefined;
}

/** So many frames tell one place in the code from another; the outer ones of the checker differ from run to run. */
const FRAMES = 8;

/** From where in the code the checker was called just now: equal for the same place, reached in the same way. Undefined if the engine does not tell. */
export function placeInCode(): string | undefined {
  const limit: unknown = Reflect.get(Error, "stackTraceLimit");
  if (typeof limit !== "number") return new Error("place").stack;
  Reflect.set(Error, "stackTraceLimit", FRAMES);
  const { stack } = new Error("place");
  Reflect.set(Error, "stackTraceLimit", limit);
  return stack;
}

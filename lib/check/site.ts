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

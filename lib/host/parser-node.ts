/** Loads the parser of inline functions on first use: most programs spawn tasks, and need none. */
import { createRequire } from "node:module";
import type * as Acorn from "acorn";
import type * as EslintScope from "eslint-scope";

export interface Parser {
  readonly acorn: typeof Acorn;
  readonly eslintScope: typeof EslintScope;
}

let parser: Parser | undefined;

/** Synchronously, because spawn() is. */
export function loadParser(): Parser {
  const require = createRequire(import.meta.url);
  return (parser ??= { acorn: require("acorn") as typeof Acorn, eslintScope: require("eslint-scope") as typeof EslintScope });
}

/** Loads the parser of inline functions on first use: most programs spawn tasks, and need none. */
import { createRequire } from "node:module";
import type * as Acorn from "acorn";
import type * as EslintScope from "eslint-scope";

export interface Parser {
  readonly acorn: typeof Acorn;
  readonly eslintScope: typeof EslintScope;
}

let parser: Parser | undefined;

/** Synchronously, because spawn() is: which import() is not. */
export function loadParser(): Parser {
  return (parser ??= load(createRequire(import.meta.url)));
}

function load(require: NodeJS.Require): Parser {
  return { acorn: require("acorn") as typeof Acorn, eslintScope: require("eslint-scope") as typeof EslintScope };
}

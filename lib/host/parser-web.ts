/** The parser of inline functions, for pages: a module cannot be loaded on first use there in the midst of a call. */
import * as acorn from "acorn";
import * as eslintScope from "eslint-scope";

export interface Parser {
  readonly acorn: typeof acorn;
  readonly eslintScope: typeof eslintScope;
}

const parser: Parser = { acorn, eslintScope };

export const loadParser = (): Parser => parser;

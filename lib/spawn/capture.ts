/**
 * Inline functions: they go to the other thread as text, so they may use nothing of their surroundings. What they do use is found by
 * a real parser and a real scope analysis (free.ts), before any thread starts.
 */
import { CaptureError } from "../errors.ts";
import { loadParser } from "../host/parser-node.ts";
import { childrenOf, usesOfSurroundings, type Tree } from "./free.ts";

type AnyFunction = (...args: never[]) => unknown;

const sources = new WeakMap<AnyFunction, string>();

/**
 * The text of an expression that makes `fn` again in another thread.
 *
 * Three uses of the surroundings are not seen: those of the text that a direct `eval` is given; a name that is a global here but not
 * over there; and the file that a relative `import()` starts from, so take the name of a package or an absolute URL.
 *
 * @throws {CaptureError} the function uses variables or private names of its surroundings, `import.meta`, or as an arrow function
 *   `this`, `super` or `new.target`
 * @throws {TypeError} it has no text of its own, or is no function that can be called: native, bound, a class, a generator, an accessor
 */
export function inlineSource(fn: AnyFunction): string {
  let source = sources.get(fn);
  if (source === undefined) sources.set(fn, (source = check(fn)));
  return source;
}

function check(fn: AnyFunction): string {
  const text = Function.prototype.toString.call(fn);
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) refuse("it is native or bound, and has no text that could be sent");
  const { tree, source } = parse(text);
  const names = new Set(usesOfSurroundings(tree).map(({ name }) => name));
  if (names.size > 0) throw new CaptureError([...names]);
  // Modules are strict, and what a module's function means must not change on the way.
  return `(() => { "use strict"; return ${source}; })()`;
}

function refuse(why: string): never {
  throw new TypeError(`spawn() cannot send this function: ${why}. Wrap what it does in an arrow function, or make it a task().`);
}

/** The function's tree, and an expression that makes it. */
function parse(text: string): { tree: Tree; source: string } {
  const alone = expression(`(${text})`);
  if (alone !== undefined) {
    refuseKind(alone);
    return { tree: alone, source: `(${text})` };
  }
  // With the `super` or `new.target` of the method around it, an arrow is no expression by itself.
  const borrower = arrowIn(expression(`(class extends Object { constructor() { (${text}); } })`));
  if (borrower !== undefined) return { tree: borrower, source: `(${text})` };
  // A method's text is no expression by itself: `double(n) { return 2 * n; }`
  const before = "({ ";
  const object = expression(`${before}${text} })`);
  const [property] = (object?.["properties"] ?? []) as Property[];
  if (property?.type !== "Property") return refuse("its text cannot be parsed by itself, as strict code");
  if (property.kind !== "init") refuse("it is a getter or setter");
  const { value } = property;
  refuseKind(value);
  // Its name may be computed from its surroundings, and is not needed.
  const body = text.slice(value.start - before.length);
  return { tree: value, source: `({ ${value["async"] === true ? "async " : ""}method${body} }).method` };
}

function arrowIn(tree: Tree | undefined): Tree | undefined {
  if (tree === undefined || tree.type === "ArrowFunctionExpression") return tree;
  for (const child of childrenOf(tree)) {
    const found = arrowIn(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Property extends Tree {
  readonly kind: string;
  readonly value: Tree;
}

/** The expression that is all of a module's text, or undefined if it does not parse. */
function expression(text: string): Tree | undefined {
  try {
    // A private name of a class around the function is for the captures to report, not for the parser.
    const { body } = loadParser().acorn.parse(text, {
      ecmaVersion: "latest",
      sourceType: "module",
      ranges: true,
      checkPrivateFields: false,
    });
    const [statement] = body;
    return statement?.type === "ExpressionStatement" && body.length === 1 ? (statement.expression as unknown as Tree) : undefined;
  } catch (error) {
    // By name: the parser may live in another realm.
    if ((error as Error).name === "SyntaxError") return undefined;
    throw error;
  }
}

function refuseKind(tree: Tree): void {
  if (tree.type === "ClassExpression") refuse("it is a class, which must be called with new");
  if (tree["generator"] === true) refuse("it is a generator, whose steps would be taken by nobody");
  if (tree.type !== "ArrowFunctionExpression" && tree.type !== "FunctionExpression") refuse("its text is no function");
}

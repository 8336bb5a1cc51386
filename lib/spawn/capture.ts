/**
 * Inline functions: they go to the other thread as text, so they may use nothing of their surroundings. What they do use is found by
 * a real parser and a real scope analysis, before any thread starts.
 *
 * Not seen: what the text given to a direct `eval` uses; and a name that is a global here but not in the other thread.
 */
import type { Node } from "acorn";
import { CaptureError } from "../errors.ts";
import { loadParser } from "../host/parser-node.ts";

type AnyFunction = (...args: never[]) => unknown;

const sources = new WeakMap<AnyFunction, string>();

/**
 * The text of an expression that makes `fn` again in another thread.
 * @throws {CaptureError} the function uses variables of its surroundings, `this` of an arrow function, `super` or `import.meta`
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
  const captured = [...freeVariables(tree), ...forbidden(tree)].sort((a, b) => a.start - b.start);
  const names = new Set(captured.map(({ name }) => name));
  if (names.size > 0) throw new CaptureError([...names]);
  return source;
}

function refuse(why: string): never {
  throw new TypeError(`spawn() cannot send this function: ${why}. Wrap what it does in an arrow function, or make it a task().`);
}

/** What the parser gives, as far as it is looked at here. */
interface Tree extends Node {
  readonly [key: string]: unknown;
}

function parse(text: string): { tree: Tree; source: string } {
  const expression = program(`(${text})`);
  if (expression !== undefined) {
    refuseKind(expression);
    return { tree: expression, source: strict(`(${text})`) };
  }
  // A method's text is no expression by itself: `double(n) { return 2 * n; }`
  const object = program(`({ ${text} })`);
  const [property] = (object?.["properties"] ?? []) as (Tree & { kind: string; value: Tree })[];
  if (object === undefined || property === undefined) return refuse("its text cannot be parsed by itself");
  if (property.kind !== "init") refuse("it is a getter or setter");
  refuseKind(property.value);
  return { tree: object, source: strict(`((made) => made[Reflect.ownKeys(made)[0]])({ ${text} })`) };
}

/** Modules are strict, and what a module's function means must not change on the way. */
const strict = (expression: string): string => `(() => { "use strict"; return ${expression}; })()`;

/** The expression that is all of a module, or undefined if it does not parse. */
function program(text: string): Tree | undefined {
  try {
    const { acorn } = loadParser();
    const parsed = acorn.parse(text, { ecmaVersion: "latest", sourceType: "module", ranges: true });
    const [statement] = parsed.body;
    return statement?.type === "ExpressionStatement" && parsed.body.length === 1 ? (statement.expression as unknown as Tree) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as Error).name === "SyntaxError") return undefined;
    throw error;
  }
}

function refuseKind(tree: Tree): void {
  if (tree.type === "ClassExpression") refuse("it is a class, which must be called with new");
  if (tree["generator"] === true) refuse("it is a generator, whose steps would be taken by nobody");
  if (tree.type !== "ArrowFunctionExpression" && tree.type !== "FunctionExpression") refuse("its text is no function");
}

interface Use {
  readonly name: string;
  readonly start: number;
}

/** The names that nothing in the function declares, and that are no globals. */
function freeVariables(tree: Tree): Use[] {
  const { eslintScope } = loadParser();
  const body = [{ type: "ExpressionStatement", expression: tree, start: tree.start, end: tree.end, range: [tree.start, tree.end] }];
  const parsed = { type: "Program", sourceType: "module", body, start: tree.start, end: tree.end, range: [tree.start, tree.end] };
  const scopes = eslintScope.analyze(parsed as never, { ecmaVersion: 2024, sourceType: "module" });
  return (scopes.globalScope?.through ?? [])
    .map(({ identifier }) => ({ name: identifier.name as string, start: (identifier as unknown as Node).start }))
    .filter(({ name }) => !(name in globalThis));
}

/** What belongs to the surroundings without being a variable: an arrow's `this`, `super`, `import.meta`. */
function forbidden(tree: Tree): Use[] {
  const found: Use[] = [];
  const visit = (node: Tree, ownThis: boolean): void => {
    if (node.type === "Super") found.push({ name: "super", start: node.start });
    if (node.type === "ThisExpression" && !ownThis) found.push({ name: "this", start: node.start });
    if (node.type === "MetaProperty" && (node["meta"] as { name?: unknown }).name === "import") found.push({ name: "import.meta", start: node.start });
    const bindsThis = node.type === "FunctionExpression" || node.type === "FunctionDeclaration" || node.type === "PropertyDefinition" || node.type === "StaticBlock";
    for (const child of childrenOf(node)) visit(child, ownThis || bindsThis);
  };
  visit(tree, false);
  // Inside a class, `super` is the class's own.
  return found.filter((use) => use.name !== "super" || !insideClass(tree, use.start));
}

function insideClass(tree: Tree, at: number): boolean {
  if (tree.start > at || tree.end < at) return false;
  if (tree.type === "ClassExpression" || tree.type === "ClassDeclaration") return true;
  return childrenOf(tree).some((child) => insideClass(child, at));
}

function childrenOf(node: Tree): Tree[] {
  const isNode = (value: unknown): value is Tree => typeof (value as { type?: unknown } | null)?.type === "string";
  return Object.values(node).flatMap((value) => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []));
}

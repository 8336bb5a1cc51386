/**
 * What a function uses of its surroundings: free variables, `import.meta`, private names, and an arrow's `this`, `super` and
 * `new.target`.
 */
import type { Node } from "acorn";
import { loadParser } from "../host/parser-node.ts";

/** What the parser gives, as far as it is looked at here. */
export interface Tree extends Node {
  readonly [key: string]: unknown;
}

/** One use, at an offset in the text. */
export interface Use {
  readonly name: string;
  readonly start: number;
}

/** In the order in which they stand in the text. */
export function usesOfSurroundings(fn: Tree): Use[] {
  return [...freeVariables(fn), ...borrowed(fn)].sort((a, b) => a.start - b.start);
}

/** How platforms are told apart. Elsewhere a `typeof` counts as a use: of a captured variable it would be "undefined" over there. */
const PLATFORMS = new Set("window document self importScripts Deno Bun WorkerGlobalScope EdgeRuntime".split(" "));

/** The names that nothing in the function declares, and that are no globals. */
function freeVariables(fn: Tree): Use[] {
  const { eslintScope } = loadParser();
  const asked = namesAskedFor(fn);
  const { start, end } = fn;
  const whole = { start, end, range: [start, end] };
  const statement = { type: "ExpressionStatement", expression: fn, ...whole };
  const program = { type: "Program", sourceType: "module", body: [statement], ...whole };
  const scopes = eslintScope.analyze(program as never, { ecmaVersion: 2024, sourceType: "module" });
  return (scopes.globalScope?.through ?? [])
    .map(({ identifier }) => ({ name: identifier.name as string, start: (identifier as unknown as Node).start }))
    .filter(({ name, start: at }) => !(name in globalThis) && !(PLATFORMS.has(name) && asked.has(at)));
}

/** Where `typeof name` only asks whether there is such a name. */
function namesAskedFor(fn: Tree): Set<number> {
  const found = new Set<number>();
  const visit = (node: Tree): void => {
    if (node.type === "UnaryExpression" && node["operator"] === "typeof") found.add((node["argument"] as Tree).start);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(fn);
  return found;
}

/** What stands for something that the code around the function has, though it is no variable. */
function borrowed(fn: Tree): Use[] {
  const found: Use[] = [];
  const visit = (node: Tree, own: Own): void => {
    const { type, start } = node;
    if (type === "Super" && !own.super) found.push({ name: "super", start });
    if (type === "ThisExpression" && !own.this) found.push({ name: "this", start });
    if (type === "MetaProperty" && nameOf(node["meta"]) === "import") found.push({ name: "import.meta", start });
    if (type === "MetaProperty" && nameOf(node["meta"]) === "new" && !own.this) found.push({ name: "new.target", start });
    if (type === "PrivateIdentifier" && !own.privates.has(nameOf(node))) found.push({ name: `#${nameOf(node)}`, start });
    for (const [child, inside] of bindings(node, own)) visit(child, inside);
  };
  visit(fn, { this: false, super: false, privates: new Set() });
  return found;
}

const nameOf = (node: unknown): string => (node as { readonly name: string }).name;

/** Does the function itself bind these? */
interface Own {
  /** And with it `new.target`. */
  readonly this: boolean;
  readonly super: boolean;
  /** Without the `#`. */
  readonly privates: ReadonlySet<string>;
}

/** The children of a node, each with what is bound there. */
function bindings(node: Tree, own: Own): (readonly [Tree, Own])[] {
  switch (node.type) {
    case "FunctionExpression":
    case "FunctionDeclaration":
      return childrenOf(node).map((child) => [child, { ...own, this: true }]);
    case "ClassBody":
      return childrenOf(node).map((child) => [child, { ...own, privates: new Set([...own.privates, ...privatesOf(node)]) }]);
    case "StaticBlock":
      return childrenOf(node).map((child) => [child, { ...own, this: true, super: true }]);
    case "Property":
      if (node["method"] !== true && node["kind"] === "init") break;
      return byKey(node, own, { ...own, super: true });
    case "MethodDefinition":
    case "PropertyDefinition":
      return byKey(node, own, { ...own, this: true, super: true });
  }
  return childrenOf(node).map((child) => [child, own]);
}

/** The private names that a class declares. */
function privatesOf(classBody: Tree): string[] {
  const keys = childrenOf(classBody).map((member) => member["key"] as Tree | undefined);
  return keys.filter((key) => key?.type === "PrivateIdentifier").map(nameOf);
}

/** A computed name is evaluated outside of what it names. */
function byKey(node: Tree, outside: Own, inside: Own): (readonly [Tree, Own])[] {
  return childrenOf(node).map((child) => [child, child === node["key"] ? outside : inside]);
}

/** The nodes right below a node. */
export function childrenOf(node: Tree): Tree[] {
  const isNode = (value: unknown): value is Tree => typeof (value as { type?: unknown } | null)?.type === "string";
  return Object.values(node).flatMap((value) => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []));
}

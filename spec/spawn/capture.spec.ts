/** Inline functions: every shape of them, what they may not use, and that their text means the same again. */
import { describe, expect, it, jest } from "@jest/globals";
import fc from "fast-check";
import { CaptureError } from "../../lib/errors.ts";
import { inlineSource } from "../../lib/spawn/capture.ts";

type Fn = (...args: never[]) => unknown;

/** The function that a text makes. As text, because what compiles the specs may rewrite what it finds. */
const made = (text: string): Fn => (0, eval)(text) as Fn;
const again = (text: string): Fn => (0, eval)(inlineSource(made(text))) as Fn;
const call = (text: string, ...args: unknown[]): unknown => (again(text) as (...args: unknown[]) => unknown)(...args);

/** The names that the error reports; none if there is none. */
function captured(text: string): readonly string[] {
  try {
    inlineSource(made(text));
    return [];
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return error.variables;
  }
}

describe("an inline function's text makes it again", () => {
  const shapes: readonly (readonly [string, string, readonly unknown[], unknown])[] = [
    ["an arrow", "(a, b) => a + b", [1, 2], 3],
    ["an arrow of one parameter", "a => a + 1", [1], 2],
    ["an arrow that returns an object", "() => ({ a: 1 })", [], { a: 1 }],
    ["a function expression", "(function (a) { return a * 2; })", [2], 4],
    ["a recursive one", "(function factorial(n) { return n < 2 ? 1 : n * factorial(n - 1); })", [5], 120],
    ["a method", "({ double(n) { return 2 * n; } }).double", [4], 8],
    ["a method called get", "({ get(n) { return n; } }).get", [4], 4],
    ["a method called async", "({ async(n) { return n; } }).async", [4], 4],
    ["a method with a string for a name", "({ 'a b'(n) { return n; } })['a b']", [4], 4],
    ["a method whose name is computed of its surroundings", "((key) => ({ [key + 1](n) { return n; } })[key + 1])('k')", [4], 4],
    ["a method of a class", "(class { static twice(n) { return 2 * n; } }).twice", [4], 8],
    ["default values", "(a, b = a + 1, { c = b } = {}) => [a, b, c]", [1], [1, 2, 2]],
    ["patterns and rest", "({ a: [x, ...y], ...rest }, ...more) => [x, y, rest, more]", [{ a: [1, 2], b: 3 }, 4], [1, [2], { b: 3 }, [4]]],
    ["arguments of a function", "(function () { return arguments.length; })", [1, 2], 2],
    ["catch bindings", "() => { try { throw 1; } catch (caught) { return caught; } }", [], 1],
    ["labels", "() => { outer: for (;;) { for (;;) break outer; } return 1; }", [], 1],
    ["hoisting", "() => { return later(); function later() { return typeof v; } var v; }", [], "undefined"],
    ["shadowing", "(Math) => { const Array = Math; { let Array = 2; Math += Array; } return [Math, Array]; }", [1], [3, 1]],
    [
      "classes inside",
      `(n) => {
        class Base { #secret = n; static made = 0; static { this.made = 1; } get secret() { return this.#secret; } }
        class Derived extends Base { twice() { return super.secret * 2; } own = () => super.secret; [n] = this.secret; }
        const derived = new Derived();
        return [derived.twice(), derived.own(), derived[n], Base.made];
      }`,
      [4],
      [8, 4, 4, 1],
    ],
    [
      "super in an object's method inside",
      "(n) => ({ __proto__: { get() { return n; } }, get() { return super.get() + 1; } }).get()",
      [1],
      2,
    ],
    [
      "globals",
      "() => [typeof Math.max, JSON.stringify([new Date(0)]), undefined, NaN]",
      [],
      ["function", '["1970-01-01T00:00:00.000Z"]', undefined, NaN],
    ],
    ["asking for the platform", "() => typeof window === 'undefined' && typeof Deno === 'undefined'", [], true],
    ["template and tag", "(n) => String.raw`a${n}\\n`", [1], "a1\\n"],
    ["strict as in its module", "(function () { return this; })", [], undefined],
  ];
  it.each(shapes)("%s", (_, text, args, result) => {
    expect(call(text, ...args)).toEqual(result);
  });

  it.each([
    "async (n) => n + 1",
    "(async function (n) { return await n + 1; })",
    "({ async next(n) { return n + 1; } }).next",
    "async n => { for await (const x of [n]) return x + 1; }",
  ])("that is async: %s", async (text) => {
    await expect(call(text, 1)).resolves.toBe(2);
  });
});

describe("what an inline function may not use is named, in order of first use", () => {
  it.each([
    ["() => outer", ["outer"]],
    ["(a = later, b = first) => [first, later, a, b]", ["later", "first"]],
    ["() => { const inner = 1; { const only = inner; } return [inner, only]; }", ["only"]],
    ["() => { outer = 1; outer++; ({ a: target.x } = {}); }", ["outer", "target"]],
    ["() => ({ shorthand })", ["shorthand"]],
    ["() => ({ notThis: yes, [computed]: 1 }).member", ["yes", "computed"]],
    ["() => { try { } catch (e) { } return e; }", ["e"]],
    ["() => typeof config", ["config"]],
    ["() => window.location", ["window"]],
    ["() => { class A extends Base { [key] = field; } }", ["Base", "key", "field"]],
    ["() => { for (const x of list) label: for (;;) break label; }", ["list"]],
    ["() => tag`a${b}`", ["tag", "b"]],
    ["() => __name(() => 1, 'helper')", ["__name"]],
    ["(function () { return () => arguments; })", []],
    ["() => arguments", ["arguments"]],
    ["() => this", ["this"]],
    ["() => { class A { x = this; [this.k] = 1; static { this.y = 2; } m() { return this; } } }", ["this"]],
    ["() => function () { return this; }", []],
    ["(function (a = () => this) { return a; })", []],
    ["({ m() { return super.toString(); } }).m", ["super"]],
    ["({ m() { return () => super.x; } }).m", ["super"]],
    ["({ m() { return (a = super.x, b = outer) => super.y; } }).m()", ["super", "outer"]],
    ["new (class extends Object { constructor() { const f = () => super(); super(); return f; } })()", ["super"]],
    ["new (function () { return () => [new.target, this]; })()", ["new.target", "this"]],
    ["(function () { return [new.target, () => new.target]; })", []],
    ["(class { #x = 1; static read() { return (p) => p.#x; } }).read()", ["#x"]],
    ["(class { #x = 1; static read() { return (p) => #x in p && [this, p.#x]; } }).read()", ["#x", "this"]],
    ["(class { static #x = 1; static read(p) { return p.#x; } }).read", ["#x"]],
    ["(class { #x = 1; static read() { return (p) => class { #y = p.#x; [p.#x] = this.#y; }; } }).read()", ["#x"]],
  ])("%s", (text, names) => {
    expect(captured(text)).toEqual(names);
  });

  it("this file's import.meta", () => {
    expect(() => inlineSource(() => import.meta.url)).toThrow('captures "import.meta"');
  });

  it("the message says what to do", () => {
    expect(() => inlineSource(made("() => [one, two]"))).toThrow(
      'the function given to spawn() captures "one", "two", and an inline function is sent to the other thread as text, without its surroundings. Pass them as arguments, or make the function a task().',
    );
  });
});

it("a function is parsed once, however often it is spawned", () => {
  const fn = made("(n) => n + 1");
  const source = inlineSource(fn);
  const texts = jest.spyOn(Function.prototype, "toString");
  try {
    expect(inlineSource(fn)).toBe(source);
    expect(texts).not.toHaveBeenCalled();
  } finally {
    texts.mockRestore();
  }
});

describe("what is no function that could be sent is a TypeError", () => {
  it.each([
    ["a class", "(class A {})", "a class"],
    ["a generator", "(function* () {})", "a generator"],
    ["a generator method", "({ *m() {} }).m", "a generator"],
    ["a getter", "Object.getOwnPropertyDescriptor({ get x() { return 1; } }, 'x').get", "a getter"],
    ["a native function", "Math.max", "native or bound"],
    ["a bound function", "(function () {}).bind(null)", "native or bound"],
    ["a private method", "(class { static #m() {} static get() { return this.#m; } }).get()", "cannot be parsed by itself"],
    ["sloppy code", "new Function('with (Math) return max(1, 2)')", "cannot be parsed by itself"],
  ])("%s", (_, text, why) => {
    expect(() => inlineSource(made(text))).toThrow(TypeError);
    expect(() => inlineSource(made(text))).toThrow(why);
  });
});

describe("generated programs", () => {
  const bound = ["b0", "b1", "b2"];
  const free = ["f0", "f1", "f2"];
  /** An expression, and the free names in it in order. */
  type Piece = { readonly text: string; readonly uses: readonly string[] };
  const join = (...pieces: readonly (string | Piece)[]): Piece => ({
    text: pieces.map((piece) => (typeof piece === "string" ? piece : piece.text)).join(""),
    uses: pieces.flatMap((piece) => (typeof piece === "string" ? [] : piece.uses)),
  });
  const { expression } = fc.letrec<{ expression: Piece }>((tie) => {
    const inner = tie("expression");
    const binder = fc.constantFrom(...bound);
    return {
      expression: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom(...free).map((name): Piece => ({ text: name, uses: [name] })),
        fc.constantFrom(...bound, "Math", "1", "'text'").map((text): Piece => ({ text, uses: [] })),
        fc.tuple(inner, inner).map(([a, b]) => join("(", a, " + ", b, ")")),
        fc.tuple(inner, inner).map(([a, b]) => join("[", a, ", ...", b, "]")),
        fc.tuple(inner, inner).map(([a, b]) => join("({ f0: ", a, ", [", b, "]: 1, f1() { return f2 => f2; } }).f2")),
        fc.tuple(binder, inner, inner).map(([name, a, b]) => join(`((${name}, f9 = `, a, ") => ", b, ")")),
        fc.tuple(binder, inner).map(([name, a]) => join(`(function ${name}() { const f8 = `, a, "; return f8; })")),
        inner.map((a) => join("(() => { try { let f7 = 1; f7++; } catch (f6) { f6(); } return ", a, "; })")),
        fc.tuple(inner, inner).map(([a, b]) => join("(class f5 extends ", a, " { static x = f5; #p = ", b, "; m() { return this.#p; } })")),
        fc.tuple(inner, inner).map(([a, b]) => join("`${", a, "}${", b, "}`")),
      ),
    };
  });

  it("report exactly their free names, in order", () => {
    fc.assert(
      fc.property(expression, ({ text, uses }) => {
        expect(captured(`(b0, b1, b2) => ${text.startsWith("{") ? `(${text})` : text}`)).toEqual([...new Set(uses)]);
      }),
      { numRuns: 500 },
    );
  });
});

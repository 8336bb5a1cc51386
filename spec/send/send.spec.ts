/** What the compiler says: snippets against the built declarations, as a user with the strictest options compiles them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "@jest/globals";
import ts from "typescript";

const prelude = `
import { AtomicI32, f64, Mutex, scope, spawn, struct, task, ThreadBuilder, u32, type Infer, type JoinHandle } from "ferrous";
const Account = struct("Account", { id: u32, total: f64, lock: Mutex });
type Account = Infer<typeof Account>;
class Counter { count = 0; next(): number { return ++this.count; } }
`;

/** A snippet, and the sentence that the compiler's message must contain. */
const REFUSED = {
  "a guard": [
    "const guard = new Mutex().lock(); spawn((held: typeof guard) => held.poisoned, guard);",
    "a MutexGuard proves that this thread holds the lock: send the Mutex itself",
  ],
  "a function": ["spawn((fn: () => number) => fn(), () => 1);", "a function stays in its thread: make it a task(), and send what it needs"],
  "an instance of a class": [
    "spawn((counter: Counter) => counter.count, new Counter());",
    "it has methods, which would be lost: send its plain data, or make it a struct",
  ],
  "a symbol": ["spawn((symbol: symbol) => String(symbol), Symbol());", "a symbol is another one in every thread: send a string"],
  "a promise": [
    "spawn((promise: Promise<number>) => promise, Promise.resolve(1));",
    "a promise is settled by its thread: await it, and send its value",
  ],
  "a WeakMap": [
    "spawn((map: WeakMap<object, number>) => map.has({}), new WeakMap<object, number>());",
    "it holds on to objects of its thread",
  ],
  "a JoinHandle": [
    "const handle = spawn(() => 1); spawn((given: JoinHandle<number>) => given.isFinished, handle);",
    "a JoinHandle belongs to the thread that spawned",
  ],
  "a function deep inside": [
    "const deep = { list: [{ fn: () => 1 }] }; spawn((given: typeof deep) => given.list.length, deep);",
    "it has methods, which would be lost",
  ],
  "a function in a Map": [
    "const map = new Map<string, () => void>(); spawn((given: typeof map) => given.size, map);",
    "a function stays in its thread",
  ],
  "a task's result": ["spawn(() => () => 1);", "a function stays in its thread: make it a task(), and send what it needs"],
  "an async task's result": ["spawn(async () => new Counter());", "it has methods, which would be lost"],
  "an argument of a task": [
    "const t = task(import.meta.url, 't', (counter: Counter) => counter.count); spawn(t, new Counter());",
    "it has methods, which would be lost",
  ],
  "an argument in a scope": ["scope((s) => s.spawn((fn: () => number) => fn(), () => 1));", "a function stays in its thread"],
  "an argument of a ThreadBuilder": ["new ThreadBuilder().spawn((fn: () => number) => fn(), () => 1);", "a function stays in its thread"],
  "a Mutex of an array": [
    "new Mutex([1, 2]);",
    "every thread would have a copy of its own: use a struct, or a typed array over a SharedArrayBuffer",
  ],
  "a Mutex of a Map": [
    "new Mutex(new Map<string, number>());",
    "every thread would have a copy of its own: use a struct, or a typed array over a SharedArrayBuffer",
  ],
  "a Mutex of a number": ["new Mutex(5);", "every thread would have a copy of its own: give it a place, as in Mutex.of(f64, 0)"],
  "an async function in with()": [
    "new Mutex().with(async () => 1);",
    "with() unlocks when its function returns: use withAsync() for an async one",
  ],
} as const;

const ALLOWED = {
  "arguments of every kind": `
    const handle = spawn((n: number, map: Map<string, Set<Date>>, lock: Mutex<Account>, rest?: readonly AtomicI32[]) => ({ n, map, lock, rest }),
      1, new Map(), new Mutex(Account.create()));
    export const result = handle.join();
    result.lock.with((account) => { account.total += result.n; });`,
  "a type that contains itself": `
    interface Tree { readonly kids: readonly Tree[]; readonly named: Map<string, Tree>; readonly up?: Tree }
    export const tree = (given: Tree): Tree => spawn((inner: Tree) => inner, given).join();`,
  "what is any or unknown": "export const echo = (value: unknown): unknown => spawn((given: unknown) => given, value).join();",
};

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: [],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  isolatedDeclarations: false,
  skipLibCheck: false,
  noEmit: true,
};

/** Compiles all snippets as one program; the messages of each, and of the declarations. */
function compile(snippets: Readonly<Record<string, string>>): Map<string, string> {
  const files = new Map(
    Object.entries(snippets).map(([name, text]) => [
      join(process.cwd(), `${name.replaceAll(/\W/g, "-")}.mts`),
      { name, text: prelude + text },
    ]),
  );
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path)?.text ?? readFile(path);
  const program = ts.createProgram([...files.keys()], OPTIONS, host);
  const messages = new Map<string, string>();
  for (const { file, messageText } of ts.getPreEmitDiagnostics(program)) {
    const name = files.get(file?.fileName ?? "")?.name ?? file?.fileName ?? "options";
    messages.set(name, `${messages.get(name) ?? ""}${ts.flattenDiagnosticMessageText(messageText, "\n")}\n`);
  }
  return messages;
}

describe("the compiler", () => {
  let messages: Map<string, string>;
  beforeAll(() => {
    const refused = Object.fromEntries(Object.entries(REFUSED).map(([name, [text]]) => [name, text]));
    messages = compile({ ...refused, ...ALLOWED });
  }, 120_000);

  it.each(Object.entries(REFUSED))("refuses %s, and says why", (name, [, sentence]) => {
    expect(messages.get(name)).toContain(sentence);
  });

  it.each(Object.keys(ALLOWED))("accepts %s", (name) => {
    expect(messages.get(name)).toBeUndefined();
  });

  it("finds nothing wrong in our declarations, with skipLibCheck off and the libraries of 2022", () => {
    const others = [...messages].filter(([name]) => !(name in REFUSED) && !(name in ALLOWED));
    expect(others).toEqual([]);
  });
});

describe("the declarations", () => {
  it("give no `any` to a user", () => {
    const declared = [
      "send/send",
      "send/handle",
      "spawn/spawn",
      "spawn/handle",
      "spawn/scope",
      "spawn/thread",
      "spawn/task",
      "spawn/park",
      "spawn/local",
    ];
    for (const file of declared) {
      const text = readFileSync(`dist/${file}.d.ts`, "utf8").replaceAll(/\/\*[^]*?\*\//g, "");
      expect(text).not.toMatch(/\bany\b/);
    }
  });

  it("are readable on hovering over a spawn", () => {
    const text = `${prelude}const hovered = spawn((n: number, mutex: Mutex<Account>) => n + Number(mutex.poisoned), 1, new Mutex(Account.create()));`;
    const path = join(process.cwd(), "hover.mts");
    const host = ts.createCompilerHost(OPTIONS);
    const { fileExists, readFile } = host;
    host.fileExists = (name) => name === path || fileExists(name);
    host.readFile = (name) => (name === path ? text : readFile(name));
    const program = ts.createProgram([path], OPTIONS, host);
    const checker = program.getTypeChecker();
    const source = program.getSourceFile(path);
    let shown = "";
    source?.forEachChild((node) => {
      if (!ts.isVariableStatement(node)) return;
      const [declaration] = node.declarationList.declarations;
      if (declaration?.name.getText() === "hovered") shown = checker.typeToString(checker.getTypeAtLocation(declaration.name));
    });
    expect(shown).toBe("JoinHandle<number>");
  });
});

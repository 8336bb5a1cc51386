import { describe, expect, it } from "@jest/globals";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { check, checkOperations, type Failure } from "../../lib/check/index.ts";

const PAGE = "docs/check.md";
const GOLDEN = "spec/golden/check";
const renew = process.env["FERROUS_GOLDEN"] !== undefined;

const page = readFileSync(PAGE, "utf8");
const KINDS = [
  "assertion",
  "exception",
  "deadlock",
  "lost wake-up",
  "livelock",
  "data race",
  "not linearizable",
  "nondeterminism",
  "step limit",
];

/** The example of a kind, compiled so that its lines have the numbers that they have on the page. */
function example(kind: string): () => Failure {
  const found = new RegExp("```js " + kind + "\n([^]*?)```").exec(page);
  if (found === null) throw new Error(`${PAGE} has no example of ${kind}`);
  const lines = page.slice(0, found.index).split("\n").length;
  // A function's text begins with two lines of its own.
  const text = "\n".repeat(lines - 2) + (found[1] ?? "") + "\n//# sourceURL=check.md";
  return new Function("check", "checkOperations", text).bind(undefined, check, checkOperations) as () => Failure;
}

/** Compares with a file, or writes it. */
function golden(name: string, text: string): void {
  const file = `${GOLDEN}/${name}`;
  if (renew || !existsSync(file)) {
    mkdirSync(GOLDEN, { recursive: true });
    writeFileSync(file, text);
  }
  expect(text).toBe(readFileSync(file, "utf8"));
}

describe("docs/check.md", () => {
  it.each(KINDS)("shows the smallest %s", (kind) => {
    const failure = example(kind)();
    expect(failure.kind).toBe(kind);
    const name = kind.replaceAll(/\W/g, "-");
    golden(`${name}.txt`, `${failure.message}\n\n${failure.trace}\n`);
    golden(`${name}.svg`, failure.svg);
  });

  it("begins with the trace that its first example gives", () => {
    const { trace } = example("lost wake-up")();
    const block = (text: string) => `<!-- trace: lost wake-up -->\n\`\`\`\n${text}\n\`\`\``;
    if (renew)
      writeFileSync(
        PAGE,
        page.replace(/<!-- trace: lost wake-up -->\n```\n[^]*?```/, () => block(trace)),
      );
    else expect(page).toContain(block(trace));
  });
});

import { describe, expect, it } from "@jest/globals";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { check, checkOperations, expectPassed, programs, schedules, type Failure, type Report } from "../../lib/check/index.ts";
import { CancelFlag } from "../../lib/sync/cancel-flag.ts";
import { Mutex } from "../../lib/sync/mutex.ts";

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

/** What examples may name. */
const scope = { check, checkOperations, expectPassed, programs, schedules, fc, CancelFlag, Mutex };

/** The example of that title, compiled so that its lines have the numbers that they have on the page. */
function example<R = Failure>(kind: string): () => R {
  const found = new RegExp("```js " + kind + "\n([^]*?)```").exec(page);
  if (found === null) throw new Error(`${PAGE} has no example of ${kind}`);
  const lines = page.slice(0, found.index).split("\n").length;
  // A function's text begins with two lines of its own.
  const text = "\n".repeat(lines - 2) + (found[1] ?? "") + "\n//# sourceURL=check.md";
  return new Function(...Object.keys(scope), text).bind(undefined, ...Object.values(scope)) as () => R;
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

  it("calls a wait off at every step", () => {
    const { report, ends } = example<{ report: Report; ends: Set<string> }>("called off")();
    expect(report).toMatchObject({ verdict: "passed", complete: true });
    expect(ends).toEqual(new Set(["got it", "called off"]));
  });

  it("draws programs", () => {
    expectPassed(example<Report>("operations")());
  });

  it("makes program and schedule small together", () => {
    const { program, schedule } = example<{ program: unknown; schedule: unknown }>("program and schedule")();
    const add = [{ name: "add", args: [1] }];
    expect(program).toEqual([add, add]);
    expect(schedule).toEqual([0, 1]);
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

/** The classics: the checker catches each broken version and passes each right one. */
import { describe, expect, it } from "@jest/globals";
import { readdirSync, readFileSync } from "node:fs";
import { check, expectPassed, type CheckOptions, type FailureKind } from "ferrous/check";
import type { Classic } from "../../examples/classics/classic.ts";

interface Known {
  /** How the broken version fails. */
  readonly fails: FailureKind;
  /** How far it is looked: exhaustively, or within a bound of preemptions. */
  readonly within?: CheckOptions;
  /** Of the right version, about: all within that bound that make a difference. The locks' own steps count, and may change. */
  readonly executions: number;
}

const CLASSICS: Readonly<Record<string, Known>> = {
  "bounded-buffer": { fails: "deadlock", within: { preemptions: 1 }, executions: 1200 },
  "cigarette-smokers": { fails: "deadlock", within: { preemptions: 0 }, executions: 2400 },
  "dining-room": { fails: "deadlock", within: { preemptions: 1 }, executions: 330 },
  "dining-philosophers": { fails: "deadlock", executions: 1400 },
  "fern-empire": { fails: "exception", within: { preemptions: 1 }, executions: 900 },
  h2o: { fails: "assertion", within: { preemptions: 0 }, executions: 50 },
  "h2o-barrier": { fails: "assertion", within: { preemptions: 0 }, executions: 1400 },
  "readers-writers": { fails: "data race", within: { preemptions: 2 }, executions: 5350 },
  "reusable-barrier": { fails: "deadlock", within: { preemptions: 2 }, executions: 1900 },
  "sleeping-barber": { fails: "deadlock", within: { preemptions: 2 }, executions: 7000 },
};

const NAMES = Object.keys(CLASSICS);
const load = async (name: string): Promise<Classic> => (await import(`../../examples/classics/${name}.ts`)) as Classic;

describe.each(Object.entries(CLASSICS))("%s", (name, { fails, within = {}, executions }) => {
  const options: CheckOptions = { time: 50_000, ...within };

  it("is caught when it is broken", async () => {
    const { broken } = await load(name);
    expect(check(broken(), options).failure?.kind).toBe(fails);
  });

  it("passes when it is right", async () => {
    const { right } = await load(name);
    const report = check(right(), options);
    expectPassed(report);
    expect(report.complete).toBe(within.preemptions === undefined);
    expect(report.executions / executions).toBeGreaterThan(0.7);
    expect(report.executions / executions).toBeLessThan(1.4);
  });
});

describe("the classics", () => {
  it("are all here, and on their page", () => {
    const files = readdirSync("examples/classics").filter((file) => file.endsWith(".ts") && file !== "classic.ts");
    expect(files.map((file) => file.slice(0, -3)).sort()).toEqual([...NAMES].sort());
    const page = readFileSync("docs/classics.md", "utf8");
    for (const [name, { executions }] of Object.entries(CLASSICS)) {
      expect(page).toContain(`(../examples/classics/${name}.ts)`);
      expect(page).toContain(`| ${executions.toLocaleString("en")}`);
    }
  });
});

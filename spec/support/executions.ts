/** How many executions each check of a spec explored: listed at its end when SHOW_EXECUTIONS is set. */
import { afterAll } from "@jest/globals";
import { expectPassed, type Report } from "../../lib/check/index.ts";

const lines: string[] = [];
afterAll(() => {
  if (process.env["SHOW_EXECUTIONS"] !== undefined && lines.length > 0) console.log(lines.join("\n"));
});

/** The check passed; `options` are those that bound it. */
export function explored(what: string, options: unknown, report: Report): void {
  expectPassed(report);
  const { executions, pruned, complete } = report;
  lines.push(
    `${what}, ${JSON.stringify(options)}: ${String(executions)} + ${String(pruned)} cut short${complete ? ", all there are" : ""}`,
  );
}

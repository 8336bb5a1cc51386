/**
 * A trace as plain text: one column per thread, one row per step, the source line at the end of the row.
 */
import type { Trace } from "./trace.ts";

const GAP = 2;

export function renderText(trace: Trace, title: string, replay: string): string {
  const { threads, rows } = trace;
  const widths = threads.map((name, thread) =>
    Math.max(name.length, ...rows.filter((row) => row.thread === thread).map(({ text }) => text.length)),
  );
  const sites = rows.map(({ site }) => site ?? "");
  const line = (number: string, cells: readonly string[], site: string): string =>
    `${number.padStart(5)}  ${cells.map((cell, at) => cell.padEnd((widths[at] as number) + GAP)).join("")}${site}`.trimEnd();
  const head = line("step", threads, sites.some((site) => site !== "") ? "source" : "");
  const body = rows.map(({ step, thread, text }, at) =>
    line(
      step === 0 ? "" : String(step),
      threads.map((_, column) => (column === thread ? text : "")),
      sites[at] as string,
    ),
  );
  const count = `${String(trace.steps)} ${trace.steps === 1 ? "step" : "steps"}`;
  return [`${title} after ${count}, replay: "${replay}"`, head, ...body].join("\n");
}

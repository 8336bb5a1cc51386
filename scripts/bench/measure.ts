/** Measuring on a shared, noisy machine: in turns, within one run, and by medians. */
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import Table from "cli-table3";

export const median = (values: readonly number[]): number => quantile(values, 0.5);
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** One thing to measure: a figure a call. */
export interface Subject {
  readonly name: string;
  readonly measure: () => number | Promise<number>;
}

/** Measures all subjects in turn, `rounds` times after one that does not count; gives each subject's figures, round by round. */
export async function inTurns(subjects: readonly Subject[], rounds: number): Promise<Map<string, number[]>> {
  const figures = new Map<string, number[]>(subjects.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    // In another order each time, so that no subject always inherits the same predecessor's garbage.
    for (let n = 0; n < subjects.length; n++) {
      const subject = subjects[(n + Math.max(0, round)) % subjects.length];
      if (subject === undefined) continue;
      const figure = await subject.measure();
      if (round >= 0) figures.get(subject.name)?.push(figure);
    }
  }
  return figures;
}

/** The median of the ratios, round by round: it holds when the machine's speed drifts between rounds. */
export function ratio(figures: ReadonlyMap<string, readonly number[]>, of: string, to: string): number {
  const [a = [], b = []] = [figures.get(of), figures.get(to)];
  return median(a.map((value, round) => value / (b[round] ?? Number.NaN)));
}

/** Nanoseconds a call of `body`, which is a loop of `n`. */
export function nanoseconds(n: number, body: (n: number) => void): number {
  const start = process.hrtime.bigint();
  body(n);
  return Number(process.hrtime.bigint() - start) / n;
}

export interface Row {
  readonly what: string;
  readonly figure: string;
  readonly against?: string;
  readonly ratio?: number;
  /** `<= 1.6`: what the ratio or the figure must be, checked and shown. */
  readonly bar?: string;
  readonly value?: number;
}

/** Prints the table, a mark where a bar was missed. */
export function print(title: string, rows: readonly Row[]): void {
  console.log(
    `\n${title}   (Node ${process.versions.node}, ${String(availableParallelism())} cores, medians; the machine is shared: trust ratios)`,
  );
  const table = new Table({ head: ["what", "figure", "against", "ratio", "bar", ""], style: { head: [], border: [] } });
  for (const row of rows) {
    const value = row.value ?? row.ratio;
    table.push([
      row.what,
      row.figure,
      row.against ?? "",
      row.ratio === undefined ? "" : `${row.ratio.toFixed(2)}x`,
      row.bar ?? "",
      row.bar === undefined || value === undefined ? "" : meets(value, row.bar) ? "ok" : "MISSED",
    ]);
  }
  console.log(table.toString());
}

function meets(value: number, bar: string): boolean {
  const [sign, limit] = bar.split(" ");
  return sign === "<=" ? value <= Number(limit) : value >= Number(limit);
}

/** Collects all garbage, wherever the script was started without --expose-gc too. */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (globalThis as { gc?: () => void }).gc?.();
}

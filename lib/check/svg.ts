/**
 * A trace as a picture: a line of life per thread, a dot per step, an arrow from who notifies to who wakes.
 *
 * Self-contained SVG in colours that read on white and on black, without scripts, fonts or styles from elsewhere.
 */
import type { Row, Trace } from "./trace.ts";

const TOP = 64;
const ROW = 22;
const LEFT = 44;
const CHAR = 7.3;
const GAP = 40;
const COLOURS = ["#2f7ed8", "#c2571a", "#2e9e5b", "#a03fb5", "#b8860b", "#c0392b", "#16868f", "#6b6b6b"];

export function renderSvg(trace: Trace, title: string): string {
  const { threads, rows } = trace;
  const widths = threads.map((name, thread) =>
    Math.max(name.length, ...rows.filter((row) => row.thread === thread).map(({ text }) => text.length)),
  );
  let right = LEFT;
  const columns = widths.map((width) => {
    const at = right;
    right += Math.ceil(width * CHAR) + GAP;
    return at;
  });
  const x = (thread: number): number => columns[thread] as number;
  const y = (at: number): number => TOP + ROW * (at + 1);
  const colour = (thread: number): string => COLOURS[thread % COLOURS.length] as string;
  const height = y(rows.length) + 8;
  const width = Math.max(right, Math.ceil(title.length * CHAR) + LEFT);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}" font-family="ui-monospace, monospace" font-size="12" role="img">`,
    `<title>${escape(title)}</title>`,
    `<text x="12" y="24" font-weight="bold" fill="#888">${escape(title)}</text>`,
    ...threads.map(
      (name, thread) =>
        `<text x="${String(x(thread))}" y="${String(TOP)}" font-weight="bold" fill="${colour(thread)}">${escape(name)}</text>` +
        `<line x1="${String(x(thread))}" y1="${String(TOP + 8)}" x2="${String(x(thread))}" y2="${String(height - 8)}" stroke="${colour(thread)}" stroke-opacity="0.35"/>`,
    ),
    ...rows.map((row, at) => dot(row, x(row.thread), y(at), colour(row.thread))),
    ...rows.flatMap((row, at) => row.woke.map((woken) => arrow(x(row.thread), y(at), x(woken), colour(row.thread)))),
    "</svg>",
  ];
  return parts.join("\n") + "\n";
}

function dot({ step, text, site }: Row, x: number, y: number, colour: string): string {
  const mark = step === 0 ? "" : `<circle cx="${String(x)}" cy="${String(y - 4)}" r="4" fill="${colour}"/>`;
  const number = step === 0 ? "" : `<text x="8" y="${String(y)}" fill="#888">${String(step)}</text>`;
  const hint = site === undefined ? "" : `<title>${escape(site)}</title>`;
  return `<g>${hint}${number}${mark}<text x="${String(x + 12)}" y="${String(y)}" fill="${colour}" xml:space="preserve">${escape(text)}</text></g>`;
}

/** Ends a little lower, where the woken thread goes on. */
function arrow(from: number, y: number, to: number, colour: string): string {
  const end = y + ROW - 4;
  const side = Math.sign(to - from) * 5;
  return (
    `<path d="M${String(from)} ${String(y - 4)} L${String(to - side)} ${String(end)}" stroke="${colour}" stroke-dasharray="4 3" fill="none"/>` +
    `<circle cx="${String(to - side)}" cy="${String(end)}" r="2.5" fill="${colour}"/>`
  );
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

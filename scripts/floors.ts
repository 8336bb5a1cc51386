/**
 * Enforces the import direction of lib/: a file imports from its own floor and from floors below it, and no two files import
 * each other in a circle. Prints the tower with each floor's arrows; exits 1 on an arrow that points up.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Ground floor first. A name ending in .ts is a file of lib/ itself. */
const TOWER = ["errors.ts", "host", "memory", "thread", "park", "send", "sync", "own", "channel", "spawn", "pool", "par", "index.ts"];
/** Stand beside the tower: they may import any floor, and no floor may import them. */
const BESIDE = ["check", "diagnose"];

const files = readdirSync("lib", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
const floorOf = (file: string): string => file.split("/")[0] ?? file;
/** Comments may show imports; only code makes arrows. Types alone are no arrow of a circle: nothing is left of them when it runs. */
function importsOf(file: string, typesToo = true): string[] {
  const code = readFileSync(join("lib", file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const read = typesToo ? code : code.replace(/^(?:import|export) type [^;]*;/gm, "");
  return [...read.matchAll(/(?:from|import|import\()\s*"(\.[^"]+|#host)"/g)].map(([, to]) =>
    to === "#host" ? "host/node.ts" : relative("lib", join("lib", dirname(file), to ?? "")),
  );
}

const wrong: string[] = [];
const arrows = new Map<string, Set<string>>();
for (const file of files) {
  const from = floorOf(file);
  if (!TOWER.includes(from) && !BESIDE.includes(from)) wrong.push(`${file}: no floor is called ${from}; name it in scripts/floors.ts`);
  for (const target of importsOf(file)) {
    const to = floorOf(target);
    if (!files.includes(target)) wrong.push(`${file} imports ${target}, which does not exist`);
    if (from === to) continue;
    if (BESIDE.includes(to)) wrong.push(`${file} imports ${target}: the tower never imports ${to}/`);
    else if (!BESIDE.includes(from) && TOWER.indexOf(to) > TOWER.indexOf(from))
      wrong.push(`${file} imports ${target}: ${to} is above ${from}`);
    arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
  }
}

/** The first circle of imports reachable from `file`, or undefined. */
const done = new Set<string>();
function circle(file: string, path: readonly string[] = []): string[] | undefined {
  const at = path.indexOf(file);
  if (at >= 0) return [...path.slice(at), file];
  if (done.has(file)) return undefined;
  for (const target of importsOf(file, false)) {
    const found = circle(target, [...path, file]);
    if (found !== undefined) return found;
  }
  done.add(file);
  return undefined;
}
for (const file of files) {
  const found = circle(file);
  if (found !== undefined) wrong.push(`a circle of imports: ${found.join(" -> ")}`);
}

for (const floor of [...TOWER].reverse()) {
  const size = files.filter((file) => floorOf(file) === floor).length;
  if (size > 0)
    console.log(`${floor.padEnd(10)} ${String(size).padStart(3)} files  -> ${[...(arrows.get(floor) ?? [])].sort().join(", ")}`);
}
for (const line of new Set(wrong)) console.error(`wrong: ${line}`);
console.log(wrong.length === 0 ? "floors: every arrow points down" : `floors: ${String(new Set(wrong).size)} wrong`);
process.exitCode = wrong.length === 0 ? 0 : 1;

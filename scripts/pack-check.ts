/**
 * Checks the package that `npm pack` makes, not the repository: its files, what publint and are-the-types-wrong say of it, that each
 * door opens by `import` and by `require`, that types hold in other programs, that every source map and every link leads to a file that is shipped, and what a page pays for a Mutex.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { inTemporaryFolder, install, pack } from "./packed.ts";

const run = promisify(execFile);
const DOORS = ["ferrous", "ferrous/check", "ferrous/worker"];
/** Minified and compressed. */
const MUTEX_PAGE_BYTES = 12_000;

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(relative(folder, entry.parentPath), entry.name));

/** What has no source of its own: declarations of the doors, and what a page starts its workers by. */
const OF_PAGES = [
  ...["index", "check/index", "spawn/worker"].map((door) => `dist/web/${door}.d.ts`),
  ...["dist/web/host/ferrous-supervisor.js", "dist/web/host/ferrous-thread.js"],
];

/** What users need: the bundles, a declaration for each source, the sources, since the maps lead there, and what the README links to. */
function expected(): string[] {
  const sources = filesIn("lib").filter((file) => file.endsWith(".ts"));
  const bundles = filesIn("dist").filter((file) => /^(?:index|check|worker|boot|supervisor|chunk-\w+)\.js$/.test(file));
  // Of pages each has a module of its own; one of Node's has none.
  const modules = existsSync("dist/web") ? sources.filter((file) => !/\/(?:[\w-]+-)?node\.ts$/.test(file)) : [];
  const mapped = (file: string): boolean => !/host\/(?:packer|parser)-web\.js$/.test(file);
  return [
    ...["CHANGELOG.md", "LICENSE", "README.md", "package.json"],
    ...bundles.flatMap((file) => [`dist/${file}`, `dist/${file}.map`]),
    ...sources.map((file) => file.replace(/\.ts$/, ".d.ts")).flatMap((file) => [`dist/${file}`, `dist/${file}.map`]),
    ...modules.map((file) => `dist/web/${file.replace(/\.ts$/, ".js")}`).flatMap((file) => (mapped(file) ? [file, `${file}.map`] : [file])),
    ...(modules.length > 0 ? OF_PAGES : []),
    ...sources.map((file) => `lib/${file}`),
    ...["docs", "examples"].flatMap((folder) => filesIn(folder).map((file) => `${folder}/${file}`)),
  ].sort();
}

function listsDiffer(shipped: readonly string[]): string[] {
  const wanted = expected();
  return [
    ...shipped.filter((file) => !wanted.includes(file)).map((file) => `${file} is shipped, and nobody needs it`),
    ...wanted.filter((file) => !shipped.includes(file)).map((file) => `${file} is missing`),
  ];
}

/** Maps that lead nowhere, and files that name a map which is not there. */
function mapsAstray(installed: string): string[] {
  const files = filesIn(installed).filter((file) => file.startsWith("dist"));
  return files.flatMap((file) => {
    const folder = dirname(join(installed, file));
    const text = readFileSync(join(installed, file), "utf8");
    if (!file.endsWith(".map")) {
      const map = /\/\/# sourceMappingURL=(\S+)\s*$/.exec(text)?.[1];
      return map === undefined || existsSync(join(folder, map)) ? [] : [`${file} names ${map}, which is missing`];
    }
    const { sources, sourceRoot = "" } = JSON.parse(text) as { sources: string[]; sourceRoot?: string };
    return sources
      .filter(
        (source) => relative(installed, join(folder, sourceRoot, source)).startsWith("..") || !existsSync(join(folder, sourceRoot, source)),
      )
      .map((source) => `${file} leads to ${source}, which is not shipped`);
  });
}

/** As a heading is called in a link: small, without its signs, and with dashes for blanks. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");

/** Links of the pages to files, or to headings, that are not in the package. */
function linksAstray(installed: string): string[] {
  const pages = filesIn(installed).filter((file) => file.endsWith(".md"));
  return pages.flatMap((page) => {
    const links = [...readFileSync(join(installed, page), "utf8").matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
    return links.flatMap(([, target = "", anchor]) => {
      const path = target === "" ? join(installed, page) : join(installed, dirname(page), target);
      if (relative(installed, path).startsWith("..") || !existsSync(path)) return [`${page} links to ${target}, which is not shipped`];
      if (anchor === undefined) return [];
      const headings = [...readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));
      return headings.includes(anchor) ? [] : [`${page} links to #${anchor} of ${target}, which has no such heading`];
    });
  });
}

/** Runs a tool or a program; what it printed is what went wrong. */
async function complaints(file: string, args: readonly string[], cwd = process.cwd()): Promise<string[]> {
  try {
    await run(file, args, { cwd });
    return [];
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    return [[stdout, stderr].join("\n").trim() || message];
  }
}

const tool = (path: string, ...args: string[]): Promise<string[]> => complaints(process.execPath, [join("node_modules", path), ...args]);

/** Each door in a process of its own: the second one would find what the first has loaded. */
async function closedDoors(project: string): Promise<string[]> {
  const found: string[] = [];
  for (const door of DOORS) {
    for (const code of [`await import("${door}")`, `process.getBuiltinModule("module").createRequire(process.cwd() + "/")("${door}")`]) {
      found.push(...(await complaints(process.execPath, ["--input-type=module", "--eval", code], project)));
    }
  }
  const both = `import { Mutex } from "ferrous"; import { createRequire } from "node:module";
    if (createRequire(process.cwd() + "/")("ferrous").Mutex !== Mutex) throw new Error("import and require give two copies of ferrous");`;
  return [...found, ...(await complaints(process.execPath, ["--input-type=module", "--eval", both], project))];
}

/** What a program's compiler takes for granted, and what it must still refuse. */
const PROGRAM = `
import { channel, Mutex, scope, spawn, struct, task, Thread, u32, type Infer } from "ferrous";
import { check } from "ferrous/check";
const Totals = struct("Totals", { hits: u32 });
const count = task("app:types", "count", (totals: Mutex<Infer<typeof Totals>>, times: number): number => times + totals.with(({ hits }) => hits));
const totals = new Mutex(Totals.create());
export const sum: number = Thread.isMain ? scope((s) => s.spawn(count, totals, 2).join()) : spawn(count, totals, 1).join();
export const [tx, rx] = channel<{ port: MessagePort }>();
export const { verdict } = check({ setup: () => totals, threads: [] });
// @ts-expect-error a function
spawn((f: () => void) => f, () => undefined);
// @ts-expect-error an instance of a class
spawn((url: Own) => url, new Own());
// @ts-expect-error a number is wanted
spawn(count, totals, "2");
class Own { method(): void {} }
`;
/** With and without the names that only a page's libraries declare. */
const COMPILERS = {
  "a page": { lib: ["es2022", "dom"], module: "esnext", moduleResolution: "bundler", types: [] },
  Node: { lib: ["es2022"], module: "nodenext", moduleResolution: "nodenext", types: ["node"] },
};

/** Declarations that do not hold in a program of somebody else's: checked too, where `skipLibCheck` would take what is wrong for `any`. */
async function typesMissing(project: string): Promise<string[]> {
  const found: string[] = [];
  for (const [what, options] of Object.entries(COMPILERS)) {
    // Node's own libraries have no such type.
    const text = what === "Node" ? `import type { MessagePort } from "node:worker_threads";\n${PROGRAM}` : PROGRAM;
    writeFileSync(join(project, "program.mts"), text);
    const compilerOptions = { ...options, strict: true, target: "es2022", noEmit: true, typeRoots: [resolve("node_modules/@types")] };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.mts"] }));
    found.push(...(await tool("typescript/bin/tsc", "-p", project)).map((wrong) => `for ${what}: ${wrong}`));
  }
  return found;
}

/** A program that somebody bundled for `platform`. */
async function bundled(project: string, contents: string, platform: "browser" | "node"): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: project },
    bundle: true,
    minify: true,
    format: "esm",
    platform,
    target: "es2022",
    external: ["node:*"],
    write: false,
    logLevel: "silent",
  });
  return outputFiles[0]?.contents ?? new Uint8Array();
}

/** What a page that uses nothing but a Mutex loads. */
async function mutexPage(project: string): Promise<number> {
  const page = `import { Mutex } from "ferrous"; new Mutex().lockAsync().then((guard) => { document.title = "locked"; guard.release(); });`;
  return gzipSync(await bundled(project, page, "browser"), { level: 9 }).length;
}

/** A bundler leaves out what it takes for unused; but a new thread needs every kind that an argument may be. */
async function kindsLeftOut(project: string): Promise<string[]> {
  const sources = filesIn("lib").filter((file) => /^(?:sync|channel|spawn)\//.test(file));
  const kinds = sources.flatMap((file) =>
    [...readFileSync(join("lib", file), "utf8").matchAll(/^(?:export )?const \w+ = "(\w+@\d+)";/gm)].map(([, kind = ""]) => kind),
  );
  if (kinds.length < 10) throw new Error(`only ${kinds.join()} are kinds`);
  const worker = new TextDecoder().decode(await bundled(project, `import "ferrous/worker";`, "browser"));
  return kinds.filter((kind) => !worker.includes(kind)).map((kind) => `a bundle of ferrous/worker does not know ${kind}`);
}

const SHOWN = 10;
let failed = false;
function report(what: string, wrong: readonly string[]): void {
  failed ||= wrong.length > 0;
  console.log(`${wrong.length === 0 ? "ok    " : "WRONG "} ${what}`);
  for (const line of wrong.slice(0, SHOWN)) console.log(`       ${line.replaceAll("\n", "\n       ")}`);
  if (wrong.length > SHOWN) console.log(`       and ${String(wrong.length - SHOWN)} more`);
}

await inTemporaryFolder(async (folder) => {
  const { tarball, files, bytes } = pack(folder);
  report(`${String(files.length)} files, ${String(Math.round(bytes / 1000))} kB packed`, listsDiffer(files));
  report("publint", await tool("publint/src/cli.js", "run", tarball, "--strict"));
  report("are-the-types-wrong", await tool("@arethetypeswrong/cli/dist/index.js", tarball, "--profile", "esm-only", "--no-emoji"));
  const installed = install(tarball, join(folder, "project"));
  report("import and require of each door", await closedDoors(join(folder, "project")));
  report("types, for a page and for Node", await typesMissing(join(folder, "project")));
  report("source maps and declaration maps", mapsAstray(installed));
  report("links of the pages", linksAstray(installed));
  report("every kind in a bundle of ferrous/worker", await kindsLeftOut(join(folder, "project")));
  const page = await mutexPage(join(folder, "project"));
  report(
    `a page with a Mutex: ${(page / 1000).toFixed(1)} kB minified and compressed`,
    page < MUTEX_PAGE_BYTES ? [] : [`the most is ${String(MUTEX_PAGE_BYTES / 1000)} kB`],
  );
});
process.exitCode = failed ? 1 : 0;

/**
 * Builds dist/: one bundle with a chunk that the doors share, so that the registry's code exists once in a thread, and the
 * declarations. Bundled because 45 small modules make spawning a thread 1.8 times a bare Worker, and one file 1.2 times; in one
 * chunk, not in one for each pair of doors, because what a hot path imports from another chunk costs an uncontended lock 5 %.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { build, type BuildOptions, type Plugin } from "esbuild";

const doors: Record<string, string> = {
  index: "./lib/index.ts",
  worker: "./lib/spawn/worker.ts",
  boot: "./lib/spawn/boot.ts",
  check: "./lib/check/index.ts",
};
/** Each door loads all of the library, so that all of it is what they share, and makes one chunk. */
const sharing: Plugin = {
  name: "sharing",
  setup(builder) {
    builder.onResolve({ filter: /^door:/ }, ({ path }) => ({ path: path.slice("door:".length), namespace: "door" }));
    builder.onLoad({ filter: /./, namespace: "door" }, ({ path }) => ({
      contents: `import "./lib/index.ts"; export * from ${JSON.stringify(doors[path])};`,
      resolveDir: process.cwd(),
    }));
  },
};

// Beside, then swapped in: a program that runs on dist/ meanwhile must not find half of it.
const fresh = `build/dist-${String(process.pid)}`;
const old = `build/old-${String(process.pid)}`;
mkdirSync(fresh, { recursive: true });
const options: BuildOptions = {
  outdir: fresh,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "es2022",
  packages: "external",
  // What package.json says of side effects is of dist/; here, a class that makes its kind known is one.
  ignoreAnnotations: true,
  alias: { "#host": "./lib/host/node.ts" },
  sourcemap: true,
  sourcesContent: false,
  chunkNames: "chunk-[hash]",
  logLevel: "warning",
};
await build({
  ...options,
  entryPoints: Object.keys(doors).map((door) => ({ in: `door:${door}`, out: door })),
  splitting: true,
  plugins: [sharing],
});
// A thread of its own that runs nothing else: it need not load the rest.
await build({ ...options, entryPoints: { supervisor: "./lib/thread/supervisor.ts" } });
for (const file of readdirSync(fresh).filter((name) => name.endsWith(".js"))) giveClassesTheirNames(`${fresh}/${file}`);
if (existsSync("lib/host/web.ts")) await buildForPages();
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", fresh], {
  stdio: ["ignore", 2, 2],
});
for (const file of readdirSync(fresh, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".map")))
  leadFromDist(`${fresh}/${file}`);
writeFileSync(`${fresh}/.built`, "");
if (existsSync("dist")) renameSync("dist", old);
renameSync(fresh, "dist");
rmSync(old, { recursive: true, force: true });

/**
 * For pages, a module for each source: their bundlers leave out what a page does not use, which they cannot do in one chunk (a page with a
 * Mutex is 12 kB of 49), and find workers by `new URL(...)` beside the module that starts them.
 */
async function buildForPages(): Promise<void> {
  const out = `${fresh}/web`;
  const isOfNode = (file: string): boolean => /[\\/](?:[\w-]+-)?node\.ts$/.test(file);
  // With the libraries that they use, so that a page needs no bundler.
  const holdsOthers = (file: string): boolean => /^host[\\/](?:packer|parser)-web\.ts$/.test(file);
  const all = readdirSync("lib", { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts") && !isOfNode(file));
  const sources = all.filter((file) => !holdsOthers(file));
  const { sourcemap, sourcesContent, target, logLevel, format } = options;
  await build({
    entryPoints: sources.map((file) => `lib/${file}`),
    outbase: "lib",
    outdir: out,
    ...{ sourcemap, sourcesContent, target, logLevel, format },
  } as BuildOptions);
  await build({
    entryPoints: all.filter(holdsOthers).map((file) => `lib/${file}`),
    outbase: "lib",
    outdir: out,
    bundle: true,
    platform: "browser",
    // The door without code made from text. And a part of a library asserts with what is not there in a page.
    alias: { msgpackr: "msgpackr/index-no-eval", assert: "./scripts/assert-web.js" },
    legalComments: "eof",
    // A map would lead to the libraries' sources.
    ...{ target, logLevel, format },
  } as BuildOptions);
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".js"))) {
    const up = relative(dirname(file), ".") || ".";
    const text = readFileSync(`${out}/${file}`, "utf8")
      .replaceAll(
        /\b(from|import) "(\.[^"]+)\.ts"/g,
        (_, how: string, path: string) => `${how} "${path.replace(/(\/[\w-]+)-node$/, "$1-web")}.js"`,
      )
      .replaceAll('"#host"', `"${up}/host/web.js"`);
    writeFileSync(`${out}/${file}`, text);
  }
  // For pages that load the doors without a bundler.
  for (const door of ["index", "check/index", "spawn/worker"]) {
    const up = relative(dirname(door), ".") || ".";
    writeFileSync(`${out}/${door}.d.ts`, `export * from "${up}/../${door}.js";\n`);
  }
  // By the names under which they are started.
  writeFileSync(`${out}/host/ferrous-supervisor.js`, 'import "../thread/supervisor.js";\n');
  writeFileSync(`${out}/host/ferrous-thread.js`, 'import "../spawn/boot.js";\n');
}

/**
 * The bundler makes `var Mutex = class _Mutex` of a class that names itself, and that name is what `console.log` and messages show. Its
 * own keepNames would wrap every small function, too. The blank keeps the columns that the source map knows.
 */
function giveClassesTheirNames(path: string): void {
  const text = readFileSync(path, "utf8");
  const names = [...text.matchAll(/^var (\w+) = class _\1\b/gm)].map((found) => String(found[1]));
  const named = names.reduce((so, name) => so.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), `${name} `), text);
  writeFileSync(path, named);
}

/** The maps were made one folder deeper than they will lie. */
function leadFromDist(path: string): void {
  const map = JSON.parse(readFileSync(path, "utf8")) as { sources: string[] };
  writeFileSync(path, JSON.stringify({ ...map, sources: map.sources.map((source) => source.replace("../", "")) }));
}

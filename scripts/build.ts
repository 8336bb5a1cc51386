/**
 * Builds dist/: one bundle with a chunk that the doors share, so that the registry's code exists once in a thread, and the
 * declarations. Bundled because 45 small modules make spawning a thread 1.8 times a bare Worker, and one file 1.2 times.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const doors = {
  index: "lib/index.ts",
  worker: "lib/spawn/worker.ts",
  boot: "lib/spawn/boot.ts",
  supervisor: "lib/thread/supervisor.ts",
  check: "lib/check/index.ts",
};

// Beside, then swapped in: a program that runs on dist/ meanwhile must not find half of it.
const fresh = `build/dist-${String(process.pid)}`;
const old = `build/old-${String(process.pid)}`;
mkdirSync(fresh, { recursive: true });
await build({
  entryPoints: Object.fromEntries(Object.entries(doors).filter(([, source]) => existsSync(source))),
  outdir: fresh,
  bundle: true,
  splitting: true,
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
});
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--outDir", fresh], {
  stdio: ["ignore", 2, 2],
});
writeFileSync(`${fresh}/.built`, "");
if (existsSync("dist")) renameSync("dist", old);
renameSync(fresh, "dist");
rmSync(old, { recursive: true, force: true });

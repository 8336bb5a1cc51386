/** The package as users get it: packed, and installed from the tarball into a project that lies outside of this repository. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** Runs `use` with a folder that is gone afterwards. */
export async function inTemporaryFolder<R>(use: (folder: string) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), "ferrous-pack-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Packs dist/ as it is now into `folder`. */
export function pack(folder: string): { readonly tarball: string; readonly files: readonly string[]; readonly bytes: number } {
  const told = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--loglevel=error", "--pack-destination", folder], {
    encoding: "utf8",
  });
  // Older ones print a list, newer ones an object by names.
  const [packed] = Object.values(JSON.parse(told) as Record<string, { filename: string; size: number; files: { path: string }[] }>);
  if (packed === undefined) throw new Error(`npm pack told of nothing: ${told}`);
  return { tarball: resolve(folder, packed.filename), files: packed.files.map(({ path }) => path).sort(), bytes: packed.size };
}

/** Makes a project in `folder` that has installed `tarball` as its only dependency; returns where the package lies. */
export function install(tarball: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "somebody", private: true, type: "module" }));
  const quietly = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  execFileSync("npm", ["install", ...quietly, tarball], { cwd: folder, stdio: ["ignore", "ignore", 2] });
  return join(folder, "node_modules/ferrous");
}

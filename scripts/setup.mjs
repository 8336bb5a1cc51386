// Makes a fresh clone ready: installs what is missing, and builds dist/ when a source is newer than it.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = (/** @type {string} */ file, /** @type {string[]} */ args) => execFileSync(file, args, { cwd: root, stdio: ["ignore", 2, 2] });

/** The newest change below a folder, in ms since 1970. @param {string} folder @returns {number} */
function newest(folder) {
  return Math.max(
    0,
    ...readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? newest(path) : statSync(path).mtimeMs;
    }),
  );
}

const changed = (/** @type {string} */ file) => statSync(join(root, file)).mtimeMs;
/** Some of what is named in package.json may have been added since. */
function isInstalled() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const names = Object.keys({ ...dependencies, ...devDependencies });
  return [".package-lock.json", ...names].every((name) => existsSync(join(root, "node_modules", name)));
}
if (!isInstalled()) {
  console.error("ferrous: installing what is missing, once");
  // Not `npm ci`: it refuses a lock file without the binaries that a dependency has only for other platforms, which not every registry keeps.
  run("npm", ["install", "--no-save", "--no-fund", "--no-audit", "--loglevel=error"]);
}

const built = join(root, "dist/.built");
const sources = Math.max(newest(join(root, "lib")), changed("package.json"), changed("scripts/build.ts"));
if (process.argv.includes("--build") || !existsSync(built) || statSync(built).mtimeMs < sources) {
  console.error("ferrous: building dist/");
  run(process.execPath, ["--import", "tsx", "scripts/build.ts"]);
}

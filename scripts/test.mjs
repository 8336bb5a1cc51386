// Runs the specs: `npm test`, or `npm test -- spec/sync/mutex.spec.ts`, with jest's own options.
//
// All of them in two parts. Those that model threads run beside each other, one a core; those that start real threads, and measure deaths
// in milliseconds, one at a time. The long ones, `npm run test:long`, each in a process of its own: they end hundreds of workers by running out of
// memory, which one process does not survive for long.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const isLong = process.env["FERROUS_LONG"] !== undefined;
const args = process.argv.slice(2);
const output = args.find((arg) => arg.startsWith("--outputFile="))?.slice("--outputFile=".length);

/** Runs jest once. @param {readonly string[]} given @param {Record<string, string>} env @returns {number} its exit code */
function jest(given, env = {}) {
  const flags = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js", ...given];
  return spawnSync(process.execPath, flags, { stdio: "inherit", env: { ...process.env, ...env } }).status ?? 1;
}

if (args.some((arg) => !arg.startsWith("-"))) process.exitCode = jest(args);
else if (isLong) process.exitCode = eachAlone();
else process.exitCode = inParts();

function inParts() {
  let worst = 0;
  const sums = { numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0 };
  for (const part of ["modelled", "real"]) {
    const partOutput = output && `${output}.${part}`;
    const given = args.map((arg) => (arg.startsWith("--outputFile=") ? `--outputFile=${String(partOutput)}` : arg));
    worst = Math.max(worst, jest(given, { FERROUS_PART: part }));
    if (partOutput === undefined) continue;
    const told = JSON.parse(readFileSync(partOutput, "utf8"));
    for (const key of /** @type {(keyof typeof sums)[]} */ (Object.keys(sums))) sums[key] += told[key];
  }
  if (output !== undefined) writeFileSync(output, JSON.stringify(sums));
  return worst;
}

function eachAlone() {
  const files = readdirSync("spec", { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(spec|long)\.ts$/.test(name))
    .map((name) => join("spec", name))
    .sort();
  const failed = files.filter((file) => jest([...args, file]) !== 0);
  console.log(
    `\n${String(files.length - failed.length)} of ${String(files.length)} files passed.${failed.map((file) => `\nFAILED: ${file}`).join("")}`,
  );
  return failed.length === 0 ? 0 : 1;
}

/** @jest-config-loader esbuild-register */
import type { Config } from "jest";

const long = process.env["FERROUS_LONG"] !== undefined;

/** Specs whose threads are modelled, or that have none: several may run at a time. */
const MODELLED = String.raw`(\.(model|operations|twins)\.spec\.ts|/spec/check/.*\.spec\.ts|/channel\.property\.spec\.ts)$`;
const part = process.env["FERROUS_PART"];

/** Those of pages need a browser. */
const kinds = part === "pages" ? ["pages"] : long ? ["spec", "long"] : ["spec"];

/** Specs are TypeScript and run as ES modules; `ferrous` is the built package, because that is what their workers load. */
const config: Config = {
  testEnvironment: "node",
  roots: ["<rootDir>/spec"],
  ...(part === "modelled" ? { testRegex: MODELLED } : { testMatch: kinds.map((kind) => `**/*.${kind}.ts`) }),
  testPathIgnorePatterns: part === "real" ? ["/node_modules/", MODELLED] : ["/node_modules/"],
  extensionsToTreatAsEsm: [".ts"],
  moduleNameMapper: {
    "^ferrous$": "<rootDir>/dist/index.js",
    "^ferrous/check$": "<rootDir>/dist/check.js",
    "^#host$": "<rootDir>/lib/host/node.ts",
  },
  transform: { "\\.ts$": ["ts-jest", { useESM: true, tsconfig: "tsconfig.jest.json", diagnostics: false }] },
  testTimeout: long ? 600_000 : 60_000,
  // One file at a time: most specs start real threads and measure deaths in milliseconds, and CI has two cores.
  maxWorkers: part === "modelled" ? "100%" : 1,
};
export default config;
